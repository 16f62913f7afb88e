"""Run a command; every failure is one sentence on stderr and an exit code, never a traceback."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Sequence
from typing import TextIO

from mmtoolkit._arguments import NoColumnError
from mmtoolkit._text import shorten
from mmtoolkit.cli.parser import make_parser
from mmtoolkit.errors import MMToolkitError

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
    with warnings.catch_warnings():
        warnings.showwarning = _one_line
        warnings.simplefilter("default", UserWarning)
        return _run(arguments)


def _run(arguments: object) -> int:
    try:
        return int(arguments.run(arguments))  # type: ignore[attr-defined]  # set by the parser
    except KeyboardInterrupt:
        return _fail("stopped; what was computed is kept in the cache, run again to go on", INTERRUPTED)
    except BrokenPipeError:  # `mmtoolkit ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except MMToolkitError as error:
        return _fail(str(error), FAILED)
    except NoColumnError as error:
        return _fail(f"--{error.argument.replace('_', '-')} {error.reason}", USAGE)
    except (ValueError, TypeError) as error:
        if os.environ.get("MMTOOLKIT_DEBUG"):
            raise
        return _fail(str(error), USAGE)
    except OSError as error:
        return _fail(f"{error.strerror or error}{f': {error.filename!r}' if error.filename else ''}", FAILED)
    except MemoryError:
        return _fail("not enough memory for this many items; try fewer, or a smaller dimension", FAILED)
    except Exception as error:
        if os.environ.get("MMTOOLKIT_DEBUG"):
            raise
        return _fail(
            f"{type(error).__name__}: {error}. This looks like a mistake of ours; MMTOOLKIT_DEBUG=1 shows where", FAILED
        )


def _fail(message: str, code: int) -> int:
    print(f"mmtoolkit: error: {shorten(message, _LONGEST)}", file=sys.stderr)
    return code


def _one_line(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    del filename, lineno, file, line
    if issubclass(category, UserWarning):
        print(f"mmtoolkit: note: {shorten(message, _LONGEST)}", file=sys.stderr)
