"""A request for the vectors of a report: one of its sources, and the items that exist now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

__all__ = ["Request"]


@dataclass(frozen=True)
class Request:
    """A source of a report, its items, and the places to search for vectors.

    Parameters
    ----------
    name : str
        Of the source, such as "emb".
    facts, items : mapping
        What the report says about it and about its items.
    frame : DataFrame or None
        Those of the report's items that are there now, in its order; None when they could not be found.
    rows : sequence of int
        Their rows in the report.
    others : DataFrame or None
        Items that are there now and not in the report.
    broken : str
        Why the items cannot be read although they are there, "" otherwise.
    vectors : Embeddings, ndarray, path or None
        Saved vectors.
    cache : None, False, path, or store
        Where to look otherwise.
    allow_fetch : bool
        Whether a service may be called.
    """

    name: str
    facts: Mapping[str, Any]
    items: Mapping[str, Any]
    frame: pd.DataFrame | None
    rows: Sequence[int]
    others: pd.DataFrame | None
    broken: str
    vectors: Any
    cache: Any
    allow_fetch: bool
