"""One model, dimension, parameters and cache: from contents to vectors, computing only what is missing."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mmtoolkit._arguments import is_number
from mmtoolkit.content import Image, KeyMaker, Video
from mmtoolkit.embedding.job import Job
from mmtoolkit.errors import EmbeddingError, ItemError
from mmtoolkit.models import get_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmtoolkit.cache import CacheLike, Space, VectorStore
    from mmtoolkit.content import Content
    from mmtoolkit.providers.base import Provider

__all__ = ["Encoder", "Plan", "Run", "make_encoder"]

_SHOWN_ERRORS = 3


@dataclass(frozen=True, eq=False)
class Plan:
    """What has to be done for a list of contents, before anything is computed.

    Parameters
    ----------
    contents : sequence of Content
        In the user's order.
    keys : list of bytes or None
        One per content; None where the content is wrong.
    errors : dict of int to ItemError
        Wrong contents, by row.
    unique : list of bytes
        Distinct keys, in order of first appearance.
    first : list of int
        Row of the first content with each unique key.
    """

    contents: Sequence[Content]
    keys: list[bytes | None]
    errors: dict[int, ItemError]
    unique: list[bytes]
    first: list[int]


@dataclass(frozen=True, eq=False)
class Run:
    """What came out.

    Parameters
    ----------
    vectors : ndarray of shape (n_items, n_features), float32
        NaN where a row failed.
    keys : ndarray of shape (n_items,), str
        Cache keys in hexadecimal; empty where the content could not be read.
    errors : dict of int to ItemError
        Failed rows.
    usage : dict of str to int
        What the service counted, summed, plus ``cached`` / ``computed`` / ``equal`` numbers of items.
    notes : dict of int to str
        Rows that were changed before sending, and how.
    """

    vectors: NDArray[np.float32]
    keys: NDArray[np.str_]
    errors: dict[int, ItemError]
    usage: dict[str, int]
    notes: dict[int, str]


@dataclass(frozen=True, eq=False)
class Encoder:
    """A fixed way from contents to vectors.

    Parameters
    ----------
    provider : Provider
        Who computes.
    dimension : int
        Number of features.
    params : mapping
        Checked parameters of the model.
    cache : VectorStore or None
        Where vectors are looked up and kept; None keeps nothing.
    """

    provider: Provider
    dimension: int
    params: Mapping[str, Any] = field(default_factory=dict)
    cache: VectorStore | None = None

    @property
    def space(self) -> Space:
        """Name of the vector space, as the cache knows it."""
        from mmtoolkit.cache import Space

        spec = self.provider.spec
        return Space(spec.name, spec.revision, self.dimension, dict(self.params))

    @property
    def key_maker(self) -> KeyMaker:
        """What makes the cache keys of this space."""
        spec = self.provider.spec
        return KeyMaker(spec.name, spec.revision, self.dimension, self.params)

    def plan(self, contents: Sequence[Content], ids: Sequence[str]) -> Plan:
        """Fingerprint all contents and find equal ones."""
        self._recall_files(contents)
        maker = self.key_maker
        keys: list[bytes | None] = []
        errors: dict[int, ItemError] = {}
        first: dict[bytes, int] = {}
        for row, content in enumerate(contents):
            try:
                key = maker.key(content.modality, content.digest(), self.provider.recipe(content))
            except ItemError as error:
                errors[row] = _place(error, content, row, ids)
                keys.append(None)
                continue
            keys.append(key)
            first.setdefault(key, row)
        return Plan(contents, keys, errors, list(first), list(first.values()))

    def run(
        self,
        contents: Sequence[Content],
        ids: Sequence[str],
        *,
        on_error: Literal["raise", "nan"] | None = None,
        budget: float | None = None,
        progress: Any = None,
    ) -> Run:
        """Return a vector for every content, computing only what the cache lacks.

        Equal contents are computed once; what is computed is cached as it arrives. `on_error` is None where the caller
        has no such choice: it raises, and does not advise what cannot be done.
        """
        if on_error not in ("raise", "nan", None):
            msg = f"on_error must be 'raise' or 'nan', got {on_error!r}"
            raise ValueError(msg)
        _check_budget(budget)
        plan = self.plan(contents, ids)
        if self.cache is not None and plan.unique:
            found, X = self.cache.get(plan.unique, self.space)
        else:
            found = np.zeros(len(plan.unique), dtype=bool)
            X = np.full((len(plan.unique), self.dimension), np.nan, dtype=np.float32)
        job = Job(self, plan, found, X)
        if not found.all():
            job.compute(budget, progress)
        row_errors = dict(plan.errors)
        position = {key: i for i, key in enumerate(plan.unique)}
        inverse = np.fromiter(
            (position.get(key, -1) if key else -1 for key in plan.keys), dtype=np.intp, count=len(plan.keys)
        )
        for row, i in enumerate(inverse.tolist()):
            if i in job.errors:
                row_errors[row] = _place(job.errors[i], contents[row], row, ids)
        if row_errors and on_error != "nan":
            cached = self.cache is not None and job.all_stored
            raise _failure(row_errors, len(contents), cached=cached, optional=on_error is not None)
        vectors = job.X
        if not np.array_equal(inverse, np.arange(len(job.X))):
            vectors = (
                job.X[inverse] if len(job.X) else np.full((len(inverse), self.dimension), np.nan, dtype=np.float32)
            )
            vectors[inverse < 0] = np.nan
        usage = {
            **job.usage,
            "cached": int(found.sum()),
            "computed": len(plan.unique) - int(found.sum()) - len(job.errors),
            "equal": len(contents) - len(plan.unique) - len(plan.errors),
        }
        notes = {row: job.notes[i] for row, i in enumerate(inverse.tolist()) if i in job.notes}
        hexes = np.array([key.hex() if key else "" for key in plan.keys], dtype="U64")
        return Run(vectors, hexes, row_errors, usage, notes)

    def _recall_files(self, contents: Sequence[Content]) -> None:
        """Take digests of unchanged local files from the cache's memo, hashing the others in parallel."""
        if self.cache is None:
            return
        files = [(c, c.path) for c in contents if isinstance(c, Image | Video) and not isinstance(c.source, tuple)]
        local = [(c, os.path.abspath(path)) for c, path in files if path is not None]
        for (content, _), digest in zip(local, self.cache.file_digests([p for _, p in local]), strict=True):
            if digest is not None:
                content.expect_digest(digest)


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
        Print one line when the model was chosen implicitly.

    Returns
    -------
    Encoder
        Ready to run.
    """
    from mmtoolkit.cache import open_cache

    reason = ""
    if model is None:
        model, reason = _default_model()
    provider = _provider(model) if isinstance(model, str) else model
    if not hasattr(provider, "spec"):
        msg = f"model takes a name of list_models(), a provider such as mm.DashScope(...), or None, got {type(model).__name__}"
        raise TypeError(msg)
    if reason and announce:
        from tqdm.auto import tqdm

        where = "items are sent to the DashScope service" if provider.leaves_machine else "nothing leaves this machine"
        tqdm.write(f"mmtoolkit: model {provider.spec.name!r} ({reason}); {where}")
    spec = provider.spec
    return Encoder(provider, spec.check_dimension(dimension), spec.check_params(params), open_cache(cache))


def _default_model() -> tuple[str, str]:
    named = os.environ.get("MMTOOLKIT_MODEL", "").strip()
    if named:
        return named, "from MMTOOLKIT_MODEL"
    from mmtoolkit.providers.dashscope.key import find_api_key

    if find_api_key() is not None:
        return "multimodal-embedding-v1", "an API key was found"
    return "local", "no API key was found; basic quality, see the README for DashScope"


def _provider(name: str) -> Provider:
    if get_model(name).provider == "local":
        from mmtoolkit.providers.local import LocalModel

        return LocalModel()
    from mmtoolkit.providers.dashscope import DashScope

    return DashScope(name)


def _check_budget(budget: object) -> None:
    if budget is not None and not (is_number(budget) and 0 <= budget < math.inf):
        msg = f"budget must be None (no limit) or an amount of at least 0, got {budget!r}"
        raise ValueError(msg)


def _place(error: ItemError, content: Content, row: int, ids: Sequence[str]) -> ItemError:
    error.name = error.name or content.name
    return error.at(row, str(ids[row]))


def _failure(errors: Mapping[int, ItemError], n: int, *, cached: bool, optional: bool) -> EmbeddingError:
    rows = sorted(errors)
    shown = "; ".join(str(errors[row]) for row in rows[:_SHOWN_ERRORS])
    more = f"; and {len(rows) - _SHOWN_ERRORS} more" if len(rows) > _SHOWN_ERRORS else ""
    rest = f" The other {n - len(rows)} are cached." if cached and n > len(rows) else ""
    choice = ", or pass on_error='nan'" if optional else ""
    msg = (
        f"{len(rows)} of {n} items could not be embedded: {shown}{more}.{rest} "
        f"Fix or remove these and run again{choice}"
    )
    return EmbeddingError(msg, tuple(errors[row] for row in rows))
