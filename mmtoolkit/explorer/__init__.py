"""The explorer: a map to look, search, select, annotate and review in a notebook; the results are DataFrames."""

from __future__ import annotations

from mmtoolkit.explorer.core import Explorer
from mmtoolkit.explorer.opening import explore

__all__ = ["Explorer", "explore"]
