"""Logistic regression on Spark ML with held-out predictions, returned as the classification that every room knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.classification.logistic import LogisticClassifier
from mmtoolkit.classification.result import Classification
from mmtoolkit.spark.frames import check_column, check_vectors, to_array
from mmtoolkit.spark.rows import FEATURES, item_key, shown, with_features, with_hash
from mmtoolkit.spark.scores import class_table, metric_table
from mmtoolkit.vectors import unit_rows

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

__all__ = ["SparkClassification", "classify"]

_CS = (1.0, 10.0, 100.0, 1000.0)
_INNER = 5


@dataclass(frozen=True, eq=False, repr=False)
class SparkClassification(Classification):
    """A classification whose rows stay on the cluster.

    `metrics`, `per_class` and `confusion` are over all scored rows. The arrays per row (`y_true`, `y_pred`, `y_proba`,
    `fold`) and `source` hold the shown rows only: the most confident errors, brought to the driver for reports.

    Attributes
    ----------
    rows : pyspark.sql.DataFrame
        Columns id, y_true, y_pred (strings), confidence, fold; rows without a class have fold -1 and the final model's
        prediction.
    """

    rows: Any = field(default=None, repr=False)

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return classes and counts (exact) and scores (rounded); per-row outputs stay on the cluster."""
        found = super().evidence()
        exact = {k: found["exact"][k] for k in ("classes", "n_scored", "n_unlabelled", "notes")}
        return {"exact": exact, "rounded": found["rounded"], "map": {}}

    def _figures(self) -> Mapping[str, Any]:
        own = super()._figures()
        return {name: own[name] for name in ("confusion", "per_class") if name in own}


def classify(
    df: DataFrame,
    y: str = "label",
    *,
    cv: int = 5,
    Cs: Sequence[float] = _CS,
    random_state: int = 0,
    max_iter: int = 100,
    n_shown: int = 200,
    model: str = "",
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
    random_state : int, default=0
        Seed of the folds.
    max_iter : int, default=100
        Largest number of steps per fit.
    n_shown : int, default=200
        Most confident errors to bring to the driver.
    model : str, default=""
        Name of the model that made the vectors.

    Returns
    -------
    SparkClassification
        A `Classification` with the rows in a Spark frame beside it.

    Raises
    ------
    ValueError
        If the column is missing, there are fewer than two classes, or a class lies in one fold only.
    """
    from pyspark.sql import functions as F

    check_column(df, y, ("string", "int", "bigint", "boolean", "double", "float"), "classify")
    check_vectors(df, "classify")
    if cv < 2:
        msg = f"cv must be at least 2, got {cv}"
        raise ValueError(msg)
    found = df.where(F.col(y).isNotNull()).groupBy(F.col(y).cast("string").alias("y")).count().orderBy("y").collect()
    classes = [row["y"] for row in found]
    if len(classes) < 2:
        msg = f"classify: column {y!r} needs at least two classes, got {classes}"
        raise ValueError(msg)
    code = F.array_position(F.array(*[F.lit(c) for c in classes]), F.col(y).cast("string")) - 1
    data = with_hash(with_features(df.withColumn("_y", code.cast("double"))), "_fold", random_state, cv)
    data = with_hash(data, "_inner", random_state + 1, _INNER).persist()
    labelled = data.where("_y is not null").select("_y", "_fold", "_inner", FEATURES)
    try:
        _check_folds(labelled, classes, cv)
        distinct = data.where("_y is not null").agg(F.count_distinct(F.xxhash64(item_key(data)))).first()
        assert distinct is not None
        trainer = _Trainer(len(classes), tuple(Cs), max_iter)
        fitted = [trainer.fit(labelled.where(F.col("_fold") != f)) for f in range(cv)]
        fitted.append(trainer.fit(labelled))
    finally:
        data.unpersist()
    rows = _predicted(data, [(m.coef_, m.intercept_) for m in fitted], classes)
    return _result(
        df,
        rows,
        fitted,
        classes,
        int(distinct[0]),
        n_shown,
        model,
        {"y": y, "cv": cv, "Cs": list(Cs), "random_state": random_state, "max_iter": max_iter},
    )


def _check_folds(labelled: DataFrame, classes: list[str], cv: int) -> None:
    counts = {(int(r["_y"]), r["_fold"]): r["count"] for r in labelled.groupBy("_y", "_fold").count().collect()}
    for number, name in enumerate(classes):
        if sum((number, f) in counts for f in range(cv)) < 2:
            n = sum(counts.get((number, f), 0) for f in range(cv))
            msg = f"classify: class {name!r} ({n} rows) lies in one fold only, so it cannot be held out; it needs more distinct items, or another random_state"
            raise ValueError(msg)


class _Trainer:
    """Fits Spark ML's logistic regression, choosing C on held-out rows of the training rows."""

    def __init__(self, n_classes: int, Cs: tuple[float, ...], max_iter: int) -> None:
        self.n_classes, self.Cs, self.max_iter = n_classes, Cs, max_iter

    def fit(self, train: DataFrame) -> LogisticClassifier:
        from pyspark.sql import functions as F

        path: dict[float, float] = {}
        if len(self.Cs) > 1:
            inner, held_out = train.where(F.col("_inner") != 0), train.where(F.col("_inner") == 0)
            n = inner.count()
            for C in self.Cs:
                path[C] = self._log_loss(self._solve(inner, C, n), held_out)
        C = min(path, key=lambda c: path[c]) if path else self.Cs[0]
        solved = self._solve(train, C, train.count())
        classifier = LogisticClassifier(Cs=self.Cs, calibrate=False, max_iter=self.max_iter)
        classifier.C_, classifier.temperature_, classifier.path_ = C, 1.0, path
        classifier.coef_ = np.asarray(solved.coefficientMatrix.toArray(), dtype=np.float32)
        classifier.intercept_ = np.asarray(solved.interceptVector.toArray(), dtype=np.float32)
        classifier.n_features_in_ = classifier.coef_.shape[1]
        classifier.n_iter_ = int(solved.summary.totalIterations)
        return classifier

    def _solve(self, train: DataFrame, C: float, n: int) -> Any:
        from pyspark.ml.classification import LogisticRegression

        return LogisticRegression(
            featuresCol=FEATURES,
            labelCol="_y",
            family="multinomial",
            standardization=False,
            regParam=1.0 / (C * n),  # scikit-learn's C, in Spark's mean-loss objective
            maxIter=self.max_iter,
            tol=1e-4,
        ).fit(train)

    def _log_loss(self, solved: Any, held_out: DataFrame) -> float:
        from pyspark.ml.functions import vector_to_array
        from pyspark.sql import functions as F

        own = F.element_at(vector_to_array(F.col("probability")), F.col("_y").cast("int") + 1)
        row = solved.transform(held_out).agg(F.avg(-F.log(F.greatest(own, F.lit(1e-15)))).alias("loss")).first()
        return float(row["loss"]) if row is not None and row["loss"] is not None else float("inf")


def _predicted(data: DataFrame, models: list[tuple[Any, Any]], classes: list[str]) -> DataFrame:
    """Predict each labelled row by the model that did not see it, the others by the last."""
    shared = data.sparkSession.sparkContext.broadcast(models)

    def apply(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        from mmtoolkit.classification.gradients import softmax

        names = pa.array(classes)
        for batch in batches:
            X = unit_rows(to_array(batch.column("vector")))
            y = batch.column("_y").to_numpy(zero_copy_only=False)
            fold = np.where(np.isnan(y), -1, batch.column("_fold").to_numpy(zero_copy_only=False)).astype(np.int32)
            proba = np.empty((len(X), len(classes)))
            for f in np.unique(fold):
                coef, intercept = shared.value[f]
                proba[fold == f] = softmax(X[fold == f] @ coef.T + intercept)
            best = proba.argmax(axis=1)
            own = proba[np.arange(len(X)), np.nan_to_num(y).astype(int)]
            brier = np.square(proba).sum(axis=1) - 2 * own + 1
            true = pa.DictionaryArray.from_arrays(pa.array(np.nan_to_num(y).astype(np.int32), mask=np.isnan(y)), names)
            columns = [
                batch.column("id"),
                true.cast(pa.string()),
                pa.DictionaryArray.from_arrays(pa.array(best.astype(np.int32)), names).cast(pa.string()),
                pa.array(proba[np.arange(len(X)), best]),
                pa.array(fold),
                pa.array(-np.log(np.maximum(own, np.finfo(np.float64).eps))),
                pa.array(brier / 2 if len(classes) == 2 else brier),
            ]
            yield pa.RecordBatch.from_arrays(columns, names=list(_ROWS))

    schema = "id string, y_true string, y_pred string, confidence double, fold int, log_loss double, brier_score double"
    return data.select("id", "vector", "_y", "_fold").mapInArrow(apply, schema)


_ROWS = ("id", "y_true", "y_pred", "confidence", "fold", "log_loss", "brier_score")


def _result(
    df: DataFrame,
    rows: DataFrame,
    fitted: list[LogisticClassifier],
    classes: list[str],
    n_groups: int,
    n_shown: int,
    model: str,
    params: dict[str, Any],
) -> SparkClassification:
    import pandas as pd
    from pyspark.sql import functions as F

    rows = rows.persist()
    scored = rows.where("fold >= 0")
    confusion = np.zeros((len(classes), len(classes)), dtype=np.int64)
    place = {name: number for number, name in enumerate(classes)}
    for row in scored.groupBy("y_true", "y_pred").count().collect():
        confusion[place[row["y_true"]], place[row["y_pred"]]] = row["count"]
    losses = scored.agg(
        *[f(name).alias(f"{name}_{f.__name__}") for name in ("log_loss", "brier_score") for f in (F.avg, F.stddev)]
    ).first()
    assert losses is not None
    metrics = metric_table(confusion, losses.asDict(), n_groups, params["random_state"])
    wrong = scored.where("y_true != y_pred").select("id", "y_true", "y_pred", "confidence", "fold")
    renamed = wrong.select("id", *[F.col(c).alias(f"_{c}") for c in ("y_true", "y_pred", "confidence", "fold")])
    emb, frame = shown(df.join(renamed, "id"), [F.col("_confidence").desc(), F.col("id")], n_shown, model)
    codes = np.array([place[c] for c in frame["_y_pred"]], dtype=np.intp)
    proba = np.zeros((len(frame), len(classes)))
    proba[np.arange(len(frame)), codes] = frame["_confidence"].to_numpy(dtype=float)
    for classifier in fitted:
        classifier.classes_ = np.array(classes, dtype=object)
    n_unlabelled = rows.where("fold < 0").count()
    index = pd.Index(classes, name="class")
    choices = pd.DataFrame({"C": [c.C_ for c in fitted]}, index=[*map(str, range(len(fitted) - 1)), "final"])
    return SparkClassification(
        metrics=metrics,
        per_class=class_table(confusion, classes, n_groups, params["random_state"]),
        confusion=pd.DataFrame(confusion, index=index, columns=pd.Index(classes, name="predicted")),
        y_true=frame["_y_true"].to_numpy(dtype=object),
        y_pred=frame["_y_pred"].to_numpy(dtype=object),
        y_proba=proba,
        fold=frame["_fold"].to_numpy(dtype=np.intp),
        classes=np.array(classes, dtype=object),
        duplicate_groups=np.arange(len(frame)),
        baselines=metrics[["baseline"]].rename(columns={"baseline": "majority"}),
        moves={},
        choices=choices.rename_axis("fold"),
        n_scored=int(confusion.sum()),
        n_unlabelled=n_unlabelled,
        ungrouped_accuracy=None,
        notes=(
            f"Computed on Spark over {int(confusion.sum())} rows, {n_groups} of them different; the items shown are the {len(frame)} most confident errors.",
            "Folds go by the hash of the item's key, so equal items are never on both sides; near duplicates are not looked for.",
        ),
        recipe={"verb": "spark.classify", "params": {**params, "normalize": True}},
        source=emb,
        together=np.arange(len(frame)),
        estimator=fitted[-1],
        rows=rows.drop("log_loss", "brier_score"),
    )
