"""Find the vectors that a report was made from, and check that they are still the same."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._arguments import as_path
from mmtoolkit._npz import read_npy
from mmtoolkit._opening import opened
from mmtoolkit.cache import open_cache
from mmtoolkit.embedding import Embeddings
from mmtoolkit.embedding.encoder import Encoder, make_encoder
from mmtoolkit.embedding.result import Held
from mmtoolkit.errors import ItemError, MMToolkitError, UnsupportedItemError, VerifyError
from mmtoolkit.frames import contents_of
from mmtoolkit.models import ModelSpec
from mmtoolkit.providers.base import Outcome, Provider
from mmtoolkit.reporting.record import vector_digests
from mmtoolkit.space import Space
from mmtoolkit.vectors import read_only, single, unit_rows
from mmtoolkit.verification.changes import Changes, compare_items, complete, current_keys, follow_renamed
from mmtoolkit.words import say

if TYPE_CHECKING:
    from mmtoolkit.verification.request import Request

__all__ = ["Found", "find"]


@dataclass
class Found(Changes):
    """The vectors that were found, and their differences from those of the report.

    Parameters
    ----------
    source : Embeddings, ndarray or None
        To compute from; None when vectors of changed items could not be had.
    """

    source: Any = None


def find(request: Request) -> Found:
    """Return vectors to compute from, and every way in which they or the items differ from the report.

    Raises
    ------
    VerifyError
        If the vectors of unchanged items are gone; the message says what to do.
    """
    found, facts, stored = Found(), request.facts, request.items["vector"]
    if not facts["model"] and request.vectors is None:
        msg = (
            f"the report was made from vectors of your own ({facts['n_items']} rows); pass them as "
            "vectors= (--vectors FILE.parquet)"
        )
        raise VerifyError(msg)
    encoder = _encoder(request, found) if facts["model"] else None
    request, renamed = follow_renamed(request, encoder)
    columns = compare_items(request, renamed, found)
    keys, changed = (
        current_keys(request, encoder, found) if encoder is not None else (request.items.get("content_key"), [])
    )
    X = _from_cache(request, encoder, changed) if request.vectors is None else _given(request)
    digests = vector_digests(X)
    same = np.array([a == b for a, b in zip(stored, digests, strict=True)], dtype=bool)
    lost = np.isnan(X).any(axis=1) & ~same  # an item without a vector may have been without one in the report
    absent = set(range(len(stored))) - set(request.rows) if request.frame is not None else set()
    told = {*changed, *(absent & set(np.flatnonzero(lost).tolist()))}
    gone = [row for row in np.flatnonzero(lost).tolist() if row not in told]
    if gone and request.vectors is None:
        raise VerifyError(_gone(request, gone, same_model=_same_model(request, encoder)))
    for row in np.flatnonzero(~same).tolist():
        if row not in told or request.vectors is not None:
            item = request.items["id"][row]
            cause = say("the vector of item {item!r} is not the one the report was made from", item=item)
            found.add(f"items.{request.name}.vector of {item!r}", stored[row], digests[row], cause)
    if lost.any():
        found.notes.append(
            say(
                "results were not computed again, because items that changed or are gone have no vectors; allow_fetch=True computes "
                "them"
            )
        )
    else:
        found.source = _assembled(request, X, keys, columns, encoder)
    return found


def _given(request: Request) -> NDArray[np.float32]:
    """Return the rows of vectors handed in, in the report's order."""
    given, ids = request.vectors, request.items["id"]
    if isinstance(given, str | os.PathLike):
        given = _read(as_path(given, "vectors"))
    if isinstance(given, Embeddings):
        at = {item: row for row, item in enumerate(given.ids.tolist())}
        absent = [item for item in ids if item not in at]
        if absent:
            msg = f"the vectors lack {len(absent)} of the report's {len(ids)} items, first: {absent[0]!r}"
            raise VerifyError(msg)
        X = given.vectors[[at[item] for item in ids]]
        return X if given.space.centers else _centered(request, X)
    X = np.asarray(given)
    if X.ndim != 2 or len(X) != len(ids) or X.dtype.kind not in "fiu":
        msg = f"expected vectors of {len(ids)} rows of numbers, one per item of the report, got shape {X.shape} of {X.dtype}"
        raise VerifyError(msg)
    return single(X)


def _read(path: Path) -> Any:
    if path.suffix != ".npy":
        return Embeddings.load(path)
    try:
        file, status = opened(path)
        with file:
            return read_npy(file, status.st_size)
    except (OSError, ValueError) as error:
        msg = f"the vectors {os.fspath(path)!r} cannot be read as an array of numbers saved by numpy.save: {error}"
        raise VerifyError(msg) from error


def _centered(request: Request, X: NDArray[np.float32]) -> NDArray[np.float32]:
    """Subtract the means that the report was made with, if any."""
    space = Space.from_dict(request.facts)
    return space.center(unit_rows(X), request.items["modality"]) if space.centers else X


def _from_cache(request: Request, encoder: Encoder | None, changed: list[int]) -> NDArray[np.float32]:
    """Return the rows as the cache has them or as they can be computed here, NaN where neither."""
    facts, ids, stored = request.facts, request.items["id"], request.items["content_key"]
    store = encoder.cache if encoder is not None else open_cache(request.cache)
    X = np.full((len(ids), facts["dimension"]), np.nan, dtype=np.float32)
    known = np.array([row for row, key in enumerate(stored) if key], dtype=np.intp)
    if store is not None:
        there, vectors = store.get([bytes.fromhex(stored[row]) for row in known], Space.from_dict(facts).raw)
        X[known[there]] = vectors[there]
    X[changed] = np.nan
    lacking = np.flatnonzero(np.isnan(X[request.rows]).any(axis=1))
    if len(lacking) and encoder is not None and request.frame is not None and _same_model(request, encoder):
        rows, contents = [request.rows[at] for at in lacking.tolist()], contents_of(request.frame.iloc[lacking])
        X[rows] = encoder.run(contents, [ids[row] for row in rows], on_error="nan", progress=None).vectors
    return _centered(request, X)


def _same_model(request: Request, encoder: Encoder | None) -> bool:
    return encoder is not None and encoder.space.revision == request.facts["revision"]


def _gone(request: Request, gone: list[int], *, same_model: bool) -> str:
    facts = request.facts
    why = (
        ""
        if same_model
        else f" They were made by {facts['model']!r} revision {facts['revision'][:12]!r}, which is not the one installed."
    )
    return (
        f"the vectors of {len(gone)} of {facts['n_items']} items are not in the cache, first: {request.items['id'][gone[0]]!r}.{why} "
        "Pass vectors= (--vectors FILE.parquet, saved by Embeddings.save), or items= (--items) so that they can be embedded again; "
        "a service is called only with allow_fetch=True (--allow-fetch)"
    )


def _encoder(request: Request, found: Found) -> Encoder | None:
    """Return the encoder for more items; it calls no service unless that is allowed."""
    facts = request.facts
    try:
        encoder = make_encoder(
            facts["model"], dimension=facts["dimension"], params=facts["params"], cache=request.cache, announce=False
        )
    except (ValueError, MMToolkitError) as error:
        if request.frame is not None:
            found.notes.append(
                say(
                    "the model {model!r} cannot be used here, so the items were not fingerprinted again: {why}",
                    model=facts["model"],
                    why=error,
                )
            )
        return None
    if facts["revision"] != encoder.space.revision:
        found.notes.append(
            say(
                "the model {model!r} was revision {old!r}, now it is {new!r}",
                model=facts["model"],
                old=facts["revision"][:12],
                new=encoder.space.revision[:12],
            )
        )
    if encoder.provider.leaves_machine and not request.allow_fetch:
        return dataclasses.replace(encoder, provider=_Offline(encoder.provider))
    return encoder


def _assembled(
    request: Request,
    X: NDArray[np.float32],
    keys: Sequence[str] | None,
    columns: dict[str, list[Any]],
    encoder: Encoder | None,
) -> Any:
    if keys is None:
        return X
    frame = Embeddings(X, items=complete(request, columns)).items
    space = Space.from_dict(request.facts)
    known = (
        encoder if _same_model(request, encoder) else None
    )  # another revision must not answer what is asked in words
    return Embeddings._of(Held(read_only(X), frame, space, read_only(np.array(keys, dtype="U64")), encoder=known))


class _Offline(Provider):
    """A provider of the same model that refuses to send anything."""

    leaves_machine = False

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._spec = provider.spec

    @property
    def spec(self) -> ModelSpec:
        """The row of the provider."""
        return self._spec

    def check(self, content: Any, **options: Any) -> None:
        """Check as the provider does."""
        self._provider.check(content, **options)

    def recipe(self, content: Any) -> str:
        """Return the provider's recipe."""
        return self._provider.recipe(content)

    def embed(self, contents: Any, *, sink: Any, **options: Any) -> None:
        """Give every content an error that says how to allow requests."""
        del options
        error: ItemError = UnsupportedItemError(
            "its vector is not in the cache, and verify calls no service unless allow_fetch=True"
        )
        sink([Outcome(i, error=error) for i in range(len(contents))])
