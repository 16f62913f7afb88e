"""The command line: the same verbs, for a shell."""

from mmtoolkit.cli.main import main

__all__ = ["main"]
