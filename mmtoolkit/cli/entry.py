"""Run a command; every failure is one sentence on stderr and an exit code, never a traceback."""

from __future__ import annotations

import functools
import logging
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

from mmtoolkit._arguments import NoColumnError
from mmtoolkit._text import shorten
from mmtoolkit.cli.parser import make_parser
from mmtoolkit.cli.wording import in_options
from mmtoolkit.errors import MMToolkitError
from mmtoolkit.words import speaking

__all__ = ["main"]

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
_LONGEST = 1500


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str or None, default=None
        Arguments; None takes those of the process.

    Returns
    -------
    int
        0 when all went well, 1 when the job failed or a report differs, 2 for bad usage, 130 after Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without Chinese letters is no reason to fail
    try:
        arguments = make_parser().parse_args(argv)
    except SystemExit as stop:  # argparse has printed help (0) or the mistake (2)
        return stop.code if isinstance(stop.code, int) else USAGE
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)
    report = functools.partial(_say, arguments.options)
    with warnings.catch_warnings():
        warnings.showwarning = functools.partial(_warned, report)
        warnings.simplefilter("default", UserWarning)
        try:
            with speaking(getattr(arguments, "language", None)):
                return int(arguments.run(arguments))
        except BrokenPipeError:  # `mmtoolkit ... | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return OK
        except (KeyboardInterrupt, Exception) as error:
            message, code = _told(error)
            report("error", message)
            return code


def _told(error: BaseException) -> tuple[str, int]:
    """Return the sentence about a failure, and the exit code."""
    match error:
        case KeyboardInterrupt():
            return "stopped; what was computed is kept in the cache, run again to go on", INTERRUPTED
        case MMToolkitError():
            return str(error), FAILED
        case NoColumnError():
            return f"--{error.argument.replace('_', '-')} {error.reason}", USAGE
        case ValueError() | TypeError() if not os.environ.get("MMTOOLKIT_DEBUG"):
            return str(error), USAGE
        case OSError():
            return f"{error.strerror or error}{f': {error.filename!r}' if error.filename else ''}", FAILED
        case MemoryError():
            return str(error) or "not enough memory for this many items; try fewer, or a smaller dimension", FAILED
    if os.environ.get("MMTOOLKIT_DEBUG"):
        raise error
    return f"{type(error).__name__}: {error}. This looks like a mistake of ours; MMTOOLKIT_DEBUG=1 shows where", FAILED


def _say(options: Mapping[str, str], kind: str, message: object) -> None:
    """Print a line on stderr, in the words of the command line."""
    print(f"mmtoolkit: {kind}: {shorten(in_options(str(message), options), _LONGEST)}", file=sys.stderr)


def _warned(
    report: Callable[[str, object], None],
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del filename, lineno, file, line
    if issubclass(category, UserWarning):
        report("note", message)
