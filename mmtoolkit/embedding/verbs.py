"""The verbs: ``embed``, ``embed_texts``, ``embed_images``, ``embed_videos``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from mmtoolkit._rows import is_missing, unique_ids
from mmtoolkit.content import Fused, Image, Text, Video, is_pil
from mmtoolkit.embedding.encoder import Encoder, make_encoder
from mmtoolkit.embedding.result import Embeddings
from mmtoolkit.items import contents_of, frame_of, wrap
from mmtoolkit.items import items as as_items

if TYPE_CHECKING:
    import pandas as pd

    from mmtoolkit.cache import CacheLike
    from mmtoolkit.content import Content
    from mmtoolkit.providers.base import Provider

__all__ = ["embed", "embed_images", "embed_texts", "embed_videos", "gather"]


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


def embed_texts(texts: Iterable[str | Text] | str | Text, **options: Any) -> Embeddings:
    """Embed texts; a str is always a text, never a path.

    Parameters
    ----------
    texts : iterable of str or Text, or one of them
        Not blank.
    **options
        As `embed` takes them.

    Returns
    -------
    Embeddings
        One row per text.
    """
    return embed(_each(texts, Text, (str, Text)), **options)


def embed_images(images: Any, **options: Any) -> Embeddings:
    """Embed pictures.

    Parameters
    ----------
    images : iterable of path, URL, bytes, PIL image, ndarray, data URI or Image, or one of them
        Pictures.
    **options
        As `embed` takes them.

    Returns
    -------
    Embeddings
        One row per picture.
    """
    if is_pil(images) or getattr(images, "ndim", 0) in (2, 3):  # an array of four dimensions is many pictures
        return embed([Image(images)], **options)
    return embed(_each(images, Image, (str, os.PathLike, bytes, bytearray, Image)), **options)


def embed_videos(videos: Any, **options: Any) -> Embeddings:
    """Embed videos.

    Parameters
    ----------
    videos : iterable of URL, path, bytes or Video, or one of them
        Which of them a model takes is said by its row of the models table.
    **options
        As `embed` takes them.

    Returns
    -------
    Embeddings
        One row per video.
    """
    return embed(_each(videos, Video, (str, os.PathLike, bytes, bytearray, Video)), **options)


def gather(items: Any) -> tuple[list[Content], pd.DataFrame]:
    """Return contents and items frame of whatever a user calls items; a str is a text."""
    import pandas as pd

    if isinstance(items, pd.DataFrame):
        if not {"id", "modality", "text", "image", "video"} <= set(items.columns):
            items = as_items(items)
        unique_ids([None if is_missing(value) else value for value in items["id"].tolist()])
        return contents_of(items), items
    contents: list[Content] = _each(items, Text, (str, Text, Image, Video, Fused))
    return contents, frame_of(contents)


def _each(values: Any, kind: type[Content], single: tuple[type, ...]) -> list[Content]:
    if isinstance(values, single):
        values = [values]
    if isinstance(values, Mapping) or not isinstance(values, Iterable):
        msg = f"expected an items frame, {kind.__name__} or a list of such items, got {type(values).__name__}"
        raise TypeError(msg)
    contents = []
    for row, value in enumerate(values):
        try:
            contents.append(wrap(value, kind))
        except TypeError as error:
            msg = f"row {row}: {error}"
            raise TypeError(msg) from error
    return contents


def _embed(encoder: Encoder, items: Any, **options: Any) -> Embeddings:
    contents, frame = gather(items)
    run = encoder.run(contents, frame["id"].tolist(), **options)
    return Embeddings._from_run(run, frame, encoder)
