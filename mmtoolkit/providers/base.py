"""The base class of providers, which compute vectors, and the methods that the rest of the package uses."""

from __future__ import annotations

import contextlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmtoolkit.content import Content, Image, inputs_of
from mmtoolkit.errors import (
    BudgetError,
    ItemError,
    ProtocolError,
    ProviderError,
    RefusedItemError,
    UnsupportedItemError,
)
from mmtoolkit.providers.averages import mean_of_units

if TYPE_CHECKING:
    from mmtoolkit._modelspec import ModelSpec, Price

__all__ = ["Forecast", "Outcome", "Provider", "Sink", "batches", "compute", "shown", "tell"]

_HOPELESS = 3  # so many items in a row that fail alone, and the model itself is suspected to be broken


@dataclass(frozen=True, eq=False)
class Outcome:
    """The outcome of one content: a vector, or an error.

    Parameters
    ----------
    index : int
        Position in the `contents` given to ``embed``.
    vector : ndarray of shape (dimension,), float32, or None
        The row; `compute` refuses one of another length, and one that is zero or not finite.
    error : ItemError or None
        Why there is no vector.
    usage : mapping of str to int
        What the service counted for this content, as far as it can be told apart.
    note : str
        What was changed before sending ("4.1 MB PNG sent as 2.8 MB JPEG"); empty when nothing was.
    """

    index: int
    vector: NDArray[np.float32] | None = None
    error: ItemError | None = None
    usage: Mapping[str, int] = field(default_factory=dict)
    note: str = ""


Sink = Callable[[Sequence[Outcome]], None]


@dataclass(frozen=True)
class Forecast:
    """The calls, tokens, cost and time that embedding would take.

    Parameters
    ----------
    calls : int, default=0
        Requests; 0 where none are made.
    tokens : int, default=0
        Estimated: texts from above, pictures by size.
    cost : float or None, default=0
        In `currency`; None when the models table has no price.
    currency, price_as_of : str, default=""
        ISO code, and the day on which the price was read.
    minutes : float, default=0
        At the rate limit.
    """

    calls: int = 0
    tokens: int = 0
    cost: float | None = 0.0
    currency: str = ""
    price_as_of: str = ""
    minutes: float = 0.0


class Provider(ABC):
    """Computes vectors. Derive from it to bring a model of your own.

    A subclass gives `spec`, and either `embed_batch` (a few contents to as many rows; the rest is done here) or
    `embed` (all contents, in its own way). Every other method has a default. Objects are treated as immutable: clones
    of scikit-learn share them.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> class Lengths(mm.Provider):
    ...     spec = mm.ModelSpec(name="lengths", provider="mine", dimension=2, revision="1", modalities=frozenset({"text"}))
    ...     leaves_machine = False
    ...
    ...     def embed_batch(self, contents, *, dimension, params):
    ...         return [[len(c.text), 1.0] for c in contents]
    >>> mm.embed_texts(["ab", "abc"], model=Lengths(), cache=False).vectors.tolist()
    [[2.0, 1.0], [3.0, 1.0]]
    >>> mine = Lengths()
    >>> mine.spec.name, mine.leaves_machine, mine.destination, mine.directed_by, mine.price, mine.origin.split(".")[-1]
    ('lengths', False, "the service behind 'lengths'", '', None, 'Lengths')
    """

    @property
    @abstractmethod
    def spec(self) -> ModelSpec:
        """The model's row; its `revision` must change whenever the same items get other vectors."""

    @property
    def leaves_machine(self) -> bool:
        """Whether items are sent elsewhere; ``verify`` then computes nothing unless ``allow_fetch=True``."""
        return True

    @property
    def destination(self) -> str:
        """Where items go, in words, for the line that says so."""
        return f"the service behind {self.spec.name!r}"

    @property
    def directed_by(self) -> str:
        """The environment variable that decides where items go; "" (the default) when the call decides."""
        return ""

    @property
    def origin(self) -> str:
        """Whose code computes the vectors: two providers of one model and revision must not differ in it."""
        return f"{type(self).__module__}.{type(self).__qualname__}"

    @property
    def price(self) -> Price | None:
        """The price of a million tokens in the region in use; None (the default) when it is unknown or free."""
        return None

    def in_region(self, region: str) -> Provider:
        """Return the same model in another region.

        Parameters
        ----------
        region : str
            Name of the region.

        Returns
        -------
        Provider
            A new one.

        Raises
        ------
        ValueError
            If the model has no regions (the default), or not this one.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> mm.DashScope().in_region("singapore").region
        'singapore'
        """
        msg = f"the model {self.spec.name!r} has no regions, got region={region!r}"
        raise ValueError(msg)

    def check(self, content: Content, *, dimension: int, params: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Raise for a content that the model cannot take; cheap, and done before anything is paid.

        Parameters
        ----------
        content : Text, Image, Video or Fused
            One item.
        dimension : int
            Number of features.
        params : mapping
            Parameters of the model, checked against its row.

        Raises
        ------
        ItemError
            If it cannot; the default knows the `modalities` and `max_images` of the row.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> words = mm.FunctionProvider(lambda texts: [[len(t)] for t in texts], name="lengths", revision="1", dimension=1)
        >>> words.check(mm.Image("bird.png"), dimension=1, params={})
        Traceback (most recent call last):
            ...
        mmtoolkit.errors.UnsupportedItemError: bird.png: 'lengths' takes no image items, only text
        """
        spec = self.spec
        if content.modality not in spec.modalities:
            msg = f"{spec.name!r} takes no {content.modality} items, only {', '.join(sorted(spec.modalities))}"
            raise UnsupportedItemError(msg, name=content.name)
        pictures = len(content.parts) if content.modality == "image" else 1
        if pictures > spec.max_images:
            msg = f"{spec.name!r} takes at most {spec.max_images} picture(s) per vector, got {pictures}"
            raise UnsupportedItemError(msg, name=content.name)

    def recipe(self, content: Content) -> str:  # noqa: ARG002
        """Return an id of the changes to an item before the model reads it.

        Parameters
        ----------
        content : Text, Image, Video or Fused
            One item.

        Returns
        -------
        str
            Part of the cache key; by default "", for nothing.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> words = mm.FunctionProvider(lambda texts: [[len(t)] for t in texts], name="lengths", revision="1", dimension=1)
        >>> words.recipe(mm.Text("a red bird"))
        ''
        """
        return ""

    def members(self, content: Content) -> Sequence[Any]:  # noqa: ARG002
        """Return the contents whose vectors `combine` makes into that of `content`.

        Members are cached like items, so that none is paid for twice.

        Parameters
        ----------
        content : Text, Image, Video or Fused
            Checked.

        Returns
        -------
        sequence
            By default empty: the item has a vector of its own.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> mixed = mm.Fused(text="a red bird", image="bird.png")
        >>> [one.modality for one in mm.DashScope(local_fusion=True).members(mixed)]
        ['text', 'image']
        """
        return ()

    def combine(self, content: Content, vectors: Sequence[Any]) -> tuple[Any, str]:
        """Return a content's vector from those of its `members`, and a note on it.

        Parameters
        ----------
        content : Text, Image, Video or Fused
            One with members.
        vectors : sequence of ndarray of shape (dimension,)
            In the order of `members`.

        Returns
        -------
        vector, note : ndarray of shape (dimension,), str
            By default the mean of the unit vectors.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> mixed = mm.Fused(text="a red bird", image="bird.png")
        >>> vector, note = mm.DashScope(local_fusion=True).combine(mixed, [np.array([2.0, 0.0]), np.array([0.0, 1.0])])
        >>> vector.tolist(), note
        ([0.5, 0.5], 'mean of the unit vectors of a red bird + bird.png')
        """
        return mean_of_units(vectors), f"mean of the unit vectors of {content.name}"

    def forecast(self, contents: Sequence[Content], params: Mapping[str, Any]) -> Forecast:  # noqa: ARG002
        """Forecast calls, tokens, cost and time of embedding; sends nothing.

        Parameters
        ----------
        contents : sequence of contents
            Checked.
        params : mapping
            Parameters of the model.

        Returns
        -------
        Forecast
            By default zeros, as of a model that costs nothing.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> mm.DashScope("tongyi-embedding-vision-plus", region="singapore").forecast([mm.Text("a red bird")], {}).tokens
        3
        """
        return Forecast()

    def share(self, workers: int) -> Provider:  # noqa: ARG002
        """Return the provider as one of several processes should use it that share an account's rate.

        Parameters
        ----------
        workers : int
            How many processes.

        Returns
        -------
        Provider
            By default itself.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> mm.DashScope().share(4).rate_share
        0.25
        """
        return self

    def embed_batch(self, contents: Sequence[Content], *, dimension: int, params: Mapping[str, Any]) -> ArrayLike:
        """Compute one row per content.

        Parameters
        ----------
        contents : sequence of contents
            At most ``spec.contents_per_call``, of one modality.
        dimension : int
            Number of features.
        params : mapping
            Parameters of the model.

        Returns
        -------
        array-like of shape (n_contents, dimension)
            In the same order.

        Raises
        ------
        ItemError
            If one of them cannot be embedded; they are then tried one by one.
        ProviderError
            If it makes no sense to go on.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> words = mm.FunctionProvider(lambda texts: [[len(t)] for t in texts], name="lengths", revision="1", dimension=1)
        >>> words.embed_batch([mm.Text("ab"), mm.Text("abc")], dimension=1, params={}).tolist()
        [[2], [3]]
        """
        raise NotImplementedError

    def embed(
        self,
        contents: Sequence[Content],
        *,
        dimension: int,
        params: Mapping[str, Any],
        sink: Sink,
        budget: float | None = None,  # noqa: ARG002 - a model of your own costs nothing that is known here
    ) -> None:
        """Compute all `contents`, handing outcomes to `sink` as they come, in any order, from any thread.

        Every content gets exactly one outcome unless the call raises. Errors of single items are outcomes;
        what stops the whole run is raised, after everything that had arrived went to `sink`. The same holds for
        KeyboardInterrupt, after which `sink` may still be called with what was under way.

        The default calls `embed_batch` with a few contents of one modality at a time. A batch that fails is halved
        until the culprit is alone; three such items in a row end the run, those with an ItemError not counted.

        Parameters
        ----------
        contents : sequence of contents
            Checked.
        dimension : int
            Number of features.
        params : mapping
            Parameters of the model.
        sink : callable
            Takes a list of `Outcome`.
        budget : float or None, default=None
            In the currency of the model's price; the call that would cross it is not made and BudgetError is raised.
            A provider that costs nothing ignores it.

        Raises
        ------
        ProviderError
            If the model as a whole is broken.
        TypeError
            If the class has neither of the two methods.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> words = mm.FunctionProvider(lambda texts: [[len(t)] for t in texts], name="lengths", revision="1", dimension=1)
        >>> words.embed([mm.Text("ab")], dimension=1, params={}, sink=lambda found: print(found[0].index, found[0].vector))
        0 [2.]
        """
        if type(self).embed_batch is Provider.embed_batch:
            msg = f"{type(self).__name__} has neither embed_batch nor embed, so it cannot compute vectors; give it one of them"
            raise TypeError(msg)
        hopeless = 0
        size = max(self.spec.contents_per_call, 1)
        for rows in batches(contents, lambda _modality: size):
            waiting = [rows]
            while waiting:
                part = waiting.pop(0)
                batch = [contents[row] for row in part]
                try:
                    X = self._rows(batch, dimension, params)
                except (ProviderError, BudgetError):
                    raise
                except Exception as error:  # a model of somebody else may raise anything; halves find the item
                    if len(part) > 1:
                        half = (len(part) + 1) // 2
                        waiting[:0] = [part[:half], part[half:]]
                        continue
                    said = error if isinstance(error, ItemError) else self._fault(error, batch[0])
                    hopeless += said is not error  # an ItemError is about the item, not about the model
                    if hopeless >= _HOPELESS:
                        msg = f"{self.spec.name!r} failed for {hopeless} items in a row, the last was {batch[0].name!r}: {said.reason}"
                        raise ProviderError(msg) from error
                    sink([Outcome(part[0], error=said)])
                else:
                    hopeless = 0
                    sink([Outcome(row, vector=x, note=_tones(contents[row])) for row, x in zip(part, X, strict=True)])

    def _fault(self, error: Exception, content: Content) -> ItemError:
        said = RefusedItemError(f"{self.spec.name!r} raised {type(error).__name__}: {error}", name=content.name)
        said.__cause__ = error
        return said

    def _rows(self, batch: Sequence[Content], dimension: int, params: Mapping[str, Any]) -> NDArray[np.float32]:
        found = np.asarray(self.embed_batch(batch, dimension=dimension, params=params))
        if found.dtype.kind not in "fiubO":
            msg = f"{self.spec.name!r} returned {found.dtype} for {len(batch)} items; expected rows of numbers"
            raise ProtocolError(msg)
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinity, which is refused with its item
            X = found.astype(np.float32)
        if X.ndim != 2 or len(X) != len(batch):
            msg = f"{self.spec.name!r} returned an array of shape {X.shape} for {len(batch)} items; expected ({len(batch)}, {dimension})"
            raise ProtocolError(msg)
        return X

    def __copy__(self) -> Provider:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Provider:
        return self


_SHOW: ContextVar[Callable[[str], object] | None] = ContextVar("mmtoolkit_status", default=None)


def tell(line: str) -> None:
    """Show a line beside the progress bar; "" removes it. Without a progress bar nothing happens."""
    show = _SHOW.get()
    if show is not None:
        show(line)


@contextlib.contextmanager
def shown(show: Callable[[str], object] | None) -> Iterator[None]:
    """Pass lines of `tell` in this thread to `show`, such as the text beside a progress bar."""
    token = _SHOW.set(show)
    try:
        yield
    finally:
        _SHOW.reset(token)


def _tones(content: Content) -> str:
    """Return how the grey values of an item's pictures were scaled when they were opened."""
    pictures = [picture for one in inputs_of(content) if isinstance(one, Image) for picture in one.parts]
    return "; ".join(dict.fromkeys(picture.note for picture in pictures if picture.note))


def batches(contents: Sequence[Content], sizes: Callable[[str], int]) -> Iterator[list[int]]:
    """Yield row numbers of one modality, at most ``sizes(modality)`` at a time."""
    open_batch: dict[str, list[int]] = {}
    for row, content in enumerate(contents):
        batch = open_batch.setdefault(content.modality, [])
        batch.append(row)
        if len(batch) >= sizes(content.modality):
            yield open_batch.pop(content.modality)
    yield from open_batch.values()


def compute(
    provider: Provider,
    contents: Sequence[Content],
    *,
    dimension: int,
    params: Mapping[str, Any],
    sink: Sink,
    budget: float | None = None,
) -> None:
    """Let a provider embed `contents` and check its outcomes; all vectors of providers come through this function.

    Parameters
    ----------
    provider : Provider
        Who computes.
    contents, dimension, params, budget
        As `Provider.embed` takes them.
    sink : callable
        Gets outcomes whose vectors are float32, of the right length, finite and not zero.

    Raises
    ------
    ProtocolError
        If a vector has another length, an outcome belongs to no content, or a content is left without one; what was
        right went to `sink` before.
    """
    name, lock = provider.spec.name, threading.Lock()
    open_rows = set(range(len(contents)))

    def checked(outcomes: Sequence[Outcome]) -> None:
        good: list[Outcome] = []
        right: list[Outcome] = []
        wrong = ""
        for outcome in outcomes:
            with lock:
                known = outcome.index in open_rows
                open_rows.discard(outcome.index)
            if not known:
                wrong = f"{name!r} gave an outcome for row {outcome.index!r}, which is not one of {len(contents)} or had one before"
            elif outcome.error is not None:
                good.append(outcome)
            elif outcome.vector is None or np.shape(outcome.vector) != (dimension,):
                got = "nothing" if outcome.vector is None else f"an array of shape {np.shape(outcome.vector)}"
                wrong = f"{name!r} returned {got} for {contents[outcome.index].name!r}, expected a vector of {dimension} numbers"
            else:
                right.append(outcome)
        if right:
            good += _sound(right, contents, name)
        if good:
            sink(good)
        if wrong:
            raise ProtocolError(wrong)

    provider.embed(contents, dimension=dimension, params=params, sink=checked, budget=budget)
    if open_rows:
        first = contents[min(open_rows)].name
        msg = f"{name!r} left {len(open_rows)} of {len(contents)} items without a vector or an error, first: {first!r}"
        raise ProtocolError(msg)


def _sound(outcomes: Sequence[Outcome], contents: Sequence[Content], model: str) -> Iterator[Outcome]:
    """Yield outcomes with float32 vectors; a vector of zeros or with NaN becomes an error."""
    with np.errstate(over="ignore"):
        X = np.array(
            [o.vector for o in outcomes], dtype=np.float32
        )  # a copy: a model may fill one buffer again and again
    sound = np.column_stack([np.isfinite(X).all(axis=1), X.any(axis=1)]).tolist()
    for outcome, vector, (is_finite, is_filled) in zip(outcomes, X, sound, strict=True):
        if is_finite and is_filled:
            yield Outcome(outcome.index, vector, usage=outcome.usage, note=outcome.note)
        else:
            what = "zero" if is_finite else "not finite in float32 (NaN or infinity, or a number too large)"
            msg = f"{model!r} returned a vector that is {what}; it was not kept"
            error = RefusedItemError(msg, name=contents[outcome.index].name)
            yield Outcome(outcome.index, error=error, usage=outcome.usage, note=outcome.note)
