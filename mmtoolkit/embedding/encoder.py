"""One model, dimension, parameters and cache: from contents to vectors, computing only what is missing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._arguments import check_choice, is_number
from mmtoolkit.content import Content
from mmtoolkit.embedding.gathering import gather
from mmtoolkit.embedding.job import Job
from mmtoolkit.embedding.planning import Plan, placed, plan_contents
from mmtoolkit.embedding.usage import Usage, charged
from mmtoolkit.errors import EmbeddingError, ItemError, SpaceError
from mmtoolkit.models import find_model
from mmtoolkit.providers.base import Provider
from mmtoolkit.providers.choice import choose
from mmtoolkit.space import Space
from mmtoolkit.vectors import unit_rows
from mmtoolkit.words import say, word

if TYPE_CHECKING:
    from mmtoolkit.cache import CacheLike, VectorStore

__all__ = ["Encoded", "Encoder", "encoder_of", "make_encoder"]

_EMBEDDING = word("embedding")
_SHOWN_ERRORS = 3


@dataclass(frozen=True, eq=False)
class Encoded:
    """Vectors of some contents, with the errors and notes of each.

    Parameters
    ----------
    vectors : ndarray of shape (n_items, n_features), float32
        NaN where a row failed.
    keys : ndarray of shape (n_items,), str
        Cache keys in hexadecimal; empty where the content could not be read.
    errors : dict of int to ItemError
        Failed rows.
    usage : Usage
        What the service counted, summed, plus ``cached`` / ``computed`` / ``equal`` numbers of items.
    notes : dict of int to str
        Rows that were changed before sending, and how.
    """

    vectors: NDArray[np.float32]
    keys: NDArray[np.str_]
    errors: dict[int, ItemError]
    usage: Usage
    notes: dict[int, str]


@dataclass(frozen=True, eq=False)
class Encoder:
    """A fixed way from contents to vectors.

    Parameters
    ----------
    provider : Provider
        Who computes.
    space : Space
        Of the vectors as the model returns them.
    cache : VectorStore or None
        Where vectors are looked up and kept; None keeps nothing.
    """

    provider: Provider
    space: Space
    cache: VectorStore | None = None

    def encode(self, items: Any, space: Space | None = None) -> NDArray[np.float32]:
        """Embed items in any form, centered if `space` is centered; an item that cannot be embedded raises."""
        contents, frame, _ = gather(items)
        vectors = self.run(contents, frame["id"].tolist()).vectors
        if space is None or not space.centers:
            return vectors
        return space.center(unit_rows(vectors), [content.modality for content in contents])

    def plan(self, contents: Sequence[Content], ids: Sequence[str], progress: Any = False) -> Plan:
        """Fingerprint all contents and find equal ones."""
        return plan_contents(self.provider, self.space, self.cache, contents, ids, progress)

    def missing(self, plan: Plan) -> dict[bytes, Content]:
        """Return the distinct contents that the cache lacks, by key, in order."""
        if self.cache is None or not plan.unique:
            return plan.lacking(np.zeros(len(plan.unique), dtype=bool))
        return plan.lacking(~np.asarray(self.cache.missing(plan.unique, self.space)))

    def run(
        self,
        contents: Sequence[Content],
        ids: Sequence[str],
        *,
        on_error: Literal["raise", "nan"] | None = None,
        budget: float | None = None,
        progress: Any = None,
        doing: str = _EMBEDDING,
    ) -> Encoded:
        """Return a vector for every content, computing only what the cache lacks.

        Equal contents are computed once; what is computed is cached as it arrives. `on_error` is None where the caller
        has no such choice: it raises, and does not advise what cannot be done. `doing` stands at the progress bar.
        """
        if on_error is not None:
            check_choice("on_error", on_error, ("raise", "nan"))
        _check_budget(budget)
        plan = self.plan(contents, ids, progress)
        if self.cache is not None and plan.unique:
            found, X = self.cache.get(plan.unique, self.space)
        else:
            found = np.zeros(len(plan.unique), dtype=bool)
            X = np.full((len(plan.unique), self.space.dimension), np.nan, dtype=np.float32)
        job = Job(self.provider, self.space, self.cache, plan, found, X)
        if not found.all():
            job.compute(budget, progress, doing)
        row_errors = dict(plan.errors)
        position = {key: i for i, key in enumerate(plan.unique)}
        inverse = np.fromiter(
            (position.get(key, -1) if key else -1 for key in plan.keys), dtype=np.intp, count=len(plan.keys)
        )
        for row, i in enumerate(inverse.tolist()):
            if i in job.errors:
                row_errors[row] = placed(job.errors[i], contents[row], row, ids)
        vectors = job.X
        if not np.array_equal(inverse, np.arange(len(job.X))):
            vectors = (
                job.X[inverse]
                if len(job.X)
                else np.full((len(inverse), self.space.dimension), np.nan, dtype=np.float32)
            )
            vectors[inverse < 0] = np.nan
        if row_errors and on_error != "nan":
            kept = self.cache is not None and job.all_stored
            raise _failure(row_errors, vectors, cached=kept, optional=on_error is not None)
        counts = {
            **job.usage,
            "cached": int(found.sum()),
            "computed": len(plan.unique) - int(found.sum()) - len(job.errors),
            "equal": plan.equal,
        }
        notes = {row: job.notes[i] for row, i in enumerate(inverse.tolist()) if i in job.notes}
        hexes = np.array([key.hex() if key else "" for key in plan.keys], dtype="U64")
        return Encoded(vectors, hexes, row_errors, charged(self.provider, counts), notes)


def make_encoder(
    model: str | Provider | None = None,
    *,
    dimension: int | None = None,
    params: Mapping[str, Any] | None = None,
    cache: CacheLike = None,
    announce: bool = True,
) -> Encoder:
    """Resolve the user's arguments.

    Parameters
    ----------
    model : str, Provider or None, default=None
        None takes ``MMTOOLKIT_MODEL``, else ``multimodal-embedding-v1`` when an API key is found, else ``local``.
    dimension : int or None, default=None
        One that the model has.
    params : mapping or None, default=None
        Parameters that the model has.
    cache : None, False, path, EmbeddingCache, or list of these
        None is the default cache, False none.
    announce : bool, default=True
        Print one line when the model was chosen implicitly, or the environment decides where items go.

    Returns
    -------
    Encoder
        Ready to run.
    """
    from mmtoolkit.cache import open_cache

    provider, reason = choose(model)
    spec = provider.spec
    if announce and (reason or provider.directed_by):
        from tqdm.auto import tqdm

        where = say("nothing leaves this machine")
        if provider.leaves_machine:
            where = say("items are sent to {place}", place=provider.destination)
        chosen = say("{model!r} ({reason})", model=spec.name, reason=reason) if reason else repr(spec.name)
        tqdm.write(say("mmtoolkit: model {model}; {where}", model=chosen, where=where))
    space = Space(spec.name, spec.revision, spec.check_dimension(dimension), spec.check_params(params))
    return Encoder(provider, space, open_cache(cache))


def encoder_of(space: Space) -> Encoder:
    """Return the way to embed more items into a space, with the default cache.

    Parameters
    ----------
    space : Space
        Of vectors that are there.

    Returns
    -------
    Encoder
        Of the same model, revision, dimension and parameters.

    Raises
    ------
    SpaceError
        If the space has no model, the model is not registered, or it has another revision here.
    """
    if not space.model:
        msg: str = say(
            "these vectors came without a model, so nothing can be embedded beside them: pass vectors of {n} features, or say where they are from with mm.Embeddings(X, model=...)",
            n=space.dimension,
        )
        raise SpaceError(msg)
    if find_model(space.model) is None:
        revision = f" (revision {space.revision[:12]!r})" if space.revision else ""
        msg = (
            f"the vectors were made by the model {space.model!r}{revision}, which is not registered here. Register it, and "
            "items can be embedded again: mm.register_model(provider.spec, provider=provider); or install the package that brings it"
        )
        raise SpaceError(msg)
    encoder = make_encoder(space.model, dimension=space.dimension, params=space.params)
    if space.revision:  # vectors of your own may come without one
        what = "the vectors and those that this installation makes"
        space.raw.refuse(encoder.space, what, "embed the items again, or register the provider of that revision")
    return encoder


def _check_budget(budget: object) -> None:
    if budget is not None and not (is_number(budget) and 0 <= budget < math.inf):
        msg = f"budget must be None (no limit) or an amount of at least 0, got {budget!r}"
        raise ValueError(msg)


def _failure(
    errors: Mapping[int, ItemError], vectors: NDArray[np.float32], *, cached: bool, optional: bool
) -> EmbeddingError:
    """Return the error of a run with failed items; it holds the vectors where nothing else does."""
    rows, n = sorted(errors), len(vectors)
    shown = "; ".join(str(errors[row]) for row in rows[:_SHOWN_ERRORS])
    more = f"; and {len(rows) - _SHOWN_ERRORS} more" if len(rows) > _SHOWN_ERRORS else ""
    rest = f" The other {n - len(rows)} are {'cached' if cached else 'in error.vectors'}." if n > len(rows) else ""
    choice = ", or pass on_error='nan'" if optional else ""
    msg = (
        f"{len(rows)} of {n} items could not be embedded: {shown}{more}.{rest} "
        f"Fix or remove these and run again{choice}"
    )
    return EmbeddingError(msg, tuple(errors[row] for row in rows), None if cached else vectors)
