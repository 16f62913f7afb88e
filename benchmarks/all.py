"""Every row of ``docs/speed.md`` beside its peer: wall time, CPU time, memory, and whether threads change a byte.

    python benchmarks/all.py                       # all rows, up to three times each, about 30 minutes on two idle cores
    python benchmarks/all.py --only search,maps    # rows whose names begin so
    python benchmarks/all.py --quick               # a tenth of the items, once: does everything run?
    python benchmarks/all.py --rows 200000         # another number of items in every row that runs
    python benchmarks/all.py --growth              # ours alone at 1e4, 1e5 and 1e6 items
    python benchmarks/all.py --write               # docs/speed.md of what is kept, nothing is run

Ours, the peer, and ours with one thread run in turns, each in a fresh process that makes its data, fits something small once (so that nothing is
compiled or imported in the measured part; 5,000 rows for maps, as umap-learn takes another path from 4,096 on), and then
works once. A row is not begun again when it has taken 150 s. Results
are kept in ``build/speed/``, a file per row; a row that has one is only run again with ``--again``. Rows of the page that are not
kept here stay as they are, with the day when they were measured.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

HOME = Path(__file__).resolve().parent.parent
KEPT = HOME / "build" / "speed"
PAGE = HOME / "docs" / "speed.md"
REPEATS, ENOUGH_S = 3, 150.0
GROWTH, GROWN = (10_000, 100_000, 1_000_000), "## How it grows"
CS = (10.0,)


def blobs(n: int, d: int, k: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Return unit rows around `k` centers, and their classes."""
    rng = np.random.default_rng(1)
    centers = rng.standard_normal((k, d), dtype=np.float32)
    y = rng.integers(k, size=n)
    X = np.empty((n, d), dtype=np.float32)
    for start in range(0, n, 8192):
        rows = slice(start, start + 8192)
        X[rows] = centers[y[rows]] + noise * rng.standard_normal((len(y[rows]), d), dtype=np.float32)
        X[rows] /= np.linalg.norm(X[rows], axis=1, keepdims=True)
    return X, y


def overlapping(n: int) -> tuple[np.ndarray, np.ndarray]:
    import classify

    return classify.simulate(n, 1024, 20)


def embedded(n: int, d: int) -> np.ndarray:
    import kmeans

    return kmeans.simulate(n, d)


def inertia(X: np.ndarray, labels: np.ndarray) -> float:
    from mmtoolkit.clustering import silhouettes

    return silhouettes.inertia(X, np.asarray(labels, dtype=np.int64))


def our_classes(data):
    import mmtoolkit as mm

    r = mm.classify(*data, duplicates="ignore")
    return r.y_proba, {"accuracy": float(r.metrics.loc["accuracy", "value"])}


def plain_classes(data):
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict

    X, y = data
    predicted = cross_val_predict(LogisticRegression(C=10.0, max_iter=1000), X, y, cv=5, n_jobs=-1)
    return predicted, {"accuracy": float((predicted == y).mean())}


def our_clusters(X, k=50):
    import mmtoolkit as mm

    labels = mm.cluster(X, k).labels
    return labels, {"inertia": inertia(X, labels)}


def minibatch(X, k=50):
    from sklearn.cluster import MiniBatchKMeans

    labels = MiniBatchKMeans(k, random_state=0).fit(X).labels_
    return labels, {"inertia": inertia(X, labels)}


def lloyd(X, k=50):
    from sklearn.cluster import KMeans

    labels = KMeans(k, random_state=0).fit(X).labels_
    return labels, {"inertia": inertia(X, labels)}


def our_number(X):
    import mmtoolkit as mm

    c = mm.cluster(X)
    return c.labels, {"clusters": float(c.n_clusters)}


def our_map(X):
    import mmtoolkit as mm

    p = mm.project(X)
    return p.coords, {"trustworthiness": float(p.trustworthiness)}


def umap_map(X):
    import umap

    return umap.UMAP().fit_transform(X), {}


def in_memory(n: int) -> Any:
    """Return vectors as users hold them, scaled already."""
    import mmtoolkit as mm

    emb = mm.Embeddings(blobs(n, 1024, 50, 3.0)[0])
    assert emb.unit is not None
    return emb


def pictures(n: int) -> Any:
    """Return the vectors of the stamps, computed before the clock starts."""
    import mmtoolkit as mm

    return mm.embed(mm.load_dataset("stamps").head(n), model="local")


def our_search(emb):
    import mmtoolkit as mm

    return mm.search(emb, emb.unit[7], k=10).score, {}


def product(emb):
    return emb.unit @ emb.unit[7], {}


def our_duplicates(X):
    import mmtoolkit as mm

    found = mm.near_duplicates(X, threshold=0.98)
    return found.labels, {"pairs": float(found.n_pairs)}


def products_on_one_thread(X):
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        highest = [float((X[s : s + 2048] @ X.T).max()) for s in range(0, len(X), 2048)]
    return np.array(highest), {}


def on_spark(verb: str, source: str) -> Callable[[Any], tuple[Any, dict[str, float]]]:
    def work(folder):
        import mmtoolkit as mm

        spark = mm.spark.start("local[*]")
        df = spark.read.parquet(folder)
        if source == "others":
            df = df.selectExpr("id", "label", "coalesce(vector, array()) as vector")
        if verb == "cluster":
            c = mm.spark.cluster(df, 50, n_init=1)
            return c.centers, {"inertia": float(c.scores.loc["inertia", "value"])}
        r = mm.spark.classify(df, cv=2, Cs=CS)
        return r.confusion.to_numpy(), {"accuracy": float(r.metrics.loc["accuracy", "value"])}

    return work


def local_of_files(verb: str) -> Callable[[Any], tuple[Any, dict[str, float]]]:
    def work(folder):
        import pyarrow.parquet as pq

        import mmtoolkit as mm

        table = pq.read_table(folder)
        X = table.column("vector").combine_chunks().flatten().to_numpy().reshape(table.num_rows, -1)
        if verb == "cluster":
            return our_clusters(X)
        r = mm.classify(X, table.column("label").to_pylist(), cv=2, duplicates="ignore", inference=False)
        return r.y_pred, {"accuracy": float(r.metrics.loc["accuracy", "value"])}

    return work


def files(n: int) -> str:
    """Write vectors as Parquet once, and return the folder."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from mmtoolkit.spark.frames import from_array

    folder = Path(tempfile.gettempdir()) / f"mmtoolkit-speed-{n}"
    if not (folder / "_DONE").exists():
        folder.mkdir(exist_ok=True)
        X, y = blobs(n, 256, 10, 5.0)
        for part, rows in enumerate(np.array_split(np.arange(n), 8)):
            ids, labels = rows.astype(str).tolist(), [f"class {c}" for c in y[rows]]
            pq.write_table(
                pa.table({"id": ids, "label": labels, "vector": from_array(X[rows])}), folder / f"{part}.parquet"
            )
        (folder / "_DONE").touch()
    return str(folder)


@dataclass(frozen=True)
class Row:
    """One row of the table: what is made, what we do, what the peer does, and how many times its time is asked for."""

    name: str
    what: str
    items: int
    make: Callable[[int], Any]
    ours: Callable[[Any], tuple[Any, dict[str, float]]]
    peer: Callable[[Any], tuple[Any, dict[str, float]]] | None
    against: str
    asked: str
    by: str = "wall"
    warm: int = 2000
    grows: bool = False
    grown: bool = False


ROWS = [
    Row("classify-overlapping", "`classify`, 1,024 floats, 20 classes that overlap", 20_000, overlapping, our_classes, plain_classes, "`cross_val_predict`, LogisticRegression, one C, five folds, all cores", "<= 1.0", grows=True),
    Row("classify-easy-5000", "`classify`, 1,024 floats, 50 easy classes", 5_000, lambda n: blobs(n, 1024, 50, 0.7), our_classes, plain_classes, "the same", "<= 2"),
    Row("classify-easy-20000", "`classify`, 1,024 floats, 50 easy classes", 20_000, lambda n: blobs(n, 1024, 50, 0.7), our_classes, plain_classes, "the same", "<= 2"),
    Row("cluster-million", "`cluster`, k = 50, 512 floats", 1_000_000, lambda n: embedded(n, 512), our_clusters, minibatch, "MiniBatchKMeans", "<= 1.0", grows=True),
    Row("cluster-full", "`cluster`, k = 50, 1,024 floats", 100_000, lambda n: embedded(n, 1024), our_clusters, lloyd, "KMeans", "<= 0.2", by="cpu"),
    Row("cluster-blobs", "`cluster`, k = 50, 1,024 floats, blobs that are apart", 100_000, lambda n: blobs(n, 1024, 50, 1.0)[0], our_clusters, lloyd, "KMeans", "<= 0.33", by="cpu"),
    Row("number", "`cluster(None)`, 1,024 floats", 20_000, lambda n: embedded(n, 1024), our_number, None, "", "<= 15 s"),
    Row("maps-10000", "`project`, 512 floats, warm", 10_000, lambda n: embedded(n, 512), our_map, umap_map, "umap-learn's default", "<= 0.67", warm=5000, grows=True),
    Row("maps-50000", "`project`, 512 floats, warm", 50_000, lambda n: embedded(n, 512), our_map, umap_map, "umap-learn's default", "<= 0.5", warm=5000),
    Row("maps-200000", "`project`, 512 floats, warm", 200_000, lambda n: embedded(n, 512), our_map, umap_map, "umap-learn's default", "<= 0.5", warm=5000),
    Row("first-map", "first `project` of a process, 512 floats", 756, pictures, our_map, None, "", "<= 6 s", warm=0),
    Row("search", "`search`, one query, 1,024 floats in memory", 1_000_000, in_memory, our_search, product, "one matrix-vector product", "<= 1.2", grows=True),
    Row("search-first", "`search`, first query of a process, 1,024 floats in memory", 1_000_000, in_memory, our_search, None, "", "<= 3 s", warm=0),
    Row("near-duplicates", "`near_duplicates`, 1,024 floats", 50_000, lambda n: embedded(n, 1024), our_duplicates, products_on_one_thread, "the blocked product on one thread", "<= 0.6"),
    Row("spark-cluster", "`mm.spark.cluster` of files, k = 50, 256 floats", 1_000_000, files, on_spark("cluster", "files"), local_of_files("cluster"), "`mm.cluster` of the same", "10,000 rows/s/core"),
    Row("spark-cluster-others", "`mm.spark.cluster` of other frames", 1_000_000, files, on_spark("cluster", "others"), None, "", "5,000 rows/s/core"),
    Row("spark-classify", "`mm.spark.classify` of files, 10 classes, 2 folds, one C", 1_000_000, files, on_spark("classify", "files"), None, "", "15,000 rows/s/core"),
    Row("spark-classify-others", "`mm.spark.classify` of other frames", 1_000_000, files, on_spark("classify", "others"), None, "", "5,000 rows/s/core"),
]  # fmt: skip


def one(row: Row, side: str, n: int) -> dict[str, Any]:
    """Work once, in this process."""
    warnings.simplefilter("ignore")
    work = row.ours if side == "ours" else row.peer
    assert work is not None
    data = row.make(n)
    if row.warm:
        work(row.make(row.warm))
    watch = Peak()
    start, cpu = time.perf_counter(), cpu_s()
    answer, quality = work(data)
    took, cpu = time.perf_counter() - start, cpu_s() - cpu
    digest = hashlib.sha256(np.ascontiguousarray(np.asarray(answer)).tobytes()).hexdigest() if side == "ours" else ""
    X = data[0] if isinstance(data, tuple) else getattr(data, "vectors", data)
    size = X.nbytes if isinstance(X, np.ndarray) else 0
    beyond = watch.end()
    return {
        "wall_s": took,
        "cpu_s": cpu,
        "memory": beyond / size if size else None,
        "quality": quality,
        "digest": digest,
    }


def cpu_s() -> float:
    """CPU seconds of this process and of all below it."""
    import psutil

    total = 0.0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            total += sum(process.cpu_times()[:2])
        except psutil.Error:  # it has ended meanwhile
            continue
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return total + ended.ru_utime + ended.ru_stime


class Peak:
    """Watch how much memory this process takes beyond what it has now."""

    def __init__(self) -> None:
        import psutil

        self._process, self._stop = psutil.Process(), threading.Event()
        self._start = self._most = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            self._most = max(self._most, self._process.memory_info().rss)

    def end(self) -> int:
        """Stop watching, and return the most that was taken, in bytes."""
        self._stop.set()
        self._thread.join()
        return self._most - self._start


def fresh(row: Row, side: str, n: int, threads: int | None = None) -> dict[str, Any]:
    """Work once in a fresh process with an empty cache."""
    with tempfile.TemporaryDirectory() as cache:
        env = {**os.environ, "MMTOOLKIT_CACHE": cache, "PYTHONPATH": str(HOME)}
        if threads is not None:
            env["MMTOOLKIT_NUM_THREADS"] = str(threads)
        command = [sys.executable, "-W", "ignore", __file__, "--one", row.name, "--side", side, "--rows", str(n)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        return {
            "error": done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit code {done.returncode}"
        }
    return json.loads(done.stdout.strip().splitlines()[-1])


def run(row: Row, n: int, repeats: int) -> dict[str, Any]:
    """Run ours, the peer, and ours with one thread in turns, then ours with five."""
    begun = time.perf_counter()
    whole = row.name.startswith("spark") or row.grown  # without other numbers of threads
    turns: dict[str, tuple[str, int | None]] = {"ours": ("ours", None)}
    turns |= {} if row.peer is None else {"peer": ("peer", None)}
    turns |= {} if whole else {"alone": ("ours", 1)}
    runs: dict[str, list[dict[str, Any]]] = {"ours": [], "peer": [], "alone": [], "five": []}
    for _ in range(repeats):
        for name, (side, threads) in turns.items():
            runs[name].append(fresh(row, side, n, threads))
        if time.perf_counter() - begun > ENOUGH_S:
            break
    if not whole and time.perf_counter() - begun <= ENOUGH_S:
        runs["five"].append(fresh(row, "ours", n, 5))
    return {"row": row.name, "items": n, **runs, "took_s": time.perf_counter() - begun}


def median(runs: list[dict[str, Any]], name: str) -> float | None:
    values = [r[name] for r in runs if r.get(name) is not None]
    return statistics.median(values) if values else None


@lru_cache(maxsize=1)
def gains() -> list[float]:
    """Return how much faster all cores are than one: at products in the cache, and at reading memory; best of 15 in turns."""
    from mmtoolkit._blocks import blocks, in_order, jobs

    A, M = np.ones((256, 256), np.float32), np.ones((2**17, 2048), np.float32)  # 1 GB
    B = A[:, :64].copy()  # so that a product needs no fresh memory
    tasks: list[tuple[Callable[[Any], Any], list[Any]]] = [
        (lambda _: [A @ B for _ in range(20)], [None] * 400),
        (lambda rows: M[rows] @ M[0], blocks(len(M), 2**12)),
    ]
    found = []
    for work, parts in tasks:
        taken: dict[int, list[float]] = {1: [], -1: []}
        for _ in range(15):
            for n_jobs, walls in taken.items():
                begun = time.perf_counter()
                with jobs(n_jobs):
                    list(in_order(work, parts))
                walls.append(time.perf_counter() - begun)
        found.append(min(taken[1]) / min(taken[-1]))
    return found


def shown(value: float | None, form: str = "{:,.3g}") -> str:
    return "" if value is None else form.format(value)


def page() -> str:
    """Return docs/speed.md."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    names = ("mmtoolkit", "numpy", "scipy", "scikit-learn", "umap-learn", "numba", "pyspark")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in names if _installed(name))
    head = [
        "row",
        "items",
        "ours, s",
        "peer, s",
        "ours / peer",
        "asked",
        "CPU s, ours",
        "CPU s, peer",
        "1 thread / all",
        "memory beyond the data",
        "same bytes",
        "quality, ours",
        "quality, peer",
        "runs",
        "measured",
    ]
    lines = {
        tuple(line.split(" | ")[:2]): line
        for line in PAGE.read_text("utf-8").splitlines()
        if re.search(r"\d \|$", line)
    }
    growth: dict[str, list[tuple[int, float | None, float | None]]] = {}
    for path in sorted(KEPT.glob("*.json"), key=lambda p: p.stat().st_mtime):
        kept = json.loads(path.read_text("utf-8"))
        row = next((r for r in ROWS if r.name == kept["row"]), None)
        if row is None:
            continue
        ours, peer = kept["ours"], kept["peer"]
        others = kept["alone"] + kept["five"]
        failed = [r["error"] for r in (*ours, *peer, *others) if "error" in r]
        wall, theirs = median(ours, "wall_s"), median(peer, "wall_s")
        cpu, their_cpu = median(ours, "cpu_s"), median(peer, "cpu_s")
        a, b = (wall, theirs) if row.by == "wall" else (cpu, their_cpu)
        if path.stem.endswith("-grown"):
            growth.setdefault(row.what, []).append((kept["items"], wall, median(ours, "memory")))
            continue
        if "rows/s" in row.asked and wall:
            ratio = f"{kept['items'] / wall / cores:,.0f} rows/s/core"
        else:
            ratio = shown(a / b if a and b else None)
        alone = median(kept["alone"], "wall_s")
        digests = {r["digest"] for r in (*ours, *others) if "digest" in r}
        said = [
            "; ".join(f"{k} {v:.6g}" for k, v in (runs[0].get("quality", {}) if runs else {}).items())
            for runs in (ours, peer)
        ]
        cells = [
            f"{row.what}{f', against {row.against}' if row.against else ''}{' (CPU)' if row.by == 'cpu' else ''}",
            f"{kept['items']:,}", shown(wall), shown(theirs), ratio, row.asked, shown(cpu), shown(their_cpu),
            shown(alone / wall if alone and wall else None), shown(median(ours, "memory"), "{:.2f} x"),
            f"failed: {failed[0]}" if failed else "yes" if len(digests) == 1 else "NO", *said, str(len(ours)),
            f"{datetime.fromtimestamp(path.stat().st_mtime, UTC):%Y-%m-%d}",
        ]  # fmt: skip
        line = "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
        lines[tuple(line.split(" | ")[:2])] = line
    text = [
        "# Speed, measured",
        "",
        "Written by `python benchmarks/all.py`. Ours, the peer, and ours with one thread in turns, each in a fresh process, warm (something small was fitted before; of Spark: its session, whose start takes some 8 s, has done the same for 2,000 rows); medians.",
        "",
        f"Machine: {cores} cores, {platform.machine()}, {_processor()}, {_memory():.0f} GB, {platform.system()}, Python {platform.python_version()}. Versions of the rows measured last: {versions}. Load when it was written: {os.getloadavg()[0]:.1f}.",
        "",
        "| " + " | ".join(head) + " |",
        "|" + " --- |" * len(head),
        *lines.values(),
        "",
        "`same bytes`: SHA-256 of the answer is one and the same in every run, with all cores, one thread, and five.",
        "",
        f"`1 thread / all` can be no more than the machine gives. Here all cores multiply matrices that stay in the cache {gains()[0]:.2f} times as fast as one, and read memory, which is what `search` does, {gains()[1]:.2f} times.",
    ]
    _, _, before = PAGE.read_text("utf-8").partition(GROWN)
    grown = {line.split(" | ")[0]: line for line in before.splitlines() if line.startswith("| `")}
    for what, points in growth.items():
        said = [f"{n:,}: {shown(s)}, {shown(memory, '{:.2f} x')}" for n, s, memory in sorted(points)]
        grown[f"| {what}"] = f"| {what} | {'; '.join(said)} |"
    if grown:
        head = ["Seconds, and memory beyond the data.", "", "| what | items: seconds, memory |", "| --- | --- |"]
        text += ["", GROWN, "", *head, *grown.values()]
    return "\n".join(text) + "\n"


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    names = (
        [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    return names[0] if names else platform.processor() or "processor unknown"


def _memory() -> float:
    import psutil

    return psutil.virtual_memory().total / 2**30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="beginnings of names, with commas between them")
    parser.add_argument("--rows", type=int, help="items, in every row that runs")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--quick", action="store_true", help="a tenth of the items, once; nothing is kept")
    parser.add_argument("--growth", action="store_true", help="ours alone at 1e4, 1e5 and 1e6 items, once each")
    parser.add_argument("--again", action="store_true", help="also rows that are kept")
    parser.add_argument("--write", action="store_true", help="write the page only")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(next(row for row in ROWS if row.name == options.one), options.side, options.rows)))
        return
    begins = tuple(filter(None, options.only.split(",")))
    chosen = [row for row in ROWS if not begins or row.name.startswith(begins)]
    if not chosen:
        parser.error(f"--only {options.only} names no row; rows are {', '.join(row.name for row in ROWS)}")
    jobs = [(row, options.rows or (max(row.items // 10, 1000) if options.quick else row.items)) for row in chosen]
    if options.growth:
        jobs = [(dataclasses.replace(row, peer=None, grown=True), n) for row in chosen if row.grows for n in GROWTH]
    KEPT.mkdir(parents=True, exist_ok=True)
    for row, n in [] if options.write else jobs:
        path = KEPT / f"{row.name}-{n}{'-grown' if row.grown else ''}.json"
        if path.exists() and not (options.again or options.quick):
            print(f"{row.name}, {n:,} items: kept", flush=True)
            continue
        found = run(row, n, 1 if options.quick or row.grown or n != row.items else options.repeats)
        errors = [r["error"] for side in ("ours", "peer", "alone", "five") for r in found[side] if "error" in r]
        wall, theirs = median(found["ours"], "wall_s"), median(found["peer"], "wall_s")
        says = errors[0] if errors else f"ours {shown(wall)} s, peer {shown(theirs)} s"
        print(f"{row.name}, {n:,} items: {says}; the row took {found['took_s']:.0f} s", flush=True)
        if not (options.quick or errors):
            path.write_text(json.dumps(found, indent=1), "utf-8")
    if not options.quick:
        PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
