"""Bring back the vectors a report was made from, and see whether the items are still the same."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.cache import Space, open_cache
from mmtoolkit.content import KeyMaker
from mmtoolkit.embedding import Embeddings
from mmtoolkit.embedding.encoder import Run, make_encoder
from mmtoolkit.errors import ItemError, MMToolkitError, UnsupportedItemError, VerifyError
from mmtoolkit.items import contents_of
from mmtoolkit.providers.base import Outcome
from mmtoolkit.report.document import vector_digests
from mmtoolkit.verify.compare import Difference

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from mmtoolkit.embedding.encoder import Encoder

__all__ = ["Found", "Request", "find"]

_KIND = {"image": "picture", "text": "text", "video": "video", "fused": "item"}


@dataclass(frozen=True)
class Request:
    """Where to look.

    Parameters
    ----------
    name : str
        Of the source, such as "emb".
    facts, items : mapping
        What the report says about it and about its items.
    frame : DataFrame or None
        The items as they are now, all the report's ids among them; None when they could not be found.
    vectors : Embeddings, ndarray, path or None
        Saved vectors.
    cache : None, False, path, or store
        Where to look otherwise.
    allow_fetch : bool
        Whether a service may be called.
    """

    name: str
    facts: Mapping[str, Any]
    items: Mapping[str, Any]
    frame: pd.DataFrame | None
    vectors: Any
    cache: Any
    allow_fetch: bool


@dataclass
class Found:
    """What came back.

    Parameters
    ----------
    source : Embeddings, ndarray or None
        To compute from; None when vectors of changed items could not be had.
    differences : list of Difference
        Items or vectors that are not what they were.
    causes, notes : list of str
        In words.
    """

    source: Any = None
    differences: list[Difference] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find(request: Request) -> Found:
    """Return vectors to compute from, and every way in which they or the items differ from the report.

    Raises
    ------
    VerifyError
        If the vectors of unchanged items are gone; the message says what to do.
    """
    found = Found()
    if not request.facts["model"] and request.vectors is None:
        msg = (
            f"the report was made from vectors of your own ({request.facts['n_items']} rows); pass them as "
            "vectors= (--vectors FILE.parquet)"
        )
        raise VerifyError(msg)
    _compare_columns(request, found)
    if request.vectors is not None:
        X, keys, encoder = *_given(request), None
    else:
        X, keys, encoder = _from_cache(request, found)
    _compare_vectors(request, X, keys, found)
    if np.isfinite(X).all():
        found.source = _assembled(request, X, keys, encoder)
    return found


def _compare_columns(request: Request, found: Found) -> None:
    """Compare classes and groups of the items with those in the report."""
    if request.frame is None:
        if request.facts["model"]:
            found.notes.append(
                f"the items of {request.name!r} were not found again, so they were not compared with the report; "
                "pass them as items= (--items)"
            )
        return
    for name, stored in request.items["columns"].items():
        if name not in request.frame.columns:
            found.notes.append(f"the items have no column {name!r}; its values are taken from the report")
            continue
        now = [None if _missing(value) else value for value in request.frame[name].tolist()]
        for item, a, b in zip(request.items["id"], stored, now, strict=True):
            if a != b:
                found.differences.append(Difference(f"items.{request.name}.{name} of {item!r}", a, b, "items"))
                found.causes.append(f"the value of {name!r} of item {item!r} changed from {a!r} to {b!r}")


def _missing(value: Any) -> bool:
    import pandas as pd

    return bool(pd.isna(value))


def _given(request: Request) -> tuple[NDArray[np.float32], list[str] | None]:
    """Return the rows of vectors handed in, in the report's order."""
    given, ids = request.vectors, request.items["id"]
    if isinstance(given, str | os.PathLike):
        path = Path(given)
        given = np.load(path, allow_pickle=False) if path.suffix == ".npy" else Embeddings.load(path)
    if isinstance(given, Embeddings):
        at = {item: row for row, item in enumerate(given.ids.tolist())}
        absent = [item for item in ids if item not in at]
        if absent:
            msg = f"the vectors lack {len(absent)} of the report's {len(ids)} items, first: {absent[0]!r}"
            raise VerifyError(msg)
        rows = [at[item] for item in ids]
        return given.vectors[rows], given.content_keys[rows].tolist()
    X = np.asarray(given, dtype=np.float32)
    if X.ndim != 2 or len(X) != len(ids):
        msg = f"expected vectors of {len(ids)} rows, one per item of the report, got shape {X.shape}"
        raise VerifyError(msg)
    return X, None


def _from_cache(request: Request, found: Found) -> tuple[NDArray[np.float32], list[str], Encoder | None]:
    facts, ids, stored = request.facts, request.items["id"], request.items["content_key"]
    encoder = _encoder(request, found)
    keys, changed = _current_keys(request, encoder, found) if encoder is not None else (list(stored), [])
    store = encoder.cache if encoder is not None else open_cache(request.cache)
    X = np.full((len(ids), facts["dimension"]), np.nan, dtype=np.float32)
    if store is not None:
        space = Space(facts["model"], facts["revision"], facts["dimension"], facts["params"])
        there, vectors = store.get([bytes.fromhex(key) for key in stored], space)
        X[there] = vectors[there]
    X[changed] = np.nan
    lacking = np.flatnonzero(np.isnan(X).any(axis=1))
    same_model = encoder is not None and encoder.provider.spec.revision == facts["revision"]
    if len(lacking) and encoder is not None and same_model and request.frame is not None:
        contents = contents_of(request.frame.iloc[lacking])
        X[lacking] = encoder.run(contents, [ids[i] for i in lacking], on_error="nan", progress=None).vectors
    gone = [i for i in np.flatnonzero(np.isnan(X).any(axis=1)).tolist() if i not in set(changed)]
    if gone:
        raise VerifyError(_gone(request, gone, same_model=same_model))
    if np.isnan(X).any():
        found.notes.append(
            "results were not computed again, because the changed items have no vectors; allow_fetch=True computes them"
        )
    return X, keys, encoder


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
    """Return the way to embed more, one that calls no service unless that is allowed."""
    facts = request.facts
    try:
        encoder = make_encoder(
            facts["model"], dimension=facts["dimension"], params=facts["params"], cache=request.cache, announce=False
        )
    except (ValueError, MMToolkitError) as error:
        found.notes.append(
            f"the model {facts['model']!r} cannot be used here, so the items were not fingerprinted again: {error}"
        )
        return None
    if facts["revision"] != encoder.provider.spec.revision:
        found.notes.append(
            f"the model {facts['model']!r} was revision {facts['revision'][:12]!r}, now it is {encoder.provider.spec.revision[:12]!r}"
        )
    if encoder.provider.leaves_machine and not request.allow_fetch:
        return dataclasses.replace(encoder, provider=_Offline(encoder.provider))
    return encoder


def _current_keys(request: Request, encoder: Encoder, found: Found) -> tuple[list[str], list[int]]:
    """Fingerprint the items as they are now; return keys and the rows that changed."""
    facts, ids, stored = request.facts, request.items["id"], request.items["content_key"]
    if request.frame is None:
        return list(stored), []
    contents = contents_of(request.frame)
    plan = encoder.plan(contents, ids)  # recalls what is known of unchanged files
    maker = KeyMaker(facts["model"], facts["revision"], facts["dimension"], facts["params"])
    keys, changed = [], []
    for row, content in enumerate(contents):
        what = _KIND.get(content.modality, "item")
        if plan.keys[row] is None:
            keys.append("")
            found.causes.append(f"the {what} of item {ids[row]!r} cannot be read any more: {plan.errors[row].reason}")
        else:
            keys.append(maker.key(content.modality, content.digest(), encoder.provider.recipe(content)).hex())
            if keys[-1] != stored[row]:
                found.causes.append(f"the {what} of item {ids[row]!r} has changed")
        if keys[-1] != stored[row]:
            changed.append(row)
            where = f"items.{request.name}.content_key of {ids[row]!r}"
            found.differences.append(Difference(where, stored[row][:16], keys[-1][:16] or "(unreadable)", "items"))
    return keys, changed


def _compare_vectors(request: Request, X: NDArray[np.float32], keys: list[str] | None, found: Found) -> None:
    """Compare every row with its digest; a row of a changed item may differ, that is said already."""
    stored_keys = request.items.get("content_key")
    for row, (item, a, b) in enumerate(
        zip(request.items["id"], request.items["vector"], vector_digests(X), strict=True)
    ):
        known = keys is not None and stored_keys is not None and keys[row] != stored_keys[row]
        if a != b and not known:
            found.differences.append(Difference(f"items.{request.name}.vector of {item!r}", a, b, "items"))
            found.causes.append(f"the vector of item {item!r} is not the one the report was made from")


def _assembled(request: Request, X: NDArray[np.float32], keys: list[str] | None, encoder: Encoder | None) -> Any:
    import pandas as pd

    facts, items = request.facts, request.items
    if not facts["model"] and "content_key" not in items:
        return X
    frame = request.frame
    if frame is None:
        frame = pd.DataFrame(
            {"id": pd.Series(items["id"], dtype=object), "modality": pd.Series(items["modality"], dtype=object)}
        )
    absent = {
        name: pd.Series(values, dtype=object) for name, values in items["columns"].items() if name not in frame.columns
    }
    frame = Embeddings(X, items=frame.assign(**absent)).items
    keys = items["content_key"] if keys is None else keys
    if encoder is None:
        emb = Embeddings(X, items=frame, model=facts["model"])
        emb.revision, emb.params = facts["revision"], dict(facts["params"])
        emb.content_keys = np.array(keys, dtype="U64")
    else:
        emb = Embeddings._from_run(Run(X, np.array(keys, dtype="U64"), {}, {}, {}), frame, encoder)
    return emb.centered() if facts.get("centered") else emb


class _Offline:
    """A provider of the same model that refuses to send anything."""

    leaves_machine = False

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self.spec = provider.spec

    def check(self, content: Any, **options: Any) -> None:
        self._provider.check(content, **options)

    def recipe(self, content: Any) -> str:
        return str(self._provider.recipe(content))

    def embed(self, contents: Any, *, sink: Any, **options: Any) -> None:
        del options
        error: ItemError = UnsupportedItemError(
            "its vector is not in the cache, and verify calls no service unless allow_fetch=True"
        )
        sink([Outcome(i, error=error) for i in range(len(contents))])
