"""The output of commands: tables, summaries, and how long each step took."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
import pandas as pd

from mmtoolkit._spreadsheet import write_csv
from mmtoolkit._text import columns_of, shorten
from mmtoolkit.cli.wording import in_options
from mmtoolkit.errors import MMToolkitError
from mmtoolkit.reporting.blocks import OURS
from mmtoolkit.results import plain
from mmtoolkit.vectors import ids_of
from mmtoolkit.words import aside, language, listed, say, title

if TYPE_CHECKING:
    from mmtoolkit.embedding import Embeddings

__all__ = [
    "beside",
    "document",
    "embedded",
    "file_to_write",
    "folder_to_write",
    "note",
    "padded",
    "result",
    "save",
    "step",
    "table",
]

_MAX_ROWS = 30
_WIDTH, _SENTENCE = 60, 1500
_SMALL = 0.01  # three decimals would say little, or nothing, of it


@contextmanager
def step(name: str) -> Iterator[list[str]]:
    """Time a step and print one line about it on stderr; the body may append words to the line."""
    words: list[str] = []
    started = time.perf_counter()
    yield words
    seconds = say("{n:6.1f} s", n=time.perf_counter() - started)
    print(f"{padded(name, 10)} {seconds}  {aside(*words)}".rstrip(), file=sys.stderr)


def note(message: str, arguments: Namespace) -> None:
    """Print a remark beside the result, in the words of the command line."""
    print(say("mmtoolkit: note: {what}", what=in_options(str(message), arguments.options)), file=sys.stderr)


def embedded(emb: Embeddings) -> str:
    """Print how many vectors were computed and how many were cached."""
    used = emb.usage
    if not used:
        return say("{n} saved vector", "{n} saved vectors", n=len(emb))
    how = [say("{n} computed", n=used["computed"]), say("{n} from the cache", n=used["cached"])]
    how += [say("{n} equal to others", n=used["equal"])] if used.get("equal") else []
    return say("{what}: {told}", what=say("{n} item", "{n} items", n=len(emb)), told=listed(how))


def table(frame: pd.DataFrame) -> None:
    """Print the head of a frame."""
    rows = frame.head(_MAX_ROWS).reset_index()
    cells = [[heading(name) for name in rows.columns]]
    width = _SENTENCE if frame.shape[1] == 1 else _WIDTH  # a single column is a list of sentences, or of short values
    ours = [*([0] if frame.index.name in OURS else []), *np.flatnonzero(rows.columns == "modality")]  # names of ours
    cells += [
        [heading(value) if i in ours else _cell(value, width) for i, value in enumerate(row)]
        for row in rows.itertuples(index=False, name=None)
    ]
    widths = [max(columns_of(row[i]) for row in cells) for i in range(len(cells[0]))]
    for row in cells:
        print("  ".join(padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if len(frame) > _MAX_ROWS:
        print(say("… and {n} more row", "… and {n} more rows", n=len(frame) - _MAX_ROWS))


def heading(name: object) -> str:
    """Return the name of a column: as in Python, or in the other chosen language."""
    return str(name) if language() == "en" else title(name)


def padded(text: str, width: int) -> str:
    """Return `text` with blanks behind it; Chinese letters are two columns wide."""
    return text + " " * (width - columns_of(text))


def _cell(value: Any, width: int) -> str:
    if isinstance(value, float):
        if value != value:  # noqa: PLR0124 - NaN
            return ""
        return f"{value:.2g}" if 0 < abs(value) < _SMALL else f"{value:.3f}"
    return "" if value is None else shorten(value, width)


def document(told: Mapping[str, Any]) -> None:
    """Print plain data as JSON on one line, in ASCII, so that every terminal and pipe can take it."""
    print(json.dumps(told, allow_nan=False))


def beside(arguments: Namespace) -> TextIO:
    """Return the stream for remarks: with --json, stdout holds the result alone."""
    return sys.stderr if getattr(arguments, "json", False) else sys.stdout


def result(made: Any, arguments: Namespace) -> None:
    """Print a result's summary and tables, or with --json all of it, with the ids where it has a value for each item."""
    if arguments.json:
        each = hasattr(made, "recipe") and made.recipe["verb"] in _PER_ITEM
        document({**({"ids": plain(ids_of(made.source))} if each else {}), **made.to_dict()})
        return
    print(made._summary())
    for caption, frame in made._tables().items():
        print(f"\n{title(caption)}")
        table(frame)


def save(results: list[Any], folder: str, title: str) -> Path:
    """Write report.html, .md, .json and items.csv to a folder; return the page's path."""
    import mmtoolkit as mm

    rep = mm.report(*results, title=title)
    out = folder_to_write(folder)
    rep.save(out / "report.json")
    rep.save(out / "report.md")
    write_csv(_per_item(results), out / "items.csv")
    return rep.save(out / "report.html")


def folder_to_write(name: str, option: str = "--out") -> Path:
    """Make a folder and test that it can be written to, before a long job as well as after it.

    Raises
    ------
    MMToolkitError
        If nothing can be written there.
    """
    folder = Path(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        msg = f"nothing can be written to {os.fspath(folder.absolute())!r}: {error.strerror}; {option} names another folder"
        raise MMToolkitError(msg) from error
    return folder


def file_to_write(name: str, ending: str) -> None:
    """Test that a file of a kind can be written, and make its folder.

    Raises
    ------
    ValueError
        If the name has another ending, or is that of a folder.
    MMToolkitError
        If nothing can be written there.
    """
    path = Path(name)
    if path.suffix.lower() != ending or path.is_dir():
        msg = f"--out names a {ending} file, such as {'vectors' + ending!r}, got {name!r}"
        raise ValueError(msg)
    folder_to_write(os.fspath(path.parent))


def _per_item(results: list[Any]) -> pd.DataFrame:
    """Return one row per item, with the values of each result."""
    sources = {id(made.source): made.source for made in results if made.recipe["verb"] in _PER_ITEM}
    parts = []
    for key, source in sources.items():
        told = [made for made in results if id(made.source) == key]
        columns = {name: values for made in told for name, values in _PER_ITEM[made.recipe["verb"]](made).items()}
        parts.append(pd.DataFrame(columns, index=pd.Index(ids_of(source), name="id")))
    return pd.concat(parts)


def _of_classes(made: Any) -> dict[str, Any]:
    sure = np.nan_to_num(made.y_proba, nan=0.0).max(axis=1).round(4)
    told = made.per_item.drop(columns="probability").reset_index(drop=True)
    told.insert(2, "confidence", sure)
    return {str(name): values.array for name, values in told.items()}


def _of_clusters(made: Any) -> dict[str, Any]:
    names = [*made.names["name"], "noise"]  # noise is -1, the last
    return {"cluster": made.labels, "cluster_name": [names[c] for c in made.labels]}


def _of_map(made: Any) -> dict[str, Any]:
    return {"x": made.coords[:, 0], "y": made.coords[:, 1]}


_PER_ITEM: dict[str, Callable[[Any], dict[str, Any]]] = {  # by verb: the columns of items.csv
    "classify": _of_classes,
    "cluster": _of_clusters,
    "project": _of_map,
}
