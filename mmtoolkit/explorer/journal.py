"""The journal: a CSV file to which every answer is appended as it is given, and from which a new start reads them."""

from __future__ import annotations

import contextlib
import csv
import datetime
import io
import logging
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmtoolkit.errors import MMToolkitError

__all__ = ["Entry", "Journal"]

if sys.platform != "win32":
    import fcntl

logger = logging.getLogger(__name__)
_COLUMNS = ("id", "annotation", "how", "order", "time")
_NO_TIME = "2000-01-01"  # stands for the empty time of an answer that was taken back


@dataclass(frozen=True)
class Entry:
    """One line: what holds for an item from then on. Without `annotation` and `how` it has none any more."""

    row: int
    annotation: str | None
    how: str | None
    order: int
    time: str | None


class Journal:
    """A CSV file with one line per item and answer; several explorers and processes may write to it.

    Parameters
    ----------
    path : path
        Need not exist.
    ids : ndarray of shape (n_items,), str
        Ids of all items.

    Attributes
    ----------
    note : str
        What the user should know about the file, once it was read.
    """

    def __init__(self, path: str | os.PathLike[str], ids: NDArray[np.str_]) -> None:
        self._path, self._name, self._ids = Path(path), repr(os.fspath(path)), ids
        self._torn: tuple[int, int] | None = None  # bytes of the file, and of its whole lines
        self._unwritten: list[Entry] = []
        self.note = ""

    def append(self, entries: Iterable[Entry]) -> None:
        """Write lines at the end, after those that could not be written before; all of them or none.

        Raises
        ------
        MMToolkitError
            If that is not possible, for instance because the disk is full; the file is as it was.
        """
        self._unwritten += entries
        try:
            with _locked(self._path, "ab+") as file:
                self._write(file)
        except OSError as error:
            msg = (
                f"annotations cannot be written to {self._name} ({error.strerror}); they are kept in memory: ex.annotations, "
                "ex.reviewed, and are written with the next answer"
            )
            raise MMToolkitError(msg) from error
        self._unwritten = []

    def _write(self, file: io.FileIO) -> None:
        size = file.seek(0, io.SEEK_END)
        if self._torn is not None and size == self._torn[0]:
            size = file.truncate(self._torn[1])
        file.seek(max(size - 1, 0))
        text = io.StringIO(newline="")
        text.write("" if file.read(1) in (b"", b"\n") else "\r\n")
        table = csv.writer(text)
        table.writerows([] if size else [_COLUMNS])
        table.writerows([self._ids[e.row], *_cells(e)] for e in self._unwritten)
        left = text.getvalue().encode()
        try:
            while left:
                left = left[file.write(left) :]
        except OSError:
            file.truncate(size)
            raise

    def read(self) -> list[Entry]:
        """Return what the file holds; a last line that was cut off is left out, and `note` says so.

        Raises
        ------
        ValueError
            If a line is not about an item of this map, or the file is no CSV file in UTF-8.
        MMToolkitError
            If the file cannot be read.
        """
        if not self._path.exists():
            return []
        try:
            with _locked(self._path, "rb") as file:
                raw = file.read()
            lines = list(io.StringIO(raw.decode("utf-8-sig"), newline=""))
        except UnicodeDecodeError as error:
            msg = f"the journal {self._name} is not in UTF-8 (byte {error.start}); save it as CSV in UTF-8"
            raise ValueError(msg) from error
        except OSError as error:
            msg = f"the journal {self._name} cannot be read ({error.strerror}); journal= takes the path of a CSV file"
            raise MMToolkitError(msg) from error
        return list(self._entries(lines, raw))

    def _entries(self, lines: list[str], raw: bytes) -> Iterator[Entry]:
        place = {name: row for row, name in enumerate(self._ids.tolist())}
        table = csv.DictReader(lines)
        whole = 1
        for fields in table:
            row, complete = place.get(fields.get("id") or ""), _complete(fields)
            if row is not None and complete:
                annotation, how, time = (fields[name] or None for name in ("annotation", "how", "time"))
                yield Entry(row, annotation, how, int(fields["order"]), time)
            elif not complete and table.line_num == len(lines) and not raw.endswith(b"\n"):
                self._torn = (len(raw), len(raw) - len("".join(lines[whole:]).encode()))
                self.note = f"the last line of the journal {self._name} was cut off and is left out; give that answer again: {fields!r}"
                logger.warning("%s", self.note)
            else:
                msg = f"{self._name}, line {table.line_num}: expected {', '.join(_COLUMNS)} of an item of this map, got {fields!r}"
                raise ValueError(msg)
            whole = table.line_num


@contextlib.contextmanager
def _locked(path: Path, mode: Literal["ab+", "rb"]) -> Iterator[io.FileIO]:
    """Open a file; nobody else who opens it here reads or writes until it is closed."""
    with path.open(mode, buffering=0) as file:
        if sys.platform != "win32":
            with contextlib.suppress(OSError):  # a network drive without locks: still one write at the end of the file
                fcntl.flock(file, fcntl.LOCK_SH if mode == "rb" else fcntl.LOCK_EX)
        yield file


def _cells(entry: Entry) -> list[object]:
    values = (entry.annotation, entry.how, entry.order, entry.time)
    return ["" if value is None else value for value in values]


def _complete(fields: dict[str, Any]) -> bool:
    if any(fields.get(name) is None for name in _COLUMNS) or not fields["order"].isdigit():
        return False
    try:
        datetime.datetime.fromisoformat(fields["time"] or _NO_TIME)
    except ValueError:
        return False
    return True
