"""Small files made to take all memory or time: each is refused by name, within two seconds and a gigabyte.

Each is read in a process of its own, forked when everything is imported, so that its time and memory are its own.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import resource
import struct
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import mmtoolkit as mm
from mmtoolkit.cache import EmbeddingCache
from mmtoolkit.classification.manifest import manifest_digest
from mmtoolkit.explorer.annotations import Annotations

from .tally import Tally, ours

TRIALS = 1  # of each file
SECONDS, BYTES = 2.0, 1024**3


def _classifiers(home: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    made = mm.classify(X, ["a", "b"] * 20, cv=2, duplicates="ignore")

    def saved(name: str, arrays: bytes | None = None, manifest: bytes | None = None) -> Path:
        folder = home / name
        made.save(folder)
        if arrays is not None:
            (folder / "classifier.npz").write_bytes(arrays)
        said = json.loads((folder / "classifier.json").read_text())
        said["arrays_sha256"] = hashlib.sha256((folder / "classifier.npz").read_bytes()).hexdigest()
        said["sha256"] = manifest_digest(said)
        (folder / "classifier.json").write_bytes(manifest or json.dumps(said).encode())
        return folder

    packed = io.BytesIO()
    np.savez_compressed(
        packed, coef=np.zeros((600, 10**6), dtype=np.float32), intercept=np.zeros(2), temperature=1.0, C=1.0
    )
    headed = io.BytesIO()
    np.savez(headed, coef=np.frombuffer(_npy("(300000000,)"), dtype=np.uint8))
    for name, folder in {
        "classifier: 2.4 GB packed": saved("packed", arrays=packed.getvalue()),
        "classifier: not an archive": saved("none", arrays=b"PK\3\4" * 10_000),
        "classifier: 100,000 brackets": saved("deep", manifest=b'{"a":' * 100_000),
        "classifier: 30 million lists": saved("wide", manifest=b"[" + b"[]," * 30_000_000 + b"1]"),
        "classifier: long number": saved("long", manifest=b'{"format": ' + b"9" * 10**6 + b"}"),
    }.items():
        yield name, lambda folder=folder: mm.load_classifier(folder)


def _npy(shape: str, dtype: str = "<f8") -> bytes:
    head = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head + bytes(64)


def _reports(home: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    report = mm.report(mm.cluster(X, 2)).save(home / "report.json")
    text = report.read_bytes()
    for name, content in {
        "report: 100,000 brackets": b"[" * 100_000,
        "report: brackets in the results": text.replace(b'"results": {', b'"results": {"x": ' + b"[" * 90_000 + b"]" * 90_000 + b","),
        "report: 1e999": text.replace(b"0.0001", b"1e999"),
        "report: a million digits": text.replace(b'"n_items": 40', b'"n_items": ' + b"4" * 10**6),
        "report: 30 million lists": b'{"format": [' + b"[]," * 30_000_000 + b"1]}",
        "report: 300 MB": b'{"format": "' + b"x" * 300_000_000 + b'"}',
        "report: UTF-16": text.decode().encode("utf-16"),
    }.items():  # fmt: skip
        path = home / f"{hashlib.sha256(name.encode()).hexdigest()[:8]}.json"
        path.write_bytes(content)
        yield name, lambda path=path: mm.verify(path, vectors=X)
    for name, content in {
        "npy: 300 million numbers": _npy("(300000000,)"),
        "npy: negative": _npy("(-1, -8)"),
        "npy: objects": _npy("(8,)", "|O"),
        "npy: no columns": _npy("(40, 0)")[:-64],
        "npy: nested header": _npy("(" * 5000),
        "npy: 10**30": _npy(f"({10**30},)"),
    }.items():
        path = home / f"{hashlib.sha256(name.encode()).hexdigest()[:8]}.npy"
        path.write_bytes(content)
        yield name, lambda path=path: mm.verify(report, vectors=path)


def _tables(home: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    head = {
        "format": "mmtoolkit-embeddings",
        "version": 2,
        "model": "",
        "revision": "",
        "dimension": 4,
        "params": {},
        "root": "",
    }
    zeros = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(40_000_000, dtype=np.float32)), 4)
    few = zeros.slice(0, 20)
    ids = pa.array([str(i) for i in range(20)])
    long = pa.DictionaryArray.from_arrays(pa.array(np.zeros(20, dtype=np.int32)), pa.array(["x" * 10**6]))

    def table(name: str, columns: dict[str, Any], **said: Any) -> Path:
        path = home / f"{name}.parquet"
        pq.write_table(
            pa.table(columns).replace_schema_metadata({"mmtoolkit-embeddings": json.dumps(head | said)}), path
        )
        return path

    keys = pa.array([""] * 20)
    for name, path in {
        "vectors: 10 million equal rows": table("equal", {"vector": zeros}),
        "vectors: width 0": table("zero", {"id": ids, "vector": pa.array([[]] * 20, pa.list_(pa.float32(), 0)), "content_key": keys}, dimension=0),
        "vectors: 10**30 features": table("wide", {"id": ids, "vector": few, "content_key": keys}, dimension=10**30),
        "vectors: nested params": table("deep", {"id": ids, "vector": few, "content_key": keys}, params="[" * 100_000),
        "vectors: 1e999 in a mean": table("mean", {"id": ids, "vector": few, "content_key": keys}, centers={"text": [1e300] * 4}),
        "vectors: two columns of a name": _twice(table("twice", {"id": ids, "vector": few, "content_key": keys}), home / "twice2.parquet"),
        "vectors: no vectors": table("none", {"id": ids}),
        "vectors: long text once": table("once", {"id": ids, "text": long, "vector": few, "content_key": keys}),
    }.items():  # fmt: skip
        yield name, lambda path=path: mm.Embeddings.load(path)
    path = home / "table.parquet"
    space = {"model": "m", "revision": "", "dimension": 4, "params": "[" * 100_000}
    pq.write_table(
        pa.table({"key": [bytes(32)], "vector": few.slice(0, 1)}).replace_schema_metadata(
            {"mmtoolkit-vectors": json.dumps(space)}
        ),
        path,
    )
    yield "export: nested params", lambda: EmbeddingCache(home / "cache").import_(path)


def _twice(path: Path, target: Path) -> Path:
    table = pq.read_table(path)
    pq.write_table(table.append_column("vector", table["vector"]), target)
    return target


def _journals(home: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    head = "id,annotation,how,order,time\n"
    for name, content in {
        "journal: a field of 100 MB": f'{head}a,"{"x" * 10**8}",click,1,2026-01-01\n',
        "journal: an open quote": f'{head}a,"bird,click,1,2026-01-01\n' + "b,cat,click,2,2026-01-01\n" * 100_000,
        "journal: an order without end": f"{head}a,bird,click,{'9' * 10**6},2026-01-01\nb,cat,click,2,\n",
        "journal: two million commas": f"{head}{',' * 2_000_000}\n",
        "journal: zeros": head + "\0" * 10**6,
        "journal: no heading": "a,bird\n" * 10**6,
        "journal: line ends": head + "\r" * 10**6,
    }.items():
        path = home / f"{hashlib.sha256(name.encode()).hexdigest()[:8]}.csv"
        path.write_text(content, "utf-8", newline="")
        yield name, lambda path=path: Annotations(np.array(["a", "b"]), path)


def attack(trials: int = TRIALS, seed: int = 0) -> dict[str, Any]:
    """Read every file; `seed` changes nothing."""
    del seed
    tally, worst = Tally(), {"seconds": 0.0, "megabytes": 0.0}
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        for kind in (_classifiers, _reports, _tables, _journals):
            for case, look in kind(home):
                for _ in range(trials):
                    end, seconds, size = _alone(look)
                    worst = {
                        "seconds": round(max(worst["seconds"], seconds), 2),
                        "megabytes": round(max(worst["megabytes"], size / 2**20)),
                    }
                    kind_of_end, _, said = end.partition(": ")
                    if seconds > SECONDS or size > BYTES:
                        kind_of_end, said = "raw", f"took {seconds:.1f} s and {size / 2**20:.0f} MB; {end[:100]}"
                    tally.counts[kind_of_end] += 1
                    if kind_of_end == "raw":
                        tally.examples[case] = said
    return tally.done(worst=worst)


def _alone(look: Callable[[], Any]) -> tuple[str, float, int]:
    """Return how a reading ended in a process of its own, how long it took, and how much memory it took besides."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        before = _resident()
        limit = before + 4 * BYTES
        resource.setrlimit(resource.RLIMIT_AS, (max(limit, _virtual() + 4 * BYTES), resource.RLIM_INFINITY))
        started = time.process_time()
        try:
            look()
            end = "same: read"
        except BaseException as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            end = f"{'told' if ours(error) else 'raw'}: {type(error).__name__} at {last.filename}:{last.lineno}: {str(error)[:150]}"
        seconds = time.process_time() - started  # others may be busy on this machine
        size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
        os.write(writing, json.dumps([end, seconds, size]).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        content = pipe.read()
    os.waitpid(child, 0)
    return tuple(json.loads(content)) if content else ("raw: the process died", 0.0, 0)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def _virtual() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
