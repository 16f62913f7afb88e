"""Apply a saved classifier to the rows of a Spark frame, or of a folder of Parquet files."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from mmtoolkit._rows import apart
from mmtoolkit.errors import SpaceError
from mmtoolkit.provenance import stay_on_one_thread
from mmtoolkit.spark.carrying import Carried
from mmtoolkit.spark.frames import named, own, usable_rows, vector_type
from mmtoolkit.spark.source import Reader, settle, vector_source
from mmtoolkit.spark.table import VectorTable

if TYPE_CHECKING:
    from pyspark import Broadcast
    from pyspark.sql import DataFrame


__all__ = ["predict"]

_SCHEMA = "code int, confidence double"


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
        there is no vector, or one that is not finite or of another length. A column of the frame that has one of these names
        becomes "name (column)".

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
    result = own("made")
    code = col(f"{result}.code")  # a number is cheaper on its way from Python than a name
    y_pred = when(code.isNotNull(), element_at(names, code + 1)).alias("y_pred")
    kept = [named(name).alias(apart(name, ("y_pred", "confidence"))) for name in df.columns]
    return df.withColumn(result, made(*columns)).select(*kept, y_pred, f"{result}.confidence")


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
        stay_on_one_thread()
        X, usable = usable_rows(read(*columns), shared.value.n_features)
        code, confidence = np.zeros(len(columns[0]), dtype=np.int32), np.zeros(len(columns[0]))
        if len(X):
            code[usable], proba = shared.value.choose(X)
            confidence[usable] = proba[np.arange(len(X)), code[usable]]
        settle()
        made = [pa.array(code, mask=~usable), pa.array(confidence, mask=~usable)]
        return pa.StructArray.from_arrays(made, ["code", "confidence"])

    return apply
