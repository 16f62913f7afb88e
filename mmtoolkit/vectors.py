"""How analysis verbs take vectors: all of them read Embeddings or a plain (n, d) array through this module."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeGuard

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mmtoolkit._blocks import blocks, in_order
from mmtoolkit._numbers import LabelledRows, array_of, check_columns, feature_names, matrix, numbers_of
from mmtoolkit._values import text_of
from mmtoolkit.space import space_of

__all__ = [
    "HasVectors",
    "Reranks",
    "at_unit_length",
    "check_same_space",
    "has_vectors",
    "ids_of",
    "index_of",
    "is_read_only",
    "items_of",
    "read_only",
    "rows_of",
    "single",
    "unit_rows",
    "vectors_of",
]


_UNIT = 2.0**-22  # how far the length of a unit row can be from 1 in float32
_ROWS = 16_384


class HasVectors(Protocol):
    """The part of ``Embeddings`` that analysis verbs use."""

    @property
    def vectors(self) -> NDArray[np.float32]:
        """Rows as the model returned them, (n_items, n_features)."""
        ...

    @property
    def unit(self) -> NDArray[np.float32]:
        """L2-normalised rows, (n_items, n_features)."""
        ...

    @property
    def ids(self) -> NDArray[np.str_]:
        """Item ids, (n_items,)."""
        ...

    @property
    def items(self) -> pd.DataFrame:
        """The items frame, row by row."""
        ...

    def encode(self, items: Any) -> NDArray[np.float32]:
        """Embed items or texts into the same space, (n, n_features)."""
        ...


class Reranks(Protocol):
    """The part of a reranker that analysis verbs use; they pass it to ``embeddings.rerank``."""

    @property
    def label(self) -> str:
        """Its name in a recipe."""
        ...


def has_vectors(value: object) -> TypeGuard[HasVectors]:
    """Return whether a value is Embeddings or has the same methods; nothing is computed."""
    return hasattr(value, "ids") and hasattr(value, "encode")


def single(X: Any, what: str = "row") -> NDArray[np.float32]:
    """Return rows in float32; raise ValueError for one with a number that is too large for it, not for NaN and infinity."""
    X = array_of(X)
    if X.dtype.kind == "c":
        msg = "expected real numbers, got complex ones; pass X.real, or real and imaginary parts side by side"
        raise TypeError(msg)
    try:
        with np.errstate(over="raise"):
            return np.asarray(X, dtype=np.float32)
    except (TypeError, ValueError):
        matrix(X)  # says what is no number
        raise
    except FloatingPointError as error:
        most = float(np.finfo(np.float32).max)
        place = tuple(np.argwhere(np.isfinite(X) & (np.abs(X) > most))[0])
        msg = f"{what} {place[0]} holds {X[place]:.3g}, which is too large for float32 (at most {most:.2g}); scale the rows, or remove such ones"
        raise ValueError(msg) from error


def unit_rows(X: ArrayLike) -> NDArray[np.float32]:
    """Scale every row to length 1; a zero row stays zero.

    The result of a row does not depend on the other rows or on the number of threads.

    Parameters
    ----------
    X : array-like of shape (n_items, n_features)
        Rows.

    Returns
    -------
    ndarray of shape (n_items, n_features), float32
        A new array.
    """
    X = single(X)
    norms = _lengths(X)
    norms[~(norms > 0)] = 1.0
    unit = np.empty_like(X)

    def scale(part: slice) -> None:  # divided in double precision, without a copy of X in it
        np.divide(X[part], norms[part, None], out=unit[part], dtype=np.float64, casting="same_kind")

    with np.errstate(invalid="ignore"):  # infinite rows become NaN
        _each(scale, len(X))
    return unit


def _lengths(X: NDArray[np.float32]) -> NDArray[np.float64]:
    squares = _each(lambda part: np.einsum("ij,ij->i", X[part], X[part], dtype=np.float64), len(X))
    return np.asarray(np.sqrt(np.concatenate(squares)))


def _each(function: Callable[[slice], Any], n: int) -> list[Any]:
    """Return what a function gives for every block of rows, by all cores where there are several."""
    parts = blocks(max(n, 1), _ROWS)
    return [function(parts[0])] if len(parts) == 1 else list(in_order(function, parts))  # its imports would take longer


def at_unit_length(X: ArrayLike) -> NDArray[np.float32]:
    """Return unit rows; the same array where all rows have length 1 already, within the precision of float32."""
    X = single(X)
    return X if bool((np.abs(_lengths(X) - 1.0) <= _UNIT).all()) else unit_rows(X)


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view of the array that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view


def is_read_only(array: NDArray[Any]) -> bool:
    """Return whether the array's memory is read-only for all arrays that share it."""
    base: Any = array
    while isinstance(base, np.ndarray):
        if base.flags.writeable:
            return False
        base = base.base
    return True


def vectors_of(embeddings: HasVectors | ArrayLike, *, normalize: bool = True) -> NDArray[np.float32]:
    """Return the checked matrix that an analysis works on.

    Parameters
    ----------
    embeddings : Embeddings or array-like of shape (n_items, n_features)
        What the user handed in.
    normalize : bool, default=True
        Unit rows (the default everywhere) or rows as they are.

    Returns
    -------
    ndarray of shape (n_items, n_features), float32
        Finite rows.

    Raises
    ------
    TypeError
        If it is neither Embeddings nor a numeric array.
    ValueError
        If it is not two-dimensional, is empty, or holds NaN; the message names the first bad row.
    """
    if has_vectors(embeddings):
        X = embeddings.unit if normalize else embeddings.vectors
        advice = "use emb.drop_failed() first"
        names = embeddings.ids
    else:
        raw = matrix(embeddings)
        X = at_unit_length(raw) if normalize else single(raw)
        advice = "remove such rows first"
        names = None
    if len(X) == 0 or X.shape[1] == 0:
        msg = f"there is nothing to work on: got shape {X.shape}"
        raise ValueError(msg)
    finite = np.concatenate(_each(lambda part: np.isfinite(X[part]).all(axis=1), len(X)))
    if not finite.all():
        first = int(np.argmin(finite))
        who = f"row {first}" if names is None else f"row {first}, id {str(names[first])!r}"
        msg = f"{int((~finite).sum())} of {len(X)} rows hold NaN or infinity, first: {who}; {advice}"
        raise ValueError(msg)
    if not normalize:
        _refuse_huge(X)
    return X


def _refuse_huge(X: NDArray[np.float32]) -> None:
    """Raise for raw rows whose squared distances are too large for float32, which would make results infinite."""
    most = float(np.sqrt(np.finfo(np.float32).max / (4 * X.shape[1])))
    largest = max(float(X.max()), -float(X.min()))
    if largest > most:
        row = int(np.abs(X).max(axis=1).argmax())
        msg = f"row {row} holds {largest:.3g}; squares of numbers above {most:.1g} do not fit float32; scale the rows, or use normalize=True"
        raise ValueError(msg)


def check_same_space(mine: Any, theirs: Any, what: str, *, same_params: bool = True) -> None:
    """Raise for vectors of two spaces; arrays and vectors of an unknown model fit every space, but not columns of other names.

    Parameters
    ----------
    mine, theirs : Embeddings or array
        Whose vectors are to be compared.
    what : str
        Whose vectors these two are, such as "the items and the query".
    same_params : bool, default=True
        False where the parameters may differ: some models embed questions with other parameters than documents.

    Raises
    ------
    SpaceError
        If both name a model, and their spaces differ.
    ValueError
        If both name their columns, and these differ.
    """
    check_columns(feature_names(mine), theirs)
    if not (getattr(mine, "model", "") and getattr(theirs, "model", "")):
        return
    one, other = space_of(mine), space_of(theirs)
    if not same_params:
        other = dataclasses.replace(other, params=one.params)
    one.refuse(other, what, "embed both with one model, and center both or none")


def ids_of(embeddings: HasVectors | ArrayLike) -> NDArray[np.str_]:
    """Return item ids, or row numbers as strings for a plain array."""
    if has_vectors(embeddings):
        return embeddings.ids
    return np.arange(len(numbers_of(embeddings))).astype(str)


def index_of(embeddings: HasVectors | ArrayLike) -> pd.Index | None:
    """Return the index labels of the rows in the frame that they came from; None where there was no frame."""
    if has_vectors(embeddings):
        return getattr(embeddings, "index", None)
    rows = numbers_of(embeddings)
    return rows.index if isinstance(rows, LabelledRows) else None


def rows_of(embeddings: HasVectors | ArrayLike, ids: Sequence[Any], complaint: str) -> NDArray[np.intp]:
    """Return the rows that have these ids; for an unknown id raise ValueError(complaint), with the id in place of ``{}``."""
    place = {name: row for row, name in enumerate(ids_of(embeddings).tolist())}
    unknown = [i for i in ids if text_of(i) not in place]
    if unknown:
        msg = f"{complaint.format(repr(unknown[0]))}; ids look like {next(iter(place), '')!r}"
        raise ValueError(msg)
    return np.array([place[text_of(i)] for i in ids], dtype=np.intp)


def items_of(embeddings: HasVectors | ArrayLike) -> pd.DataFrame | None:
    """Return the items frame, or None for a plain array."""
    return embeddings.items if has_vectors(embeddings) else None
