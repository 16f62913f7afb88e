"""The life cycle of a cache on disk: what it holds, whether it is sound, making it smaller, moving it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd

    from mmtoolkit.cache.report import CacheReport
    from mmtoolkit.cache.store import EmbeddingCache

__all__ = ["Care"]


class Care:
    """The part of `EmbeddingCache` that people and the command line use."""

    def stats(self) -> pd.DataFrame:
        """Return how much there is of what.

        Returns
        -------
        DataFrame
            One row per model, revision, dimension and parameters: vectors, size_bytes (of the vectors alone),
            oldest and newest (UTC).
        """
        from mmtoolkit.cache.upkeep import stats

        return stats(_whole(self))

    def verify(self, *, repair: bool = False) -> CacheReport:
        """Read every row and compare it with its checksum, and the index with the files.

        Parameters
        ----------
        repair : bool, default=False
            Write the index anew from everything that is sound; damaged rows are dropped, to be computed again.

        Returns
        -------
        CacheReport
            ``ok``, ``damaged`` (a table), ``problems`` of the index, ``rows`` and ``repaired``.
        """
        from mmtoolkit.cache.integrity import verify

        return verify(_whole(self), repair=repair)

    def prune(
        self,
        *,
        model: str | None = None,
        older_than: str | float | dt.timedelta | None = None,
        max_size: str | int | None = None,
    ) -> int:
        """Drop vectors and give their space on disk back.

        Parameters
        ----------
        model : str or None, default=None
            Only of this model.
        older_than : timedelta, days, or str such as "30d" or "12h", or None, default=None
            Only vectors that were stored longer ago.
        max_size : bytes, or str such as "2 GB", or None, default=None
            Drop the oldest until the rest is not larger.

        Returns
        -------
        int
            How many were dropped.

        Raises
        ------
        ValueError
            If nothing is asked for: a cache is not emptied by accident.
        """
        from mmtoolkit.cache.upkeep import prune

        return prune(_whole(self), model=model, older_than=older_than, max_size=max_size)

    def compact(self) -> int:
        """Write segments that have unused rows anew, and delete files that nothing refers to.

        Returns
        -------
        int
            Bytes given back.
        """
        from mmtoolkit.cache.upkeep import compact

        return compact(_whole(self))

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        model: str | None = None,
        revision: str | None = None,
        dimension: int | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> int:
        """Write the vectors of one space to a Parquet file that says what they are.

        Parameters
        ----------
        path : path
            Replaced in one step if it exists.
        model, revision, dimension, params : default=None
            Which space; may be left out as far as there is no choice.

        Returns
        -------
        int
            Rows written.

        Raises
        ------
        ValueError
            If no space, or more than one, fits; the message lists them.
        """
        from mmtoolkit.cache.transfer import export

        return export(_whole(self), path, model=model, revision=revision, dimension=dimension, params=params)

    def import_(self, path: str | os.PathLike[str], *, model: str | None = None) -> int:
        """Take over vectors that `export`, or an embedding run on Spark, wrote.

        Parameters
        ----------
        path : path
            A Parquet file, or a folder of them.
        model : str or None, default=None
            Refuse vectors of any other model.

        Returns
        -------
        int
            How many were new.

        Raises
        ------
        CacheError
            If a file is not what its manifest says, or would change a vector that is there; nothing is taken over then.
        """
        from mmtoolkit.cache.transfer import import_

        return import_(_whole(self), path, model=model)


def _whole(cache: Care) -> EmbeddingCache:
    return cast("EmbeddingCache", cache)
