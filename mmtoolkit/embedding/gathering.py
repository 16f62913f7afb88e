"""Turn items in any form into contents and their frame."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from mmtoolkit._anyframe import any_frame, column_of, is_frame, is_series
from mmtoolkit._filekinds import TABLE_ENDINGS, kind_of_file
from mmtoolkit._rows import is_missing, text_index, unique_ids
from mmtoolkit._text import shorten
from mmtoolkit.content import Absent, Content, Fused, Image, Text, Video, is_pil, is_url
from mmtoolkit.frames import content_of, contents_of, frame_of, row_labels, wrap
from mmtoolkit.frames import items as as_items

__all__ = ["Gathered", "gather", "gather_as"]

_LONGEST_PATH = 4096


class Gathered(NamedTuple):
    """Contents, their items frame, and their labels in the frame or Series that they came in; None where there was none."""

    contents: list[Content]
    frame: pd.DataFrame
    labels: pd.Index | None


def gather(items: Any, *, strict: bool = False) -> Gathered:
    """Return contents and items frame of items in any form; a str is a text.

    A str outside of tables that is the path of a file here, or the URL of a picture or video, was hardly meant as words.

    Parameters
    ----------
    items : table of any library, content, str, path, picture, or iterable of these
        Paths and pictures stand for themselves.
    strict : bool, default=False
        Refuse such strings; else warn, for texts of strangers must not stop who asks about them.

    Returns
    -------
    Gathered
        One content per item.
    """
    if is_frame(items):
        frame = any_frame(items)
        if not {"id", "modality", "text", "image", "video"} <= set(frame.columns):
            frame = as_items(frame)
        unique_ids([None if is_missing(value) else value for value in frame["id"].tolist()])
        return Gathered(contents_of(frame), frame, row_labels(frame))
    values, index = _listed(items, "item", (str, os.PathLike, Text, Image, Video, Fused), "an items frame, Text")
    for row, value in enumerate(values):
        if isinstance(value, str) and (told := _path_told(value)):
            if strict:
                msg = f"row {row}: {told}"
                raise ValueError(msg)
            warnings.warn(f"row {row}: {told}", UserWarning, stacklevel=4)
    return _gathered(values, index, content_of, "text")


def gather_as(values: Any, kind: type[Content], single: tuple[type, ...]) -> Gathered:
    """Return contents of one kind; values of the `single` types stand for themselves, a one-column table is its column."""
    found, index = _listed(values, kind.__name__, single, kind.__name__)
    return _gathered(found, index, lambda value: wrap(value, kind), kind.__name__.lower())


def _gathered(values: list[Any], index: pd.Index | None, make: Any, modality: str) -> Gathered:
    """Return what `make` makes of every value; a missing one fails like a row of a table that holds nothing."""
    contents: list[Any] = []
    for row, value in enumerate(values):
        try:
            contents.append(
                Absent(modality, f"there is no {modality}, but {value!r}") if is_missing(value) else make(value)
            )
        except TypeError as error:
            msg = f"row {row}: {error}"
            raise TypeError(msg) from error
    frame = frame_of(contents)
    if index is not None and text_index(index):
        frame["id"] = index.astype(object)
    return Gathered(contents, frame, index)


def _listed(values: Any, what: str, single: tuple[type, ...], expected: str) -> tuple[list[Any], pd.Index | None]:
    """Return the values as a list, with the index of the Series or one-column frame that they are."""
    if isinstance(values, single) or is_pil(values) or (isinstance(values, np.ndarray) and values.ndim == 0):
        return [values], None
    if is_frame(values):
        table = any_frame(values)
        if table.shape[1] != 1:
            names = ", ".join(map(repr, table.columns[:8]))
            one = table.columns[0] if table.shape[1] else ""
            msg = (
                f"expected one {what} per row, got a table of {table.shape[1]} columns ({names}); pass one of them, such as "
                f"frame[{one!r}], or the whole table to mm.embed"
            )
            raise ValueError(msg)
        values = table.iloc[:, 0]
    if is_series(values):
        index = values.index if isinstance(values, pd.Series) else None
        return column_of(values).tolist(), index
    if isinstance(values, np.ndarray) and values.ndim == 2 and values.shape[1] == 1 and values.dtype.kind in "OUT":
        values = values[:, 0]
    if isinstance(values, Mapping | set | frozenset | bytes | bytearray) or not isinstance(values, Iterable):
        msg = f"expected {expected} or a list of such items, got {type(values).__name__}"
        raise TypeError(msg)
    return values.tolist() if isinstance(values, np.ndarray) and values.dtype.kind == "U" else list(values), None


def _path_told(text: str) -> str:
    """Return what to say about a str that is the path of a file or the URL of a picture or video; "" where it is a text."""
    if len(text) > _LONGEST_PATH or "\n" in text:
        return ""
    url = is_url(text)
    path = Path(urlsplit(text).path if url else text)
    media = kind_of_file(path) in ("image", "video")
    separated = "/" in text or os.sep in text
    if url:
        wrong = media
    else:
        wrong = (media or path.suffix.lower() in TABLE_ENDINGS or separated) and os.path.exists(
            os.path.expanduser(text)
        )
    if not wrong:
        return ""
    what = "the address of a picture or video" if url else "a file or folder here"
    return (
        f"{shorten(text)!r} is {what}, but a str is a text. Use mm.embed_images or mm.embed_videos for pictures and videos, "
        "mm.Image(...) or mm.Video(...) for one of them, mm.read_folder for a folder, mm.items for a table, or mm.Text(...) if these "
        "very words are meant"
    )
