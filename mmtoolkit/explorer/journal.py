"""The journal: a CSV file to which every answer is appended as it is given, and from which a new start reads them."""

from __future__ import annotations

import codecs
import contextlib
import csv
import datetime
import errno
import io
import logging
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._arguments import as_path
from mmtoolkit._files import replaced
from mmtoolkit._spreadsheet import restored, safe
from mmtoolkit._text import shorten
from mmtoolkit.errors import MMToolkitError
from mmtoolkit.explorer.digests import comparable
from mmtoolkit.words import aside, say

__all__ = ["Entry", "Journal"]

if sys.platform != "win32":
    import fcntl

logger = logging.getLogger(__name__)
_COLUMNS = ("id", "annotation", "how", "order", "time")
_WHO = "annotator"  # files of before have no such column
_CONTENT = "content"  # digest of the item that was annotated; files of before have no such column
_CHECK = "check"  # a checksum of the others; files of 0.1.0 have no such column
_READ = ("annotation", "how", "time", _WHO, _CONTENT)
_NO_TIME = "2000-01-01"  # stands for the empty time of an answer that was taken back
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_FIELD = 2**24  # letters; nobody writes longer answers
_WHOLE = re.compile("c[0-9a-f]{8}")  # a checksum that was not cut off
_NAME = re.compile(
    r"([^\W\d][\w .:-]*)?"
)  # of a column; an order or a time in the heading is of a line that ran into it
_ORDER = re.compile("[0-9]{1,15}")


@dataclass(frozen=True)
class Entry:
    """One line: what holds for an item from then on. Without `annotation` and `how` it has none any more."""

    row: int
    annotation: str | None
    how: str | None
    order: int
    time: str | None
    annotator: str | None = None


class Journal:
    """A CSV file with one line per item and answer; several explorers and processes may write to it.

    Parameters
    ----------
    path : path
        Need not exist.
    ids : ndarray of shape (n_items,), str
        Ids of all items.
    digest : function of int to str or None, default=None
        Gives the digest of an item by its row, "" where there is none.

    Attributes
    ----------
    note : str
        What the user should know about the file, once it was read.
    """

    def __init__(
        self, path: str | os.PathLike[str], ids: NDArray[np.str_], digest: Callable[[int], str] | None = None
    ) -> None:
        self._path, self._name, self._ids = as_path(path, "journal"), repr(os.fspath(path)), ids
        self._digest = digest or (lambda _: "")
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
            lines = [_cells(str(self._ids[e.row]), e, self._digest(e.row)) for e in self._unwritten]
            self._widen([name for name in (_WHO, _CONTENT) if any(line[name] for line in lines)])
            with _locked(self._path, "ab+") as file:
                self._write(file, lines)
        except OSError as error:
            msg = say(
                "annotations cannot be written to {name} ({why}); they are kept in memory: ex.annotations, ex.reviewed, and are written with the next answer",
                name=self._name,
                why=error.strerror,
            )
            raise MMToolkitError(msg) from error
        self._unwritten = []

    def _widen(self, new: list[str]) -> None:
        """Give a file of before the columns that new lines fill: it is replaced whole, with the same lines."""
        if not new or not self._path.exists():
            return
        with _locked(self._path, "rb") as file, _long_fields():
            names = next(csv.reader([file.readline().decode("utf-8-sig", "replace")]), [])
            if set(new) <= set(names) or not set(_COLUMNS) <= set(names):
                return
            file.seek(0)
            raw = file.read()
            if self._torn is not None and len(raw) == self._torn[0]:
                raw = raw[: self._torn[1]]
            rows = list(csv.reader(_LINE.findall(raw.decode("utf-8-sig"))))[1:]
            text = io.StringIO(newline="")
            columns = dict.fromkeys([*(name for name in names if name != _CHECK), *new, _CHECK])
            table = csv.DictWriter(text, list(columns), restval="")
            table.writeheader()
            table.writerows(dict(zip(names, row, strict=False)) for row in rows)
            mark = "utf-8-sig" if raw.startswith(codecs.BOM_UTF8) else "utf-8"
            with replaced(self._path) as part:
                part.write_bytes(text.getvalue().encode(mark))
        self._torn = None

    def _write(self, file: io.FileIO, lines: list[dict[str, str]]) -> None:
        size = file.seek(0, io.SEEK_END)
        if self._torn is not None and size == self._torn[0]:
            size = file.truncate(self._torn[1])
        file.seek(max(size - 1, 0))
        text = io.StringIO(newline="")
        text.write("" if file.read(1) in (b"", b"\n") else "\r\n")
        file.seek(0)
        names = next(csv.reader([file.readline().decode("utf-8-sig", "replace")]), [])
        if not set(_COLUMNS) <= set(names):  # a new file, or one that somebody has changed since it was read
            names = [*_COLUMNS, _WHO, _CONTENT, _CHECK]
        table = csv.DictWriter(text, names, restval="", extrasaction="ignore")
        if not size:
            table.writeheader()
        table.writerows(lines)
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
            If a line is not about an item of this map, all are about other contents, or the file is no CSV file in UTF-8.
        MMToolkitError
            If the file cannot be read, or its folder does not exist.
        """
        if not self._path.parent.is_dir():
            msg = f"the journal {self._name} cannot be written: there is no folder {os.fspath(self._path.parent)!r}"
            raise MMToolkitError(msg)
        if not self._path.exists():
            return []
        try:
            with _locked(self._path, "rb") as file:
                raw = file.read()
            lines = _LINE.findall(raw.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            msg = f"the journal {self._name} is not in UTF-8 (byte {error.start}); save it as CSV in UTF-8"
            raise ValueError(msg) from error
        except OSError as error:
            msg = f"the journal {self._name} cannot be read ({error.strerror}); journal= takes the path of a CSV file"
            raise MMToolkitError(msg) from error
        try:
            with _long_fields():
                return list(self._entries(lines, raw))
        except csv.Error as error:
            msg = f"the journal {self._name} is no CSV file: {error}"
            raise ValueError(msg) from error

    def _entries(self, lines: list[str], raw: bytes) -> Iterator[Entry]:
        place = {name: row for row, name in enumerate(self._ids.tolist())}
        table = csv.DictReader(lines)
        names = table.fieldnames or ()
        if lines and not (set(_COLUMNS) <= set(names) and all(map(_NAME.fullmatch, names))):
            msg = f"{self._name}, line 1: expected the columns {', '.join(_COLUMNS)}, got {shorten(lines[0], 200)!r}"
            raise ValueError(msg)
        whole, fitting = 1, 0
        others: dict[tuple[int, str | None], None] = {}  # items with another content, and who answered
        for cells in table:
            fields = {name: restored(cell) if isinstance(cell, str) else cell for name, cell in cells.items()}
            row = place.get(fields.get("id") or "", place.get(cells.get("id") or ""))
            check, complete = fields.get(_CHECK) or "", _complete(fields)
            last = table.line_num == len(lines) and not raw.endswith(b"\n")
            cut = cells.get(_CHECK, "") is None  # the table has checksums, and this line has not come so far
            sound = complete and not cut and check in ("", _checksum(fields))
            if row is not None and sound:
                annotation, how, time, who, content = (fields.get(name) or None for name in _READ)
                known = self._digest(row) if content else ""
                if content and known != content and comparable(known, content):
                    others[row, who] = None
                else:
                    fitting += known == content
                    others.pop((row, who), None)
                    yield Entry(row, annotation, how, int(fields["order"]), time, who)
            elif complete and not sound and _WHOLE.fullmatch(check):
                msg = (
                    f"{self._name}, line {table.line_num}: it was changed after it was written; empty its cell {_CHECK!r} if the "
                    f"change is yours, got {shorten(repr(fields), 400)}"
                )
                raise ValueError(msg)
            elif not sound and last:
                self._torn = (len(raw), len(raw) - len("".join(lines[whole:]).encode()))
                self.note = say(
                    "the last line of the journal {name} was cut off and is left out; give that answer again: {fields}",
                    name=self._name,
                    fields=shorten(repr(fields), 400),
                )
                logger.warning("%s", self.note)
            elif sound:
                msg = (
                    f"{self._name}, line {table.line_num}: the item {shorten(repr(fields['id']))} is none of the {len(place):,} of this map "
                    f"({shorten(', '.join(map(repr, list(place)[:3])))}, ...); journal= takes the journal of these items, or the path of a new one"
                )
                raise ValueError(msg)
            else:
                msg = (
                    f"{self._name}, line {table.line_num}: expected {', '.join(_COLUMNS)} of an item of this map, "
                    f"got {shorten(repr(fields), 400)}"
                )
                raise ValueError(msg)
            whole = table.line_num
        if others:
            self._leave_out([row for row, _ in others], fitting)

    def _leave_out(self, rows: list[int], fitting: int) -> None:
        """Say in `note` that answers about other contents are left out, or raise if no line fits the items."""
        first = shorten(repr(str(self._ids[rows[0]])))
        if not fitting:
            msg = (
                f"the journal {self._name} was kept for other items with the same ids: the content of {first} is not the one that was "
                "annotated, and no other fits; journal= takes the path of a new file. Row numbers are the ids of items without ids: "
                f"give them ids. If these are the same items after all, delete the columns {_CONTENT!r} and {_CHECK!r} of the file"
            )
            raise ValueError(msg)
        told = say(
            "the content of {n:,} item is not the one that was annotated: {item}; its answers are left out, and stay in the journal {name}",
            "the content of {n:,} items is not the one that was annotated, first: {item}; their answers are left out, and stay in the journal {name}",
            n=len(set(rows)),
            item=first,
            name=self._name,
        )
        logger.warning("%s", told)
        self.note = aside(self.note, told)


@contextlib.contextmanager
def _locked(path: Path, mode: Literal["ab+", "rb"]) -> Iterator[io.FileIO]:
    """Open a file and lock it against other writers until it is closed."""
    if path.exists() and not path.is_file() and not path.is_dir():  # nobody may ever write into a pipe
        raise OSError(errno.EINVAL, "it is a pipe or a device, not a file", os.fspath(path))
    while True:
        with path.open(mode, buffering=0) as file:
            if sys.platform != "win32":
                with contextlib.suppress(
                    OSError
                ):  # a network drive without locks: still one write at the end of the file
                    fcntl.flock(file, fcntl.LOCK_EX)
                if not os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                    continue  # replaced while this waited
            yield file
            return


@contextlib.contextmanager
def _long_fields() -> Iterator[None]:
    """Let the csv module read long answers; its limit is of the whole process."""
    before = csv.field_size_limit(max(_FIELD, csv.field_size_limit()))
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _cells(item_id: str, entry: Entry, content: str) -> dict[str, str]:
    """Return a line as it is written."""
    values = (item_id, entry.annotation, entry.how, entry.order, entry.time, entry.annotator, content)
    names = [*_COLUMNS, _WHO, _CONTENT]
    fields = {name: "" if value is None else str(value) for name, value in zip(names, values, strict=True)}
    return {name: safe(cell) for name, cell in fields.items()} | {_CHECK: _checksum(fields)}


def _checksum(fields: Mapping[str, Any]) -> str:
    """Return a checksum of a line; it has a form that spreadsheets do not read as a number."""
    who, content = fields.get(_WHO) or "", fields.get(_CONTENT) or ""
    cells = [*(str(fields[name]) for name in _COLUMNS), *([who, content] if content else [who] if who else [])]
    return f"c{zlib.crc32(chr(31).join(cells).encode('utf-8', 'surrogatepass')):08x}"


def _complete(fields: Mapping[str, Any]) -> bool:
    more: Any = fields.get(None, ())  # type: ignore[call-overload]  # cells beyond the last column
    if (
        any(more)
        or any(not isinstance(fields.get(name), str) for name in _COLUMNS)
        or not _ORDER.fullmatch(fields["order"])
    ):
        return False
    try:
        datetime.datetime.fromisoformat(fields["time"] or _NO_TIME)
    except ValueError:
        return False
    return True
