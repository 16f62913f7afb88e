"""What a file holds, in words that JSON can keep: said by the version that wrote it, compared with what one says now."""

from __future__ import annotations

import hashlib
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

import mmtoolkit as mm

FILES = Path(__file__).with_name("files")
COLOURS = ("red", "green", "blue", "yellow")
V1_TEXTS = ["a red apple", "a green leaf", "蓝色的大海", "Grüße, yellow sun"]
QUERIES = ["red", "a blue question", "where is the sun?"]
FLASH, V1, V4 = "tongyi-embedding-vision-flash", "multimodal-embedding-v1", "text-embedding-v4"
QUERY = {"text_type": "query"}
LONG = 20_001  # a list of this length goes to the sidecar


def plain(value):
    """Turn arrays, frames and their numbers into what JSON can keep; NaN becomes None."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def sha(array):
    """SHA-256 of an array's float32 bytes in this shape."""
    array = np.ascontiguousarray(array, dtype="<f4")
    return hashlib.sha256(repr(array.shape).encode() + array.tobytes()).hexdigest()


def embeddings(emb):
    """Everything public of Embeddings that a file keeps."""
    X = emb.vectors
    return {
        "model": emb.model,
        "revision": emb.revision,
        "dimension": int(emb.dimension),
        "params": plain(emb.params),
        "ids": plain(emb.ids),
        "modality": plain(emb.modality),
        "content_keys": plain(emb.content_keys),
        "fingerprint": emb.fingerprint,
        "ok": plain(emb.ok),
        "vectors": sha(X),
        "some_values": plain(X[[0, -1], :3]),
        "items": {str(name): plain(emb.items[name]) for name in emb.items.columns},
    }


def stats(cache):
    """The table of a cache, sorted, times as text."""
    frame = cache.stats()
    for name in ("oldest", "newest"):
        frame[name] = frame[name].map(lambda time: time.isoformat())
    rows = plain(frame.to_dict("records"))
    return sorted(rows, key=lambda row: (row["model"], row["dimension"], row["params"]))


def table(path):
    """Keys and vectors of a vector table (a file, or a folder of them), sorted by key."""
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    rows = {}
    for file in files:
        read = pq.read_table(file)
        rows.update(zip(read["key"].to_pylist(), read["vector"].to_pylist(), strict=True))
    keys = sorted(rows)
    return {"keys": [key.hex() for key in keys], "vectors": sha([rows[key] for key in keys])}


def classifier(saved, new):
    """Classes, scores and predictions of a saved classifier."""
    return {
        "classes": plain(saved.classes),
        "metrics": plain(saved.metrics),
        "recipe": plain(saved.recipe),
        "proba": plain(saved.predict_proba(new)),
        "predicted": plain(saved.predict(new)),
    }


def verification(checked):
    """What verify says."""
    return {"verdict": checked.verdict, "checked": list(checked.checked), "causes": list(checked.causes)}


def frame(table):
    """A frame as rows, times as text."""
    if "time" in table.columns:
        table = table.assign(time=table["time"].map(lambda time: time.isoformat()))
    return plain(table.to_dict("records"))


def pictures(folder):
    """The eight small pictures, by name."""
    return sorted((folder / "pictures").glob("*.png"))


def vectors_of_report(folder, name):
    """Saved vectors that a report is checked with, by source where there are several."""
    home = folder / "reports" / name
    if name == "own":
        return {"emb": home / "vectors.parquet", "emb_2": np.load(home / "vectors.npy")[:, :3]}
    if name == "service":
        return {"emb": folder / "vectors/centered.parquet", "emb_2": home / "vectors.parquet"}
    if name == "asked":
        return folder / "reports/local/vectors.parquet"
    return long_vectors() if name == "long" else home / "vectors.parquet"


def long_vectors():
    """Own vectors of the report with a sidecar: many rows of few kinds."""
    return np.array([[0, 3], [1, 0], [3, 3]], dtype=np.float32)[np.arange(LONG) % 3]


def unpack(version, folder):
    """Unpack the files of a version."""
    with zipfile.ZipFile(FILES / version / "files.zip") as zipped:
        zipped.extractall(folder)
    return folder


def explorer(folder):
    """The map whose annotations the journal keeps."""
    emb = mm.Embeddings.load(folder / "reports/own/vectors.parquet")
    X = emb.vectors
    return mm.explore(emb, y="label", projection=X[:, :2], journal=folder / "annotations/journal.csv")
