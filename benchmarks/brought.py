"""Two thousand odd columns into all verbs: how many give a result or a clear error, and which do not.

Prints JSON: examples, wrong (by verb, container and type of error). Run: python benchmarks/brought.py [examples]
"""

from __future__ import annotations

import collections
import json
import pathlib
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))

from brought import VERBS, columns, told
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def main(examples: int = 2000) -> None:
    wrong: collections.Counter = collections.Counter()
    shown: dict[str, str] = {}
    count = 0

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(sorted(VERBS)), columns())
    def look(verb, column):
        nonlocal count
        count += 1
        error = told(verb, column[1])
        if error is not None:
            name = f"{verb} of {column[0]}: {type(error).__name__}: {str(error)[:80]}"
            wrong[name] += 1
            shown.setdefault(name, "".join(traceback.format_exception(error)[-2:]))

    start = time.perf_counter()
    look()
    print(
        json.dumps(
            {"examples": count, "wrong": dict(wrong), "seconds": round(time.perf_counter() - start, 1)}, indent=1
        )
    )
    for name, trace in shown.items():
        print(name, trace, sep="\n", file=sys.stderr)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
