"""The vector cache beside the limit (memcpy, np.load, append + fdatasync) and beside other stores, in one run.

    python benchmarks/cache.py [--rows 100000] [--dimension 1024] [--peer-rows 4000] [--large 1000000]
        [--pictures 10000] [--folder DIR]

Prints JSON and a Markdown table. Peers (diskcache, LangChain) are measured when they are installed, on `--peer-rows` rows and
scaled by row; all others on `--rows`. Every figure is the best of several, wall time unless it says CPU; what is compared takes turns. A read counts
until every value has been summed once, so that lazy views gain nothing. The page cache is warm for everybody.
"""

from __future__ import annotations

import argparse
import functools
import gc
import importlib.util
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from mmtoolkit.cache import EmbeddingCache, Space

BATCH = 1000


def race(
    works: dict[str, Callable[[], object]],
    *,
    before: Callable[[], object] = gc.collect,
    tries: int = 5,
) -> dict[str, float]:
    """Return each one's best times, wall and CPU; they take turns, so that a busy machine is busy for all."""
    times: dict[str, list[float]] = {}
    for _ in range(tries):
        for name, work in works.items():
            before()
            start = time.perf_counter(), time.process_time()
            result = work()
            times.setdefault(name, []).append(time.perf_counter() - start[0])
            times.setdefault(f"{name}, CPU", []).append(time.process_time() - start[1])
            del result
    return {name: min(taken) for name, taken in times.items()}


def best(work: Callable[[], object], *, tries: int = 3) -> float:
    return race({"": work}, tries=tries)[""]


def used(X: np.ndarray) -> np.ndarray:
    X.sum()
    return X


def batches(n: int) -> Iterator[slice]:
    return (slice(start, min(start + BATCH, n)) for start in range(0, n, BATCH))


def writes(folder: Path, keys: list[bytes], X: np.ndarray, space: Space) -> dict[str, float]:
    def append() -> None:
        fd = os.open(folder / "raw", os.O_RDWR | os.O_CREAT)
        for rows in batches(len(X)):
            os.write(fd, X[rows].data)
            os.fdatasync(fd)
        os.close(fd)

    def put() -> None:
        cache = EmbeddingCache(folder / "ours")
        for rows in batches(len(X)):
            cache.put(keys[rows], X[rows], space)
        cache.close()

    def remove() -> None:
        shutil.rmtree(folder / "ours", ignore_errors=True)
        (folder / "raw").unlink(missing_ok=True)

    times = race({"limit: append + fdatasync": append, "write": put}, before=remove, tries=3)
    (folder / "raw").unlink(missing_ok=True)
    if not (folder / "ours").exists():
        put()
    return times


def ours(folder: Path, keys: list[bytes], X: np.ndarray, order: np.ndarray) -> dict[str, float]:
    space = Space("benchmark", "1", X.shape[1])
    shuffled = [keys[i] for i in order.tolist()]
    out = writes(folder, keys, X, space)
    cache = EmbeddingCache(folder / "ours")
    found, got = cache.get(shuffled, space)
    assert found.all()
    assert np.array_equal(got, X[order])
    del got
    np.save(folder / "raw.npy", X)
    load = functools.partial(np.load, folder / "raw.npy", mmap_mode="r")
    out |= race({"limit: gather in RAM": lambda: X[order], "read, shuffled": lambda: cache.get(shuffled, space)})
    out |= race(
        {
            "limit: np.load, summed": lambda: used(load()),
            "read, file order, summed": lambda: used(cache.get(keys, space)[1]),
            "read, file order, summed, first": lambda: used(EmbeddingCache(folder / "ours").get(keys, space)[1]),
        }
    )
    out |= race(
        {
            "limit: np.load, copied": lambda: np.array(load()),
            "read, file order, copied": lambda: np.array(cache.get(keys, space)[1]),
        }
    )
    half = [key if i % 2 else key[::-1] for i, key in enumerate(shuffled)]
    assert cache.missing(half, space).sum() == (len(half) + 1) // 2
    out |= race({"missing": lambda: cache.missing(half, space)})
    cache.close()
    out["disk / raw bytes"] = sum(p.stat().st_size for p in (folder / "ours").rglob("*") if p.is_file()) / X.nbytes
    start = time.perf_counter()
    assert EmbeddingCache(folder / "ours").verify().ok
    out["verify"] = time.perf_counter() - start
    shutil.rmtree(folder / "ours")
    return out


def pictures(folder: Path, n: int) -> dict[str, float]:
    """Embed local pictures twice with the offline model; the second time none may be opened."""
    from PIL import Image

    import mmtoolkit as mm

    rng = np.random.default_rng(3)
    paths = []
    for i in range(n):
        paths.append(folder / f"{i}.png")
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(paths[-1])
    opened = []
    sys.addaudithook(
        lambda event, args: opened.append(args[0]) if event == "open" and str(args[0]).endswith(".png") else None
    )
    times = []
    for _ in range(2):
        time.sleep(0.1)
        opened.clear()
        start = time.perf_counter()
        mm.embed_images(paths, model="local", cache=folder / "store", progress=False)
        times.append(time.perf_counter() - start)
    return {"pictures": n, "first": times[0], "second": times[1], "opened the second time": len(opened)}


def fresh_process(folder: Path, rows: int, dimension: int) -> dict[str, float]:
    """1,000 keys out of many rows, by a process that has just started."""
    space = Space("benchmark", "1", dimension)
    cache = EmbeddingCache(folder / "large")
    rng = np.random.default_rng(1)
    X = rng.standard_normal((10_000, dimension), dtype=np.float32)
    wanted = []
    for _ in range(0, rows, len(X)):
        keys = [key.tobytes() for key in rng.integers(0, 256, (len(X), 32), dtype=np.uint8)]
        cache.put(keys, X, space)
        wanted += keys[:: max(len(X) * len(range(0, rows, len(X))) // 1000, 1)]
    cache.close()
    (folder / "wanted").write_bytes(b"".join(wanted[:1000]))
    script = (
        "import sys, time, numpy; start = time.perf_counter(), time.process_time()\n"
        "from mmtoolkit.cache import EmbeddingCache, Space\n"
        "data = open(sys.argv[2], 'rb').read(); keys = [data[i:i + 32] for i in range(0, len(data), 32)]\n"
        "found, X = EmbeddingCache(sys.argv[1]).get(keys, Space('benchmark', '1', int(sys.argv[3])))\n"
        "assert found.all() and len(X) >= 900\nprint(time.perf_counter() - start[0], time.process_time() - start[1])"
    )
    command = [sys.executable, "-c", script, str(folder / "large"), str(folder / "wanted"), str(dimension)]
    outputs = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(5)]
    shutil.rmtree(folder / "large")
    wall, cpu = (min(float(output.split()[i]) for output in outputs) for i in (0, 1))
    return {"fresh process": wall, "fresh process, CPU": cpu}


def one_file_per_key(folder: Path, keys: list[bytes], X: np.ndarray, order: np.ndarray) -> tuple[float, float]:
    names = [folder / key.hex() for key in keys]

    def write() -> None:
        for name, x in zip(names, X, strict=True):
            name.write_bytes(x.tobytes())

    def read() -> np.ndarray:
        return np.stack([np.frombuffer(names[i].read_bytes(), np.float32) for i in order.tolist()])

    return best(write, tries=1), best(read)


def sqlite_blobs(folder: Path, keys: list[bytes], X: np.ndarray, order: np.ndarray) -> tuple[float, float]:
    db = sqlite3.connect(folder / "blobs.sqlite", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE t (key BLOB PRIMARY KEY, x BLOB)")

    def write() -> None:
        for rows in batches(len(keys)):
            db.execute("BEGIN")
            db.executemany(
                "INSERT INTO t VALUES (?, ?)", ((k, x.tobytes()) for k, x in zip(keys[rows], X[rows], strict=True))
            )
            db.execute("COMMIT")

    def read() -> np.ndarray:
        shuffled = [keys[i] for i in order.tolist()]
        found = {}
        for rows in batches(len(keys)):
            part = shuffled[rows]
            found.update(db.execute(f"SELECT key, x FROM t WHERE key IN ({','.join('?' * len(part))})", part))
        return np.stack([np.frombuffer(found[key], np.float32) for key in shuffled])

    times = best(write, tries=1), best(read)
    db.close()
    return times


def disk_cache(folder: Path, keys: list[bytes], X: np.ndarray, order: np.ndarray) -> tuple[float, float]:
    import diskcache

    cache = diskcache.Cache(folder, size_limit=1 << 40)

    def write() -> None:
        for rows in batches(len(keys)):
            with cache.transact():
                for key, x in zip(keys[rows], X[rows], strict=True):
                    cache.set(key, x.tobytes())

    def read() -> np.ndarray:
        return np.stack([np.frombuffer(cache[keys[i]], np.float32) for i in order.tolist()])

    times = best(write, tries=1), best(read)
    cache.close()
    return times


def langchain(folder: Path, keys: list[bytes], X: np.ndarray, order: np.ndarray) -> tuple[float, float]:
    from langchain_classic.embeddings import CacheBackedEmbeddings
    from langchain_classic.storage import LocalFileStore
    from langchain_core.embeddings import Embeddings

    texts = [key.hex() for key in keys]
    ready = dict(zip(texts, X.tolist(), strict=True))

    class Ready(Embeddings):
        """Costs nothing: only the store is measured."""

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [ready[text] for text in texts]

        def embed_query(self, text: str) -> list[float]:
            return ready[text]

    cached = CacheBackedEmbeddings.from_bytes_store(
        Ready(), LocalFileStore(folder), namespace="benchmark", batch_size=BATCH, key_encoder="sha256"
    )
    return (
        best(lambda: cached.embed_documents(texts), tries=1),
        best(lambda: np.array(cached.embed_documents([texts[i] for i in order.tolist()]), dtype=np.float32)),
    )


def peers(folder: Path, keys: list[bytes], X: np.ndarray, n: int) -> dict[str, dict[str, float]]:
    out = {}
    everyone = {"one file per key": (one_file_per_key, None), "SQLite BLOBs": (sqlite_blobs, None)}
    everyone |= {
        "diskcache": (disk_cache, "diskcache"),
        "LangChain CacheBackedEmbeddings": (langchain, "langchain_classic"),
    }
    for name, (measure, module) in everyone.items():
        if module is not None and importlib.util.find_spec(module) is None:
            continue
        place = folder / "peer"
        place.mkdir()
        write, read = measure(place, keys[:n], X[:n], np.random.default_rng(2).permutation(n))
        out[name] = {"write": write * len(X) / n, "read, shuffled": read * len(X) / n}
        shutil.rmtree(place)
    return out


def table(found: dict[str, dict[str, float]]) -> str:
    mine = found["mmtoolkit"]
    ratios = [
        ("bulk read, shuffled keys / gather in RAM", "read, shuffled", "limit: gather in RAM", "<= 4"),
        ("rows in file order / np.load, both summed", "read, file order, summed", "limit: np.load, summed", "<= 1.5"),
        ("the same, first read of a process", "read, file order, summed, first", "limit: np.load, summed", ""),
        ("rows in file order / np.load, both copied", "read, file order, copied", "limit: np.load, copied", "<= 1.5"),
        ("write / append + fdatasync", "write", "limit: append + fdatasync", "<= 5"),
    ]
    rows = []
    for what, ours, limit, goal in ratios:
        rows.append((what, mine[ours] / mine[limit], goal))
        rows.append((f"{what}, CPU", mine[f"{ours}, CPU"] / mine[f"{limit}, CPU"], goal))
    rows.append(("missing, CPU seconds", mine["missing, CPU"], "<= 0.2"))
    rows.append(("disk / raw bytes", mine["disk / raw bytes"], "<= 1.05"))
    if "fresh process" in mine:
        rows.append(("1,000 keys, fresh process, seconds", mine["fresh process"], "<= 0.1"))
        rows.append(("1,000 keys, fresh process, CPU seconds", mine["fresh process, CPU"], ""))
    for name, peer in found["peers"].items():
        wanted = ">= 40" if name.startswith("LangChain") else ""
        rows.append((f"write: times faster than {name}", peer["write"] / mine["write"], wanted))
        rows.append((f"read: times faster than {name}", peer["read, shuffled"] / mine["read, shuffled"], wanted))
    if "pictures" in found:
        again = found["pictures"]
        rows.append(("unchanged pictures, second time: times faster", again["first"] / again["second"], ">= 20"))
        rows.append(("pictures opened the second time", again["opened the second time"], "0"))
    lines = [f"| {what} | {value:.3g} | {goal} |" for what, value, goal in rows]
    return "\n".join(["| what | measured | wanted |", "| --- | --- | --- |", *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dimension", type=int, default=1024)
    parser.add_argument("--peer-rows", type=int, default=4000)
    parser.add_argument(
        "--large", type=int, default=1_000_000, help="rows of the store for the fresh process; 0 skips it"
    )
    parser.add_argument("--pictures", type=int, default=10_000, help="local pictures to embed twice; 0 skips it")
    parser.add_argument("--folder", type=Path, default=None, help="where to write; default: a temporary folder")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    X = rng.standard_normal((args.rows, args.dimension), dtype=np.float32)
    keys = [key.tobytes() for key in rng.integers(0, 256, (args.rows, 32), dtype=np.uint8)]
    order = rng.permutation(args.rows)
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        found = {"mmtoolkit": ours(folder, keys, X, order)}
        found["peers"] = peers(folder, keys, X, min(args.peer_rows, args.rows))
        if args.large:
            found["mmtoolkit"] |= fresh_process(folder, args.large, args.dimension)
        if args.pictures:
            (folder / "pictures").mkdir()
            found["pictures"] = pictures(folder / "pictures", args.pictures)
    print(json.dumps({"rows": args.rows, "dimension": args.dimension, **found}, indent=1))
    print(table(found))


if __name__ == "__main__":
    main()
