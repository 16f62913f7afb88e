"""Apply a saved classifier to the rows of a Spark frame, or of a folder of Parquet files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.errors import SpaceError
from mmtoolkit.spark.frames import usable_rows, vector_type
from mmtoolkit.spark.source import Reader, settle, vector_source
from mmtoolkit.spark.table import VectorTable
from mmtoolkit.vectors import unit_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from numpy.typing import NDArray
    from pyspark import Broadcast
    from pyspark.sql import DataFrame

    from mmtoolkit.classification.prediction import Predictor

__all__ = ["Carried", "predict"]

_SCHEMA = "code int, confidence double"


@dataclass(frozen=True, eq=False)
class Carried:
    """The part of a classifier that predictions need, without its training items and their vectors.

    Parameters
    ----------
    estimator : scikit-learn classifier
        Fitted.
    classes : ndarray of shape (n_classes,)
        Sorted classes.
    normalize : bool
        Whether it was trained on unit rows.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> X, y = np.repeat(np.eye(2, dtype=np.float32), 6, axis=0), np.repeat(["a", "b"], 6)
    >>> r = mm.classify(X, y, cv=2, duplicates="ignore")
    >>> Carried.of(r).choose(X[[0, 6]])[0].tolist()
    [0, 1]
    """

    estimator: Any
    classes: NDArray[Any]
    normalize: bool

    @classmethod
    def of(cls, model: Predictor) -> Carried:
        """Return the part of a result or of a loaded classifier to send to the workers."""
        return cls(model.estimator, np.array(model.classes), bool(model.recipe.params["normalize"]))

    def choose(self, X: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return the number of every row's class, (n_rows,), and all probabilities, (n_rows, n_classes)."""
        from mmtoolkit.classification.estimators import decide

        best, proba = decide(self.estimator, unit_rows(X) if self.normalize else X, self.classes)
        return best.astype(np.int32), proba


def predict(df: DataFrame | str | os.PathLike[str], model: Any) -> DataFrame:
    """Predict the class of every row.

    Parameters
    ----------
    df : DataFrame or path
        Column vector, as `embed` returns it; others are kept. A path (or URI) is a folder of Parquet files with that
        column, `embed`'s table for one. Vectors of local Parquet files are read by the workers themselves, past
        Spark, which is several times as fast: read such files and choose columns and rows, then predict, then join.
    model : Classification, loaded classifier, or path of a saved one
        What ``mm.classify``, ``mm.load_classifier`` or ``mm.spark.classify`` returned.

    Returns
    -------
    DataFrame
        The same rows and y_pred (string) and confidence (double, the probability behind it); both are null where
        there is no vector, or one that is not finite or of another length.

    Raises
    ------
    SpaceError
        If the classifier was trained on vectors of another dimension.
    ValueError
        If no row has a vector.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> r = mm.classify(np.repeat(np.eye(2), 20, axis=0), list("a" * 20 + "b" * 20), duplicates="ignore", inference=False)
    >>> spark = mm.spark.start("local[2]")
    >>> df = spark.createDataFrame([("0", [1.0, 0.0]), ("1", [0.0, 1.0])], "id string, vector array<float>")
    >>> [row["y_pred"] for row in mm.spark.predict(df, r).orderBy("id").collect()]
    ['a', 'b']
    """
    if isinstance(model, str | os.PathLike):
        from mmtoolkit.classification import load_classifier

        model = load_classifier(model)
    if isinstance(df, str | os.PathLike):
        df = _read(os.fspath(df))
    import pyarrow as pa
    from pyspark.sql.functions import array, col, element_at, lit, when
    from pyspark.sql.pandas.functions import arrow_udf

    vector_type(df, "predict")
    row = df.where("vector is not null").select("vector").first()
    _check(model, None if row is None else len(row["vector"]))
    columns, read = vector_source(df)
    apply = _applier(df.sparkSession.sparkContext.broadcast(Carried.of(model)), read)
    apply.__annotations__ = {"columns": pa.Array, "return": pa.Array}  # how Spark knows what kind of function it is
    made: Any = arrow_udf(apply, _SCHEMA)  # type: ignore[call-overload]
    names = array(*[lit(str(name)) for name in model.classes])
    code = col("_made.code")  # a number is cheaper on its way from Python than a name
    y_pred = when(code.isNotNull(), element_at(names, code + 1)).alias("y_pred")
    return df.withColumn("_made", made(*columns)).select(*df.columns, y_pred, "_made.confidence")


def _read(uri: str) -> DataFrame:
    from pyspark.sql import SparkSession

    spark = SparkSession.getActiveSession()
    if spark is None:
        msg = "predict: start a Spark session first, for example with mm.spark.start()"
        raise ValueError(msg)
    table = VectorTable(uri)
    if not table.files():
        msg = f"predict: there are no Parquet files in {table.uri!r}"
        raise ValueError(msg)
    return spark.read.parquet(table.uri)


def _check(model: Any, dimension: int | None) -> None:
    if dimension is None:
        msg = "predict: no row has a vector"
        raise ValueError(msg)
    if model.estimator.n_features_in_ != dimension:
        msg = f"the classifier was trained on vectors of {model.estimator.n_features_in_} features, these have {dimension}"
        raise SpaceError(msg)


def _applier(shared: Broadcast[Carried], read: Reader) -> Callable[..., pa.Array]:
    """Return the function of the workers: it takes columns, which `read` turns into vectors, and gives codes of classes and confidence."""

    def apply(*columns: pa.Array) -> pa.Array:
        import pyarrow as pa

        X, usable = usable_rows(read(*columns), shared.value.estimator.n_features_in_)
        code, confidence = np.zeros(len(columns[0]), dtype=np.int32), np.zeros(len(columns[0]))
        if len(X):
            code[usable], proba = shared.value.choose(X)
            confidence[usable] = proba[np.arange(len(X)), code[usable]]
        settle()
        made = [pa.array(code, mask=~usable), pa.array(confidence, mask=~usable)]
        return pa.StructArray.from_arrays(made, ["code", "confidence"])

    return apply
