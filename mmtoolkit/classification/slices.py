"""Where a classifier fails: slices of the items that it gets wrong more often than the rest of the same classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import gammaln, ndtr, ndtri

from mmtoolkit._aligned import column
from mmtoolkit._text import shorten
from mmtoolkit.classification.cuts import columns_of_few_values, cut, derive
from mmtoolkit.classification.held_out import HeldOutItems
from mmtoolkit.classification.intervals import limits
from mmtoolkit.results import Result, plain
from mmtoolkit.steps import UNRECORDED, Step, resolved
from mmtoolkit.words import points, recalled, say

if TYPE_CHECKING:
    from mmtoolkit.classification.result import Classification

__all__ = ["Slices", "find_slices"]

LEVEL = 0.05
_FEWEST = 10  # scored items of a slice, and outside it
_EXACT = 4000  # terms of the exact distribution
_DERIVED = "what was derived"  # one family
_COLUMNS = ("n", "wrong", "accuracy", "low", "high", "difference", "raw_difference", "p_value")


@dataclass(frozen=True, eq=False, repr=False)
class Slices(Result):
    """How a classifier does on parts of the items, and which parts it gets wrong more often than the rest.

    Attributes
    ----------
    table : DataFrame
        One row per slice, the worst first: family (a column, or what was derived), slice (its value), n (scored items), wrong,
        accuracy with low and high (95 % interval over groups), difference (share of wrong answers minus that of the rest, within
        classes; NaN where every class lies wholly on one side), raw_difference (the same without regard to classes), p_value (one-sided:
        wrong more often than chance lets it be), q_value (p adjusted for the slices of its family and the number of families)
        and found (q_value at most 0.05).
    labels : mapping of str to ndarray of shape (n_items,), object
        By family the slice of every item.
    notes : tuple of str
        What was not looked at, and why.
    classification : Classification
        What was looked at.
    recipe : Step
        Verb and parameters, to run it again.
    source : Embeddings or array
        What the classifier was made from.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> y = np.arange(80) % 2
    >>> r = mm.classify(np.eye(8)[y] + np.random.default_rng(0).normal(size=(80, 8)) / 9, y, inference=False)
    >>> r.slices(derived={"half": np.arange(80) < 40}).found.empty
    True
    """

    table: pd.DataFrame
    labels: Mapping[str, NDArray[np.object_]] = field(repr=False)
    notes: tuple[str, ...] = ()
    classification: Any = field(default=None, repr=False)
    recipe: Step = UNRECORDED
    source: Any = field(default=None, repr=False)

    @property
    def found(self) -> pd.DataFrame:
        """The rows of `table` that are wrong more often than by chance."""
        return self.table[self.table["found"]]

    def errors(self, family: str, name: str) -> NDArray[np.intp]:
        """Return the row numbers of the items of a slice that were predicted wrong.

        Parameters
        ----------
        family, name : str
            As `table` has them.

        Returns
        -------
        ndarray of shape (n_wrong,), int

        Raises
        ------
        ValueError
            If there is no such slice.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> y, blurred = np.arange(400) % 2, np.arange(400) % 4 > 1
        >>> X = np.random.default_rng(0).normal(size=(400, 8)) + 4 * np.outer((2 * y - 1) * ~blurred, np.eye(8)[0])
        >>> s = mm.classify(X, y, normalize=False, inference=False).slices(derived={"blurred": blurred})
        >>> s.found["slice"].tolist(), len(s.errors("blurred", "True")) > len(s.errors("blurred", "False"))
        (['True'], True)
        """
        if family not in self.labels or name not in set(self.labels[family]):
            msg = f"there is no slice {family!r} = {name!r}; `table` lists them"
            raise ValueError(msg)
        r = self.classification
        return np.flatnonzero((r.fold >= 0) & (r.y_pred != r.y_true) & (self.labels[family] == name))

    def _summary(self) -> str:
        if self.table.empty:
            return say("there is nothing to slice by")
        n, families = len(self.table), self.table["family"].nunique()
        looked = say(
            "{slices} in {families}",
            slices=say("{n} slice", "{n} slices", n=n),
            families=say("{n} family", "{n} families", n=families),
        )
        if self.found.empty:
            return say("{looked}, none is wrong more often than the rest of its classes", looked=looked)
        worst = self.found.iloc[0]
        return say(
            "{n_found} of {looked} wrong more often than the rest of their classes, first {family} = {slice}: {wrong} of {n} "
            "wrong, {points} more",
            n_found=len(self.found),
            looked=looked,
            family=recalled(worst["family"], self.labels),
            slice=recalled(worst["slice"], self.labels[worst["family"]]),
            wrong=worst["wrong"],
            n=worst["n"],
            points=points(worst["difference"]),
        )

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        return {"slices": self.table.set_index(["family", "slice"])} if len(self.table) else {}

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return names, counts and notes exactly, scores rounded."""
        counts = self.table[["family", "slice", "n", "wrong", "found"]]
        return {
            "exact": {"slices": plain(counts), "notes": plain(self.notes)},
            "rounded": {"scores": plain(self.table.drop(columns=list(counts.columns)))},
            "map": {},
        }


def find_slices(result: Classification, columns: Sequence[str] | None, derived: Any) -> Slices:
    """Return what ``Classification.slices`` returns."""
    given_derived: object = derived
    if not isinstance(given_derived, bool | Mapping):
        msg = f"derived must be True, False or a mapping of names to one value per item, got {shorten(repr(derived))}"
        raise TypeError(msg)
    if isinstance(columns, str):
        columns = [columns]
    names = columns_of_few_values(result) if columns is None else list(columns)
    given = {name: cut(result, name) for name in names}
    if isinstance(derived, Mapping):
        more = {str(name): column(result.source, values, what=f"derived[{name!r}]") for name, values in derived.items()}
        more = {name: np.array([_name_of(value) for value in values], dtype=object) for name, values in more.items()}
    else:
        more = derive(result) if derived else {}
    resolved(columns=names)
    labels, notes, rows = {**given, **more}, [], []
    held, small = HeldOutItems(result), 0
    scored, wrong = held.rows, held.wrong.astype(np.float64)
    for family, every in labels.items():
        members = {name: every[scored] == name for name in sorted(set(every[scored]))}
        if len(members) == 1:
            notes.append(
                say("{family!r} is the same for all scored items, so there is nothing to compare", family=family)
            )
            continue
        large = {name: m for name, m in members.items() if _FEWEST <= m.sum() <= len(m) - _FEWEST}
        small += len(members) - len(large)
        found = [(family, name, *_compared(member, wrong, held.true, held.groups)) for name, member in large.items()]
        if found and all(np.isnan(row[-1]) for row in found):
            notes.append(
                say("{family!r} parts the items as the classes do, so it cannot be told apart from them", family=family)
            )
        else:
            rows += found
    if small:
        notes.append(
            say(
                "{n} slice has fewer than {fewest} scored items on one side and was left out",
                "{n} slices have fewer than {fewest} scored items on one side and were left out",
                n=small,
                fewest=_FEWEST,
            )
        )
    table = pd.DataFrame(rows, columns=["family", "slice", *_COLUMNS])
    table["q_value"] = _adjusted(
        table, {name: _DERIVED if derived is True and name in more else name for name in labels}, len(scored)
    )
    table["found"] = table["q_value"] <= LEVEL
    order = table.assign(own=table["family"].isin(names)).sort_values(
        ["found", "own", "difference"], ascending=False, kind="stable", na_position="last"
    )
    return Slices(table.loc[order.index].reset_index(drop=True), labels, tuple(notes), result)


def _name_of(value: object) -> str:
    return "(missing)" if value is None else str(value)


def _compared(
    member: NDArray[np.bool_], wrong: NDArray[np.float64], classes: NDArray[np.intp], groups: NDArray[np.intp]
) -> tuple[float, ...]:
    """Compare the errors of a slice with those of the rest of the same classes (Mantel and Haenszel)."""
    # the excess is tested against the exact distribution of errors dealt out within each class, with the mid-p; errors that
    # come together in groups make it less sure
    n_classes = int(classes.max()) + 1
    count = np.bincount(classes, minlength=n_classes).astype(np.float64)
    inside = np.bincount(classes, weights=member, minlength=n_classes)
    errors = np.bincount(classes, weights=wrong, minlength=n_classes)
    n, n_wrong = int(member.sum()), int(wrong[member].sum())
    seen = np.maximum(count, 1.0)
    weight = float((inside * (count - inside) / seen).sum())
    excess = n_wrong - float((inside * errors / seen).sum())
    right = 1.0 - wrong[member]
    value = float(right.mean())
    inner = np.unique(groups[member], return_inverse=True)[1]
    spread = float((np.bincount(inner, weights=right - value) ** 2).sum()) / n**2
    n_groups = int(inner.max()) + 1
    low, high = limits(np.array([value]), np.array([spread]), n_groups, n_groups)
    raw = float(wrong[member].mean() - wrong[~member].mean())
    found = (n, n_wrong, value, float(low[0]), float(high[0]))
    if weight <= 0.0:
        return (*found, np.nan, raw, np.nan)
    shuffled = inside * (count - inside) * errors * (count - errors) / np.maximum(seen**2 * (seen - 1.0), 1.0)
    variance = float(shuffled.sum())
    z = _exact(inside, count, errors, n_wrong)
    if np.isnan(z):
        z = excess / np.sqrt(variance)
    if variance > 0.0:
        apart = (member - (inside / seen)[classes]) * (wrong - (errors / seen)[classes])
        together = float((np.bincount(groups, weights=apart) ** 2).sum() - (apart**2).sum())  # of pairs in a group
        z /= np.sqrt(max(1.0, 1.0 + together / variance))
    return (*found, excess / weight, raw, float(ndtr(-z)))


def _exact(inside: NDArray[Any], count: NDArray[Any], errors: NDArray[Any], n_wrong: int) -> float:
    """Return the z of the mid-p of at least so many errors inside, dealt out within each class; NaN where that takes long."""
    low = np.maximum(0.0, inside + errors - count)
    high = np.minimum(inside, errors)
    if (high - low).sum() > _EXACT:
        return float("nan")
    total = np.ones(1)
    for a, b, m, e, n in zip(low, high, inside, errors, count, strict=True):
        k = np.arange(a, b + 1)
        logs = _choose(e, k) + _choose(n - e, m - k) - _choose(n, m)
        total = np.convolve(total, np.exp(logs))
    at = n_wrong - int(low.sum())
    beyond, within = float(total[at + 1 :].sum()), 0.5 * float(total[at])
    return float(-ndtri(beyond + within) if beyond < 0.5 else ndtri(float(total[:at].sum()) + within))


def _choose(n: Any, k: Any) -> Any:
    return gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)


def _adjusted(table: pd.DataFrame, kinds: Mapping[str, str], n_items: int) -> pd.Series:
    """Return Benjamini and Hochberg's adjusted p within each family, raised by the share of families with a find."""
    # Within a family small slices have more weight than those with most of the items (Genovese, Roeder and Wasserman, 2006).
    # Families are selected by their smallest adjusted p (Simes), by the same procedure; within them the level shrinks with the
    # share that is selected (Benjamini and Bogomolov, 2014).
    tested = table.dropna(subset="p_value")
    families = tested["family"].map(kinds)
    weight = 1.0 - tested["n"] / n_items
    weight /= weight.groupby(families).transform("mean")
    within = (tested["p_value"] / weight).groupby(families).transform(_step_up)
    smallest = within.groupby(families).min()
    selected = int((_step_up(smallest) <= LEVEL).sum())
    return (within * len(smallest) / max(selected, 1)).clip(upper=1.0).reindex(table.index)


def _step_up(p: pd.Series) -> pd.Series:
    """Return Benjamini and Hochberg's adjusted p-values."""
    falling = p.sort_values(ascending=False, kind="stable")
    return (falling * len(p) / np.arange(len(p), 0, -1)).cummin().clip(upper=1.0).reindex(p.index)
