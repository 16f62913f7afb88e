"""How an items frame was made, so that a report can name it and `verify` can make it again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mmtoolkit.errors import MMToolkitError
from mmtoolkit.folders import read_folder
from mmtoolkit.frames import COLUMNS, items, load_dataset
from mmtoolkit.results import plain

__all__ = ["UNREADABLE", "origin_of", "remake"]

UNREADABLE = (ValueError, OSError, MMToolkitError)  # what `remake` raises when files are there but broken


def remake(made_by: Mapping[str, Any], root: Path | None, kinds: Collection[str]) -> pd.DataFrame | None:
    """Return the items from where they were.

    Parameters
    ----------
    made_by : mapping
        Verb, file and parameters.
    root : Path or None
        Their folder; None when it is not known.
    kinds : collection of str
        Modalities of the items that are looked for: text files of a folder are read when texts are among them.

    Returns
    -------
    DataFrame or None
        The items frame, without labels where a function of the user's gave them; None when its place is not there.
    """
    verb, params, file = made_by["verb"], made_by["params"], made_by["file"]
    if verb == "load_dataset":
        try:
            return load_dataset(params["name"])
        except ValueError:  # not part of this installation
            return None
    if root is None or not file or not (place := root if verb == "read_folder" else root / file).exists():
        return None
    if verb == "read_folder":
        frame = read_folder(place, texts=True if "text" in kinds else None)
        return frame.drop(columns="label") if "label" in params else frame
    return items(place, **params)


def origin_of(frame: pd.DataFrame, columns: Mapping[str, list[Any]]) -> dict[str, Any] | None:
    """Return how a frame was made; no file where that would not give these rows, as after a change in memory.

    Parameters
    ----------
    frame : DataFrame
        The items of a source.
    columns : mapping of str to list
        The values that results were made with.

    Returns
    -------
    dict or None
        Verb, file and parameters; None when nothing is known.
    """
    made_by: dict[str, Any] | None = frame.attrs.get("made_by")
    if made_by is None:
        return None
    root = frame.attrs.get("root")
    try:
        again = remake(made_by, Path(root) if root else None, set(frame["modality"]))
    except UNREADABLE:  # `verify` could not read them either
        again = frame.iloc[:0]
    if again is None or _holds(again, frame, columns):
        return dict(made_by)
    return {"verb": "items", "file": None, "params": made_by["params"] if made_by["verb"] == "items" else {}}


def _holds(again: pd.DataFrame, frame: pd.DataFrame, columns: Mapping[str, list[Any]]) -> bool:
    """Return whether all rows of `frame` are in `again` with the same values."""
    at = {str(item): row for row, item in enumerate(again["id"])}
    if not all(item in at for item in frame["id"]):
        return False
    again = again.iloc[[at[item] for item in frame["id"]]]
    wanted = {**{name: plain(frame[name]) for name in COLUMNS[1:5]}, **columns}
    return all(plain(again[name]) == values for name, values in wanted.items() if name in again.columns)
