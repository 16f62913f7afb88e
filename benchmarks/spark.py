"""Spark beside the local verbs, on one machine: quality, rate, throughput, a killed worker.

    python benchmarks/spark.py [quality] [predict] [embed]

Needs Java 17 and the extra ``spark``. Prints JSON, then a Markdown table.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa

import mmtoolkit as mm
from mmtoolkit.spark.frames import from_array

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
SCALE = 20.0


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


def predict(spark, n=1_000_000, d=256):
    """Rows per second and core of predict, beside plain numpy in the same run."""
    X, y = blobs(20_000, d, 10, seed=1)
    r = mm.classify(X[:4000], [f"class {i}" for i in y[:4000]], cv=2)
    part = tempfile.mkdtemp()
    df = frame_of(spark, X)
    for _ in range(n // len(X)):
        df.write.mode("append").parquet(part)
    rows = spark.read.parquet(part)
    start = time.perf_counter()
    count = mm.spark.predict(rows, r).agg({"confidence": "sum", "id": "count"}).first()["count(id)"]
    there = time.perf_counter() - start
    start, cpu = time.perf_counter(), time.process_time()
    for _ in range(n // len(X)):
        r.estimator.predict_proba(X).argmax(axis=1)
    here, here_cpu = time.perf_counter() - start, time.process_time() - cpu
    return {
        "rows": count,
        "Spark: rows per second and core (2 cores)": count / there / 2,
        "numpy: rows per second (1 core)": n / here,
        "ratio per core": (count / there / 2) / (n / here),
        "numpy CPU seconds": here_cpu,
    }


def embed(spark, n=5000):
    """Total rate through the emulated service at 600 RPM on a scaled clock; each item once; one killed worker."""
    import psutil
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
    chosen = sys.argv[1:] or ["quality", "predict", "embed"]
    os.environ["HOME"] = tempfile.mkdtemp()  # a key file of the emulator's, not the user's
    spark = mm.spark.start("local[2,4]", memory="6g")
    spark.sparkContext.setLogLevel("ERROR")
    results = {name: {"quality": quality, "predict": predict, "embed": embed}[name](spark) for name in chosen}
    spark.stop()
    print(json.dumps(results, indent=1))
    print("\n| what | figure |\n| --- | --- |")
    for part in results.values():
        for what, figure in part.items():
            print(f"| {what} | {figure:,.4g} |")


if __name__ == "__main__":
    main()
