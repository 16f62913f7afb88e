"""The items frame: one table of all items, with the same columns everywhere."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mmtoolkit._anyframe import any_frame, object_cells
from mmtoolkit._arguments import NoColumnError, as_path, check_choice
from mmtoolkit._filekinds import kind_of_file
from mmtoolkit._rows import (
    MODALITIES,
    absolute,
    as_texts,
    cells_of,
    is_missing,
    lacks,
    modalities_of,
    none_for_missing,
    one_kind,
    refuse_numbers,
    text_index,
    unique_ids,
    unwrapped,
)
from mmtoolkit._tables import read_table
from mmtoolkit._text import did_you_mean
from mmtoolkit.content import Absent, Content, Fused, Image, Text, Video, inputs_of, is_pil
from mmtoolkit.words import word

__all__ = [
    "COLUMNS",
    "DATASETS",
    "content_of",
    "contents_of",
    "items",
    "load_dataset",
    "made_by",
    "row_content",
    "row_labels",
    "wrap",
]

COLUMNS = ("id", "modality", "text", "image", "video", "label")
DATASETS = ("stamps", "emoji", "glosses", "clips", "tickets")
_MEDIA = ("text", "image", "video")
_SEEN = {
    "emoji": word("the offline model has seen the data set 'emoji': scores that it gets there are training scores")
}
_READING = ("notes", "left_out", "item_notes", "unreadable")  # what a reader of files says in a frame's attrs


def items(
    data: object,
    *,
    id: str | None = None,
    text: str | None = None,
    image: str | None = None,
    video: str | None = None,
    label: str | None = None,
    modality: str | None = None,
) -> pd.DataFrame:
    """Bring a table into the shape that every verb takes.

    Parameters
    ----------
    data : DataFrame, or path of a CSV, TSV, JSON Lines, Parquet or Excel file
        One row per item: a frame of pandas, polars, Arrow or whatever has the Arrow C stream or is known to narwhals, a
        Hugging Face data set, a dict of columns, or a list of dicts.
    id, text, image, video, label : str or None, default=None
        Names of your columns; None takes a column of that very name where there is one. Without a column for it the id is
        the index where that is named so or holds unique texts, else the row number. An index of numbers is no id; classes
        given as a Series with it are still brought into the order of the items.
    modality : {"text", "image", "video", "fused"} or None, default=None
        What to embed in every row. None takes a column ``modality``, else the video, the image or the text, whichever
        is there first; with "image" the text is just the caption.

    Returns
    -------
    DataFrame
        Columns id (str, unique), modality, text, image, video, label, then all others. Relative paths are made
        absolute: against the file's folder, or the working directory for a frame.

    Raises
    ------
    TypeError
        If `data` is neither a table nor a path.
    ValueError
        If a named column does not exist or stands twice, columns have several levels, there are no rows, ids repeat,
        labels mix types, or a row holds a number for a picture or video. A row that holds nothing to embed is an item
        that fails by name when it is embedded.

    Examples
    --------
    >>> import pandas as pd
    >>> import mmtoolkit as mm
    >>> mm.items(pd.DataFrame({"caption": ["a cat", "a dog"], "kind": ["cat", "dog"]}), text="caption", label="kind")
      id modality   text image video label
    0  0     text  a cat  None  None   cat
    1  1     text  a dog  None  None   dog
    """
    root, file = Path.cwd(), None
    if isinstance(data, str | os.PathLike):
        path = as_path(data, "data")
        file = path.name
        root = path.resolve().parent
        data = read_table(path, [id or "id", text or "text"])
    data = any_frame(data)
    if len(data) == 0:
        msg = "there are no rows; expected at least one item"
        raise ValueError(msg)
    index, data = data.index, data.reset_index(drop=True)
    _check_columns(data)
    if (id or "id") not in data.columns and ((id or "id") == index.name or (id is None and text_index(index))):
        data = data.assign(**{id or "id": index.to_numpy(dtype=object)})
    named = {"id": id, "text": text, "image": image, "video": video, "label": label}
    columns = _cells(data, named)
    n = len(data)
    ids = [str(i) for i in range(n)] if columns["id"] is None else unique_ids(columns["id"])
    for role in ("image", "video"):
        if columns[role] is None:
            columns[role] = [None] * n
            continue
        refuse_numbers(columns[role], role, ids)
        columns[role] = [absolute(value, root) for value in map(unwrapped, columns[role])]
    columns["text"] = as_texts(columns["text"] or [None] * n, ids)
    labels = one_kind(columns["label"] or [None] * n, ids)
    given = cells_of(data["modality"]) if modality is None and "modality" in data.columns else [modality] * n
    used_for = [role for role in ("video", "image") if any(value is not None for value in columns[role])]
    modalities = modalities_of(ids, given, {role: columns[role] for role in _MEDIA}, (*used_for, "text")[0])
    frame = pd.DataFrame(
        {
            "id": pd.Series(ids, dtype=object),
            "modality": pd.Series(modalities, dtype=object),
            **{role: pd.Series(columns[role], dtype=object) for role in _MEDIA},
            "label": pd.Series(labels, dtype=object),
        }
    )
    used = {role if name is None else name for role, name in named.items() if columns[role] is not None}
    others = [name for name in data.columns if name not in {*used, *COLUMNS}]
    frame = pd.concat([frame, data[others].apply(none_for_missing)], axis=1)
    asked = {role: name for role, name in (*named.items(), ("modality", modality)) if name is not None}
    frame.attrs["root"] = os.fspath(root)
    frame.attrs.update({name: data.attrs[name] for name in _READING if name in data.attrs})
    if _tells(index):
        frame.attrs["index"] = Labels(zip(ids, index.tolist(), strict=True))
    return made_by(frame, "items", file, asked)


def _check_columns(data: pd.DataFrame) -> None:
    if data.columns.nlevels > 1:
        msg = f"the columns have {data.columns.nlevels} levels, the first is {data.columns[0]!r}; expected one plain name each"
        raise ValueError(msg)
    twice = data.columns[data.columns.duplicated()]
    if len(twice):
        msg = f"the column {twice[0]!r} occurs more than once; rename one of them"
        raise ValueError(msg)


def _cells(data: pd.DataFrame, named: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the cells of the column of each role: the one that was named, or that is called like it; None where there is none."""
    columns: dict[str, Any] = {}
    for role, wanted in named.items():
        if wanted is not None and wanted not in data.columns:
            raise NoColumnError(role, wanted, list(map(str, data.columns)))
        source = role if wanted is None else wanted
        columns[role] = cells_of(data[source]) if source in data.columns else None
    if all(columns[role] is None for role in _MEDIA):
        msg = f"no column to embed: name one with text=, image= or video=; the columns are {', '.join(map(str, data.columns))}"
        raise ValueError(msg)
    return columns


class Labels(dict[str, Any]):
    """The index that a table had before it became the items frame, by id; so that classes given with it are aligned.

    Plain data, as all of ``attrs``; pandas copies those at every step, which takes no time here.
    """

    def __deepcopy__(self, memo: object) -> Labels:
        return self


def _tells(index: pd.Index) -> bool:
    """Return whether an index holds plain data other than 0..n-1."""
    kinds = pd.api.types
    plain = kinds.is_integer_dtype(index) or (index.nlevels == 1 and all(isinstance(label, str) for label in index))
    return plain and not index.equals(pd.RangeIndex(len(index)))


def row_labels(frame: pd.DataFrame) -> pd.Index:
    """Return the index by which classes may be given for an items frame: its own, else that of the table it was made of."""
    kept = frame.attrs.get("index")
    if not isinstance(kept, dict) or not frame.index.equals(pd.RangeIndex(len(frame))):
        return frame.index
    labels = [kept.get(name) for name in frame["id"]]
    return frame.index if None in labels else pd.Index(labels)


def load_dataset(name: str) -> pd.DataFrame:
    """Load one of the data sets that come with the toolkit.

    Parameters
    ----------
    name : {"stamps", "emoji", "glosses", "clips", "tickets"}
        756 pictures of things in 14 classes with English and Chinese captions (only in a checkout); 1,242 emoji
        pictures; 5,120 dictionary definitions in 16 classes; 40 short videos; 2,129 entries of an issue tracker in
        11 areas, with the day each was closed.

    Returns
    -------
    DataFrame
        The items frame.

    Raises
    ------
    ValueError
        If there is no such data set here.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> mm.load_dataset("emoji").shape[0]
    1242
    """
    if name not in DATASETS:
        msg = f"unknown data set {name!r}{did_you_mean(name, DATASETS)}; choose one of {', '.join(DATASETS)}"
        raise ValueError(msg)
    package = Path(__file__).resolve().parent
    for home in (package.parent / "datasets", package / "_datasets"):
        table = home / name / "metadata.csv"
        if table.is_file():
            frame = made_by(items(table), "load_dataset", None, {"name": name})
            frame.attrs.update({} if name not in _SEEN else {"notes": [_SEEN[name]]})
            return frame
    msg = f"the data set {name!r} is not part of this installation; it comes with a checkout of the repository"
    raise ValueError(msg)


def row_content(row: Any) -> Content:
    """Return the content of one row of the items frame.

    Parameters
    ----------
    row : mapping
        Has modality, text, image and video.

    Returns
    -------
    Text, Image, Video or Fused
        By the row's modality.
    """
    modality = row["modality"]
    check_choice("modality", modality, MODALITIES)
    if modality == "text":
        return wrap(row["text"], Text)
    if modality == "image":
        return wrap(row["image"], Image)
    if modality == "video":
        return wrap(row["video"], Video)
    return Fused(*(None if is_missing(row[role]) else row[role] for role in _MEDIA))


def contents_of(frame: pd.DataFrame) -> list[Content]:
    """Return one content per row of an items frame; a row without what its modality needs is an `Absent`.

    Raises
    ------
    TypeError, ValueError
        If a row holds what its modality cannot be; the message names it.
    """
    names = ("modality", *_MEDIA)
    columns = [frame[name].tolist() for name in names]
    unreadable = frame.attrs.get("unreadable", {})
    contents: list[Content] = []
    for row, (item_id, *values) in enumerate(zip(frame["id"].tolist(), *columns, strict=True)):
        cells = dict(zip(names, values, strict=True))
        try:
            missing = lacks(cells["modality"], cells)
            absent: Any = Absent(cells["modality"], unreadable.get(item_id, missing)) if missing else None
            contents.append(absent or row_content(cells))
        except (TypeError, ValueError) as error:
            msg = f"row {row}, id {item_id!r}: {error}"
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(msg) from error
    return contents


def wrap(value: Any, kind: type[Content]) -> Content:
    """Return `value` as a content: itself if it is one, else ``kind(value)``."""
    return value if isinstance(value, Text | Image | Video | Fused) else kind(value)


def content_of(value: Any) -> Content:
    """Return a content: a str is a text, a path what its ending says, a PIL picture or an array a picture."""
    if isinstance(value, os.PathLike):
        kind = kind_of_file(value)
        if kind in ("image", "video"):
            return Image(value) if kind == "image" else Video(value)
        msg = f"{os.fspath(value)!r} is no picture or video by its ending; mm.items reads tables, mm.read_folder folders, mm.Text(...) takes words"
        raise TypeError(msg)
    if is_pil(value) or (isinstance(value, np.ndarray) and value.ndim in (2, 3)):
        return Image(value)
    return wrap(value, Text)


def frame_of(contents: Iterable[Content]) -> pd.DataFrame:
    """Return the items frame of ready-made contents, ids being row numbers."""
    rows = []
    for row, content in enumerate(contents):
        entry: dict[str, Any] = {"id": str(row), "modality": content.modality}
        for part in inputs_of(content):
            entry[part.modality] = part.text if isinstance(part, Text) else getattr(part, "source", None)  # or Absent
        rows.append(entry)
    frame = pd.DataFrame(
        {name: object_cells([row.get(name) for row in rows]) for name in COLUMNS}, columns=list(COLUMNS)
    )
    frame.attrs["root"] = os.getcwd()
    return frame


def made_by(frame: pd.DataFrame, verb: str, file: str | None, params: dict[str, Any]) -> pd.DataFrame:
    """Record in a frame where it comes from; a report makes it again from this and says how many items were left out."""
    frame.attrs["made_by"] = {"verb": verb, "file": file, "params": params, "n_items": len(frame)}
    return frame
