"""Apply a saved classifier to the rows of a Spark frame, or of a folder of Parquet files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.errors import SpaceError
from mmtoolkit.spark.frames import usable_rows, vector_type
from mmtoolkit.spark.scan import scan
from mmtoolkit.spark.table import VectorTable

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from pyspark import Broadcast
    from pyspark.sql import DataFrame

__all__ = ["predict"]

_SCHEMA = "y_pred string, confidence double"


def predict(df: DataFrame | str | os.PathLike[str], model: Any) -> DataFrame:
    """Predict the class of every row.

    Parameters
    ----------
    df : DataFrame or path
        Column vector, as `embed` returns it; others are kept. A path (or URI) is a folder of Parquet files with that
        column, `embed`'s table for one: the workers read it without Spark's detour, which is several times as fast.
    model : Classification, loaded classifier, or path of a saved one
        What ``mm.classify``, ``mm.load_classifier`` or ``mm.spark.classify`` returned.

    Returns
    -------
    DataFrame
        The same rows and y_pred (string) and confidence (double, the probability behind it); both are null where
        there is no vector, or one that is not finite or of another length. Of a path, all columns but the vectors.

    Raises
    ------
    SpaceError
        If the classifier was trained on vectors of another dimension.
    ValueError
        If no row has a vector.
    """
    if isinstance(model, str | os.PathLike):
        from mmtoolkit.classification import load_classifier

        model = load_classifier(model)
    return _of_files(os.fspath(df), model) if isinstance(df, str | os.PathLike) else _of_frame(df, model)


def _of_frame(df: DataFrame, model: Any) -> DataFrame:
    import pyarrow as pa
    from pyspark.sql.pandas import functions as F

    vector_type(df, "predict")
    row = df.where("vector is not null").select("vector").first()
    _check(model, None if row is None else len(row["vector"]))
    apply = _applier(df.sparkSession.sparkContext.broadcast(_needed(model)))
    apply.__annotations__ = {"column": pa.Array, "return": pa.Array}  # how Spark knows what kind of function it is
    made: Any = F.arrow_udf(apply, _SCHEMA)  # type: ignore[call-overload]  # nothing but vectors goes to Python
    return df.withColumn("_made", made("vector")).select(*df.columns, "_made.y_pred", "_made.confidence")


def _of_files(uri: str, model: Any) -> DataFrame:
    import pyarrow as pa
    from pyspark.sql import SparkSession
    from pyspark.sql.pandas.types import from_arrow_schema

    spark = SparkSession.getActiveSession()
    if spark is None:
        msg = "predict: start a Spark session first, for example with mm.spark.start()"
        raise ValueError(msg)
    table = VectorTable(uri if "://" in uri else os.path.abspath(uri))
    kept, dimension = _stored(table)
    _check(model, dimension)
    apply = _applier(spark.sparkContext.broadcast(_needed(model)))

    def rows(batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = [*(batch.column(name) for name in kept.names), *apply(batch.column("vector")).flatten()]
        return pa.RecordBatch.from_arrays(columns, names=[*kept.names, "y_pred", "confidence"])

    own = [f"`{f.name}` {f.dataType.simpleString()}" for f in from_arrow_schema(kept)]
    return scan(spark, table, rows, ", ".join([*own, _SCHEMA]))


def _stored(table: VectorTable) -> tuple[pa.Schema, int | None]:
    """Return the schema without the vectors, and the length of the first vector."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = table.files()
    if not files:
        msg = f"predict: there are no Parquet files in {table.uri!r}"
        raise ValueError(msg)
    with table.system.open_input_file(files[0]) as file:
        stored = pq.ParquetFile(file)
        schema: pa.Schema = stored.schema_arrow.remove_metadata()
        if "vector" not in schema.names or not pa.types.is_list(schema.field("vector").type):
            msg = (
                f"predict: the files in {table.uri!r} have no list column 'vector'; they have {', '.join(schema.names)}"
            )
            raise ValueError(msg)
        batches = stored.iter_batches(64, columns=["vector"])
        sizes = (len(v) for batch in batches for v in batch.column(0).to_pylist() if v is not None)
        return schema.remove(schema.get_field_index("vector")), next(sizes, None)


def _check(model: Any, dimension: int | None) -> None:
    if dimension is None:
        msg = "predict: no row has a vector"
        raise ValueError(msg)
    if model.estimator.n_features_in_ != dimension:
        msg = f"the classifier was trained on vectors of {model.estimator.n_features_in_} features, these have {dimension}"
        raise SpaceError(msg)


def _needed(model: Any) -> tuple[Any, Any, bool]:
    return model.estimator, np.array(model.classes), bool(model.recipe["params"]["normalize"])


def _applier(shared: Broadcast[tuple[Any, Any, bool]]) -> Callable[[pa.Array], pa.Array]:
    """Return what the workers do: a column of vectors in, a struct of class and confidence out."""

    def apply(column: pa.Array) -> pa.Array:
        import pyarrow as pa

        from mmtoolkit.classification.estimators import proba_of
        from mmtoolkit.vectors import unit_rows

        estimator, classes, normalize = shared.value
        X, usable = usable_rows(column, estimator.n_features_in_)
        code, confidence = np.zeros(len(column), dtype=np.int32), np.zeros(len(column))
        if len(X):
            proba = proba_of(estimator, unit_rows(X) if normalize else X, classes)
            code[usable], confidence[usable] = proba.argmax(axis=1), proba.max(axis=1)
        names = pa.array([str(c) for c in classes])
        y_pred = pa.DictionaryArray.from_arrays(pa.array(code, mask=~usable), names).cast(pa.string())
        return pa.StructArray.from_arrays([y_pred, pa.array(confidence, mask=~usable)], ["y_pred", "confidence"])

    return apply
