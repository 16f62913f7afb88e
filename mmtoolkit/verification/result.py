"""What ``verify`` returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from mmtoolkit._text import shorten
from mmtoolkit.results import Result
from mmtoolkit.words import aside, listed, say, word

__all__ = ["EQUAL", "IDENTICAL", "Verification"]

_SHOWN = 3
IDENTICAL, EQUAL = word("identical"), word("equal within tolerance")


@dataclass(frozen=True, eq=False, repr=False)
class Verification(Result):
    """Whether a report still stands.

    Parameters
    ----------
    verdict : str
        "identical", "equal within tolerance", "edited at NAME" when the report is not as it was written, "differs at NAME",
        where NAME is the first figure that differs, or "not checked: NAME ..." when nothing differs but a result could not
        be computed again.
    causes : tuple of str
        Why, as far as it can be known: a changed picture, class, vector, parameter, seed or version.
    differences : DataFrame
        Index where; columns report (what it says), now (what came out) and kind; at most 100 rows.
    notes : tuple of str
        What was not or could not be checked, and differences that alone mean nothing, such as a version.
    checked : tuple of str
        Results that were computed again.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> emb = mm.embed_texts(["a red bird", "a bird", "a blue car", "a car"], model="local")
    >>> file = mm.report(mm.cluster(emb, 2)).save(Path(tempfile.mkdtemp()) / "report.json")
    >>> v = mm.verify(file)
    >>> v.ok, v.verdict, v.checked
    (True, 'identical', ('cluster',))
    """

    verdict: str
    causes: tuple[str, ...]
    differences: pd.DataFrame
    notes: tuple[str, ...]
    checked: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every result was computed again and nothing differs beyond the stored tolerance."""
        return self.verdict in (IDENTICAL, EQUAL)

    def _summary(self) -> str:
        names = listed(self.checked) or say("nothing")
        verdict = say("{verdict} (computed again: {names})", verdict=self.verdict, names=names)
        left = len(self.causes) - _SHOWN
        more = [say("and {n} more cause", "and {n} more causes", n=left)] if left > 0 else []
        return aside(verdict, *self.causes[:_SHOWN], *more)

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        tables: dict[str, pd.DataFrame] = {}
        if len(self.causes) > _SHOWN:
            tables[say("Causes")] = pd.DataFrame(
                {"cause": list(self.causes)}, index=pd.RangeIndex(1, len(self.causes) + 1)
            )
        if len(self.differences):
            tables[say("Differences")] = self.differences.map(lambda value: shorten(value, 60))
        if self.notes:
            tables[say("Notes")] = pd.DataFrame({"note": list(self.notes)}, index=pd.RangeIndex(1, len(self.notes) + 1))
        return tables
