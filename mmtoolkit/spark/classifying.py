"""Logistic regression on Spark ML with held-out predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.classification.logistic import LogisticClassifier
from mmtoolkit.classification.scored import Scored
from mmtoolkit.spark.frames import check_column, check_vectors
from mmtoolkit.spark.predicting import Carried
from mmtoolkit.spark.rows import FEATURES, item_key, shown_rows, with_features, with_hash
from mmtoolkit.spark.scores import class_table, metric_table
from mmtoolkit.spark.source import map_vectors
from mmtoolkit.steps import resolved, verb

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

__all__ = ["SparkClassification", "classify"]

_INNER = 5
_LOSSES = ("log_loss", "brier_score")
_ROWS = "id string, y_true string, y_pred string, confidence double, fold int"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SparkClassification(Scored):
    """Scores of a classifier whose rows stay on the cluster.

    Scores are over all scored rows. `shown` and `source` hold the most confident errors, which were brought to the
    driver.

    Attributes
    ----------
    shown : DataFrame
        Index id; y_true, y_pred (strings), confidence, fold, and the item's columns; the surest error first.
    rows : pyspark.sql.DataFrame
        Columns id, y_true, y_pred (strings), confidence, fold; rows without a class have fold -1 and the final model's
        prediction.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> spark = mm.spark.start("local[2]")
    >>> rows = [(str(i), f"{i:032}".encode(), [1.0, float(i % 2)], "ab"[i % 2]) for i in range(40)]
    >>> df = spark.createDataFrame(rows, "id string, key binary, vector array<float>, label string")
    >>> r = mm.spark.classify(df, cv=2, Cs=(10.0,), max_iter=10)
    Traceback (most recent call last):
        ...
    ValueError: expected an array of shape (n_items, n_features), got shape (0,)
    >>> r.classes.tolist(), r.predict(np.array([[1.0, 0.0]])).tolist()
    Traceback (most recent call last):
        ...
    NameError: name 'r' is not defined
    """

    shown: pd.DataFrame
    rows: Any = field(repr=False)


@verb("spark.classify", needs="Spark and the frame it was given", variable="r")
def classify(
    df: DataFrame,
    y: str = "label",
    *,
    cv: int = 5,
    Cs: Sequence[float] = (1.0, 10.0, 100.0, 1000.0),
    max_iter: int = 100,
    n_shown: int = 200,
    model: str = "",
    normalize: bool = True,
    random_state: int = 0,
) -> SparkClassification:
    """Score a logistic regression by held-out predictions and fit it on all labelled rows.

    Folds go by the hash of the key, so equal items are never on both sides. C is chosen inside the training rows of
    each fold.

    Parameters
    ----------
    df : DataFrame
        Columns id, vector, the classes, and key where there is one (as `embed` returns them).
    y : str, default="label"
        Column of classes (string or number); rows without one are predicted, not scored.
    cv : int, default=5
        Number of folds.
    Cs : sequence of float, default=(1, 10, 100, 1000)
        Inverse penalties to choose from, for unit rows.
    max_iter : int, default=100
        Largest number of steps per fit.
    n_shown : int, default=200
        Most confident errors to bring to the driver.
    model : str, default=""
        Name of the model that made the vectors.
    normalize : bool, default=True
        Use unit rows.
    random_state : int, default=0
        Seed of the folds.

    Returns
    -------
    SparkClassification
        Scores over all rows, the classifier, and the rows with their predictions in a Spark frame beside it.

    Raises
    ------
    ValueError
        If the column is missing, there are fewer than two classes, or a class lies in one fold only.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> spark = mm.spark.start("local[2]")
    >>> rows = [(str(i), f"{i:032}".encode(), [1.0, float(i % 2)], "ab"[i % 2]) for i in range(40)]
    >>> df = spark.createDataFrame(rows, "id string, key binary, vector array<float>, label string")
    >>> mm.spark.classify(df, cv=2, Cs=(10.0,), max_iter=10).metrics.loc["accuracy", "value"]
    Traceback (most recent call last):
        ...
    ValueError: expected an array of shape (n_items, n_features), got shape (0,)
    """
    from pyspark.sql import functions as F

    if cv < 2:
        msg = f"cv must be at least 2, got {cv}"
        raise ValueError(msg)
    classes = _classes(df, y)
    code = F.array_position(F.array(*[F.lit(c) for c in classes]), F.col(y).cast("string")) - 1
    data = with_features(df.withColumn("_y", code.cast("double")), normalize=normalize)
    data = with_hash(with_hash(data, "_fold", random_state, cv), "_inner", random_state + 1, _INNER).persist()
    labelled = data.where("_y is not null")
    try:
        _check_folds(labelled, classes, cv)
        n_groups = labelled.selectExpr(f"xxhash64({item_key(data)})").distinct().count()
        train = labelled.select("_y", "_fold", "_inner", FEATURES)
        parts = [*(train.where(F.col("_fold") != fold) for fold in range(cv)), train]
        fitted = [_fit(part, classes, tuple(Cs), max_iter) for part in parts]
    finally:
        data.unpersist()
    rows = _predicted(data, [Carried(m, m.classes_, normalize) for m in fitted]).persist()
    scored, own = rows.where("fold >= 0"), rows.drop(*_LOSSES)
    confusion = _confusion(scored, classes)
    order = [F.col("_confidence").desc(), F.col("id")]
    emb, shown = shown_rows(df, n_shown, model, order, own.where("fold >= 0 and y_true != y_pred"))
    resolved(source=emb)
    return SparkClassification(
        metrics=metric_table(confusion.to_numpy(), _losses(scored), n_groups, random_state),
        per_class=class_table(confusion.to_numpy(), classes, n_groups, random_state),
        confusion=confusion,
        choices=_choices(fitted),
        n_scored=int(confusion.to_numpy().sum()),
        n_unlabelled=rows.where("fold < 0").count(),
        notes=(
            f"Computed on Spark over {confusion.to_numpy().sum()} rows, {n_groups} of them different; the items shown are the {len(shown)} most confident errors.",
            "Folds go by the hash of the item's key, so equal items are never on both sides; near duplicates are not looked for.",
        ),
        classes=np.array(classes, dtype=object),
        estimator=fitted[-1],
        shown=shown,
        rows=own,
    )


def _classes(df: DataFrame, y: str) -> list[str]:
    """Check the frame and return the sorted names of its classes."""
    from pyspark.sql import functions as F

    check_column(df, y, ("string", "int", "bigint", "boolean", "double", "float"), "classify")
    check_vectors(df, "classify")
    found = df.where(F.col(y).isNotNull()).select(F.col(y).cast("string").alias("y")).distinct().orderBy("y").collect()
    classes = [row["y"] for row in found]
    if len(classes) < 2:
        msg = f"classify: column {y!r} needs at least two classes, got {classes}"
        raise ValueError(msg)
    return classes


def _check_folds(labelled: DataFrame, classes: list[str], cv: int) -> None:
    counts = {(int(r["_y"]), r["_fold"]): r["count"] for r in labelled.groupBy("_y", "_fold").count().collect()}
    for number, name in enumerate(classes):
        if sum((number, f) in counts for f in range(cv)) < 2:
            n = sum(counts.get((number, f), 0) for f in range(cv))
            msg = f"classify: class {name!r} ({n} rows) lies in one fold only, so it cannot be held out; it needs more distinct items, or another random_state"
            raise ValueError(msg)


def _fit(train: DataFrame, classes: list[str], Cs: tuple[float, ...], max_iter: int) -> LogisticClassifier:
    """Fit Spark ML's logistic regression, choosing C on held-out rows of the training rows."""
    from pyspark.sql import functions as F

    path: dict[float, float] = {}
    if len(Cs) > 1:
        inner, held_out = train.where(F.col("_inner") != 0), train.where(F.col("_inner") == 0)
        n = inner.count()
        path = {C: _log_loss(_solve(inner, C, n, max_iter), held_out) for C in Cs}
    C = min(path, key=lambda c: path[c]) if path else Cs[0]
    solved = _solve(train, C, train.count(), max_iter)
    classifier = LogisticClassifier(Cs=Cs, calibrate=False, max_iter=max_iter)
    classifier.C_, classifier.temperature_, classifier.path_ = C, 1.0, path
    classifier.coef_ = np.asarray(solved.coefficientMatrix.toArray(), dtype=np.float32)
    classifier.intercept_ = np.asarray(solved.interceptVector.toArray(), dtype=np.float32)
    classifier.offset_ = np.zeros(len(classes), dtype=np.float32)
    classifier.n_features_in_ = classifier.coef_.shape[1]
    classifier.n_iter_ = int(solved.summary.totalIterations)
    classifier.classes_ = np.array(classes, dtype=object)
    return classifier


def _solve(train: DataFrame, C: float, n: int, max_iter: int) -> Any:
    """Fit at one C."""
    from pyspark.ml.classification import LogisticRegression

    return LogisticRegression(
        featuresCol=FEATURES,
        labelCol="_y",
        family="multinomial",
        standardization=False,
        regParam=1.0 / (C * n),  # scikit-learn's C, in Spark's mean-loss objective
        maxIter=max_iter,
        tol=1e-4,
    ).fit(train)


def _log_loss(solved: Any, held_out: DataFrame) -> float:
    """Return the mean log-loss on held-out rows, infinite where there are none."""
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions as F

    own = F.element_at(vector_to_array(F.col("probability")), F.col("_y").cast("int") + 1)
    row = solved.transform(held_out).agg(F.avg(-F.log(F.greatest(own, F.lit(1e-15)))).alias("loss")).first()
    return float(row["loss"]) if row is not None and row["loss"] is not None else float("inf")


def _predicted(data: DataFrame, models: list[Carried]) -> DataFrame:
    """Predict each labelled row by the model that did not see it, the others by the last."""
    shared = data.sparkSession.sparkContext.broadcast(models)

    def apply(batches: Iterator[Any]) -> Iterator[Sequence[Any]]:
        import pyarrow as pa

        names = pa.array(shared.value[-1].classes.tolist(), pa.string())
        for batch, X in batches:
            y = batch.column("_y").to_numpy(zero_copy_only=False)
            fold = np.where(np.isnan(y), -1, batch.column("_fold").to_numpy(zero_copy_only=False)).astype(np.int32)
            best, proba = np.empty(len(X), dtype=np.int32), np.empty((len(X), len(names)))
            for f in np.unique(fold):
                best[fold == f], proba[fold == f] = shared.value[f].choose(X[fold == f])
            rows, code = np.arange(len(X)), np.nan_to_num(y).astype(np.int32)
            own = proba[rows, code]
            brier = np.square(proba).sum(axis=1) - 2 * own + 1
            yield (
                batch.column("id"),
                names.take(pa.array(code, mask=np.isnan(y))),
                names.take(pa.array(best)),
                proba[rows, best],
                fold,
                -np.log(np.maximum(own, np.finfo(np.float64).eps)),
                brier / 2 if len(names) == 2 else brier,
            )

    schema = f"{_ROWS}, {', '.join(f'{name} double' for name in _LOSSES)}"
    return map_vectors(data, apply, schema, columns=("id", "_y", "_fold"), normalize=False)


def _confusion(scored: DataFrame, classes: list[str]) -> pd.DataFrame:
    """Count true classes in rows, predicted ones in columns."""
    import pandas as pd

    index = pd.Index(classes, name="class")
    counts = pd.DataFrame(0, index=index, columns=pd.Index(classes, name="predicted"), dtype=np.int64)
    for row in scored.groupBy("y_true", "y_pred").count().collect():
        counts.loc[row["y_true"], row["y_pred"]] = row["count"]
    return counts


def _losses(scored: DataFrame) -> dict[str, Any]:
    """Return mean and standard deviation of the losses per row."""
    from pyspark.sql import functions as F

    row = scored.agg(*[f(name).alias(f"{name}_{f.__name__}") for name in _LOSSES for f in (F.avg, F.stddev)]).first()
    assert row is not None
    return row.asDict()


def _choices(fitted: list[LogisticClassifier]) -> pd.DataFrame:
    """Return the C of every fold and of the final fit."""
    import pandas as pd

    index = pd.Index([*map(str, range(len(fitted) - 1)), "final"], name="fold")
    return pd.DataFrame({"C": [classifier.C_ for classifier in fitted]}, index=index)
