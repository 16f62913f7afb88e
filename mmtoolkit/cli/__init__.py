"""The command line: the same verbs, for a shell."""

from mmtoolkit.cli.entry import main

__all__ = ["main"]
