"""Classifiers on disk: arrays and a JSON manifest, never a pickle."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.classification import prediction
from mmtoolkit.classification.logistic import LogisticClassifier
from mmtoolkit.errors import SpaceError, VerifyError
from mmtoolkit.results import Result, plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmtoolkit.classification.result import Classification

__all__ = ["SavedClassifier", "load_classifier", "save"]

_FORMAT = "mmtoolkit-classifier"
_VERSION = 1
_MANIFEST, _ARRAYS = "classifier.json", "classifier.npz"


@dataclass(frozen=True)
class SavedSpace:
    """The space that a saved classifier lives in; embeds further items when the model is here.

    Attributes
    ----------
    model, revision : str
        Of the model; "" when the vectors were the user's own.
    dimension : int
        Number of features.
    params : mapping
        Further parameters of the model.
    """

    model: str
    revision: str
    dimension: int
    params: Mapping[str, Any] = field(default_factory=dict)

    def encode(self, items: Any) -> NDArray[np.float32]:
        """Embed items with the model that the classifier was trained on."""
        if not self.model:
            msg = f"the classifier was trained on vectors without a model, so it takes an array of shape (n, {self.dimension})"
            raise SpaceError(msg)
        from mmtoolkit.embedding.encoder import make_encoder
        from mmtoolkit.embedding.verbs import gather

        encoder = make_encoder(self.model, dimension=self.dimension, params=dict(self.params))
        here = encoder.provider.spec.revision
        if here != self.revision:
            msg = (
                f"the classifier was trained with {self.model!r} revision {self.revision[:12]!r}, this installation has "
                f"{here[:12]!r}; train it again"
            )
            raise SpaceError(msg)
        contents, frame = gather(items)
        return encoder.run(contents, frame["id"].tolist(), progress=None).vectors


@dataclass(frozen=True, eq=False, repr=False)
class SavedClassifier(Result):
    """A classifier read from disk; predicts bit for bit as the one that was saved.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Sorted classes.
    metrics : dict
        The scores it was saved with.
    recipe : mapping
        How it was trained (without the classes of the items).
    source : SavedSpace
        Model, revision, dimension and parameters of its vectors.
    estimator : LogisticClassifier
        Fitted.
    """

    classes: NDArray[Any]
    metrics: Mapping[str, Any]
    recipe: Mapping[str, Any]
    source: SavedSpace
    estimator: Any = field(repr=False)

    def _summary(self) -> str:
        made = f"{self.source.model!r} vectors" if self.source.model else "vectors"
        return f"{len(self.classes)} classes, {made} of {self.source.dimension} features"

    def predict_proba(self, new: Any) -> NDArray[np.float64]:
        """Return probabilities, as ``Classification.predict_proba`` does.

        Parameters
        ----------
        new : Embeddings, array of shape (n, n_features), items frame, contents or str
            Items are embedded with the model of the manifest.

        Returns
        -------
        ndarray of shape (n, n_classes), float64
            Columns in the order of `classes`.
        """
        return prediction.proba(self, new)

    def predict(self, new: Any, *, min_confidence: float = 0.0) -> NDArray[np.object_]:
        """Return classes, as ``Classification.predict`` does.

        Parameters
        ----------
        new : Embeddings, array of shape (n, n_features), items frame, contents or str
            Items are embedded with the model of the manifest.
        min_confidence : float, default=0
            Probability below which the answer is None.

        Returns
        -------
        ndarray of shape (n,), object
            Classes.
        """
        return prediction.classes(self, new, min_confidence=min_confidence)


def save(result: Classification, directory: str | os.PathLike[str]) -> None:
    """Write the final classifier of a result; see ``Classification.save``."""
    model = result.estimator
    if type(model) is not LogisticClassifier:
        msg = (
            f"only the default classifier can be saved without pickle, this is {type(model).__name__}; "
            "run classify with estimator=None, or keep the recipe and train it again"
        )
        raise TypeError(msg)
    arrays = io.BytesIO()
    np.savez(
        arrays,
        coef=model.coef_,
        intercept=model.intercept_,
        temperature=np.float64(model.temperature_),
        C=np.float64(model.C_),
    )
    params = {k: v for k, v in result.recipe["params"].items() if k not in ("y", "groups", "test")}
    manifest = {
        "format": _FORMAT,
        "version": _VERSION,
        "space": plain(prediction.space_of(result.source)),
        "classes": plain(result.classes),
        "arrays_sha256": hashlib.sha256(arrays.getvalue()).hexdigest(),
        "recipe": {"verb": "classify", "params": params},
        "metrics": plain(result.metrics["value"].to_dict()),
    }
    home = Path(directory)
    if home.exists() and not home.is_dir():
        msg = f"{os.fspath(home)!r} is a file; save takes a directory"
        raise ValueError(msg)
    home.mkdir(parents=True, exist_ok=True)
    text = json.dumps(manifest, ensure_ascii=False, indent=1, allow_nan=False)
    for name, content in ((_ARRAYS, arrays.getvalue()), (_MANIFEST, text.encode())):
        part = home / f"{name}.part"
        part.write_bytes(content)
        os.replace(part, home / name)


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
    home = Path(directory)
    try:
        manifest = json.loads((home / _MANIFEST).read_text("utf-8"))
        content = (home / _ARRAYS).read_bytes()
    except (OSError, ValueError) as error:
        msg = f"{os.fspath(directory)!r} holds no saved classifier ({error}); it should hold {_MANIFEST} and {_ARRAYS}"
        raise VerifyError(msg) from error
    if not isinstance(manifest, dict) or manifest.get("format") != _FORMAT:
        msg = f"{os.fspath(home / _MANIFEST)!r} was not written by save()"
        raise VerifyError(msg)
    if manifest.get("version") != _VERSION:
        msg = f"the classifier was saved in format {manifest.get('version')!r}, this version of mmtoolkit reads {_VERSION}; upgrade mmtoolkit"
        raise VerifyError(msg)
    if hashlib.sha256(content).hexdigest() != manifest.get("arrays_sha256"):
        msg = f"{_ARRAYS} in {os.fspath(home)!r} is not the file that {_MANIFEST} describes; copy both again, or train again"
        raise VerifyError(msg)
    try:
        return _rebuild(manifest, content)
    except (KeyError, TypeError, ValueError) as error:
        msg = f"the classifier in {os.fspath(home)!r} does not fit together: {error}"
        raise VerifyError(msg) from error


def _rebuild(manifest: Mapping[str, Any], content: bytes) -> SavedClassifier:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        coef, intercept = arrays["coef"], arrays["intercept"]
        temperature, C = float(arrays["temperature"]), float(arrays["C"])
    space = SavedSpace(**manifest["space"])
    classes = np.array(manifest["classes"])
    if coef.shape != (len(classes), space.dimension) or intercept.shape != (len(classes),):
        msg = (
            f"{len(classes)} classes and {space.dimension} features are declared, coefficients have shape {coef.shape}"
        )
        raise ValueError(msg)
    model = LogisticClassifier()
    model.classes_, model.coef_, model.intercept_ = classes, coef, intercept
    model.temperature_, model.C_, model.n_features_in_ = temperature, C, space.dimension
    return SavedClassifier(classes, manifest["metrics"], manifest["recipe"], space, model)
