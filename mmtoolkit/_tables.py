"""A table in a file as a pandas frame."""

from __future__ import annotations

import functools
import json
import math
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd

from mmtoolkit._anyframe import any_frame, object_cells
from mmtoolkit._delimited import column_names, read_delimited
from mmtoolkit._encodings import decoded
from mmtoolkit._filekinds import TABLE_ENDINGS
from mmtoolkit._memory import room
from mmtoolkit._rows import cells_of, is_missing
from mmtoolkit._values import unified
from mmtoolkit.words import say

__all__ = ["read_table"]

_DELIMITED = {".csv": None, ".tsv": "\t"}
_LINES = (".jsonl", ".ndjson")
_MERGED = b"mergeCell"  # in the XML of a sheet
_ROW = re.compile(rb"""\br=["'](?:[A-Z]{1,3})?([0-9]{1,7})["']""")  # of a row or a cell
_COLUMN = re.compile(rb"""\br=["']([A-Z]{1,3})[0-9]""")
_OVERLAP = 32  # bytes, more than any of these
_PIECE = 2**20  # bytes
_SMALL = 10**6  # cells: not worth a look at memory
_CELL_BYTES = 16  # at least: what a reader and the frame keep of an empty cell
_OUR_CELLS = 8  # id, modality and so on of a row


def read_table(path: Path, strings: list[str]) -> pd.DataFrame:
    """Read a CSV, TSV, JSON Lines, Parquet or Excel file; columns of codes and those named in `strings` stay text.

    ``attrs["notes"]`` says what was not as usual: another encoding, further sheets.

    Raises
    ------
    ValueError
        If it is no such file, or cannot be read; the message names it.
    """
    if path.is_dir():
        msg = f"{os.fspath(path)!r} is a folder; mm.read_folder lists the files of one, pandas.read_parquet reads one of Parquet files"
        raise ValueError(msg)
    if not path.is_file():
        msg = f"there is no file {os.fspath(path)!r}"
        raise ValueError(msg)
    ending = path.suffix.lower()
    if ending not in TABLE_ENDINGS:
        *others, last = sorted(TABLE_ENDINGS)
        msg = f"expected a {', '.join(others)} or {last} file, got {path.name!r}; pandas reads more kinds, and its frame can be passed instead of a path"
        raise ValueError(msg)
    try:
        if ending == ".parquet":
            return _parquet(path)
        if ending not in _DELIMITED and ending not in _LINES:
            return _sheet(path, strings)
        text, encoding = decoded(path.read_bytes())
        frame = _lines(text) if ending in _LINES else read_delimited(text, strings, _DELIMITED[ending])
    except (OSError, ValueError, pd.errors.ParserError) as error:
        msg = f"{os.fspath(path)!r} cannot be read as a table: {error}"
        raise ValueError(msg) from error
    if encoding:
        frame.attrs["notes"] = [say("{name!r} was read as {encoding}", name=path.name, encoding=encoding)]
    return frame


def _lines(text: str) -> pd.DataFrame:
    """Return the objects of JSON Lines, one a row; what an object lacks is missing."""
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            msg = f"line {number} is no JSON: {error}"
            raise ValueError(msg) from error
        if not isinstance(row, dict):
            msg = (
                f'line {number} is {line.strip()[:40]!r}; expected an object in braces, such as {{"text": "red apple"}}'
            )
            raise ValueError(msg)
        rows.append(row)
    return any_frame(rows) if rows else pd.DataFrame()  # pandas would make floats of whole numbers beside a gap


def _parquet(path: Path) -> pd.DataFrame:
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file:
            told = pq.read_metadata(file)
            said = f"its {path.stat().st_size:,} bytes become more than memory holds"  # equal cells are written once
            _check_size(told.num_rows, told.num_columns + _OUR_CELLS, said)
            file.seek(0)
            return pd.read_parquet(file)
    except _TooLargeError:
        raise
    except Exception as error:  # a damaged file fails in as many ways as it has parts
        _check_memory(error)
        msg = f"the Parquet file is damaged, or is of another kind than its name says: {error}"
        raise ValueError(msg) from error


def _sheet(path: Path, strings: list[str]) -> pd.DataFrame:
    """Return the first sheet of a workbook, text cells as text; pandas names the package that it lacks."""
    as_they_are: Any = {"header": None, "dtype": object, "keep_default_na": False, "na_values": [""]}
    merging: Any = {}
    try:
        if path.suffix.lower() in (".xlsx", ".xlsm") and _looked_through(path):
            merging = {"engine": "openpyxl", "engine_kwargs": {"read_only": False}}
        with pd.ExcelFile(path, **merging) as book:
            names = list(map(str, book.sheet_names))
            cells = pd.read_excel(book, **as_they_are).dropna(how="all")
            if merging:
                _fill_merged(cells, book.book.worksheets[0])
    except ImportError as error:
        needed = error.name or {".ods": "odfpy", ".xls": "xlrd", ".xlsb": "pyxlsb"}.get(path.suffix.lower(), "openpyxl")
        msg = f"reading {path.suffix.lower()} needs a package that is not installed: pip install {needed}; or save the table as CSV"
        raise ValueError(msg) from error
    except _TooLargeError:
        raise
    except Exception as error:  # a damaged workbook fails in as many ways as there are readers
        _check_memory(error)
        msg = f"the workbook is damaged, or is of another kind than its name says: {error}"
        raise ValueError(msg) from error
    frame = _headed(cells.dropna(axis="columns", how="all"), strings)
    if len(names) > 1:
        frame.attrs["notes"] = [
            say(
                "of the {n} sheets of {name!r}, only the first, {first!r}, was read",
                n=len(names),
                name=path.name,
                first=names[0],
            )
        ]
    return frame


def _looked_through(path: Path) -> bool:
    """Return whether a workbook may have merged cells, to know which takes more time and memory; refuse one beyond memory."""
    merged = False  # readers make a table up to the last row and column, even where a single cell stands in that corner
    with zipfile.ZipFile(path) as book:
        for name in filter(lambda name: name.endswith(".xml"), book.namelist()):
            with book.open(name) as part:
                before, rows, columns = b"", 0, 0
                while piece := part.read(_PIECE):  # a small file can hold a sheet larger than memory
                    piece = before + piece
                    merged = merged or _MERGED in piece
                    rows = max([rows, *map(int, set(_ROW.findall(piece)))])
                    columns = max([columns, *map(_number_of, set(_COLUMN.findall(piece)))])
                    _check_size(rows, columns, f"a sheet has a cell in row {rows:,} and one in column {columns:,}")
                    before = piece[-_OVERLAP:]
    return merged


def _number_of(letters: bytes) -> int:
    """Return the number of a column, 28 for AB."""
    return functools.reduce(lambda number, letter: 26 * number + letter - 64, letters, 0)


class _TooLargeError(ValueError):
    """The table does not fit into memory."""


def _check_size(rows: int, columns: int, said: str) -> None:
    """Raise for a table that cannot be held."""
    free, limit = room() if rows * columns > _SMALL else (math.inf, "")
    if _CELL_BYTES * rows * columns > free:
        msg = f"{said}: a table of {rows:,} rows and {columns:,} columns does not fit into memory ({limit}); clear what is far out, or split it"
        raise _TooLargeError(msg)


def _check_memory(error: Exception) -> None:
    """Raise for a decoder that had not enough memory, which says nothing about the file."""
    if isinstance(error, MemoryError):
        msg = "there is not enough memory for it; split it, or free memory"
        raise _TooLargeError(msg) from error


def _fill_merged(cells: pd.DataFrame, sheet: Any) -> None:
    """Give the value of a merged cell below the header to all its rows that hold something else, too."""
    for area in sheet.merged_cells.ranges:
        rows, column = slice(area.min_row - 1, area.max_row - 1), area.min_col - 1
        if len(cells) and area.min_row - 1 > cells.index[0] and column in cells.columns:
            cells.loc[rows, column] = cells.loc[rows, column].ffill()


def _headed(cells: pd.DataFrame, strings: list[str]) -> pd.DataFrame:
    """Return the cells of a sheet below its first row as columns; what was typed as text stays text, as in a CSV."""
    names = column_names(["" if is_missing(name) else str(name) for name in cells.iloc[:1].to_numpy().ravel()])
    frame = cells.iloc[1:].set_axis(names, axis="columns").reset_index(drop=True)
    return frame.assign(**{name: _of_one_type(frame[name]) for name in names if name not in strings})


def _of_one_type(column: pd.Series) -> pd.Series:
    """Return numbers and dates as such; numbers beside texts become texts, unless these are their plain writing."""
    values = object_cells(cells_of(column)).to_numpy()
    return object_cells(unified(values, as_text=True).tolist()).infer_objects()
