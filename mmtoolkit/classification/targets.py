"""Turn a column of classes into numbers; errors say clearly what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mmtoolkit._aligned import column
from mmtoolkit._numbers import feature_names, numbers_of
from mmtoolkit._text import shorten
from mmtoolkit._values import finder
from mmtoolkit.classification.folds import class_sizes
from mmtoolkit.vectors import HasVectors, has_vectors, ids_of

__all__ = ["Target", "TooFewError", "codes_of", "make_target", "places_of", "recordable", "without_small"]


_KINDS = ("str", "number", "bool")


class TooFewError(ValueError):
    """There are too few classes, or too few items of a class.

    Parameters
    ----------
    reason : str
        What is too few.
    advice : str, default=""
        What to do in Python.
    """

    def __init__(self, reason: str, advice: str = "") -> None:
        super().__init__(f"{reason}: {advice}" if advice else reason)
        self.reason = reason


@dataclass(frozen=True, eq=False)
class Target:
    """True classes as numbers.

    Attributes
    ----------
    values : ndarray of shape (n_items,), object
        What the user gave; None where missing.
    codes : ndarray of shape (n_items,), int
        Position in `classes`; -1 where missing.
    classes : ndarray of shape (n_classes,)
        Sorted classes.
    """

    values: NDArray[np.object_]
    codes: NDArray[np.intp]
    classes: NDArray[Any]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which rows have a class, (n_items,)."""
        return self.codes >= 0


def _refuse_large(values: NDArray[np.object_], ids: NDArray[np.str_]) -> None:
    for row, value in enumerate(values):
        if isinstance(value, int | np.integer) and abs(int(value)) >= 2**63:
            msg = f"row {row}, id {str(ids[row])!r}: the class {shorten(value)} is too large for a whole number of 64 bits; write it as text"
            raise ValueError(msg)


def _refuse_feature(embeddings: HasVectors | ArrayLike, y: Any, values: NDArray[np.object_]) -> None:
    """Raise ValueError where the classes are one of the columns of the table of numbers that they are to be told from."""
    rows = embeddings if has_vectors(embeddings) else numbers_of(embeddings)
    name, names = str(getattr(y, "name", "")), feature_names(rows)
    if name in names:
        given = np.asarray(rows)[:, names.index(name)]
        if np.array_equal(given, pd.to_numeric(pd.Series(values), errors="coerce").to_numpy(given.dtype)):
            msg = f"y is the column {name!r} of the table itself, which would tell it from itself: X.drop(columns={name!r})"
            raise ValueError(msg)


def _kind(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return "bool"
    if isinstance(value, int | float | np.integer | np.floating):
        return "number"
    return "str" if isinstance(value, str) else type(value).__name__


def make_target(embeddings: HasVectors | ArrayLike, y: ArrayLike | str) -> Target:
    """Check classes and number them.

    Parameters
    ----------
    embeddings : Embeddings or array
        Vectors whose rows the classes belong to.
    y : array-like of shape (n_items,) or str
        Classes (all text, all numbers or all bool; missing ones allowed), or a column name.

    Returns
    -------
    Target
        Codes and sorted classes.

    Raises
    ------
    ValueError
        If types are mixed, numbers are not classes, or fewer than two classes are there; the message names rows.
    """
    values = column(embeddings, y)
    ids = ids_of(embeddings)
    _refuse_feature(embeddings, y, values)
    first: tuple[int, str] | None = None
    one_plain_kind = (
        len(set(map(type, values)) - {type(None)}) == 1 and _kind(next(v for v in values if v is not None)) in _KINDS
    )
    for row, value in enumerate(() if one_plain_kind else values):
        if value is None:
            continue
        kind = _kind(value)
        if kind not in _KINDS:
            msg = f"row {row}, id {str(ids[row])!r}: a class must be text, a number or a bool, got {kind} {shorten(value)!r}; write it as text"
            raise ValueError(msg)
        if first is None:
            first = (row, kind)
        elif kind != first[1]:
            msg = (
                f"y mixes types: row {first[0]} (id {str(ids[first[0]])!r}) has {shorten(repr(values[first[0]]))}, row {row} "
                f"(id {str(ids[row])!r}) has {shorten(repr(value))}; make all classes text or all numbers, e.g. y.astype(str)"
            )
            raise ValueError(msg)
    known = values != None  # noqa: E711 - of every cell
    plain = np.array(values[known].tolist())
    if plain.dtype.kind in "uOf":  # so NumPy makes whole numbers that are too large, and equal floats of some
        _refuse_large(values, ids)
    classes, inverse = np.unique(plain, return_inverse=True)
    if len(classes) < 2:
        found = f"one: {shorten(repr(classes[0].item()))}" if len(classes) else "none"
        msg = f"classification needs at least two classes, y has {found}"
        raise TooFewError(msg)
    broken = (
        classes[~(np.isfinite(classes) & (classes == np.round(classes)))] if classes.dtype.kind == "f" else classes[:0]
    )
    if len(broken):
        msg = f"y holds {len(classes)} different decimal numbers, first {broken[0]}; that is regression, which is out of scope: make classes of them"
        raise ValueError(msg)
    codes = np.full(len(values), -1, dtype=np.intp)
    codes[known] = inverse
    return Target(values, codes, classes)


def codes_of(values: NDArray[np.object_], classes: NDArray[Any]) -> NDArray[np.intp]:
    """Return the numbers of further classes in `classes`; -1 where missing.

    Raises
    ------
    ValueError
        If a class is not among `classes`; the message names the row.
    """
    place_of = finder(classes.tolist())
    codes = np.full(len(values), -1, dtype=np.intp)
    for row, value in enumerate(values):
        if value is None:
            continue
        code = place_of(value)
        if code is None:
            msg = f"row {row} has class {shorten(repr(value))}, which the model does not know; it knows {shorten(', '.join(map(str, classes)), 200)}"
            raise ValueError(msg)
        codes[row] = code
    return codes


def places_of(names: Iterable[Any], classes: NDArray[Any], where: str) -> list[int]:
    """Return the places of some classes in `classes`; raise ValueError for others, and say which argument names them."""
    place_of, places = finder(classes.tolist()), []
    for name in names:
        if (place := place_of(name)) is None:
            msg = f"{where} {shorten(repr(name))}, which is none of the classes {shorten(', '.join(map(str, classes)))}"
            raise ValueError(msg)
        places.append(place)
    return places


def without_small(target: Target, groups: NDArray[np.intp], least: int) -> tuple[Target, NDArray[np.object_]]:
    """Leave out the classes with fewer than `least` independent items.

    Parameters
    ----------
    target : Target
        All classes.
    groups : ndarray of shape (n_items,), int
        Items of one group count as one.
    least : int
        Smallest size that is kept.

    Returns
    -------
    Target
        The other classes; items of small ones count as having none. The same object where no class is small, or fewer
        than two are not.
    left_out : ndarray of shape (n_items,), object
        The class of the items whose class was taken out; None elsewhere.
    """
    none = np.full(len(target.values), None, dtype=object)
    rows = np.flatnonzero(target.known)
    sizes, _ = class_sizes(target.codes[rows], np.unique(groups[rows], return_inverse=True)[1])
    large = sizes >= least
    if large.all() or large.sum() < 2:
        return target, none
    small = target.known & ~large[np.maximum(target.codes, 0)]
    number = np.where(large, np.cumsum(large) - 1, -1)
    codes = np.where(target.known, number[target.codes], -1)
    kept = Target(np.where(small, none, target.values), codes.astype(np.intp), target.classes[large])
    return kept, np.where(small, target.values, none)


def recordable(embeddings: HasVectors | ArrayLike, values: ArrayLike | str | None, *, what: str = "y") -> Any:
    """Return values as a recipe holds them: None and names of columns as they are, missing ones of an array as None."""
    return values if values is None or isinstance(values, str) else column(embeddings, values, what=what)
