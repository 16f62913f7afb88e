"""The verbs: ``embed``, ``embed_texts``, ``embed_images``, ``embed_videos``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from mmtoolkit.content import Image, Text, Video, is_pil
from mmtoolkit.embedding.encoder import make_encoder
from mmtoolkit.embedding.gathering import each, gather
from mmtoolkit.embedding.result import Embeddings, held_of

if TYPE_CHECKING:
    import pandas as pd

    from mmtoolkit.cache import CacheLike
    from mmtoolkit.content import Content
    from mmtoolkit.embedding.encoder import Encoder
    from mmtoolkit.providers.base import Provider

__all__ = ["embed", "embed_images", "embed_texts", "embed_videos"]


def embed(
    items: pd.DataFrame | Content | Iterable[Content],
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
        An items frame (see `items` and `read_folder`) or a list of contents.
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
        If ids repeat.
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
    encoder = make_encoder(model, dimension=dimension, params=params, cache=cache)
    return _embed(encoder, items, on_error=on_error, budget=budget, progress=progress)


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
    texts : iterable of str or Text, or one of them
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
    return embed(
        each(texts, Text, (str, Text)),
        model=model,
        dimension=dimension,
        params=params,
        cache=cache,
        on_error=on_error,
        budget=budget,
        progress=progress,
    )


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
    one = is_pil(images) or getattr(images, "ndim", 0) in (2, 3)  # an array of four dimensions is many pictures
    return embed(
        [Image(images)] if one else each(images, Image, (str, os.PathLike, bytes, bytearray, Image)),
        model=model,
        dimension=dimension,
        params=params,
        cache=cache,
        on_error=on_error,
        budget=budget,
        progress=progress,
    )


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
    return embed(
        each(videos, Video, (str, os.PathLike, bytes, bytearray, Video)),
        model=model,
        dimension=dimension,
        params=params,
        cache=cache,
        on_error=on_error,
        budget=budget,
        progress=progress,
    )


def _embed(encoder: Encoder, items: Any, **options: Any) -> Embeddings:
    contents, frame = gather(items)
    run = encoder.run(contents, frame["id"].tolist(), **options)
    return Embeddings._of(held_of(run, frame, encoder))
