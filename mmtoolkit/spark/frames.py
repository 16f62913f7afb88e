"""Check Spark frames before a job starts, and move vectors between Arrow and numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame

__all__ = [
    "check_column",
    "check_items",
    "check_survey",
    "check_vectors",
    "from_array",
    "named",
    "named_vectors",
    "own",
    "survey",
    "to_array",
    "usable_rows",
    "vector_type",
]

_MOST = float(np.finfo(np.float32).max)
_OWN = "__mmtoolkit_"
_MEDIA = ("text", "image", "video")


def check_column(df: DataFrame, name: str, types: tuple[str, ...], what: str) -> None:
    """Raise unless `df` has a column of that name and of one of `types` (Spark's simple names).

    Raises
    ------
    ValueError
        If the column is missing; the message lists those there are.
    TypeError
        If its type is another, or `df` is no frame of Spark's.
    """
    if not hasattr(df, "sparkSession"):
        kind = f"{type(df).__module__.partition('.')[0]}.{type(df).__name__}"
        msg = f"{what}: mm.spark.{what} takes a Spark DataFrame, got {kind}; mm.{what} takes other frames"
        raise TypeError(msg)
    if name not in df.columns:
        msg = f"{what}: there is no column {name!r}; the frame has {', '.join(df.columns)}"
        raise ValueError(msg)
    got = df.schema[name].dataType.simpleString()
    if got not in types:
        wanted = " or ".join(t for t in types if t != "void")
        msg = f"{what}: column {name!r} must be {wanted}, got {got}"
        raise TypeError(msg)


def named(name: str) -> Column:
    """Return the column of exactly that name; Spark takes a dot in a name for a field."""
    from pyspark.sql import functions as F

    return F.col("`{}`".format(name.replace("`", "``")))


def own(name: str) -> str:
    """Return a column name of ours, which no user's frame has."""
    return _OWN + name


def check_items(df: DataFrame) -> list[str]:
    """Check the columns of an items frame and return the media columns that are there."""
    check_column(df, "id", ("string",), "embed")
    check_column(df, "modality", ("string",), "embed")
    media = [name for name in _MEDIA if name in df.columns]
    if not media:
        msg = f"embed: there is no column text, image or video; the frame has {', '.join(df.columns)}"
        raise ValueError(msg)
    for name in media:
        check_column(df, name, ("string", "void") if name == "text" else ("string", "binary", "void"), "embed")
    return media


def vector_type(df: DataFrame, what: str) -> None:
    """Check that there is a column ``vector`` of numbers."""
    check_column(df, "vector", ("array<float>", "array<double>"), what)


def named_vectors(df: DataFrame, what: str) -> None:
    """Check that there are columns ``id``, of texts, and ``vector``, of numbers."""
    vector_type(df, what)
    check_column(df, "id", ("string",), what)


def check_vectors(df: DataFrame, what: str) -> tuple[int, int]:
    """Check ids and vectors, looking at the data once, and return the number of rows and of features.

    Raises
    ------
    ValueError
        If the frame is empty, rows have no vector, or dimensions differ; the message counts them.
    """
    named_vectors(df, what)
    number = df.schema["vector"].dataType.elementType.simpleString()  # type: ignore[attr-defined]
    nan = f"coalesce(array_contains(vector, cast('NaN' as {number})), true)"  # null: not found, but there are nulls
    broken = f"{nan} or coalesce(array_max(vector) > {_MOST} or array_min(vector) < -{_MOST}, false)"
    row = df.selectExpr(
        "count(1) as n",
        f"sum(cast({broken} as int)) as missing",
        "min(size(vector)) as low",
        "max(size(vector)) as high",
    ).first()
    assert row is not None
    check_survey(*row, what=what)
    return int(row["n"]), int(row["low"])


def survey(column: pa.Array) -> tuple[int, int | None, int | None]:
    """Count lists that are null or have a null, NaN or infinity in them, and return the least and the largest length of the others."""
    import pyarrow as pa
    import pyarrow.compute as pc

    sizes = pc.min_max(pc.list_value_length(column))
    with np.errstate(over="ignore"):  # too large for single precision: infinite
        numbers = np.asarray(column.flatten().to_numpy(zero_copy_only=False), dtype=np.float32)  # nulls have become NaN
    broken = np.flatnonzero(~np.isfinite(numbers))
    missing = column.null_count
    if len(broken):
        missing += len(pc.unique(pc.list_parent_indices(column).take(pa.array(broken))))
    return missing, sizes["min"].as_py(), sizes["max"].as_py()


def check_survey(n_rows: int, missing: int | None, low: int | None, high: int | None, *, what: str) -> None:
    """Raise unless there are rows, and all of them have vectors of one length, which is not 0."""
    if not n_rows:
        msg = f"{what}: the frame has no rows"
        raise ValueError(msg)
    if missing:
        msg = f"{what}: {missing} of {n_rows} rows have no vector, or NaN or infinity in it; filter them: df.where('error is null')"
        raise ValueError(msg)
    if low != high:
        msg = f"{what}: vectors have different dimensions, from {low} to {high}; keep one model's"
        raise ValueError(msg)
    if not low:
        msg = f"{what}: the vectors have no numbers"
        raise ValueError(msg)


def to_array(column: Any) -> NDArray[np.float32]:
    """Turn an Arrow list column without nulls into a matrix, (n_rows, n_features) float32."""
    n = len(column)
    flat = column.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat, dtype=np.float32).reshape(n, -1) if n else np.zeros((0, 0), dtype=np.float32)


def usable_rows(column: Any, dimension: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the vectors that have `dimension` finite numbers, and the mask of their rows."""
    import pyarrow.compute as pc

    usable = pc.equal(pc.list_value_length(column), dimension).fill_null(False).to_numpy(zero_copy_only=False)
    X = to_array(column if usable.all() else column.filter(usable)).reshape(-1, dimension)
    finite = np.isfinite(X.sum(axis=1))  # nulls have become NaN
    if not finite.all():
        usable[usable] = finite
        X = X[finite]
    return X, usable


def from_array(X: NDArray[np.float32]) -> pa.Array:
    """Turn a matrix into an Arrow column of type list<float>.

    Examples
    --------
    >>> from_array(np.eye(2, dtype=np.float32)).to_pylist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    import pyarrow as pa

    offsets = np.arange(len(X) + 1, dtype=np.int32) * np.int32(X.shape[1])
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(np.ascontiguousarray(X, dtype=np.float32).ravel()))
