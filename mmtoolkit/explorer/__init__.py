"""A map to touch: look, search, select, annotate and review in a notebook; DataFrames come out."""

from __future__ import annotations

from mmtoolkit.explorer.core import Explorer, explore

__all__ = ["Explorer", "explore"]
