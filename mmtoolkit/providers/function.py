"""Your own function as a provider: it takes texts or pictures and returns one row of numbers for each."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmtoolkit._modelspec import Modality
from mmtoolkit.content import Content, Image, Text, inputs_of, instead_of
from mmtoolkit.errors import UnsupportedItemError
from mmtoolkit.models import ModelSpec
from mmtoolkit.providers.base import Provider

__all__ = ["FunctionProvider"]

_KNOWN = get_args(Modality)
_MANY_PICTURES = 1_000_000  # in one Image: the function decides


@dataclass(frozen=True, eq=False)
class FunctionProvider(Provider):
    """A function that computes vectors, as a model for ``model=``.

    Parameters
    ----------
    fn : callable
        Takes a list of at most `batch_size` values of one modality and returns as many rows, as an array of shape
        (n, dimension), a list of lists or a tensor of the CPU. A text comes as str, a picture as an upright RGB
        `PIL.Image.Image`; everything else as the item itself: `Video`, `Fused`, or an `Image` of several pictures.
    name : str
        Name of the model; part of the cache key.
    revision : str
        Which version of the function made a vector; part of the cache key. Change it with the function.
    dimension : int
        Numbers in a row.
    modalities : sequence of {"text", "image", "video", "fused"}, default=("text",)
        What the function takes.
    batch_size : int, default=32
        How many values it gets at once, at most.
    leaves_machine : bool, default=True
        Whether it sends its values elsewhere. Without a network, pass False: ``mm.verify`` may then compute again.

    Raises
    ------
    TypeError, ValueError
        If one of these is something else.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> def lengths(texts):
    ...     return [[len(text), 1.0] for text in texts]
    >>> model = mm.FunctionProvider(lengths, name="lengths", revision="1", dimension=2, leaves_machine=False)
    >>> mm.embed_texts(["ab", "abc"], model=model, cache=False).vectors.tolist()
    [[2.0, 1.0], [3.0, 1.0]]
    """

    fn: Callable[[list[Any]], ArrayLike]
    _: KW_ONLY
    name: str
    revision: str
    dimension: int
    modalities: Sequence[str] = ("text",)
    batch_size: int = 32
    leaves_machine: bool = True

    def __post_init__(self) -> None:
        """Raise at once for arguments that would fail later, or would mix vectors."""
        _check_callable(self.fn)
        _check_word("name", self.name, "it says in the cache which model made a vector")
        reason = "it says which version of the function made a vector: change it with the function, or the cache would answer for the old one"
        _check_word("revision", self.revision, reason)
        _check_count("dimension", self.dimension, "how many numbers a row has")
        _check_count("batch_size", self.batch_size, "how many values the function gets at once")
        _check_modalities(self.modalities)

    @property
    def spec(self) -> ModelSpec:
        """The model's row, made of the arguments."""
        return _row(self.name, self.revision, int(self.dimension), tuple(self.modalities), int(self.batch_size))

    @property
    def destination(self) -> str:
        """Where items go, in words."""
        return (
            f"wherever the function of {self.name!r} sends them"
            if self.leaves_machine
            else "nothing leaves this machine"
        )

    @property
    def origin(self) -> str:
        """Module and name of the function."""
        made: Any = getattr(self.fn, "func", self.fn)  # of functools.partial
        made = made if hasattr(made, "__qualname__") else type(made)
        return f"{made.__module__}.{made.__qualname__}"

    def check(self, content: Content, *, dimension: int, params: Mapping[str, Any]) -> None:
        """Raise for a content that the function does not take.

        Parameters
        ----------
        content : Text, Image, Video or Fused
            One item.
        dimension : int
            Number of features.
        params : mapping
            Parameters of the model; there are none.

        Raises
        ------
        UnsupportedItemError
            If it is of another modality, or holds a picture that is only a URL.
        """
        super().check(content, dimension=dimension, params=params)
        pictures = [picture for part in inputs_of(content) if isinstance(part, Image) for picture in part.parts]
        for picture in filter(lambda picture: picture.is_url, pictures):
            msg = f"the function of {self.name!r} gets pictures, not addresses; {instead_of(str(picture.source))}"
            raise UnsupportedItemError(msg, name=content.name)

    def embed_batch(
        self,
        contents: Sequence[Content],
        *,
        dimension: int,  # noqa: ARG002 - there is only one
        params: Mapping[str, Any],  # noqa: ARG002 - there are none
    ) -> NDArray[Any]:
        """Call the function once.

        Parameters
        ----------
        contents : sequence of contents
            At most `batch_size`, of one modality.
        dimension : int
            Number of features.
        params : mapping
            Parameters of the model; there are none.

        Returns
        -------
        ndarray of shape (n_contents, dimension)
            What the function returned.
        """
        return np.asarray(self.fn([_value(content) for content in contents]))


@functools.lru_cache(maxsize=64)
def _row(name: str, revision: str, dimension: int, modalities: tuple[str, ...], batch_size: int) -> ModelSpec:
    """Return the row of the models table; kept here because a row cannot be pickled with its provider."""
    return ModelSpec(
        name=name,
        provider="function",
        dimension=dimension,
        revision=revision,
        modalities=frozenset(modalities),
        max_images=_MANY_PICTURES,
        video_sources=frozenset({"url", "file"}),
        contents_per_call=batch_size,
        packs=modalities,
    )


def _value(content: Content) -> Any:
    """Return the argument of the function for one content."""
    if isinstance(content, Text):
        return content.text
    if isinstance(content, Image) and len(content.parts) == 1:
        return content.parts[0].open()
    return content


def _check_callable(fn: object) -> None:
    if not callable(fn):
        msg = f"fn must be a function from a list of values to rows of numbers, got {fn!r}"
        raise TypeError(msg)


def _check_word(name: str, value: object, reason: str) -> None:
    if not isinstance(value, str):
        msg = f"{name} must be a str, got {value!r}; {reason}"
        raise TypeError(msg)
    if not value.strip():
        msg = f"{name} must not be empty; {reason}"
        raise ValueError(msg)


def _check_count(name: str, value: object, what: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        msg = f"{name} must be an int, {what}, got {value!r}"
        raise TypeError(msg)
    if value < 1:
        msg = f"{name} must be at least 1, {what}, got {value!r}"
        raise ValueError(msg)


def _check_modalities(modalities: object) -> None:
    if isinstance(modalities, str) or not isinstance(modalities, Sequence):
        msg = f'modalities must be a sequence such as ("text", "image"), got {modalities!r}'
        raise TypeError(msg)
    unknown = [one for one in modalities if one not in _KNOWN]
    if unknown or not modalities:
        got = f"the unknown {unknown[0]!r}" if unknown else "none"
        msg = f"modalities must be some of {', '.join(map(repr, _KNOWN))}, got {got}"
        raise ValueError(msg)
