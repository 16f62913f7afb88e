"""Classifiers on disk: arrays and a JSON manifest, never a pickle."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._arguments import as_path, is_number
from mmtoolkit._files import replaced
from mmtoolkit._json import read_json_file
from mmtoolkit._numbers import feature_names
from mmtoolkit._opening import read_whole
from mmtoolkit.classification.answering import Thresholds
from mmtoolkit.classification.coded import name_of
from mmtoolkit.classification.logistic import LogisticClassifier
from mmtoolkit.classification.manifest import arrays_in, claim, classes_in, manifest_digest, mapping_in
from mmtoolkit.classification.prediction import Predictor
from mmtoolkit.errors import VerifyError
from mmtoolkit.results import plain
from mmtoolkit.space import Space, space_of
from mmtoolkit.steps import Step
from mmtoolkit.words import listed, say

if TYPE_CHECKING:
    from mmtoolkit.classification.scored import Scored

__all__ = ["SavedClassifier", "load_classifier", "save"]

_FORMAT = "mmtoolkit-classifier"
_VERSION = 2
_UNSEALED = 1  # without a digest of the manifest, and without means of centered vectors
_MEANS = "center."
_MANIFEST, _ARRAYS = "classifier.json", "classifier.npz"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SavedClassifier(Predictor):
    """A classifier read from disk; predicts bit for bit as the one that was saved.

    Attributes
    ----------
    metrics : dict
        The scores it was saved with.
    promise : dict
        Empty, or max_risk, confidence and min_confidence (None: it answers nothing) of the thresholds it was saved with; the
        first two are None where costs decided.
    classes, estimator
        As every `Predictor` has them.
    recipe : Step
        How it was trained (without the classes of the items).
    source : Space
        Model, revision, dimension, parameters and means of its vectors.
    columns : tuple of str
        Names of the columns of the table that it was trained on, which new tables must have in this order; empty for arrays.
    """

    metrics: Mapping[str, Any]
    promise: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()

    @property
    def _columns(self) -> tuple[str, ...]:
        return self.columns

    @property
    def min_confidence(self) -> float:
        """Probability below which `predict` answers None: of the thresholds it was saved with, else 0."""
        if not self.promise:
            return 0.0
        least = self.promise["min_confidence"]
        return np.inf if least is None else float(least)

    def _summary(self) -> str:
        sure = [say("answers from {value:.4f}", value=self.min_confidence)] if self.promise else []
        n = self.source.dimension
        made = (
            say("{model!r} vectors of {n} features", model=self.source.model, n=n)
            if self.source.model
            else say("vectors of {n} features", n=n)
        )
        return listed([say("{n} class", "{n} classes", n=len(self.classes)), made, *sure])


def save(result: Scored, directory: str | os.PathLike[str], thresholds: Any = None) -> None:
    """Write the final classifier of a result, as its method ``save`` says."""
    promise = _promised(result, thresholds)
    model = result.estimator
    if type(model) is not LogisticClassifier:
        msg = (
            f"only the default classifier can be saved without pickle, this is {name_of(model)}; "
            "run classify with estimator=None, or keep the recipe and train it again"
        )
        raise TypeError(msg)
    fitted: dict[str, Any] = {
        "coef": model.coef_,
        "intercept": model.intercept_,
        "temperature": np.float64(model.temperature_),
        "offset": model.offset_,
        "C": np.float64(model.C_),
    }
    space = space_of(result.source)
    fitted |= {f"{_MEANS}{name}": center for name, center in space.centers.items()}
    arrays = io.BytesIO()
    np.savez(arrays, **fitted)
    params = {k: v for k, v in result.recipe.params.items() if k not in ("y", "groups", "test")}
    manifest: dict[str, Any] = {
        "format": _FORMAT,
        "version": _VERSION,
        "space": {name: value for name, value in space.to_dict().items() if name != "centers"},
        "classes": plain(result.classes),
        "arrays_sha256": hashlib.sha256(arrays.getvalue()).hexdigest(),
        "recipe": plain(Step("classify", params)),
        "metrics": plain(result.metrics["value"].to_dict()),
        "promise": promise,
        "columns": list(feature_names(result.source)),
    }
    manifest["sha256"] = manifest_digest(manifest)
    home = as_path(directory, "directory")
    if home.exists() and not home.is_dir():
        msg = f"{os.fspath(home)!r} is a file; save takes a directory"
        raise ValueError(msg)
    home.mkdir(parents=True, exist_ok=True)
    text = json.dumps(manifest, ensure_ascii=False, indent=1, allow_nan=False)
    for name, content in ((_ARRAYS, arrays.getvalue()), (_MANIFEST, text.encode())):
        with replaced(home / name) as part:
            part.write_bytes(content)


def _promised(result: Scored, thresholds: Any) -> dict[str, float | None]:
    """Return the entry of thresholds for a manifest; raise for those of another result."""
    if thresholds is None:
        return {}
    if not isinstance(thresholds, Thresholds):
        msg = f"thresholds are what r.thresholds(max_risk=...) returns, got {type(thresholds).__name__}"
        raise TypeError(msg)
    if thresholds.recipe.of is not result.recipe:
        msg = "these thresholds are of another classification; ask this one: r.save(directory, thresholds=r.thresholds(max_risk=...))"
        raise ValueError(msg)
    least = thresholds.min_confidence
    return {
        "max_risk": None if len(thresholds.costs) else thresholds.max_risk,
        "confidence": None if len(thresholds.costs) else thresholds.confidence,
        "min_confidence": least if np.isfinite(least) else None,
    }


def load_classifier(directory: str | os.PathLike[str]) -> SavedClassifier:
    """Read a classifier that ``Classification.save`` wrote.

    Parameters
    ----------
    directory : path
        As it was saved.

    Returns
    -------
    SavedClassifier
        With `predict` and `predict_proba`; vectors of another model, revision or dimension are refused.

    Raises
    ------
    VerifyError
        If files are missing, damaged, from a newer version, or do not fit together.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> import mmtoolkit as mm
    >>> X, y = load_iris(return_X_y=True)
    >>> folder = tempfile.mkdtemp()
    >>> mm.classify(X, y, duplicates="ignore").save(folder)
    >>> mm.load_classifier(folder).predict(X[:2]).tolist()
    [0, 0]
    """
    home = as_path(directory, "directory")
    try:
        manifest = read_json_file(home / _MANIFEST)
        content = read_whole(home / _ARRAYS)
    except (OSError, ValueError) as error:
        msg = f"{os.fspath(directory)!r} holds no saved classifier ({error}); it should hold {_MANIFEST} and {_ARRAYS}"
        raise VerifyError(msg) from error
    written = isinstance(manifest, dict) and manifest.get("format") == _FORMAT
    claim(written, f"{os.fspath(home / _MANIFEST)!r} was not written by save()")
    version = manifest.get("version")
    claim(
        version in (_UNSEALED, _VERSION),
        f"the classifier was saved in format {version!r}, this version of mmtoolkit reads {_VERSION}; upgrade mmtoolkit",
    )
    claim(
        version == _UNSEALED or manifest.get("sha256") == manifest_digest(manifest),
        f"{_MANIFEST} in {os.fspath(home)!r} is not what save() wrote: it was changed; copy it again, or train again",
    )
    claim(
        hashlib.sha256(content).hexdigest() == manifest.get("arrays_sha256"),
        f"{_ARRAYS} in {os.fspath(home)!r} is not the file that {_MANIFEST} describes; copy both again, or train again",
    )
    try:
        return _rebuild(manifest, content)
    except (VerifyError, KeyError, TypeError, ValueError) as error:
        said = f"{error} is missing" if isinstance(error, KeyError) else error
        msg = f"the classifier in {os.fspath(home)!r} does not fit together: {said}; train it again"
        raise VerifyError(msg) from error


def _rebuild(manifest: Mapping[str, Any], content: bytes) -> SavedClassifier:
    arrays = arrays_in(content)
    means = {name.removeprefix(_MEANS): values for name, values in arrays.items() if name.startswith(_MEANS)}
    space = Space.from_dict({**mapping_in(manifest["space"], "space"), "centers": means})
    classes = classes_in(manifest["classes"])
    coef, intercept = arrays["coef"], arrays["intercept"]
    claim(
        coef.shape == (len(classes), space.dimension) and intercept.shape == (len(classes),),
        f"{len(classes)} classes and {space.dimension} features are declared, coefficients have shape {coef.shape}",
    )
    params = mapping_in(mapping_in(manifest["recipe"], "recipe")["params"], "recipe.params")
    normalize = params["normalize"]
    claim(isinstance(normalize, bool), f"normalize must be true or false, got {normalize!r}")
    promise = mapping_in(manifest.get("promise", {}), "promise")  # there since thresholds are saved
    claim(
        not promise or _is_promise(promise),
        f"promise must hold max_risk, confidence and min_confidence, got {dict(promise)!r}",
    )
    columns = tuple(manifest.get("columns", ()))  # there since tables name them
    claim(
        all(isinstance(name, str) for name in columns) and len(columns) in (0, space.dimension),
        f"columns must hold {space.dimension} names, or none",
    )
    model = LogisticClassifier()
    model.classes_, model.coef_, model.intercept_ = classes, coef, intercept
    model.temperature_, model.C_ = float(arrays["temperature"]), float(arrays["C"])
    claim(model.temperature_ > 0, f"temperature must be above 0, got {model.temperature_}")
    model.offset_ = arrays.get("offset", np.zeros(len(classes), dtype=np.float32))  # files of 0.1.0 have none
    claim(model.offset_.shape == (len(classes),), f"offset must be a number per class, got {model.offset_.shape}")
    model.n_features_in_ = space.dimension
    return SavedClassifier(
        classes=classes,
        estimator=model,
        recipe=Step("classify", params),
        source=space,
        metrics=mapping_in(manifest["metrics"], "metrics"),
        promise=promise,
        columns=columns,
    )


def _is_promise(promise: Mapping[str, Any]) -> bool:
    """Return whether a manifest's promise has the form that `save` writes."""
    shares = [promise.get(name) for name in ("max_risk", "confidence")]
    least = promise.get("min_confidence", "absent")
    known = least is None or (is_number(least) and 0.0 <= least <= 1.0)
    by_cost = shares == [None, None]
    return known and (by_cost or all(is_number(share) and 0.0 < share < 1.0 for share in shares))
