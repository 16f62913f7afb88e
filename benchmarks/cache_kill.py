"""Kill -9 at random moments, flipped bytes, and overlapping writers: what the cache promises, many times over.

    python benchmarks/cache_kill.py [--trials 100] [--rounds 20] [--flips 20] [--folder DIR]

Each kill trial starts a process that writes, prunes and compacts without end and says which rows it was told are kept;
it is killed after a random time. Then the folder is opened again: every acknowledged row must be there and right,
`verify` must find nothing, and a write must work. Prints JSON and a Markdown table; exits with 1 if a promise is broken.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from mmtoolkit.cache import EmbeddingCache, Space

DIMENSION = 256
SPACE, DOOMED = Space("kept", "1", DIMENSION), Space("doomed", "1", DIMENSION)


def make(start: int, stop: int) -> tuple[list[bytes], np.ndarray]:
    keys = [hashlib.sha256(str(i).encode()).digest() for i in range(start, stop)]
    rows = [np.random.default_rng(i).standard_normal(DIMENSION, dtype=np.float32) for i in range(start, stop)]
    return keys, np.array(rows, dtype=np.float32).reshape(len(keys), DIMENSION)


def write_until_killed(folder: str, start: int) -> None:
    cache = EmbeddingCache(folder)
    while True:
        for first in range(start, start + 100, 20):
            cache.put(*make(first, first + 20), SPACE)
            print(first + 20, flush=True)
        cache.put(*make(start + 100, start + 400), SPACE)  # large enough to be kept whole at first
        print(start + 400, flush=True)
        if start % 1200 == 0:  # else batches stay unsorted for a while
            cache.put(*make(0, 40), DOOMED)
            cache.prune(model="doomed")
        start += 400


def write_overlapping(folder: str, rounds: int, offset: int) -> None:
    cache = EmbeddingCache(folder)
    for number in range(rounds):
        first = (number + offset) % rounds * 100
        cache.put(*make(first, first + 250), SPACE)


def start(*args: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, __file__, *map(str, args)], stdout=subprocess.PIPE, text=True)


def wrong(cache: EmbeddingCache, stop: int) -> tuple[int, int]:
    """How many of the rows 0..stop are lost, and how many have other values."""
    keys, X = make(0, stop)
    found, got = cache.get(keys, SPACE)
    return int((~found).sum()), int((got[found] != X[found]).any(axis=1).sum())


def kills(folder: Path, trials: int) -> dict[str, int]:
    out = {
        "trials": trials,
        "acknowledged rows": 0,
        "lost": 0,
        "wrong": 0,
        "verify found something": 0,
        "writes failed": 0,
    }
    told = 0
    for trial in range(trials):
        if trial % 10 == 0:  # a new folder now and then: its making is a moment too
            place, told = folder / f"kill{trial}", 0
        process = start("--write-until-killed", place, told)
        if trial % 10:
            process.stdout.readline()
        time.sleep(random.Random(trial).uniform(0.0, 0.5))
        process.send_signal(signal.SIGKILL)
        lines = process.communicate()[0].split()
        known, told = told, max([told, *map(int, lines)])
        cache = EmbeddingCache(place)
        if trial % 10 and told == known:
            told += 20  # the first line was read above
        lost, bad = wrong(cache, told)
        out["acknowledged rows"] += told - known
        out["lost"] += lost
        out["wrong"] += bad
        out["verify found something"] += not cache.verify().ok
        keys, X = make(10**6 + trial * 10, 10**6 + trial * 10 + 10)
        out["writes failed"] += cache.put(keys, X, SPACE) != 10
        cache.close()
    return out


def overlaps(folder: Path, rounds: int) -> dict[str, int]:
    processes = [start("--write-overlapping", folder / "overlap", rounds, 5 * i) for i in range(4)]
    errors = sum(bool(process.communicate()[0] or process.returncode) for process in processes)
    cache = EmbeddingCache(folder / "overlap")
    n = (rounds - 1) * 100 + 250
    lost, bad = wrong(cache, n)
    twice = int(cache.stats()["vectors"].sum()) - n
    return {
        "processes": 4,
        "rounds": rounds,
        "rows": n,
        "errors": errors,
        "lost": lost,
        "wrong": bad,
        "stored twice": twice,
    }


def flips(folder: Path, rounds: int) -> dict[str, int]:
    out = {
        "rounds": rounds,
        "bytes flipped": 0,
        "not found": 0,
        "rows to fetch again": 0,
        "other rows lost": 0,
        "wrong": 0,
    }
    n = 5000
    for number in range(rounds):
        place = folder / f"flip{number}"
        cache = EmbeddingCache(place)
        keys, X = make(0, n)
        for first in range(0, n, 1000):
            cache.put(keys[first : first + 1000], X[first : first + 1000], SPACE)
        cache.close()
        ending = (".f32", ".sqlite", ".keys")[number % 3]
        (path,) = place.rglob(f"*{ending}")
        data = bytearray(path.read_bytes())
        rng = np.random.default_rng(number)
        offsets = rng.choice(len(data), 20, replace=False)
        for offset in offsets.tolist():
            data[offset] ^= int(rng.integers(1, 256))
        path.write_bytes(data)
        out["bytes flipped"] += 20
        out["not found"] += cache.verify().ok
        cache.verify(repair=True)
        lost, bad = wrong(cache, n)
        hit = len(set((offsets // (4 * DIMENSION)).tolist())) if ending == ".f32" else 0
        out["rows to fetch again"] += lost
        out["other rows lost"] += abs(lost - hit)
        cache.put(keys, X, SPACE)
        out["wrong"] += bad + sum(wrong(cache, n)) + (not cache.verify().ok)
        cache.close()
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--flips", type=int, default=15)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--write-until-killed", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--write-overlapping", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.write_until_killed:
        write_until_killed(args.write_until_killed[0], int(args.write_until_killed[1]))
    if args.write_overlapping:
        write_overlapping(args.write_overlapping[0], *map(int, args.write_overlapping[1:]))
        return 0
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        found = {
            "kill -9": kills(folder, args.trials),
            "overlapping writers": overlaps(folder, args.rounds),
            "flipped bytes": flips(folder, args.flips),
        }
    print(json.dumps(found, indent=1))
    print("| trial | what | count |\n| --- | --- | --- |")
    for trial, counts in found.items():
        for what, count in counts.items():
            print(f"| {trial} | {what} | {count} |")
    bad = (
        "lost",
        "wrong",
        "verify found something",
        "writes failed",
        "errors",
        "stored twice",
        "not found",
        "other rows lost",
    )
    return int(any(counts.get(what, 0) for counts in found.values() for what in bad))


if __name__ == "__main__":
    sys.exit(main())
