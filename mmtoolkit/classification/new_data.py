"""``check_new`` tells whether new data is like the data that a classifier was scored on, and whether the score still holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mmtoolkit._aligned import column
from mmtoolkit._numbers import as_numbers
from mmtoolkit.classification.comparison import holm
from mmtoolkit.classification.intervals import Z
from mmtoolkit.classification.old_and_new import Sides, foretold
from mmtoolkit.classification.result import Classification
from mmtoolkit.classification.targets import recordable
from mmtoolkit.frames import COLUMNS
from mmtoolkit.results import Result, plain
from mmtoolkit.steps import UNRECORDED, Step, resolved, verb
from mmtoolkit.vectors import HasVectors, has_vectors, ids_of, items_of
from mmtoolkit.words import aside, between, percent, say

__all__ = ["NewData", "check_new"]

_LEVEL = 0.05  # of the alarm
_REFUSED = 0.10  # of the test that lets the score through
_FEWEST = 20  # independent new items that a score is foretold for
_RARE = 0.01
_HALF_WIDTH = 0.05  # of the accuracy once `to_label` is labelled
_FEW = 20  # values of a column
_MISSING = "(missing)"


@dataclass(frozen=True, eq=False, repr=False)
class NewData(Result):
    """Whether new data is like the data a classifier was scored on.

    Attributes
    ----------
    alarm : bool
        Whether the new items differ from the old ones (`p_value` at most 0.05).
    p_value : float
        Of the test that both are drawn alike, by permutation of groups.
    p_value_within : float
        Of the test that the new items are the same classes in another mix; NaN where that cannot be tested.
    expected : DataFrame
        Index metric (accuracy); value, low and high: what to expect on the new items, with a 95 % interval. NaN where it cannot be
        said.
    reason : str
        Why nothing is expected; "" where something is.
    mix : DataFrame
        Index class; columns old and new: its share of the scored items, and of the new items as estimated without labels.
    unfamiliar : DataFrame
        New items that are farther from any old item than 99 in 100 old items are, the farthest first: row, id, nearest (id of the
        old item), similarity (cosine), predicted.
    n_by_chance : float
        How many unfamiliar items there would be among as many old ones.
    changed : DataFrame
        Columns of few values that both have, the most changed first: column, value (whose share changed most), old, new (its shares)
        and p_value (corrected for the number of columns).
    to_label : DataFrame
        A random sample of the new items (row, id, predicted, probability): once these are labelled the accuracy is known within five
        points.
    n_old, n_new : int
        Independent items on either side: those of one group, and duplicates, count as one.
    recipe : Step
        Verb and parameters, to run it again.
    source : mapping
        Of "result" and "new" to the vectors.
    n_known : int
        New items that are duplicates of items which the classifier was trained or scored on, or of a group with such.
    """

    alarm: bool
    p_value: float
    p_value_within: float
    expected: pd.DataFrame
    reason: str
    mix: pd.DataFrame
    unfamiliar: pd.DataFrame
    n_by_chance: float
    changed: pd.DataFrame
    to_label: pd.DataFrame
    n_old: int
    n_new: int
    recipe: Step = UNRECORDED
    source: Any = field(default=None, repr=False)
    n_known: int = 0

    def _summary(self) -> str:
        row: Any = self.expected.loc["accuracy"]
        if self.reason:
            told = say("cannot say what accuracy to expect: {reason}", reason=self.reason)
        else:
            told = say(
                "expected accuracy {value} ({interval})",
                value=percent(row["value"]),
                interval=between(percent(row["low"]), percent(float(row["high"]))),
            )
        known = ""
        if self.n_known:
            known = say("{n:,} was trained or scored on", "{n:,} were trained or scored on", n=self.n_known)
        if self.alarm:
            return aside(say("differs from the old data (p = {p:.3f})", p=self.p_value), told, known)
        return aside(say("looks like the old data (p = {p:.3f})", p=self.p_value), told, known)

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        tables: dict[str, pd.DataFrame] = {say("Expected"): self.expected, say("Classes"): self.mix}
        if len(self.changed):
            tables[say("Columns that changed")] = self.changed.set_index("column")
        if len(self.unfamiliar):
            tables[say("Unfamiliar items")] = self.unfamiliar.set_index("id")
        return {**tables, say("To label"): self.to_label.set_index("id")}

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the verdict and the named items exactly, numbers rounded."""
        exact = {
            "alarm": self.alarm,
            "reason": self.reason,
            "unfamiliar": plain(self.unfamiliar["id"]),
            "to_label": plain(self.to_label["id"]),
            "counts": {"n_old": self.n_old, "n_new": self.n_new},
        }
        names = ("p_value", "p_value_within", "expected", "mix", "changed")
        return {"exact": exact, "rounded": {name: plain(getattr(self, name)) for name in names}, "map": {}}


@verb("check_new", columns=("groups", "columns"), sources="several", of="classify", variable="check")
def check_new(
    result: Classification,
    new: HasVectors | ArrayLike,
    *,
    groups: ArrayLike | str | None = None,
    columns: Sequence[str] | None = None,
    random_state: int = 0,
) -> NewData:
    """Check whether new items are like those a classifier was scored on, and what score to expect on them.

    Labels of the new items are not needed and not looked at.

    Parameters
    ----------
    result : Classification
        What `classify` returned.
    new : Embeddings or array of shape (n, n_features)
        New items, embedded with the same model.
    groups : array-like of shape (n,) or str, optional
        Groups of the new items, which count as one item each. None takes the column that the classifier's groups came from, where the
        new items have it. Duplicates are found as `classify` finds them.
    columns : sequence of str, str, or None, default=None
        Columns of the items, of at most 20 values, whose shares are compared. None takes all that both have.
    random_state : int, default=0
        Seed of permutations and of the sample to label; recorded.

    Returns
    -------
    NewData
        `alarm`, `p_value`, `expected` (or `reason`), `unfamiliar`, `changed`, `to_label`.

    Raises
    ------
    TypeError
        If `result` is no result of `classify`, or `new` neither Embeddings nor numbers.
    ValueError
        If one of `columns` is not there on both sides, or has too many values.
    SpaceError
        If the new vectors come from another model, revision or dimension.

    Notes
    -----
    Where the new items are a mix of the old classes, the held-out accuracy of each class is weighted by its share of the new
    items (Saerens, Latinne and Decaestecker 2002). Where they are not, no number is given: it would flatter. What cannot be
    seen without labels is a change of meaning: the same pictures, called otherwise from now on.

    References
    ----------
    Gretton et al. (2012), A kernel two-sample test; Saerens, Latinne and Decaestecker (2002), Adjusting the outputs of a
    classifier to new a priori probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> rng = np.random.default_rng(0)
    >>> y = np.arange(300) % 3
    >>> r = mm.classify(rng.normal(size=(300, 8)) + 2 * np.eye(3, 8)[y], y, normalize=False, inference=False)
    >>> mm.check_new(r, rng.normal(size=(90, 8)) + 2 * np.eye(3, 8)[y[:90]]).alarm
    False
    >>> mm.check_new(r, rng.normal(size=(90, 8)) + 2 * np.eye(3, 8)[y[:90]] + 0.5).reason[:42]
    'the new items are no mix of the old classe'
    """
    given: object = result
    if not isinstance(given, Classification):
        msg = (
            f"check_new takes the result of mm.classify, got {type(result).__name__}: it compares with the items that were scored; "
            "classify them again, their vectors are in the cache"
        )
        raise TypeError(msg)
    rows = new if has_vectors(new) else as_numbers(new)
    if rows is None:
        msg = f"new must be Embeddings or an array of shape (n, n_features), got {type(new).__name__}; embed the items first: mm.embed(new)"
        raise TypeError(msg)
    new = rows
    own = result.recipe["params"]["groups"]
    if groups is None and isinstance(own, str) and has_vectors(new) and own in new.items.columns:
        groups = own
    names = (
        _columns(result.source, new) if columns is None else [columns] if isinstance(columns, str) else list(columns)
    )
    resolved(source={"result": result.source, "new": new}, groups=recordable(new, groups, what="groups"), columns=names)
    proba = result.predict_proba(new)
    sides = Sides.of(result, new, groups)
    p_value, within = sides.tested(random_state)
    mix, expected = foretold(result, proba, sides)
    reason = _why_not(sides, within)
    if reason:
        expected.loc[:] = np.nan
    chosen = {
        "predicted": np.array(result.classes.tolist(), dtype=object)[proba.argmax(axis=1)],
        "probability": proba.max(axis=1),
    }
    table = pd.DataFrame({"row": np.arange(len(proba)), "id": ids_of(new).astype(object), **chosen})
    return NewData(
        alarm=bool(p_value <= _LEVEL),
        p_value=p_value,
        p_value_within=within,
        expected=expected,
        reason=reason,
        mix=mix,
        unfamiliar=_unfamiliar(result, sides, table),
        n_by_chance=_RARE * len(proba),
        changed=_changed(result.source, new, names, sides, random_state),
        to_label=_to_label(float(expected["value"].iloc[0]), table, random_state),
        n_old=sides.n_old,
        n_new=sides.n_new,
        n_known=sides.n_known,
    )


def _why_not(sides: Sides, within: float) -> str:
    """Return why no score can be predicted; "" where one can."""
    if sides.n_new < _FEWEST:
        return say(
            "there is {n} independent new item, and fewer than {least} do not show whether they are like the old ones",
            "there are {n} independent new items, and fewer than {least} do not show whether they are like the old ones",
            n=sides.n_new,
            least=_FEWEST,
        )
    if np.isnan(within):
        return say("there are too many classes to tell whether the new items are a mix of them")
    if within <= _REFUSED:
        return say(
            "the new items are no mix of the old classes (p = {p:.3f}), so the held-out score would flatter", p=within
        )
    return ""


def _unfamiliar(result: Classification, sides: Sides, table: pd.DataFrame) -> pd.DataFrame:
    """Return the new items that are farther from any old item than nearly all old ones are."""
    own, similarity, nearest = sides.nearness()
    limit = np.quantile(own, _RARE, method="lower")
    table = table.assign(nearest=result.ids[sides.old[nearest]].astype(object), similarity=similarity)
    far = table[table["similarity"] < limit].sort_values("similarity", kind="stable")
    return far[["row", "id", "nearest", "similarity", "predicted"]].reset_index(drop=True)


def _columns(old: Any, new: Any) -> list[str]:
    """Return the columns of few values that both frames have, without those that say what an item is."""
    mine, theirs = items_of(old), items_of(new)
    if mine is None or theirs is None:
        return []
    shared = [name for name in mine.columns if isinstance(name, str) and name in theirs.columns and name not in COLUMNS]
    return [name for name in shared if 2 <= len(_names_of(old, new, name)) <= _FEW]


def _names_of(old: Any, new: Any, name: str) -> set[str]:
    return {_name_of(value) for source in (old, new) for value in column(source, name, what="columns")}


def _name_of(value: object) -> str:
    return _MISSING if value is None else str(value)


def _changed(old: Any, new: Any, names: Sequence[str], sides: Sides, random_state: int) -> pd.DataFrame:
    """Compare the shares of the values of columns."""
    rows = []
    for name in names:
        if (n := len(_names_of(old, new, name))) > _FEW:
            msg = f"the column {name!r} has {n} values, and shares are compared of at most {_FEW}; bring them into fewer groups first"
            raise ValueError(msg)
        parts = [column(old, name, what="columns")[sides.old], column(new, name, what="columns")]
        shares, p = sides.compared(np.array([_name_of(value) for part in parts for value in part]), random_state)
        most = str((shares["new"] - shares["old"]).abs().idxmax())
        rows.append((name, most, shares["old"][most], shares["new"][most], p))
    table = pd.DataFrame(rows, columns=["column", "value", "old", "new", "p_value"])
    table["p_value"] = holm(table["p_value"].to_numpy(dtype=np.float64))
    return table.sort_values("p_value", kind="stable").reset_index(drop=True)


def _to_label(value: float, table: pd.DataFrame, random_state: int) -> pd.DataFrame:
    """Return a random sample that is large enough, in the order to label them."""
    # Of items, whatever belongs together: one item does not tell how the others of its group are predicted.
    least = _HALF_WIDTH * (1.0 - _HALF_WIDTH)  # an accuracy within five points of 1 may have that spread
    spread = max(value * (1.0 - value), least) if value == value else 0.25  # noqa: PLR0124 - NaN
    needed = spread * (Z / _HALF_WIDTH) ** 2
    enough = int(np.ceil(needed / (1.0 + (needed - 1.0) / len(table))))
    order = np.random.default_rng([random_state, 3]).permutation(len(table))
    return table.iloc[order[:enough]].reset_index(drop=True)
