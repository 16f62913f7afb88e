"""Apply a saved classifier to the rows of a Spark frame."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.errors import SpaceError
from mmtoolkit.spark.frames import check_vectors, to_array

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

__all__ = ["predict"]


def predict(df: DataFrame, model: Any) -> DataFrame:
    """Predict the class of every row.

    Parameters
    ----------
    df : DataFrame
        Columns id and vector, as `embed` returns them; others are kept.
    model : Classification, loaded classifier, or path of a saved one
        What ``mm.classify``, ``mm.load_classifier`` or ``mm.spark.classify`` returned.

    Returns
    -------
    DataFrame
        The same rows and y_pred (string) and confidence (double, the probability behind it).

    Raises
    ------
    SpaceError
        If the classifier was trained on vectors of another dimension.
    """
    if isinstance(model, str | os.PathLike):
        from mmtoolkit.classification import load_classifier

        model = load_classifier(model)
    dimension = check_vectors(df, "predict")
    estimator, names = model.estimator, [str(c) for c in model.classes]
    normalize = bool(model.recipe["params"]["normalize"])
    if estimator.n_features_in_ != dimension:
        msg = f"the classifier was trained on vectors of {estimator.n_features_in_} features, these have {dimension}"
        raise SpaceError(msg)
    shared = df.sparkSession.sparkContext.broadcast((estimator, np.array(model.classes)))
    position = df.columns.index("vector")

    def apply(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        from mmtoolkit.classification.estimators import proba_of
        from mmtoolkit.vectors import unit_rows

        fitted, classes = shared.value
        dictionary = pa.array(names)
        for batch in batches:
            X = to_array(batch.column(position))
            proba = proba_of(fitted, unit_rows(X) if normalize else X, classes)
            best = proba.argmax(axis=1)
            found = pa.DictionaryArray.from_arrays(pa.array(best.astype(np.int32)), dictionary).cast(pa.string())
            columns = [*batch.columns, found, pa.array(proba[np.arange(len(best)), best])]
            yield pa.RecordBatch.from_arrays(columns, names=[*batch.schema.names, "y_pred", "confidence"])

    own = ", ".join(f"`{f.name}` {f.dataType.simpleString()}" for f in df.schema)
    return df.mapInArrow(apply, f"{own}, y_pred string, confidence double")
