"""Simulated sets that are kept in out/ as they come, so that a run can be stopped and goes on; and tables in a page."""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from mmtoolkit.provenance import one_thread

DEVELOPMENT, VERDICT = 7, 20261128  # first word of every seed: a method is chosen on the one, tables are of the other
ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "report.md"
_STEP = 20

Trials = Mapping[str, Callable[[int, int], Any]]


def grow(path: Path, trials: Trials, *, family: int, n_sets: int, seconds: float) -> None:
    """Add sets until every cell has enough; all cells grow together. A trial takes the family of seeds and a number."""
    path.parent.mkdir(exist_ok=True)
    end, kept = time.monotonic() + seconds, json.loads(path.read_text()) if path.exists() else {}
    for start in range(0, n_sets, _STEP):
        for name, trial in trials.items():
            done = kept.setdefault(name, [])
            while len(done) < min(start + _STEP, n_sets):
                if time.monotonic() > end:
                    path.write_text(json.dumps(kept))
                    return
                done.append(trial(family, len(done)))
            path.write_text(json.dumps(kept))


def share(hits: np.ndarray) -> str:
    """Return a share with its 99 % Monte-Carlo limits."""
    low, high = binomtest(int(hits.sum()), len(hits)).proportion_ci(0.99, "wilson")
    return f"{hits.mean():.3f} ({low:.3f} to {high:.3f})"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table."""
    return [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}", *(f"| {' | '.join(row)} |" for row in rows)]


def put(name: str, lines: Sequence[str], page: Path = PAGE) -> None:
    """Write lines between the two marks of this name in a page."""
    start, end = f"<!-- {name}: written by benchmarks/{name}.py -->", f"<!-- /{name} -->"
    before, found, rest = page.read_text("utf-8").partition(start)
    if not found:
        msg = f"{page} has no mark {start}"
        raise ValueError(msg)
    page.write_text("\n".join([before + start, *lines, end]) + rest.partition(end)[2], "utf-8")


def command(name: str, doc: str | None, trials: Trials, write: Callable[[dict[str, list[Any]]], None]) -> None:
    """Run ``run`` or ``write`` of the command line; sets of the development seeds are kept apart."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "write"))
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--only", default="", help="pattern of names of cells")
    parser.add_argument("--seconds", type=float, default=np.inf)
    parser.add_argument("--development", action="store_true", help="the seeds that the method was chosen on")
    given = parser.parse_args()
    path = ROOT / "out" / f"{name}{'_development' if given.development else ''}.json"
    if given.what == "write":
        kept = json.loads(path.read_text())
        write({cell: kept[cell] for cell in trials if kept.get(cell)})
        return
    chosen = {cell: trial for cell, trial in trials.items() if re.search(given.only, cell)}
    with one_thread():
        grow(
            path, chosen, family=DEVELOPMENT if given.development else VERDICT, n_sets=given.sets, seconds=given.seconds
        )
