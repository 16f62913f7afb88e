"""Spark beside the local verbs, on one machine: quality, rate, throughput, a killed worker.

    python benchmarks/spark.py [quality] [predict] [rates] [embed]

Needs Java 17 and the extra ``spark``. Prints JSON, then a Markdown table.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import threadpoolctl

import mmtoolkit as mm
from mmtoolkit.spark.frames import from_array

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
SCALE = float(os.environ.get("SCALE", "3"))  # how many times faster the service's clock runs


def blobs(n, d, k, seed):
    """Overlapping classes of unequal size on the sphere."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((k, d))
    y = rng.choice(k, n, p=rng.dirichlet(np.full(k, 5.0)))
    X = centers[y] + 2.2 * rng.standard_normal((n, d))
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32), y


def frame_of(spark, X, **columns):
    table = pa.table({"id": [str(i) for i in range(len(X))], **columns})
    return spark.createDataFrame(table.append_column("vector", from_array(X)))


def quality(spark):
    """Compare inertia, accuracy and predictions on the same 20,000 vectors."""
    X, y = blobs(20_000, 128, 12, seed=0)
    names = np.array([f"class {i}" for i in y], dtype=object)
    df = frame_of(spark, X, label=names.tolist()).repartition(2).persist()
    ratios = []
    for seed in range(5):
        local = mm.cluster(X, 12, random_state=seed).scores.loc["inertia", "value"]
        ratios.append(mm.spark.cluster(df, 12, random_state=seed).scores.loc["inertia", "value"] / local)
    here = mm.classify(X, names)
    there = mm.spark.classify(df)
    found = {row["id"]: row["y_pred"] for row in mm.spark.predict(df, here).select("id", "y_pred").collect()}
    equal = int(sum(found[str(i)] == p for i, p in enumerate(here.predict(X))))
    return {
        "inertia, Spark over local (mean of 5 seeds)": float(np.mean(ratios)),
        "accuracy local": float(here.metrics.loc["accuracy", "value"]),
        "accuracy Spark": float(there.metrics.loc["accuracy", "value"]),
        "predict: equal rows of 20,000": equal,
    }


@contextlib.contextmanager
def peak_memory():
    """Largest resident size of one of Spark's Python workers meanwhile, in bytes, as a list of one."""
    peak, stop = [0], threading.Event()

    def watch():
        while not stop.wait(0.1):
            for process in psutil.Process().children(recursive=True):
                with contextlib.suppress(psutil.Error):  # it may end while it is looked at
                    if process.name().startswith("python"):
                        peak[0] = max(peak[0], process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()


def predict(spark, n=1_000_000, d=256):
    """Rows per second and core of predict, beside plain numpy on the same Parquet files in the same run."""
    X, y = blobs(20_000, d, 10, seed=1)
    r = mm.classify(X[:4000], [f"class {i}" for i in y[:4000]], cv=2)
    part = tempfile.mkdtemp()
    for number in range(8):  # files of 128 MB, as Spark writes large tables
        many = np.resize(X, (n // 8, d))
        ids = [str(number * len(many) + i) for i in range(len(many))]
        pq.write_table(pa.table({"id": ids, "vector": from_array(many)}), Path(part, f"{number}.parquet"))
    stored = spark.read.parquet(part)
    sources = {"files": stored, "path": part, "changed": stored.selectExpr("coalesce(vector, array()) as vector")}
    computing = []

    def counted(source):
        rows = mm.spark.predict(source, r).groupBy("y_pred").count().collect()
        return {row["y_pred"]: row["count"] for row in rows}

    works = {name: functools.partial(counted, source) for name, source in sources.items()}
    works["numpy"] = functools.partial(_plain, part, r, computing)
    took, memory, found = {}, {}, {}
    for name, source in sources.items():  # also starts the workers and warms the virtual machine up
        with peak_memory() as memory[name]:
            counted(source)
    for _ in range(3):  # in turns
        for name, work in works.items():
            start = time.perf_counter()
            found[name] = work()
            took.setdefault(name, []).append(time.perf_counter() - start)
    assert all(counts == found["numpy"] for counts in found.values())
    with peak_memory() as fifth:
        counted(stored.where("cast(id as int) % 5 = 0"))
    best = {name: min(times) for name, times in took.items()}
    out = {
        "rows": sum(found["numpy"].values()),
        "numpy, reading the same files: rows per second (1 core)": n / best["numpy"],
        "numpy, computing only: rows per second (1 core)": n / min(computing),
    }
    for name, what in {
        "files": "a frame of files",
        "path": "a path",
        "changed": "a frame whose vectors are no stored ones",
    }.items():
        out[f"predict of {what}: rows per second and core (2 cores)"] = n / best[name] / 2
        out[f"predict of {what} / numpy"] = best["numpy"] / best[name] / 2
        out[f"largest Python worker, MiB, {what}"] = memory[name][0] / 2**20
    out["largest Python worker, MiB, a fifth of the rows"] = fifth[0] / 2**20
    return out


def _plain(part, r, computing):
    """Do the same by hand on one core: read, scale, multiply, softmax, count."""
    classes, coef, intercept = r.classes, r.estimator.coef_, r.estimator.intercept_
    counts, spent = Counter(), 0.0
    with threadpoolctl.threadpool_limits(1):
        for path in sorted(Path(part).glob("*.parquet")):
            column = pq.read_table(path, use_threads=False).column("vector").combine_chunks()
            rows_here = column.flatten().to_numpy().reshape(len(column), -1)
            begun = time.perf_counter()
            logits = rows_here / np.linalg.norm(rows_here, axis=1, keepdims=True) @ coef.T + intercept
            proba = np.exp(logits - logits.max(axis=1, keepdims=True))
            proba /= proba.sum(axis=1, keepdims=True)
            counts.update(classes[proba.argmax(axis=1)].tolist())
            spent += time.perf_counter() - begun
    computing.append(spent)
    return dict(counts)


def rates(spark, n=100_000, d=256, k=50):
    """Rows per second and core of every other verb, for the sizing table of the docs."""
    X, y = blobs(n, d, 10, seed=2)
    part, table = tempfile.mkdtemp(), tempfile.mkdtemp()
    texts = [f"text {i}" for i in range(n)]
    frame = frame_of(spark, X, text=texts, modality=["text"] * n, label=[f"class {i}" for i in y])
    frame.repartition(8).write.mode("append").parquet(part)
    df = spark.read.parquet(part)
    took = {}

    def clock(name, work):
        start = time.perf_counter()
        work()
        took[name] = n / (time.perf_counter() - start) / 2

    texts = df.drop("vector")
    mm.spark.embed(texts, model="local", table=table).count()
    clock("embed, all of it in the table", lambda: mm.spark.embed(texts, model="local", table=table).count())
    clock(f"cluster, {k} centres, one start", lambda: mm.spark.cluster(df, k, n_init=1))
    clock("classify, 10 classes, 2 folds, one C", lambda: mm.spark.classify(df, cv=2, Cs=(10.0,)))
    clock("search, 10 best", lambda: mm.spark.search(df, X[0], k=10))
    drawn = mm.spark.project(df, sample=2000, method="pca")
    clock("project, placing by 2,000", lambda: drawn.rows.agg({"x": "sum", "y": "sum"}).collect())
    return {f"{name}: rows per second and core, {d} floats": rate for name, rate in took.items()}


def embed(spark, n=5000):
    """Total rate through the emulated service at 600 RPM on a scaled clock; each item once; one killed worker."""
    from emulator import Emulator

    out = {}
    mm.register_model(dataclasses.replace(mm.get_model("multimodal-embedding-v1"), rpm=600, tpm=None))
    with Emulator(rpm=600, scale=SCALE, latency_s=0.3) as server:
        home = Path(os.environ["HOME"]) / ".dashscope"
        home.mkdir(exist_ok=True)
        (home / "api_key").write_text(server.api_key)

        def clock():
            return time.monotonic() * SCALE

        def sleep(seconds):
            time.sleep(seconds / SCALE)

        for kill in (False, True):
            server.records.clear()
            provider = mm.DashScope("multimodal-embedding-v1", base_url=server.base_url, clock=clock, sleep=sleep)
            df = spark.range(n).selectExpr("cast(id as string) id", "'text' modality", "concat('text ', id) text")
            if kill:

                def killer():
                    while len(server.calls) < n // 2:
                        time.sleep(0.02)
                    workers = [
                        p
                        for p in psutil.Process().children(recursive=True)
                        if "pyspark" in " ".join(p.cmdline()) and not p.children()
                    ]
                    workers[0].kill()

                threading.Thread(target=killer, daemon=True).start()
            rows = mm.spark.embed(df, model=provider, table=tempfile.mkdtemp()).collect()
            calls = sorted(server.calls, key=lambda r: r.started)
            asked = Counter(c["text"] for r in calls for c in r.body["input"]["contents"])
            minutes = (calls[-1].started - calls[0].started) * SCALE / 60
            name = "with a killed worker: " if kill else ""
            out |= {
                f"{name}share of the allowed rate": len(calls) / minutes / 600,
                f"{name}refused (429)": sum(r.status == 429 for r in calls),
                f"{name}lost": n - sum(row["vector"] is not None for row in rows),
                f"{name}asked more than once": sum(asked.values()) - len(asked),
            }
    return out


def main():
    chosen = sys.argv[1:] or ["quality", "predict", "rates", "embed"]
    os.environ["HOME"] = tempfile.mkdtemp()  # a key file of the emulator's, not the user's
    spark = mm.spark.start("local[2,4]", memory="6g")
    spark.sparkContext.setLogLevel("ERROR")
    results = {
        name: {"quality": quality, "predict": predict, "rates": rates, "embed": embed}[name](spark) for name in chosen
    }
    spark.stop()
    print(json.dumps(results, indent=1))
    print("\n| what | figure |\n| --- | --- |")
    for part in results.values():
        for what, figure in part.items():
            print(f"| {what} | {figure:,.4g} |")


if __name__ == "__main__":
    main()
