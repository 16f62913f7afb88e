"""Reranked searches on the emulated service: requests, time at the rate limit, what a second run asks; prints JSON.

python benchmarks/reranking.py [N_QUERIES]
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from emulator import Emulator
from emulator.rerank import score

import mmtoolkit as mm

N_ITEMS, RPM, LATENCY_S = 300, 600, 1.5


def main() -> None:
    """Rerank 50 candidates for each query and compare the order with the served scores."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with Emulator(rpm=RPM, latency_s=LATENCY_S) as service, tempfile.TemporaryDirectory() as cache:
        os.environ |= {
            "DASHSCOPE_HTTP_BASE_URL": service.base_url,
            "DASHSCOPE_API_KEY": service.api_key,
            "MMTOOLKIT_CACHE": cache,
        }
        rng = np.random.default_rng(0)
        words = mm.FunctionProvider(
            lambda texts: rng.standard_normal((len(texts), 16)), name="random", revision="1", dimension=16
        )
        emb = mm.embed(mm.items({"text": [f"item number {i}" for i in range(N_ITEMS)]}), model=words)
        queries = [f"question {i}" for i in range(n)]
        start = time.perf_counter()
        found = mm.search(emb, queries, rerank="qwen3-vl-rerank", progress=False)
        first = time.perf_counter() - start
        asked = len(service.reranks)
        start = time.perf_counter()
        again = mm.search(emb, queries, rerank="qwen3-vl-rerank", progress=False)
        second = time.perf_counter() - start
        table = found.table
        served = [score(q, t) for q, t in zip(table["query"], table["text"], strict=True)]
        falls = all((np.diff(s) <= 0).all() for _, s in table.groupby("query", sort=False)["score"])
        print(
            json.dumps(
                {
                    "queries": n,
                    "pairs": 50 * n,
                    "requests": asked,
                    "refused": sum(call.status == 429 for call in service.reranks),
                    "seconds": round(first, 1),
                    "least_seconds_at_the_rate": round(60 * asked / RPM, 1),
                    "scores_as_served": served == table["score"].tolist() and falls,
                    "requests_of_a_second_run": len(service.reranks) - asked,
                    "seconds_of_a_second_run": round(second, 2),
                    "equal": again.table.equals(table),
                }
            )
        )


if __name__ == "__main__":
    main()
