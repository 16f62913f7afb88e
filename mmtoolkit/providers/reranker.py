"""The base class of rerankers, which score how well an item answers a query. A pair is scored as an item is embedded."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmtoolkit._modelspec import ModelSpec
from mmtoolkit.content import Content
from mmtoolkit.errors import ProtocolError, RefusedItemError, ServiceStopError, UnsupportedItemError
from mmtoolkit.providers.base import Provider

__all__ = ["WIDTH", "Pair", "Remembered", "Reranker", "only_cached", "scores_of", "vector_of_score", "will_send"]

WIDTH = (
    4  # a score as a vector: 1, so that it is never zero, and three float32 whose sum is the float64 to the last bit
)
_sending: ContextVar[bool] = ContextVar("sending", default=True)


@contextmanager
def only_cached() -> Iterator[None]:
    """Take scores from the cache only inside this context; an error says which are missing."""
    token = _sending.set(False)
    try:
        yield
    finally:
        _sending.reset(token)


def will_send() -> bool:
    """Return whether scores may be computed here."""
    return _sending.get()


def vector_of_score(score: float) -> NDArray[np.float32]:
    """Return a score as the vector that a cache keeps.

    Parameters
    ----------
    score : float
        Finite.

    Returns
    -------
    ndarray of shape (4,), float32
        `scores_of` gives the same float back.

    Raises
    ------
    ValueError
        If it is not finite, or larger than a float32 can be.
    """
    with np.errstate(over="ignore"):
        high = np.float32(score)
    if not np.isfinite(high):
        msg = f"expected a finite score, got {score!r}"
        raise ValueError(msg)
    middle = np.float32(score - float(high))
    low = np.float32(score - float(high) - float(middle))
    return np.array([1.0, high, middle, low], dtype=np.float32)


def scores_of(X: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the scores, (n,), of rows of `vector_of_score`, (n, 4); NaN where a row is NaN."""
    wide = X.astype(np.float64)
    return np.asarray(wide[:, 3] + wide[:, 2] + wide[:, 1])


@dataclass(eq=False)
class Pair:
    """A query and an item, which get a score together.

    Parameters
    ----------
    query, document : Text, Image, Video or Fused
        What is asked, and what may answer it.
    """

    query: Content
    document: Content
    modality: str = "pair"

    @property
    def name(self) -> str:
        """The item's short name."""
        return self.document.name

    def digest(self) -> bytes:
        """Return SHA-256 of both."""
        return hashlib.sha256(
            b"".join(
                hashlib.sha256(one.modality.encode() + b"\n" + one.digest()).digest()
                for one in (self.query, self.document)
            )
        ).digest()


class Reranker(Provider):
    """Scores how well items answer a query. Derive from it to bring a model of your own.

    A subclass has `name`, `revision` and `score`. Scores are cached by query, item, name and revision, so `revision`
    must change whenever the same pair gets another score.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> class SharedWords(mm.Reranker):
    ...     name, revision, leaves_machine = "shared-words", "1", False
    ...     takes = frozenset({"text"})
    ...
    ...     def score(self, query, contents):
    ...         words = set(query.text.split())
    ...         return [len(words & set(content.text.split())) for content in contents]
    >>> emb = mm.embed_texts(["a red bird", "a bird", "red cars of a kind"], model="local", cache=False)
    >>> found = mm.search(emb, "red bird", k=2, rerank=SharedWords())
    >>> found.table[["text", "score"]].values.tolist()
    [['a red bird', 2.0], ['a bird', 1.0]]
    >>> mine = SharedWords()
    >>> mine.name, mine.revision, mine.label
    ('shared-words', '1', 'shared-words@1')
    """

    takes: frozenset[str] = frozenset({"text", "image", "video", "fused"})  # modalities of queries and items

    @property
    @abstractmethod
    def name(self) -> str:
        """The name in caches and reports."""

    @property
    @abstractmethod
    def revision(self) -> str:
        """Changes whenever the same pair gets another score."""

    def score(self, query: Content, contents: Sequence[Content]) -> ArrayLike:
        """Score how well each of some items answers a query.

        Parameters
        ----------
        query : Text, Image, Video or Fused
            What is asked.
        contents : sequence of contents
            At most 64 items.

        Returns
        -------
        array-like of shape (n_contents,)
            Finite; higher is better.

        Raises
        ------
        ItemError
            If one of them cannot be scored; they are then tried one by one.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> class Shorter(mm.Reranker):
        ...     name, revision, leaves_machine = "shorter", "1", False
        ...
        ...     def score(self, query, contents):
        ...         return [-len(content.text) for content in contents]
        >>> Shorter().score(mm.Text("a bird"), [mm.Text("bird"), mm.Text("a red bird")])
        [-4, -10]
        """
        raise NotImplementedError

    @cached_property
    def spec(self) -> ModelSpec:  # noqa: D102 - see Provider
        return ModelSpec(
            name=self.name,
            provider="reranker",
            dimension=WIDTH,
            revision=self.revision,
            modalities=frozenset({"pair"}),
            contents_per_call=64,
            packs=("pair",),
        )

    def ready(self) -> None:
        """Raise an error that would stop the first request, before a line says that items are sent.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> class Shorter(mm.Reranker):
        ...     name, revision, leaves_machine = "shorter", "1", False
        ...
        ...     def score(self, query, contents):
        ...         return [-len(content.text) for content in contents]
        ...
        ...     def ready(self):
        ...         raise mm.MMToolkitError("the file of the model is missing")
        >>> Shorter().ready()
        Traceback (most recent call last):
            ...
        mmtoolkit.errors.MMToolkitError: the file of the model is missing
        """

    @property
    def label(self) -> str:
        """The name in a recipe: with the revision where there is one."""
        return f"{self.name}@{self.revision}" if self.revision else self.name

    def check(self, content: Any, *, dimension: int, params: Mapping[str, Any]) -> None:  # noqa: ARG002, D102 - see Provider
        for one in (content.query, content.document):
            if one.modality not in self.takes:
                msg = f"the reranker {self.name!r} takes no {one.modality}, only {', '.join(sorted(self.takes))}"
                raise UnsupportedItemError(msg, name=one.name)

    def embed_batch(  # noqa: D102 - see Provider
        self,
        contents: Sequence[Any],
        *,
        dimension: int,  # noqa: ARG002 - it has one
        params: Mapping[str, Any],  # noqa: ARG002 - it has none
    ) -> ArrayLike:
        vectors: list[Any] = []
        for _, group in groupby(contents, key=lambda pair: id(pair.query)):
            pairs = list(group)
            scores = np.asarray(self.score(pairs[0].query, [pair.document for pair in pairs]))
            if scores.shape != (len(pairs),) or scores.dtype.kind not in "fiub":
                msg = f"the reranker {self.name!r} returned {scores.dtype} of shape {scores.shape} for {len(pairs)} items; expected one number for each"
                raise ProtocolError(msg)
            vectors += map(self._vector, pairs, scores.tolist())
        return np.stack(vectors)

    def _vector(self, pair: Pair, score: float) -> NDArray[np.float32]:
        try:
            return vector_of_score(float(score))
        except ValueError as error:
            msg = f"the reranker {self.name!r} gave no usable score: {error}"
            raise RefusedItemError(msg, name=pair.name) from error


class Remembered(Reranker):
    """A reranker of which only the name is known: its scores must be in the cache.

    Parameters
    ----------
    label : str
        As a recipe has it.
    """

    name = revision = ""  # of the object, not of the class
    leaves_machine = False

    def __init__(self, label: str) -> None:
        name, _, revision = label.rpartition("@")
        self.name, self.revision = (name, revision) if name else (label, "")

    def score(self, query: Content, contents: Sequence[Content]) -> ArrayLike:  # noqa: ARG002
        """Raise, because it cannot score."""
        msg = f"{len(contents)} scores by {self.label!r} are not in the cache, and of that reranker only the name is given; pass the object as rerank="
        raise ServiceStopError(msg)
