"""Steps: which verb was called, with which parameters, on what; and the table of all verbs.

A result holds the step that made it. A report writes steps down, prints them as Python, and `verify` calls them again.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import Any, Literal, TypeVar

import numpy as np

from mmtoolkit._arguments import checked_seed
from mmtoolkit._blocks import jobs
from mmtoolkit._described import described
from mmtoolkit._memory import check_memory
from mmtoolkit._text import did_you_mean
from mmtoolkit.words import speaking

__all__ = ["GROUP", "UNRECORDED", "Step", "Verb", "find_verb", "kind_of", "resolved", "verb", "verbs"]

GROUP = "mmtoolkit.verbs"  # of entry points: name = the verb's, value = the decorated function
_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True, eq=False)
class Step(Mapping[str, Any]):
    """A call that can be made again; a mapping of its parts, for those who want plain data.

    Parameters
    ----------
    verb : str
        Name in the table of verbs, such as "cluster" or "cluster.stability".
    params : mapping
        Every argument but the vectors, as plain data.
    of : Step or None, default=None
        The step whose result was asked, for a method of a result.
    """

    verb: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    of: Step | None = None

    @property
    def first(self) -> Step:
        """The first step of the chain: the call that is not asked of another result."""
        return self if self.of is None else self.of.first

    def _parts(self) -> dict[str, Any]:
        parts: dict[str, Any] = {"verb": self.verb, "params": self.params}
        return parts if self.of is None else {**parts, "of": self.of}

    def __getitem__(self, name: str) -> Any:
        return self._parts()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts())

    def __len__(self) -> int:
        return len(self._parts())

    def __hash__(self) -> int:
        return hash(self.verb)


UNRECORDED = Step()  # of a result that no verb has handed out yet


@dataclass(frozen=True, eq=False)
class Verb:
    """One row of the table of verbs.

    Parameters
    ----------
    name : str
        "cluster"; "protocols.mteb_clustering" of a room; "cluster.stability" for a method of what "cluster" returns.
    function : callable
        What users call.
    columns : sequence of str
        Arguments that may name a column of the items.
    unrecorded : sequence of str
        Arguments that change no result, such as progress bars.
    sources : {"one", "several", "named"}
        Whether the call takes one set of vectors, several as arguments of their own, or a mapping of them.
    method : bool
        Whether it is asked of a result.
    variable : str
        What printed code calls the result; "" is the name of the verb.
    needs : str
        What a recipe does not hold but the call needs, such as a session; "" when it can be called again.
    gives : str
        The verb whose methods its result has, where it is not its own: "cluster" of "cluster.split".
    of : str
        For a function whose first argument is a result: the verb of that result. Its source has the name of that argument.
    memory : float
        How many times its vectors it takes beyond them, at least; 0 is not looked at.
    """

    name: str
    function: Callable[..., Any]
    columns: Sequence[str] = ()
    unrecorded: Sequence[str] = ()
    sources: Literal["one", "several", "named"] = "one"
    method: bool = False
    variable: str = ""
    needs: str = ""
    gives: str = ""
    of: str = ""
    memory: float = 0.0

    @property
    def asks(self) -> str:
        """The verb whose result this verb takes; "" where it takes vectors alone."""
        return self.of or (self.name.rpartition(".")[0] if self.method else "")

    @functools.cached_property
    def first(self) -> str:
        """Name of the first argument."""
        return next(iter(inspect.signature(self.function).parameters))

    @property
    def call(self) -> str:
        """How code calls it: "mm.cluster", or module and name for a verb of another package."""
        room = self.function.__module__.partition(".")[0]
        return f"mm.{self.name}" if room == "mmtoolkit" else self.name

    @functools.cached_property
    def defaults(self) -> Mapping[str, Any]:
        """Default value of every argument, as recorded."""
        parameters = inspect.signature(self.function).parameters
        return {name: described(p.default) for name, p in parameters.items() if p.default is not p.empty}


_VERBS: dict[str, Verb] = {}
_RESOLVED: ContextVar[dict[str, Any] | None] = ContextVar("resolved", default=None)


def verb(
    name: str,
    *,
    columns: Sequence[str] = (),
    unrecorded: Sequence[str] = (),
    sources: Literal["one", "several", "named"] = "one",
    method: bool = False,
    variable: str = "",
    needs: str = "",
    gives: str = "",
    of: str = "",
    memory: float = 0.0,
    one_thread: bool = True,
) -> Callable[[_Function], _Function]:
    """Make a function a verb: its calls are recorded in their results, and the table knows it.

    The first argument is what it works on: vectors, or for a method the result it is asked of. `random_state` is
    checked; while it runs BLAS and OpenMP use one thread and texts are English, so that the result depends neither on the
    machine's cores nor on its reader.
    An argument `n_jobs` is how many threads share what is computed in parts; it is not recorded. Where there is no room for
    what `memory` says, MemoryError says so before the work begins.

    Parameters
    ----------
    name : str
        As `Verb` has it; for a verb of your own with a dot, such as "mypackage.outliers".
    columns, unrecorded, sources, method, variable, needs, gives, of, memory
        As `Verb` has them.
    one_thread : bool, default=True
        False where the verb keeps to that rule itself.

    Returns
    -------
    callable
        Decorator of a function that returns a `Result` with the fields `recipe` and `source`.

    Raises
    ------
    ValueError
        If another function has that name.

    Examples
    --------
    >>> from mmtoolkit.steps import find_verb
    >>> find_verb("cluster").columns
    ()
    """

    def decorate(function: _Function) -> _Function:
        signature = inspect.signature(function)
        row = Verb(name, function, columns, unrecorded, sources, method, variable, needs, gives, of, memory)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            bound = _bound(row, signature, args, kwargs)
            token = _RESOLVED.set({})
            try:
                with jobs(bound.arguments.get("n_jobs")), _threads(one_thread), speaking("en"):
                    result = function(*bound.args, **bound.kwargs)
                found = {**_flat(bound), **(_RESOLVED.get() or {})}
            finally:
                _RESOLVED.reset(token)
            return _with_step(row, result, found)

        _add(replace(row, function=call))
        return call  # type: ignore[return-value]

    return decorate


def _bound(
    row: Verb, signature: inspect.Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> inspect.BoundArguments:
    """Return the checked arguments of a call, as plain values and arrays; raise where they do not fit or memory is short."""
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        _, found, unknown = str(error).rpartition("unexpected keyword argument ")
        meant = did_you_mean(unknown.strip("'") if found else "", signature.parameters)
        msg = f"{row.function.__name__}() {error}{meant}"
        raise TypeError(msg) from None
    bound.apply_defaults()
    given = bound.arguments
    for name, value in given.items():
        if isinstance(value, np.number | np.bool_ | np.str_):
            given[name] = value.item()  # messages and records show plain values
    if "random_state" in given:
        given["random_state"] = checked_seed(given["random_state"])
    if not (row.asks or row.needs):
        given[row.first] = _as_arrays(given[row.first], row.sources)
    if row.memory:
        asked = getattr(given[row.first], "source", given[row.first])
        for vectors in asked.values() if isinstance(asked, Mapping) else [asked]:
            check_memory(row.name, vectors, row.memory)
    return bound


def _with_step(row: Verb, result: Any, found: dict[str, Any]) -> Any:
    """Return a result with the step that made it; `found` holds all arguments as they are recorded."""
    asked = found.pop(row.first)
    source = found.pop("source", asked.source if row.asks else asked)
    named = isinstance(source, Mapping)
    left_out = {*row.unrecorded, "n_jobs", *(source if named and row.sources == "several" else ())}
    params = {key: described(value) for key, value in found.items() if key not in left_out}
    step = Step(row.name, params, asked.recipe if row.asks else None)
    return result._recorded(step, dict(source) if named else source)


def resolved(**values: Any) -> None:
    """Record other values than the passed ones for the running verb, such as the value that a default became.

    Parameters
    ----------
    **values
        By argument. `source` stands for the vectors: a mapping of arguments to vectors where there are several.
    """
    found = _RESOLVED.get()
    if found is not None:
        found.update(values)


def _as_arrays(asked: Any, sources: str) -> Any:
    """Return frames of numbers as arrays, in a mapping each of them; verbs see arrays only."""
    from mmtoolkit._numbers import numbers_of

    if sources == "named" and isinstance(asked, Mapping):
        return {name: numbers_of(value) for name, value in asked.items()}
    return numbers_of(asked)


def _flat(bound: inspect.BoundArguments) -> dict[str, Any]:
    """Return all arguments by name, including those in ``**options``."""
    kinds = {name: p.kind for name, p in bound.signature.parameters.items()}
    extra = {
        k: v
        for name, v in bound.arguments.items()
        if kinds[name] is inspect.Parameter.VAR_KEYWORD
        for k, v in v.items()
    }
    return {**{n: v for n, v in bound.arguments.items() if kinds[n] is not inspect.Parameter.VAR_KEYWORD}, **extra}


def _threads(one: bool) -> Any:
    if not one:
        return nullcontext()
    from mmtoolkit.provenance import one_thread

    return one_thread()


def _add(row: Verb) -> None:
    other = _VERBS.get(row.name)
    if other is not None and _place(other.function) != _place(row.function):
        msg = (
            f"there is a verb {row.name!r} already, {_place(other.function)}; give {_place(row.function)} another name, "
            f"such as 'mypackage.{row.name}'"
        )
        raise ValueError(msg)
    _VERBS[row.name] = row


def _place(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def find_verb(name: str) -> Verb | None:
    """Return a verb by its name; its module is imported first.

    Parameters
    ----------
    name : str
        As a step has it.

    Returns
    -------
    Verb or None
        None where it is not installed: verbs of other packages are found when these are imported, or have an entry point
        of the group ``mmtoolkit.verbs``.
    """
    if name not in _VERBS:
        value: Any = importlib.import_module("mmtoolkit")
        for part in name.split("."):
            value = getattr(value, part, None)
        for point in metadata.entry_points(group=GROUP, name=name):
            point.load()
    return _VERBS.get(name)


def kind_of(name: str) -> str:
    """Return the verb whose result type a verb returns.

    Parameters
    ----------
    name : str
        As a step has it.

    Returns
    -------
    str
        "cluster" of "cluster.split"; mostly the verb itself.
    """
    row = find_verb(name)
    return row.gives if row is not None and row.gives else name


def verbs() -> Mapping[str, Verb]:
    """Return the table of all verbs that are imported, by name."""
    return dict(_VERBS)
