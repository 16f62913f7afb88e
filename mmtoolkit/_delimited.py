"""A table of delimited text (CSV, TSV), in whatever dialect; a line that does not fit the header is named, never shifted."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mmtoolkit._text import shorten
from mmtoolkit._values import code_columns

__all__ = ["column_names", "read_delimited"]

_DELIMITERS = (",", ";", "\t", "|")
_SAID = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)  # Excel's own first line
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


@dataclass(frozen=True)
class _Dialect:
    """The text of a table below its ``sep=`` line, and how fields are told apart."""

    text: str
    delimiter: str
    blanks: bool = False  # blanks after every delimiter
    skipped: int = 0  # lines above

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the fields of every record that is not empty, with the number of its last line."""
        with self._reader() as reader:
            yield from ((reader.line_num + self.skipped, record) for record in reader if record)

    def sizes(self) -> set[int]:
        """Return how many fields records have; 0 is an empty line."""
        with self._reader() as reader:
            return set(map(len, reader))

    @contextmanager
    def _reader(self) -> Iterator[Any]:
        limit = csv.field_size_limit(sys.maxsize)  # a text may be long
        reader = csv.reader(
            io.StringIO(self.text, newline=""), delimiter=self.delimiter, skipinitialspace=self.blanks, strict=True
        )
        try:
            yield reader
        except csv.Error as error:
            msg = (
                f"line {max(reader.line_num, 1) + self.skipped}: {error}; a field that holds a quotation mark, a line break or a "
                f"{_NAMES.get(self.delimiter, 'delimiter')} stands in quotation marks, and the marks inside it are doubled"
            )
            raise ValueError(msg) from error
        finally:
            csv.field_size_limit(limit)


def read_delimited(text: str, strings: list[str], delimiter: str | None = None) -> pd.DataFrame:
    """Return the table that a text holds; columns of codes and those named in `strings` stay text.

    Parameters
    ----------
    text : str
        With a header. Fields are told apart by comma, semicolon, tab or bar: whichever divides the header most.
    strings : list of str
        Names of columns that hold text even where all of it looks like numbers.
    delimiter : str or None, default=None
        The one that the file's ending says.

    Raises
    ------
    ValueError
        If a line has more or fewer fields than the header (empty ones at its end do not count), a quotation mark is
        not closed, or names repeat; the message says which line.
    """
    dialect = _dialect_of(text, delimiter)
    header = column_names(_first(dialect))
    if _has_empty_ends(dialect, len(header)):
        dialect = _Dialect(_cut(dialect, len(header)), ",")
    how: Any = {
        "sep": dialect.delimiter,
        "skipinitialspace": dialect.blanks,
        "keep_default_na": False,
        "na_values": [""],
        "index_col": False,
        "names": header,
        "header": 0,
    }
    codes = code_columns(pd.read_csv(io.StringIO(dialect.text), dtype=str, **how))  # "007" is no number
    table: pd.DataFrame = pd.read_csv(io.StringIO(dialect.text), dtype=dict.fromkeys([*strings, *codes], str), **how)
    return table


def _dialect_of(text: str, delimiter: str | None) -> _Dialect:
    said = _SAID.match(text)
    skipped = 0 if said is None else 1
    if said is not None:
        text, delimiter = text[said.end() :], said[1]
    if delimiter is None:
        delimiter = max(_DELIMITERS, key=lambda one: len(_first(_Dialect(text, one))))
    rest = _first(_Dialect(text, delimiter))[1:]
    blanks = bool(rest) and all(field.startswith(" ") for field in rest)
    return _Dialect(text, delimiter, blanks, skipped)


def _first(dialect: _Dialect) -> list[str]:
    """Return the fields of the header; an empty list where this cannot be the delimiter."""
    try:
        return next((record for _, record in dialect.records()), [])
    except ValueError:
        return []


def column_names(cells: list[str]) -> list[str]:
    """Return the cells of a header as names of columns.

    Raises
    ------
    ValueError
        If there is none, or names repeat.
    """
    header = [name.strip() or f"Unnamed: {place}" for place, name in enumerate(cells)]
    if not header:
        msg = "there is no header; expected the names of the columns in the first line"
        raise ValueError(msg)
    twice = next((name for name, n in Counter(header).items() if n > 1), None)
    if twice is not None:
        msg = f"the column {twice!r} occurs more than once in the header; rename one of them"
        raise ValueError(msg)
    return header


def _has_empty_ends(dialect: _Dialect, width: int) -> bool:
    """Raise for a line with more or fewer fields than the header; return whether all lines end with an empty field."""
    if dialect.sizes() <= {0, width}:
        return False
    for line, record in dialect.records():
        if len(record) < width or any(record[width:]):
            msg = (
                f"line {line} has {len(record)} fields, the header has {width}: {shorten(record, 80)}; every line needs as "
                f"many fields as the header (told apart by {_NAMES.get(dialect.delimiter, repr(dialect.delimiter))}), and a "
                "field that holds the delimiter stands in quotation marks"
            )
            raise ValueError(msg)
    return True


def _cut(dialect: _Dialect, width: int) -> str:
    """Write the table again with this number of fields in each line."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows(record[:width] for _, record in dialect.records())
    return buffer.getvalue()
