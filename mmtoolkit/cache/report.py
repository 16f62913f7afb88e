"""What `verify` found in a cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mmtoolkit.results import Result

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CacheReport"]


@dataclass(frozen=True, eq=False, repr=False)
class CacheReport(Result):
    """The state of a cache.

    Parameters
    ----------
    rows : int
        Vectors that were compared with their checksums.
    damaged : DataFrame
        Columns model, dimension, row, key (hexadecimal) and reason; one row per vector that is lost or unsure.
    problems : tuple of str
        What is wrong with the index, the records or the notes; no vector is lost by these.
    repaired : bool
        Whether a repair was made: then a second `verify` finds nothing.
    """

    rows: int
    damaged: pd.DataFrame
    problems: tuple[str, ...]
    repaired: bool

    @property
    def ok(self) -> bool:
        """Whether all is as it was written."""
        return not self.problems and self.damaged.empty

    def _summary(self) -> str:
        if self.ok:
            return f"{self.rows} vectors, all sound"
        then = "repaired; damaged vectors are computed again when they are needed" if self.repaired else "not repaired"
        return f"{self.rows} vectors, {len(self.damaged)} damaged, {len(self.problems)} other problems; {then}"

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        import pandas as pd

        problems = pd.DataFrame({"problem": list(self.problems)})
        return {k: v for k, v in {"damaged": self.damaged, "problems": problems}.items() if len(v)}
