"""Search and near duplicates beside the matrix products they cannot do without, and how well search finds stamps.

    python benchmarks/search.py [--items 100000] [--duplicates 50000] [--dimension 1024] [--no-quality]

Prints JSON and a Markdown table. Ratios are CPU time of the whole call over CPU time of the bare product (best of three, in
turns), so a busy machine disturbs both alike. Memory is the most that is allocated at one time beside the vectors. Quality is measured on the stamps with
the offline model: found = a picture whose caption equals the query is among the first ten.
"""

from __future__ import annotations

import argparse
import json
import time
import tracemalloc
from collections.abc import Callable

import numpy as np

import mmtoolkit as mm
from mmtoolkit.vectors import unit_rows


def cpu_s(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def in_turns(ours: Callable[[], object], bare: Callable[[], object], tries: int = 3) -> dict[str, float]:
    bare()
    times = [(cpu_s(ours), cpu_s(bare)) for _ in range(tries)]
    ours_s, bare_s = min(t[0] for t in times), min(t[1] for t in times)
    return {"ours_s": round(ours_s, 4), "bare_s": round(bare_s, 4), "ratio": round(ours_s / bare_s, 3)}


def made_up(n: int, d: int, seed: int) -> np.ndarray:
    """Rows in clumps, with one exact and one near copy of every hundredth."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d), dtype=np.float32)
    X += 0.5 * rng.standard_normal((50, d), dtype=np.float32)[rng.integers(50, size=n)]
    X[1::100] = X[::100][: len(X[1::100])]
    X[2::100] = X[::100][: len(X[2::100])] + 0.1 * X[2::100]
    return unit_rows(X)


def searching(n: int, d: int) -> dict[str, dict[str, float]]:
    X = made_up(n, d, 0)
    emb = mm.Embeddings(X)
    assert emb.unit is not None  # computed once per Embeddings, not per search
    Q = unit_rows(np.random.default_rng(1).standard_normal((200, d)))
    many = in_turns(lambda: mm.search(emb, Q, k=10), lambda: Q @ X.T)
    one = in_turns(lambda: mm.search(emb, Q[0], k=10), lambda: X @ Q[0], tries=9)
    return {"200 queries / one GEMM": many, "one query / one GEMV": one}


def blocked_gemm(X: np.ndarray, block: int = 2048) -> float:
    total = 0.0
    for top in range(0, len(X), block):
        for left in range(top, len(X), block):
            total += float((X[top : top + block] @ X[left : left + block].T)[0, 0])
    return total


def peak_mib(emb: mm.Embeddings) -> float:
    """Return what near_duplicates allocates at most at one time, beside the vectors."""
    assert emb.unit is not None
    tracemalloc.start()
    mm.near_duplicates(emb, 0.95)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return round(peak / 2**20, 1)


def duplicates(n: int, d: int) -> dict[str, float]:
    X = made_up(n, d, 2)
    emb = mm.Embeddings(X)
    assert emb.unit is not None
    found = []
    timed = in_turns(lambda: found.append(mm.near_duplicates(emb, 0.95)), lambda: blocked_gemm(X), tries=1)
    peaks = {"peak_mib_of_a_quarter": peak_mib(emb[: n // 4]), "peak_mib": peak_mib(emb)}
    sample = np.random.default_rng(3).integers(n, size=200)
    truth = X[sample].astype(np.float64) @ X.T.astype(np.float64)
    truth[np.arange(200), sample] = -1
    expected = (truth >= 0.95).any(axis=1)
    return {
        **timed,
        **peaks,
        "groups": found[0].n_groups,
        "exact": bool(((found[0].labels[sample] >= 0) == expected).all()),
    }


def quality() -> dict[str, dict[str, float]]:
    emb = mm.embed(mm.load_dataset("stamps"), model="local", progress=False)
    rows = {}
    for name, column in (("English", "text"), ("Chinese", "text_zh")):
        found = mm.evaluate_search(emb, column, column)
        rows[name] = {"queries": found.n_queries, **found.metrics.loc["found@10"].round(4).to_dict()}
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--duplicates", type=int, default=50_000)
    parser.add_argument("--dimension", type=int, default=1024)
    parser.add_argument("--no-quality", action="store_true")
    arguments = parser.parse_args()
    result: dict[str, object] = {
        "search": searching(arguments.items, arguments.dimension),
        "near duplicates / blocked GEMM": duplicates(arguments.duplicates, arguments.dimension),
    }
    if not arguments.no_quality:
        result["stamps, offline model"] = quality()
    print(json.dumps(result, indent=2))
    print("\n| what | measured | aim |\n| --- | --- | --- |")
    for name, row in result["search"].items():
        print(f"| {name}, {arguments.items:,} x {arguments.dimension:,} | {row['ratio']:.2f}x | <= 1.5x |")
    near = result["near duplicates / blocked GEMM"]
    print(
        f"| near duplicates / blocked GEMM, {arguments.duplicates:,} x {arguments.dimension:,} | {near['ratio']:.2f}x | <= 1.3x |"
    )
    print(
        f"| memory above the vectors, a quarter of the items / all | {near['peak_mib_of_a_quarter']:.0f} / {near['peak_mib']:.0f} MiB | flat |"
    )
    print(f"| groups exact (200 items checked against all) | {near['exact']} | True |")
    for (name, row), aim in zip(result.get("stamps, offline model", {}).items(), (0.40, 0.37), strict=False):
        print(
            f"| stamps, {name}: found among the first ten | {row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}] | >= {aim:.2f} |"
        )


if __name__ == "__main__":
    main()
