"""Maps: time to the first map, repeatability, quality beside umap-learn's default, reuse of neighbours, size of a file.

Run ``python benchmarks/projection.py``; prints JSON, then a Markdown table. About three minutes on two idle cores.
``--only large`` takes 25,000 rows, where neighbours are approximate. ``--only speed --rows 10000`` (50000, 200000) times a
warm `project` beside a warm umap-learn without a seed, which uses all cores; ``--only kept`` compares quality on three
data sets, as means of five seeds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import mmtoolkit as mm
from mmtoolkit.projection import neighbors, trust

FIRST = """
import sys, time
start = time.perf_counter()
import mmtoolkit as mm
emb = mm.Embeddings.load(sys.argv[1])
pending = mm.project(emb, wait=False)
fig = pending.quick.figure().to_json()
shown = time.perf_counter() - start
p = pending.result()
print(shown, time.perf_counter() - start)
"""
REPEAT = """
import sys
import mmtoolkit as mm
from mmtoolkit.derived import bypass
from mmtoolkit.projection import neighbors
from mmtoolkit.provenance import fingerprint
import numpy as np
X = np.load(sys.argv[1])
neighbors.EXACT_BELOW = int(sys.argv[2])
with bypass():
    print(fingerprint(mm.project(X).coords))
"""


def run(code, *arguments, cache=None, threads=None):
    """Run code in a fresh process and return the words it prints."""
    env = dict(os.environ)
    if cache is not None:
        env["MMTOOLKIT_CACHE"] = str(cache)
    if threads is not None:
        env |= dict.fromkeys(("OMP_NUM_THREADS", "MMTOOLKIT_NUM_THREADS", "NUMBA_NUM_THREADS"), str(threads))
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.split()


def first_map(folder, emb):
    """Seconds to PCA and to UMAP in a process of its own, nothing derived in the cache."""
    path = folder / "stamps.parquet"
    emb.save(path)
    shown, ready = map(float, run(FIRST, path, cache=folder / "empty"))
    return {"items": len(emb), "on_screen_s": round(shown, 2), "umap_s": round(ready, 2)}


def repeats(folder, X, exact_below):
    """Whether processes with one and with two threads give the same bits."""
    path = folder / "X.npy"
    np.save(path, X)
    one, two = (run(REPEAT, path, exact_below, threads=t)[0] for t in (1, 2))
    return {"rows": len(X), "identical": one == two}


def texts(n):
    """Vectors of dictionary definitions and of their halves, by the offline model."""
    words = [t.split() for t in mm.load_dataset("glosses")["text"].dropna()]
    lines = [" ".join(w) for w in words] + [" ".join(w[len(w) // 2 :]) for w in words if len(w) > 3]
    return mm.embed_texts(list(dict.fromkeys(lines))[:n], model="local", cache=False, progress=False).unit


def judged(X, coords, radius, k=15):
    """Trustworthiness over all rows, and the mean share of neighbours kept."""
    found = trust.map_neighbors(coords, k)
    trust.ALL_BELOW = len(X)
    return {
        "trustworthiness": round(trust.trustworthiness(X, found, 0), 4),
        "neighbours_kept": round(float(trust.neighbor_recall(X, found, radius).mean()), 4),
    }


def quality(X):
    """Ours beside umap-learn with nothing but a seed, and the time of another min_dist."""
    import umap

    calls = []
    exact = neighbors.exact
    neighbors.exact = lambda *a: calls.append(1) or exact(*a)
    os.environ["MMTOOLKIT_CACHE"] = tempfile.mkdtemp()  # nothing derived
    start = time.process_time()
    ours = mm.project(X)
    first = time.process_time() - start
    start = time.process_time()
    mm.project(X, min_dist=0.5)
    again = time.process_time() - start
    neighbors.exact = exact
    start = time.process_time()
    default = umap.UMAP(random_state=0).fit_transform(X)
    radius = exact(X, 16)[1][:, 15]
    return {
        "rows": len(X),
        "ours": judged(X, ours.coords, radius) | {"cpu_s": round(first, 1)},
        "umap_default": judged(X, default, radius) | {"cpu_s": round(time.process_time() - start, 1)},
        "another_min_dist": {"cpu_s": round(again, 1), "neighbour_searches_in_both": len(calls)},
    }


def triplets(X, coords, n=200_000):
    """Share of random triplets whose order of distances is that of the full space (Wang et al. 2021)."""
    i, j, k = np.random.default_rng(0).integers(0, len(X), (3, n))

    def nearer(Z):
        return ((Z[i] - Z[j]) ** 2).sum(axis=1) < ((Z[i] - Z[k]) ** 2).sum(axis=1)

    return round(float((nearer(X) == nearer(coords)).mean()), 4)


def kept(seeds):
    """Quality beside umap-learn's default on digits, glosses and stamps, means over seeds."""
    import umap
    from sklearn.datasets import load_digits

    digits = load_digits().data.astype(np.float32)
    sets = {
        "digits": digits / np.linalg.norm(digits, axis=1, keepdims=True),
        "stamps": stamps().unit,
        "glosses": mm.embed(mm.load_dataset("glosses"), model="local", progress=False).unit,
    }
    found = {}
    for name, X in sets.items():
        radius = neighbors.exact(X, 16)[1][:, 15]
        rows = []
        for seed in seeds:
            maps = {
                "ours": mm.project(X, random_state=seed).coords,
                "umap": umap.UMAP(random_state=seed).fit_transform(X),
            }
            rows.append({who: judged(X, Y, radius) | {"triplets": triplets(X, Y)} for who, Y in maps.items()})
        found[name] = {who: pd.DataFrame([r[who] for r in rows]).mean().round(4).to_dict() for who in ("ours", "umap")}
    return found


def clouds(n, d=512):
    """Make a hundred groups on a flat sheet of twenty dimensions, with noise in all."""
    rng = np.random.default_rng(1)
    centers = 2 * rng.normal(size=(100, 20))
    X = (centers[rng.integers(0, 100, n)] + rng.normal(size=(n, 20))).astype(np.float32) @ rng.normal(
        size=(20, d)
    ).astype(np.float32)
    X += 0.5 * rng.normal(size=(n, d)).astype(np.float32)
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def speed(n):
    """Time a warm map of n x 512 beside umap-learn without a seed; and with 1 and 2 threads, whether bytes are equal."""
    import umap

    from mmtoolkit.derived import bypass
    from mmtoolkit.provenance import fingerprint

    X, found, prints = clouds(n), {"rows": n}, set()

    def timed(name, call):
        call(X[:2000])
        wall, cpu = time.perf_counter(), time.process_time()
        made = call(X)
        found[name] = {"s": round(time.perf_counter() - wall, 1), "cpu_s": round(time.process_time() - cpu, 1)}
        return made

    with bypass():
        for threads in (1, 2):
            os.environ["MMTOOLKIT_NUM_THREADS"] = str(threads)
            neighbors.approximate(X[:2000], 16, 0)
            prints.add(fingerprint(timed(f"ours_{threads}", mm.project).coords))
    timed("umap_default", lambda rows: umap.UMAP().fit_transform(rows))
    ours = found["ours_2"]
    return found | {
        "identical": len(prints) == 1,
        "times_faster": round(found["umap_default"]["s"] / ours["s"], 2),
        "times_less_cpu": round(found["umap_default"]["cpu_s"] / ours["cpu_s"], 2),
    }


def map_file(folder):
    """Size of a map of 2,000 pictures, which has no Plotly inside."""
    frame = pd.concat([mm.load_dataset("stamps"), mm.load_dataset("emoji")], ignore_index=True)
    frame = pd.concat([frame, frame.head(max(0, 2000 - len(frame)))], ignore_index=True).head(2000)
    places = np.random.default_rng(0).normal(size=(len(frame), 2))
    path = folder / "map.html"
    frame["id"] = np.arange(len(frame)).astype(str)
    mm.explore(mm.Embeddings(places, items=frame), y="label", projection=places).save(path)
    return {"items": len(frame), "mb": round(path.stat().st_size / 1e6, 2)}


def large(folder):
    """Approximate neighbours: do they repeat, and how many are true."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(50, 64))
    X = (centers[rng.integers(0, 50, 25_000)] + rng.normal(size=(25_000, 64))).astype(np.float32)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    true, near = neighbors.exact(X, 16)[0], neighbors.approximate(X, 16, 0)[0][0]
    recall = np.mean([len(np.intersect1d(a, b)) / 16 for a, b in zip(true[::25], near[::25], strict=True)])
    return repeats(folder, X, 20_000) | {"neighbour_recall": round(float(recall), 4)}


def stamps():
    """Vectors of 756 pictures."""
    return mm.embed(mm.load_dataset("stamps"), model="local", progress=False)


def repeat_in_pieces(folder):
    """Five far groups: the neighbour graph falls into five pieces."""
    X = stamps().unit
    apart = 10 * np.eye(X.shape[1], dtype=np.float32)
    return repeats(folder, np.concatenate([X[i * 150 : (i + 1) * 150] + apart[i] for i in range(5)]), 20_000)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000, help="rows of the comparison with umap-learn")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)), help="of kept")
    parser.add_argument("--only", nargs="+", help="parts to measure; the first five when not given")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ.setdefault("MMTOOLKIT_CACHE", str(folder / "cache"))
        parts = {
            "first_map": lambda: first_map(folder, stamps()),
            "quality": lambda: quality(texts(options.rows)),
            "repeat": lambda: repeats(folder, stamps().unit, 20_000),
            "repeat_in_pieces": lambda: repeat_in_pieces(folder),
            "map_file": lambda: map_file(folder),
            "large": lambda: large(folder),
            "kept": lambda: kept(options.seeds),
            "speed": lambda: speed(options.rows),
        }
        result = {}
        for part in options.only or list(parts)[:5]:
            result[part] = parts[part]()
            print(part, result[part], file=sys.stderr, flush=True)
    print(json.dumps(result, indent=1))
    print("\n| what | figure |\n| --- | --- |")
    for part, figures in result.items():
        print(f"| {part} | {json.dumps(figures).replace(chr(34), '')} |")


if __name__ == "__main__":
    main()
