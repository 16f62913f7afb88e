"""Files that mmtoolkit writes and reads again: how each is made, and what is seen of it."""

from __future__ import annotations

import hashlib
import operator
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import mmtoolkit as mm
from mmtoolkit.cache import EmbeddingCache, Space
from mmtoolkit.derived import remember
from mmtoolkit.explorer.annotations import Annotations

from .tally import Tally

__all__ = ["Subject", "each", "subjects"]

N, D = 60, 6


@dataclass(frozen=True)
class Subject:
    """A file, and what is seen when it is read."""

    name: str
    path: Path
    look: Callable[[], Any]
    same: Callable[[Any, Any], bool] = operator.eq


def subjects(folder: Path) -> list[Subject]:
    """Write one file of every kind."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, D)).astype(np.float32)
    y = ["a", "b", "c"] * (N // 3)
    made = mm.classify(X, y, cv=2, duplicates="ignore")
    made.save(folder / "classifier")
    return [
        _vectors(folder / "vectors.parquet", X, y),
        _export(folder, X),
        *(Subject(name, folder / "classifier" / name, lambda: _classifier(folder / "classifier", X)) for name in ("classifier.json", "classifier.npz")),
        _report(folder / "report.json", mm.cluster(X, 3), X),
        _journal(folder / "labels.csv"),
        _derived(X),
    ]  # fmt: skip


def each(trials: int, seed: int, change: Callable[[bytes, random.Random], tuple[str, bytes]]) -> dict[str, Any]:
    """Change every file in turn and look at it; `change` returns what it did, and the bytes that are left."""
    rng, all_, by_kind = random.Random(seed), Tally(), {}
    with tempfile.TemporaryDirectory() as home:
        made = subjects(Path(home))
        for subject in made:
            content, sound, tally = subject.path.read_bytes(), subject.look(), Tally()
            for _ in range(trials // len(made)):
                name, changed = change(content, rng)
                subject.path.write_bytes(changed)
                tally.trial(f"{subject.name}, {name}", subject.look, sound, subject.same)
            subject.path.write_bytes(content)
            by_kind[subject.name] = dict(tally.counts)
            all_.counts += tally.counts
            all_.examples |= tally.examples
    return all_.done(by_kind=by_kind)


def _vectors(path: Path, X: np.ndarray, y: list[str]) -> Subject:
    texts = [f"text {i % 7}" for i in range(N)]
    items = pd.DataFrame(
        {"id": [f"i{i}" for i in range(N)], "text": texts, "label": y, "n": range(N), "share": X[:, 0]}
    )
    mm.Embeddings(X, items=mm.items(items), model="mine").save(path)

    def look() -> Any:
        emb = mm.Embeddings.load(path)
        return (
            emb.fingerprint,
            emb.vectors.tobytes(),
            emb.items.to_json(),
            list(emb.items),
            emb.content_keys.tolist(),
            repr(emb.space),
        )

    return Subject("vectors", path, look)


def _export(folder: Path, X: np.ndarray) -> Subject:
    path, space = folder / "export.parquet", Space("m", "r", D, {"a": 1})
    keys = [hashlib.sha256(b"%d" % i).digest() for i in range(N)]
    store = EmbeddingCache(folder / "store")
    store.put(keys, X, space)
    store.export(path)
    store.close()

    def look() -> Any:
        other = EmbeddingCache(folder / "other")
        try:
            count = other.import_(path)
            found, vectors = other.get(keys, space)
            return count, found.tolist(), vectors[found].tobytes()
        finally:
            other.close()
            shutil.rmtree(folder / "other", ignore_errors=True)  # not there before the first vector

    return Subject("export", path, look)


def _classifier(folder: Path, X: np.ndarray) -> Any:
    loaded = mm.load_classifier(folder)
    return loaded.predict_proba(X).tobytes(), str(loaded.classes), str(loaded.metrics), str(loaded.recipe), repr(loaded)


def _report(path: Path, made: Any, X: np.ndarray) -> Subject:
    mm.report(made, title="Attacked").save(path)

    def look() -> Any:
        checked = mm.verify(path, vectors=X)
        if not checked.ok or any("was edited" in note for note in checked.notes):
            raise mm.MMToolkitError("it says what differs")
        return checked.verdict

    return Subject("report", path, look)


def _journal(path: Path) -> Subject:
    ids = np.array([f"item {i}" for i in range(12)])
    notes = Annotations(ids, path)
    for row in range(12):
        notes.give(np.array([row]), ["bird", "cat, or dog", "=1+1"][row % 3], np.array(["click"], dtype=object))

    def look() -> Any:
        again = Annotations(ids, path)
        if again.note:
            raise mm.MMToolkitError(again.note)
        return again.frame().to_numpy().tolist()

    return Subject(
        "journal", path, look, lambda found, sound: sound[: len(found)] == found
    )  # cut after a line: a shorter one


def _derived(X: np.ndarray) -> Subject:
    arrays = {"rows": X, "order": np.arange(N), "words": np.array(["a", "bc"])}

    def look() -> Any:
        return {
            k: (v.dtype.str, v.shape, v.tobytes()) for k, v in remember("attacked", {}, lambda: arrays, step=1).items()
        }

    look()
    path = next(Path(os.environ["MMTOOLKIT_CACHE"], "derived", "attacked").glob("*.npz"))
    return Subject("derived", path, look)
