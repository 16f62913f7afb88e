"""Compute the missing vectors of a plan, and store each as it arrives."""

from __future__ import annotations

import copy
import threading
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit.embedding.planning import Errand, Plan, plan_errand
from mmtoolkit.errors import BudgetError, CacheError, ItemError, ProviderError
from mmtoolkit.providers.base import Outcome, Provider, compute, shown
from mmtoolkit.words import say

if TYPE_CHECKING:
    from mmtoolkit.cache import VectorStore
    from mmtoolkit.space import Space

__all__ = ["Job"]


class Job:
    """Computes the missing vectors and stores each as it arrives.

    Parameters
    ----------
    provider, space, cache
        Who computes, of which space, and where vectors are kept; a cache of None keeps nothing.
    plan : Plan
        What.
    found : ndarray of shape (n_unique,), bool
        Which of the plan's distinct contents are there.
    X : ndarray of shape (n_unique, n_features), float32
        Their vectors; the others are filled in, in a copy where it is read-only.
    """

    def __init__(
        self,
        provider: Provider,
        space: Space,
        cache: VectorStore | None,
        plan: Plan,
        found: NDArray[np.bool_],
        X: NDArray[np.float32],
    ) -> None:
        self.provider, self.space, self.cache = provider, space, cache
        self.plan, self.found, self.X = plan, found, X
        self.errors: dict[int, ItemError] = {}
        self.usage: dict[str, int] = {}
        self.notes: dict[int, str] = {}
        self._store_error: CacheError | None = None
        self._unstored: list[tuple[bytes, Any]] = []  # what the cache could not take yet
        self._arrived, self._over = 0, False
        self._lock = threading.Lock()

    @property
    def all_stored(self) -> bool:
        """Whether everything that was computed is also in the cache."""
        return not self._unstored

    def compute(self, budget: float | None, progress: Any, doing: str) -> None:
        """Fill in `X`, `errors`, `usage` and `notes`; raise the error that stops the whole run."""
        if not self.X.flags.writeable:
            self.X = self.X.copy()
        missing = {self.plan.unique[i]: i for i in np.flatnonzero(~self.found).tolist()}
        errand = plan_errand(self.provider, self.space, self.cache, self.plan.lacking(self.found))
        self.errors.update({missing[key]: error for key, error in errand.errors.items()})
        sent = list(errand.send)
        bar = _bar(progress, len(self.plan.unique), int(self.found.sum()), doing)

        def sink(outcomes: Sequence[Outcome]) -> None:
            with self._lock:
                if self._over:  # after Ctrl-C: paid for, so it is kept, though nobody waits for it
                    self._keep([(sent[o.index], o.vector) for o in outcomes if o.vector is not None])
                    return
                bar.update(self._take([(sent[o.index], o) for o in outcomes], errand, missing))

        try:
            there = [(key, Outcome(0, vector=vector)) for key, vector in errand.there.items()]
            bar.update(self._take(there, errand, missing))
            if sent:
                with shown(getattr(bar, "set_postfix_str", None)):
                    compute(
                        self.provider,
                        list(errand.send.values()),
                        dimension=self.space.dimension,
                        params=self.space.params,
                        sink=sink,
                        budget=budget,
                    )
        except (BudgetError, ProviderError) as error:
            self._keep_the_rest()
            if self._arrived:
                error.args = (f"{error}. {self._what_is_kept()}",)
            raise
        finally:
            with self._lock:
                self._over = True
            bar.close()
            self._keep_the_rest()
            if self._unstored:
                n = len(self._unstored)
                msg = f"{n} {'vector was' if n == 1 else 'vectors were'} computed but could not be cached: {self._store_error}"
                warnings.warn(msg, stacklevel=2)

    def _what_is_kept(self) -> str:
        if self.cache is None:
            return f"There is no cache, so the {self._arrived} vectors that arrived before are lost; with one, a run can go on"
        if n := len(self._unstored):
            return f"Of the {self._arrived} vectors that arrived before, {n} could not be cached and are lost: {self._store_error}"
        return "What arrived before is kept; run again to go on"

    def _take(self, outcomes: Sequence[tuple[bytes, Outcome]], errand: Errand, missing: Mapping[bytes, int]) -> int:
        """Take outcomes of items and of members; return how many items are done by them."""
        arrived, settled = [], 0
        for key, outcome in outcomes:
            for name, count in outcome.usage.items():
                self.usage[name] = self.usage.get(name, 0) + count
            if outcome.error is not None:
                lost = [whole.key for whole in errand.failed(key)] + [key] * (key in missing)
                self.errors.update({missing[k]: copy.copy(outcome.error) for k in lost})
                settled += len(lost)
                continue
            vector: Any = outcome.vector
            done = [(key, vector, outcome.note)]
            for whole, vectors, notes in errand.arrived(key, vector, outcome.note):
                mean, note = self.provider.combine(whole.content, vectors)
                done.append((whole.key, mean, "; ".join([*notes, note])))
            for k, v, note in done:
                if k not in errand.there:
                    arrived.append((k, v))
                if k in missing:
                    self.X[missing[k]] = v
                    self.notes.update({missing[k]: note} if note else {})
                    settled += 1
        self._arrived += len(arrived)
        self._keep(arrived)
        return settled

    def _keep(self, arrived: Sequence[tuple[bytes, Any]]) -> None:
        if not arrived or self.cache is None:
            return
        keys, vectors = [key for key, _ in arrived], np.stack([vector for _, vector in arrived])
        try:
            self.cache.put(keys, vectors, self.space)
        except CacheError as error:  # the vectors live on in memory; told once, at the end
            self._store_error = error
            self._unstored += arrived

    def _keep_the_rest(self) -> None:
        """Try once more to store what the cache could not take: a full disk may have room again."""
        with self._lock:
            rest, self._unstored = self._unstored, []
            self._keep(rest)


def _bar(progress: Any, total: int, cached: int, doing: str) -> Any:
    from tqdm.auto import tqdm

    if progress is not None and not isinstance(progress, bool):
        if not (hasattr(progress, "update") and hasattr(progress, "close")):
            msg = f"progress must be None, True, False or a bar with update and close, got {progress!r}"
            raise TypeError(msg)
        return progress
    bar = tqdm(
        total=total,
        initial=cached,
        unit=str(say("item")),
        desc=str(doing),
        disable=progress is False,
        delay=1.0 if progress is None else 0.0,
        leave=progress is True,
    )
    if cached:
        bar.set_postfix_str(f"{cached} from the cache", refresh=False)
    return bar
