"""Replace files whole: the new file is written beside the old one under a unique name, then moved over it."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["ENDING", "replaced", "sync_folder"]

ENDING = ".part"  # of what a process that was killed leaves behind
_SHOWN = 40  # characters of the name; the rest must fit what a file system takes


@contextmanager
def replaced(path: str | os.PathLike[str], *, durable: bool = True) -> Iterator[Path]:
    """Give a file to write in place of another: all of it is there afterwards, or nothing has changed.

    Parameters
    ----------
    path : path
        What is replaced; need not exist.
    durable : bool, default=True
        Return only when the disk has it. False for what can be computed again.

    Yields
    ------
    Path
        A new, empty file in the same folder. Its name is this writer's alone.

    Raises
    ------
    OSError
        If the file cannot be written; `filename` is the path that was asked for. Nothing is left behind.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from mmtoolkit._files import replaced
    >>> target = Path(tempfile.mkdtemp(), "notes.txt")
    >>> with replaced(target) as part:
    ...     _ = part.write_text("all or nothing")
    >>> target.read_text()
    'all or nothing'
    """
    target = Path(path)
    part = target.parent / f".{target.name[:_SHOWN]}.{os.getpid()}.{secrets.token_hex(4)}{ENDING}"
    try:
        part.open("xb").close()
        yield part
        if durable:
            with part.open("rb+") as file:
                os.fsync(file.fileno())
        os.replace(part, target)
        if durable:
            sync_folder(target.parent)
    except OSError as error:
        if error.filename not in (None, part, os.fspath(part)):
            raise  # of another file, read meanwhile
        raise _said_of(target, error) from error
    finally:
        with contextlib.suppress(OSError):  # it is there only when something went wrong, which is what must be told
            part.unlink()


def _said_of(target: Path, error: OSError) -> OSError:
    """Return the same error with the name of the user's file; errors of Arrow have a text and no number."""
    return OSError(error.errno or errno.EIO, error.strerror or str(error), os.fspath(target))


def sync_folder(folder: Path) -> None:
    """Write the names in a folder to disk; Windows has no such call and does not need it."""
    if os.name != "nt":
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
