"""A scikit-learn transformer from raw items to vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from mmtoolkit._arguments import check_choice
from mmtoolkit.content import Image, Text, Video
from mmtoolkit.embedding.encoder import Encoder, make_encoder
from mmtoolkit.embedding.gathering import gather_as
from mmtoolkit.providers.base import Provider
from mmtoolkit.vectors import unit_rows

if TYPE_CHECKING:
    from mmtoolkit.cache import CacheLike

__all__ = ["Embedder"]

_KINDS: dict[str, Any] = {"text": Text, "image": Image, "video": Video}


class Embedder(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Turn raw items into vectors inside a scikit-learn pipeline.

    Parameters
    ----------
    model : str, provider or None, default=None
        As `embed` takes it.
    modality : {"text", "image", "video"}, default="text"
        What the items are.
    dimension : int or None, default=None
        Number of features.
    params : mapping or None, default=None
        Further parameters that the model has.
    cache : None, False, path or EmbeddingCache, default=None
        As `embed` takes it.
    normalize : bool, default=True
        Return unit rows.

    Attributes
    ----------
    n_features_out_ : int
        Number of features.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> import mmtoolkit as mm
    >>> pipeline = make_pipeline(mm.Embedder(model="local", cache=False), LogisticRegression(C=100))
    >>> pipeline.fit(["a cat", "a dog", "a car", "a bus"], ["pet", "pet", "road", "road"]).predict(["a kitten"]).tolist()
    ['pet']
    """

    def __init__(
        self,
        model: str | Provider | None = None,
        *,
        modality: Literal["text", "image", "video"] = "text",
        dimension: int | None = None,
        params: Mapping[str, Any] | None = None,
        cache: CacheLike = None,
        normalize: bool = True,
    ) -> None:
        self.model = model
        self.modality = modality
        self.dimension = dimension
        self.params = params
        self.cache = cache
        self.normalize = normalize

    def fit(self, X: Any, y: Any = None) -> Embedder:  # noqa: ARG002 - scikit-learn's signature
        """Check the arguments; nothing is learned.

        Parameters
        ----------
        X : iterable of items
            Not looked at.
        y : object, default=None
            Not looked at.

        Returns
        -------
        Embedder
            Itself.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> mm.Embedder(model="local", cache=False).fit(["a cat"]).n_features_out_
        512
        """
        self._kind()
        self.n_features_out_ = self._encoder().space.dimension
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Embed items.

        Parameters
        ----------
        X : iterable of str, path or contents, Series or one-column frame of any library, or array of shape (n_items, 1)
            Items of the chosen modality, as a `ColumnTransformer` or a `SimpleImputer` hands them on.

        Returns
        -------
        ndarray of shape (n_items, n_features), float32
            One row per item.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> mm.Embedder(model="local", cache=False).fit(["a cat"]).transform(["a dog", "a car"]).shape
        (2, 512)
        """
        contents, frame, _ = gather_as(X, self._kind(), (str, self._kind()))
        vectors = self._encoder().run(contents, frame["id"].tolist()).vectors
        return unit_rows(vectors) if self.normalize else vectors

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:  # noqa: ARG002
        """Return ``embedder0``, ``embedder1`` and so on.

        Parameters
        ----------
        input_features : object, default=None
            Not looked at.

        Returns
        -------
        ndarray of shape (n_features_out,), object
            Names of the columns that `transform` returns.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> mm.Embedder(model="local", cache=False).fit(["a cat"]).get_feature_names_out()[:2].tolist()
        ['embedder0', 'embedder1']
        """
        n = self.n_features_out_ if self.__sklearn_is_fitted__() else self._encoder().space.dimension
        return np.array([f"embedder{i}" for i in range(n)], dtype=object)

    def _kind(self) -> Any:
        check_choice("modality", self.modality, _KINDS)
        return _KINDS[self.modality]

    def _encoder(self) -> Encoder:
        return make_encoder(self.model, dimension=self.dimension, params=self.params, cache=self.cache, announce=False)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_features_out_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.no_validation = True
        return tags
