"""Logistic regression on Spark with held-out predictions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from mmtoolkit._arguments import check_count
from mmtoolkit.classification.logistic import LogisticClassifier, check_penalties, linear_of
from mmtoolkit.classification.scored import Scored
from mmtoolkit.spark.carrying import Carried
from mmtoolkit.spark.dealing import INNER, dealt, with_key
from mmtoolkit.spark.fitting import Fits, fit_sets
from mmtoolkit.spark.frames import check_column, named, own
from mmtoolkit.spark.kept import kept_rows
from mmtoolkit.spark.passes import Rows
from mmtoolkit.spark.rows import shown_rows
from mmtoolkit.spark.scores import class_table, metric_table
from mmtoolkit.steps import resolved, verb
from mmtoolkit.words import say

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

__all__ = ["SparkClassification", "classify"]

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
    >>> r.classes.tolist(), r.predict(np.array([[1.0, 0.0]])).tolist()
    (['a', 'b'], ['a'])
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
    max_iter: int = 5,
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
        Column of classes (string or number); rows without one, null or NaN, are predicted, not scored.
    cv : int, default=5
        Number of folds.
    Cs : sequence of float, default=(1, 10, 100, 1000)
        Inverse penalties to choose from, for unit rows.
    max_iter : int, default=5
        Largest number of exact passes over all rows, which start from the optimum of a sample of up to 100,000 rows and
        end when the loss falls by less than 0.01 %; where there are several `Cs`, two more passes choose among them.
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
    >>> float(mm.spark.classify(df, cv=2, Cs=(10.0,), max_iter=10).metrics.loc["accuracy", "value"])
    1.0
    """
    from pyspark.sql import functions as F

    check_count("cv", cv, 2)
    check_count("max_iter", max_iter, 1)
    check_penalties(Cs)
    classes, n_rows = _classes(df, y)
    code = F.array_position(F.array(*[F.lit(c) for c in classes]), _class_of(df, y)) - 1
    data = df.withColumn("_y", F.coalesce(code, F.lit(-1)).cast("int"))
    key = ["_key"] if "key" in df.columns else []
    data = data.withColumns({name: F.xxhash64("key") for name in key})
    columns = ("id", "_y", *key)
    with kept_rows(
        data, "classify", columns, normalize=normalize, random_state=random_state, n_rows=n_rows, prepare=with_key
    ) as held:
        table, X = held.sample()
        counts, n_groups = _dealt_counts(held, len(classes), cv, random_state)
        _check_folds(counts.sum(axis=2), classes)
        fits = fit_sets(
            held,
            dealt(table, X, cv, random_state),
            counts.sum(axis=0),
            len(classes),
            tuple(map(float, Cs)),
            cv=cv,
            max_iter=max_iter,
            random_state=random_state,
        )
        fitted = _classifiers(fits, classes, Cs, max_iter)
        carried = [Carried(linear_of(m), m.classes_, held.n_features, False) for m in fitted]
        rows = _predicted(held, carried, cv, random_state).persist()
        scored, predicted = rows.where("fold >= 0"), rows.drop(*_LOSSES)
        confusion = _confusion(scored, classes)
    order = [F.col(own("confidence")).desc(), F.col("id")]
    wrong = predicted.where("fold >= 0 and y_true != y_pred")
    emb, shown = shown_rows(df, n_shown, held.n_features, model, order, wrong)
    resolved(source=emb)
    return SparkClassification(
        metrics=metric_table(confusion.to_numpy(), _losses(scored), n_groups, random_state),
        per_class=class_table(confusion.to_numpy(), classes, n_groups, random_state),
        confusion=confusion,
        choices=_choices(fitted),
        n_scored=int(confusion.to_numpy().sum()),
        n_unlabelled=n_rows - int(counts.sum()),
        notes=(
            say(
                "Computed on Spark over {n} rows, {n_groups} of them different; the items shown are the {n_shown} most confident "
                "errors.",
                n=int(confusion.to_numpy().sum()),
                n_groups=n_groups,
                n_shown=len(shown),
            ),
            say(
                "Folds go by the hash of the item's key, so equal items are never on both sides; near duplicates are not looked for."
            ),
        ),
        classes=np.array(classes, dtype=object),
        estimator=fitted[-1],
        shown=shown,
        rows=predicted,
    )


def _classes(df: DataFrame, y: str) -> tuple[list[str], int]:
    """Check the frame and return the sorted names of its classes, and the number of its rows."""
    check_column(df, y, ("string", "int", "bigint", "boolean", "double", "float"), "classify")
    found = df.groupBy(_class_of(df, y).alias("y")).count().orderBy("y").collect()
    classes = [row["y"] for row in found if row["y"] is not None]
    if len(classes) < 2:
        msg = f"classify: column {y!r} needs at least two classes, got {classes}"
        raise ValueError(msg)
    return classes, sum(row["count"] for row in found)


def _class_of(df: DataFrame, y: str) -> Column:
    """Return the class as a string; NaN is none, as null."""
    from pyspark.sql import functions as F

    value, kind = named(y), df.schema[y].dataType.simpleString()
    return (F.when(~F.isnan(value), value) if kind in ("double", "float") else value).cast("string")


def _dealt_counts(rows: Rows, n_classes: int, cv: int, random_state: int) -> tuple[NDArray[np.int64], int]:
    """Return rows per class, fold and inner fold, and the number of different items among them."""
    n_cells = n_classes * cv * INNER

    def count(batch: Any, X: NDArray[np.float32]) -> Sequence[Any]:
        found = dealt(batch, X, cv, random_state)
        cells = np.ravel_multi_index((found.codes, found.fold, found.inner), (n_classes, cv, INNER))
        return [np.bincount(cells, minlength=n_cells)]

    counts = rows.sums(count, [(n_cells,)])[0].astype(np.int64).reshape(n_classes, cv, INNER)
    return counts, rows.distinct(lambda batch, X: dealt(batch, X, cv, random_state).key)


def _check_folds(counts: NDArray[np.int64], classes: list[str]) -> None:
    for name, of_class in zip(classes, counts, strict=True):
        if (of_class > 0).sum() < 2:
            msg = f"classify: class {name!r} ({of_class.sum()} rows) lies in one fold only, so it cannot be held out; it needs more distinct items, or another random_state"
            raise ValueError(msg)


def _classifiers(fits: Fits, classes: list[str], Cs: Sequence[float], max_iter: int) -> list[LogisticClassifier]:
    """Return the models of all folds, and last that of all rows."""
    made = []
    for number, C in enumerate(fits.C.tolist()):
        classifier = LogisticClassifier(Cs=tuple(Cs), calibrate=False, max_iter=max_iter)
        classifier.C_, classifier.temperature_, classifier.path_ = C, 1.0, fits.path[number]
        classifier.coef_, classifier.intercept_ = fits.coef[number], fits.intercept[number]
        classifier.offset_ = np.zeros(len(classes), dtype=np.float32)
        classifier.n_features_in_ = classifier.coef_.shape[1]
        classifier.n_iter_ = fits.n_passes
        classifier.classes_ = np.array(classes, dtype=object)
        made.append(classifier)
    return made


def _predicted(held: Rows, models: list[Carried], cv: int, random_state: int) -> DataFrame:
    """Predict each labelled row by the model that did not see it, the others by the last."""

    def apply(batches: Iterator[Any]) -> Iterator[Sequence[Any]]:
        names = pa.array(models[-1].classes.tolist(), pa.string())
        for batch, X in batches:
            y = batch.column("_y").to_numpy()
            fold = np.full(len(X), -1, dtype=np.int32)
            fold[y >= 0] = dealt(batch, X, cv, random_state).fold
            best, proba = np.empty(len(X), dtype=np.int32), np.empty((len(X), len(names)))
            for f in np.unique(fold):
                best[fold == f], proba[fold == f] = models[f].choose(X[fold == f])
            rows, code = np.arange(len(X)), np.maximum(y, 0)
            of_true = proba[rows, code]
            brier = np.square(proba).sum(axis=1) - 2 * of_true + 1
            yield (
                batch.column("id"),
                names.take(pa.array(code, mask=y < 0)),
                names.take(pa.array(best)),
                proba[rows, best],
                fold,
                -np.log(np.maximum(of_true, np.finfo(np.float64).eps)),
                brier / 2 if len(names) == 2 else brier,
            )

    return held.map(apply, f"{_ROWS}, {', '.join(f'{name} double' for name in _LOSSES)}")


def _confusion(scored: DataFrame, classes: list[str]) -> pd.DataFrame:
    """Count true classes in rows, predicted ones in columns."""
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
    index = pd.Index([*map(str, range(len(fitted) - 1)), "final"], name="fold")
    return pd.DataFrame({"C": [classifier.C_ for classifier in fitted]}, index=index)
