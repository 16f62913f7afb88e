"""Reports: one page to read, the same in Markdown, and a JSON file from which everything can be checked again."""

from mmtoolkit.reporting.result import Report, report

__all__ = ["Report", "report"]
