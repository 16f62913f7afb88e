"""The verbs: ``embed``, ``embed_texts``, ``embed_images``, ``embed_videos``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from mmtoolkit._anyframe import is_frame
from mmtoolkit.content import Image, Text, Video, is_pil
from mmtoolkit.embedding.encoder import Encoder, make_encoder
from mmtoolkit.embedding.gathering import Gathered, gather, gather_as
from mmtoolkit.embedding.result import Embeddings, held_of
from mmtoolkit.providers.base import Provider

if TYPE_CHECKING:
    from mmtoolkit.cache import CacheLike

__all__ = ["embed", "embed_images", "embed_texts", "embed_videos"]


def embed(
    items: Any,
    *,
    model: str | Provider | None = None,
    dimension: int | None = None,
    params: Mapping[str, Any] | None = None,
    cache: CacheLike = None,
    on_error: Literal["raise", "nan"] = "raise",
    budget: float | None = None,
    progress: Any = None,
) -> Embeddings:
    """Return one vector per item, computing only what is not cached yet.

    Equal items are computed once; every vector is kept on disk as soon as it arrives.

    Parameters
    ----------
    items : DataFrame, or Text, Image, Video and Fused objects
        A table as `items` takes it (of any library), or a list of contents, paths of pictures and videos as `Path`, PIL
        pictures, arrays and texts. A str is a text, unless it is plainly the path or the URL of something else.
    model : str, provider or None, default=None
        A name of `list_models`, or a provider such as ``mm.DashScope("...", region="singapore")``. None takes
        ``MMTOOLKIT_MODEL``, else ``multimodal-embedding-v1`` when an API key is found, else the offline model ``local``;
        one line says which.
    dimension : int or None, default=None
        Number of features, one that the model has; None is the model's default.
    params : mapping or None, default=None
        Further parameters that the model has.
    cache : None, False, path, EmbeddingCache, or list of these, default=None
        None is the default cache on disk, False none; of a list all are looked in and the first is written to.
    on_error : {"raise", "nan"}, default="raise"
        What to do about items that cannot be embedded, after all others were: raise, or leave rows of NaN.
    budget : float or None, default=None
        Stop before the cost crosses this, in the currency of the model's price. What arrived is kept; run again to
        go on.
    progress : None, bool or a tqdm-like bar, default=None
        None shows a bar when it takes longer than a second.

    Returns
    -------
    Embeddings
        Vectors of shape (n_items, n_features), float32, with the items frame beside them, row by row.

    Raises
    ------
    ValueError
        If ids repeat, or a str is the path of a file that exists or the URL of a picture or video; the message says which
        verb takes it.
    EmbeddingError
        If items failed and `on_error` is "raise"; the message names them.
    ProviderError
        If the service as a whole refused or broke.
    BudgetError
        If the next call would cross `budget`.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> emb = mm.embed([mm.Text("a cat"), mm.Text("a dog")], model="local", cache=False)
    >>> emb.shape
    (2, 512)
    """
    gathered = gather(items, strict=True)
    encoder = make_encoder(model, dimension=dimension, params=params, cache=cache)
    return _embed(encoder, gathered, on_error=on_error, budget=budget, progress=progress)


def embed_texts(
    texts: Iterable[str | Text] | str | Text,
    *,
    model: str | Provider | None = None,
    dimension: int | None = None,
    params: Mapping[str, Any] | None = None,
    cache: CacheLike = None,
    on_error: Literal["raise", "nan"] = "raise",
    budget: float | None = None,
    progress: Any = None,
) -> Embeddings:
    """Embed texts; a str is always a text, never a path.

    Parameters
    ----------
    texts : iterable of str or Text, Series or one-column frame of any library, or one text
        Not blank.
    model, dimension, params, cache, on_error, budget, progress
        As `embed` takes them.

    Returns
    -------
    Embeddings
        One row per text.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> mm.embed_texts(["a cat", "a dog"], model="local", cache=False).ids.tolist()
    ['0', '1']
    """
    gathered = gather_as(texts, Text, (str, Text))
    encoder = make_encoder(model, dimension=dimension, params=params, cache=cache)
    return _embed(encoder, gathered, on_error=on_error, budget=budget, progress=progress)


def embed_images(
    images: Any,
    *,
    model: str | Provider | None = None,
    dimension: int | None = None,
    params: Mapping[str, Any] | None = None,
    cache: CacheLike = None,
    on_error: Literal["raise", "nan"] = "raise",
    budget: float | None = None,
    progress: Any = None,
) -> Embeddings:
    """Embed pictures.

    Parameters
    ----------
    images : iterable of path, URL, bytes, PIL image, ndarray, data URI or Image, or one of them
        Pictures.
    model, dimension, params, cache, on_error, budget, progress
        As `embed` takes them.

    Returns
    -------
    Embeddings
        One row per picture.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> red = np.full((32, 32, 3), (255, 0, 0), dtype=np.uint8)
    >>> mm.embed_images([red], model="local", cache=False).shape
    (1, 512)
    """
    one = is_pil(images) or (
        not is_frame(images) and getattr(images, "ndim", 0) in (2, 3)
    )  # four dimensions are many pictures
    gathered = gather_as([images] if one else images, Image, (str, os.PathLike, bytes, bytearray, Image))
    encoder = make_encoder(model, dimension=dimension, params=params, cache=cache)
    return _embed(encoder, gathered, on_error=on_error, budget=budget, progress=progress)


def embed_videos(
    videos: Any,
    *,
    model: str | Provider | None = None,
    dimension: int | None = None,
    params: Mapping[str, Any] | None = None,
    cache: CacheLike = None,
    on_error: Literal["raise", "nan"] = "raise",
    budget: float | None = None,
    progress: Any = None,
) -> Embeddings:
    """Embed videos.

    Parameters
    ----------
    videos : iterable of URL, path, bytes or Video, or one of them
        Which of them a model takes is said by its row of the models table.
    model, dimension, params, cache, on_error, budget, progress
        As `embed` takes them.

    Returns
    -------
    Embeddings
        One row per video.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> clips = mm.load_dataset("clips")["video"].tolist()
    >>> mm.embed_videos(clips[:1], model="local", cache=False).shape
    (1, 512)
    """
    gathered = gather_as(videos, Video, (str, os.PathLike, bytes, bytearray, Video))
    encoder = make_encoder(model, dimension=dimension, params=params, cache=cache)
    return _embed(encoder, gathered, on_error=on_error, budget=budget, progress=progress)


def _embed(encoder: Encoder, gathered: Gathered, **options: Any) -> Embeddings:
    contents, frame, index = gathered
    run = encoder.run(contents, frame["id"].tolist(), **options)
    return Embeddings._of(held_of(run, frame, encoder, index))
