"""Run all attacks or some: ``python -m benchmarks.attack [NAME ...] [--trials N] [--seed N]``; prints JSON with the counts.

Exit code 1 when anything ended in another result or in an error that is not ours.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import sys
import tempfile
import time
from pathlib import Path


def _names() -> list[str]:
    """Every file here that has a function ``attack``."""
    return sorted(p.stem for p in Path(__file__).parent.glob("*.py") if "\ndef attack(" in p.read_text("utf-8"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attack")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(_names())}; all without one")
    parser.add_argument("--trials", type=int, help="of each; its own number without")
    parser.add_argument("--seed", type=int, default=0)
    logging.getLogger("mmtoolkit").setLevel(logging.CRITICAL)  # derived results say that they are computed again
    asked = parser.parse_args()
    bad = 0
    for name in asked.names or _names():
        module = importlib.import_module(f"{__package__}.{name}")
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as home:
            _isolate(home)
            counts = module.attack(asked.trials or module.TRIALS, asked.seed)
        bad += counts.get("other", 0) + counts.get("raw", 0)
        print(
            json.dumps(
                {"attack": name, "seconds": round(time.perf_counter() - started, 1), **counts},
                indent=1,
                ensure_ascii=False,
            ),
            flush=True,
        )
    return 1 if bad else 0


def _isolate(home: str) -> None:
    """Keep the user's cache and keys out of it."""
    import os

    for variable in [v for v in os.environ if v.startswith(("DASHSCOPE_", "MMTOOLKIT_"))]:
        del os.environ[variable]
    os.environ["MMTOOLKIT_CACHE"] = f"{home}/cache"


if __name__ == "__main__":
    sys.exit(main())
