"""Find the items of a report: given, in a data set, or where they were beside the report."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mmtoolkit._anyframe import any_frame, is_frame
from mmtoolkit._arguments import as_path
from mmtoolkit._text import shorten
from mmtoolkit.embedding import Embeddings
from mmtoolkit.errors import VerifyError
from mmtoolkit.folders import read_folder
from mmtoolkit.frames import COLUMNS, items
from mmtoolkit.reporting.origin import UNREADABLE, remake

__all__ = ["align", "given_items", "remembered_items"]


def given_items(given: Any, made_by: Mapping[str, Any] | None, kinds: Collection[str]) -> pd.DataFrame:
    """Return the items frame of the argument ``items=``.

    Parameters
    ----------
    given : frame of any library, Embeddings, or path
        A frame, vectors with one, a table, a folder, or the folder of a data set.
    made_by : mapping or None
        How the report's frame was made, so that the same columns are taken.
    kinds : collection of str
        Modalities of the report's items.

    Returns
    -------
    DataFrame
        The items frame; without rows where a folder holds no files.

    Raises
    ------
    TypeError
        If it is nothing of that.
    VerifyError
        If it is, but cannot be read as items.
    """
    try:
        return _items_of(given, made_by, kinds)
    except UNREADABLE as error:
        msg = f"the items that were given cannot be read: {error}"
        raise VerifyError(msg) from error


def _items_of(given: Any, made_by: Mapping[str, Any] | None, kinds: Collection[str]) -> pd.DataFrame:
    columns = dict(made_by["params"]) if made_by and made_by["verb"] == "items" else {}
    given = given.items if isinstance(given, Embeddings) else given
    if is_frame(given):
        table = any_frame(given)
        return table if set(COLUMNS[:5]) <= set(table.columns) else items(table, **columns)
    if not isinstance(given, str | os.PathLike):
        msg = f"items must be a table, or the path of a table or folder, got {shorten(repr(given))}"
        raise TypeError(msg)
    path = as_path(given, "items")
    if path.is_dir():
        if not any(below.is_file() for below in path.rglob("*")):
            return pd.DataFrame({name: pd.Series(dtype=object) for name in COLUMNS})
        metadata = path / "metadata.csv"
        as_folder = made_by is not None and made_by["verb"] == "read_folder"
        if metadata.is_file() and not as_folder:
            return items(metadata)
        frame = read_folder(path, texts=True if "text" in kinds else None)
        return frame.drop(columns="label") if made_by and "label" in made_by["params"] else frame
    return items(path, **columns)


def remembered_items(
    made_by: Mapping[str, Any] | None, folder: str | None, report: Path, kinds: Collection[str]
) -> pd.DataFrame | None:
    """Return the items from their place when the report was made, or None when that place does not exist.

    Parameters
    ----------
    made_by : mapping or None
        Verb, file and parameters.
    folder : str or None
        Their folder, seen from the report's.
    report : Path
        Where the report lies.
    kinds : collection of str
        Modalities of the report's items.

    Returns
    -------
    DataFrame or None
        The items frame; without labels where a function of the user's gave them.

    Raises
    ------
    VerifyError
        If they are there but cannot be read any more.
    """
    if not made_by:
        return None
    root = None if folder is None else Path(os.path.normpath(report.resolve().parent / folder))
    try:
        return remake(made_by, root, kinds)
    except UNREADABLE as error:
        msg = f"the items in {made_by['file']!r} cannot be read any more: {error}"
        raise VerifyError(msg) from error


def align(frame: pd.DataFrame, ids: list[str]) -> tuple[pd.DataFrame, list[int], pd.DataFrame]:
    """Return the report's items that are there, in its order, their rows in the report, and the items it does not have.

    Parameters
    ----------
    frame : DataFrame
        Items as they are now, perhaps more than the report has.
    ids : list of str
        The report's.
    """
    at = {str(item): row for row, item in enumerate(frame["id"])}
    rows = [row for row, item in enumerate(ids) if item in at]
    known = [at[ids[row]] for row in rows]
    others = frame.drop(index=frame.index[known]).reset_index(drop=True)
    return frame.iloc[known].reset_index(drop=True), rows, others
