"""The command line: the same verbs, for a shell."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command, see `mmtoolkit.cli.entry`; Ctrl-C ends it in a sentence from the start.

    Parameters
    ----------
    argv : sequence of str or None, default=None
        Arguments; None takes those of the process.

    Returns
    -------
    int
        The exit code.
    """
    try:
        from mmtoolkit.cli.entry import main as run  # takes most of the time before the work

        return run(argv)
    except KeyboardInterrupt:
        print("mmtoolkit: error: stopped before it began", file=sys.stderr)
        return 130
