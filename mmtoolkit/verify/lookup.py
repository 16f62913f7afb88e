"""Find the items of a report: given, in a data set, or where they were beside the report."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from mmtoolkit.items import COLUMNS, items, load_dataset, read_folder

__all__ = ["align", "given_items", "remembered_items"]


def given_items(given: Any, made_by: Mapping[str, Any] | None) -> pd.DataFrame:
    """Return the items frame of what a user passes as ``items=``.

    Parameters
    ----------
    given : DataFrame or path
        A frame, a table, a folder, or the folder of a data set.
    made_by : mapping or None
        How the report's frame was made, so that the same columns are taken.

    Returns
    -------
    DataFrame
        The items frame.
    """
    columns = dict(made_by["params"]) if made_by and made_by["verb"] == "items" else {}
    if isinstance(given, pd.DataFrame):
        return given if set(COLUMNS[:5]) <= set(given.columns) else items(given, **columns)
    path = Path(given).expanduser()
    if path.is_dir():
        table = path / "metadata.csv"
        as_folder = made_by is not None and made_by["verb"] == "read_folder"
        return items(table) if table.is_file() and not as_folder else read_folder(path)
    return items(path, **columns)


def remembered_items(made_by: Mapping[str, Any] | None, folder: str | None, report: Path) -> pd.DataFrame | None:
    """Return the items from where they were when the report was made, or None.

    Parameters
    ----------
    made_by : mapping or None
        Verb, file and parameters.
    folder : str or None
        Their folder, seen from the report's.
    report : Path
        Where the report lies.
    """
    if not made_by:
        return None
    try:
        if made_by["verb"] == "load_dataset":
            return load_dataset(made_by["params"]["name"])
        if folder is None:
            return None
        root = Path(os.path.normpath(report.resolve().parent / folder))
        if made_by["verb"] == "read_folder":
            return read_folder(root)
        return items(root / made_by["file"], **made_by["params"]) if made_by["file"] else None
    except ValueError:  # moved, or not part of this installation: the report can be checked without
        return None


def align(frame: pd.DataFrame, ids: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows of the report's items in its order, and the ids that are missing.

    Parameters
    ----------
    frame : DataFrame
        Items as they are now, perhaps more than the report has.
    ids : list of str
        The report's.
    """
    at = {str(item): row for row, item in enumerate(frame["id"])}
    missing = [item for item in ids if item not in at]
    rows = [at[item] for item in ids if item in at]
    return frame.iloc[rows].reset_index(drop=True), missing
