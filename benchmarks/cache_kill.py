"""Kill -9 at random moments, flipped bits, and overlapping writers: what the cache promises, many times over.

    python benchmarks/cache_kill.py [--trials 200] [--rounds 20] [--flips 2000] [--folder DIR]

Each kill trial starts four processes that write, prune, compact and repair without end and say which rows they were told
are kept; all are killed after a random time. Then the index is deleted, zeroed, cut, overwritten, or an older copy is put
back, and its log with it; and the folder is opened again: every acknowledged row must be there and right, what happened to
the index must be said, and a write must work. Prints JSON and a Markdown table; exits with 1 if a promise is broken.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from mmtoolkit.cache import EmbeddingCache, Space
from mmtoolkit.errors import CacheError

DIMENSION = 256
SPACE, DOOMED = Space("kept", "1", DIMENSION), Space("doomed", "1", DIMENSION)


def make(start: int, stop: int) -> tuple[list[bytes], np.ndarray]:
    keys = [hashlib.sha256(str(i).encode()).digest() for i in range(start, stop)]
    rows = [np.random.default_rng(i).standard_normal(DIMENSION, dtype=np.float32) for i in range(start, stop)]
    return keys, np.array(rows, dtype=np.float32).reshape(len(keys), DIMENSION)


def write_until_killed(folder: Path, start: int, acknowledge: int) -> None:
    """Write rows from `start` on, and say into a pipe up to where they were acknowledged."""
    cache, first = EmbeddingCache(folder), start
    rng = random.Random(start)
    while True:
        size = rng.choice([1, 20, 300])
        cache.put(*make(first, first + size), SPACE)
        first += size
        os.write(acknowledge, first.to_bytes(8, "little"))
        if rng.random() < 0.2:
            cache.put(*make(start, start + 40), DOOMED)
            rng.choice([lambda: cache.prune(model="doomed"), cache.compact, lambda: cache.verify(repair=True)])()


def write_overlapping(folder: str, rounds: int, offset: int) -> None:
    cache = EmbeddingCache(folder)
    for number in range(rounds):
        first = (number + offset) % rounds * 100
        cache.put(*make(first, first + 250), SPACE)


def start(*args: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, __file__, *map(str, args)], stdout=subprocess.PIPE, text=True)


def wrong(cache: EmbeddingCache, stop: int, start: int = 0) -> tuple[int, int]:
    """How many of the rows start..stop are lost, and how many have other values."""
    keys, X = make(start, stop)
    found, got = cache.get(keys, SPACE)
    return int((~found).sum()), int((got[found] != X[found]).any(axis=1).sum())


def attack(index: Path, how: str, older: bytes, rng: random.Random) -> None:
    """Do to the index, and to the log that an older version would have, what happens to files."""
    data = index.read_bytes() if index.exists() else b""
    changed = {
        "zeroed": bytes(len(data)),
        "cut": data[: rng.randrange(len(data) + 1)],
        "garbage": rng.randbytes(5000),
        "older copy": older,
        "flipped": bytes(x ^ (1 << rng.randrange(8)) * (rng.random() < 0.01) for x in data),
    }
    if how == "deleted":
        index.unlink(missing_ok=True)
    elif how in changed:
        index.write_bytes(changed[how])
    for ending in ("-wal", "-shm", "-journal"):
        if how != "nothing" and rng.random() < 0.3:
            index.with_name(index.name + ending).write_bytes(rng.choice([b"", bytes(4096), rng.randbytes(4096)]))


def kills(folder: Path, trials: int) -> dict[str, int]:
    counted = ("acknowledged rows", "lost", "wrong", "silent", "verify found something", "writes failed")
    out = {"trials": trials, "processes killed": 0, **dict.fromkeys(counted, 0)}
    ways = ("nothing", "deleted", "zeroed", "cut", "garbage", "older copy", "flipped")
    older = b""
    for trial in range(trials):
        rng = random.Random(trial)
        if trial % 10 == 0:  # a new folder now and then: its making is a moment too
            place, told = folder / f"kill{trial}", {10**6 * i: 10**6 * i for i in range(1, 5)}
        index = place / "index.sqlite"
        if rng.random() < 0.3 and index.exists():
            older = index.read_bytes()
        writers = []
        for first, known in told.items():
            reading, writing = os.pipe()
            pid = os.fork()
            if pid == 0:
                write_until_killed(place, max(known, first), writing)
            os.close(writing)
            writers.append((first, pid, reading))
        time.sleep(rng.uniform(0.0, 1.5))
        for first, pid, reading in writers:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            with os.fdopen(reading, "rb") as file:
                said = file.read()
            if said:
                known, told[first] = told[first], int.from_bytes(said[-8:], "little")
                out["acknowledged rows"] += told[first] - known
        out["processes killed"] += len(writers)
        how = rng.choice(ways) if place.exists() else "nothing"
        attack(index, how, older, rng) if place.exists() else None
        cache = EmbeddingCache(place)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for first, last in told.items():
                lost, bad = wrong(cache, last, first)
                out["lost"] += lost
                out["wrong"] += bad
            held = cache.stats()["vectors"].sum()
        unlike = [w for w in caught if "made anew from the records" not in str(w.message)]
        out["silent"] += bool(unlike) or (held > 0 and how in ("deleted", "zeroed", "garbage") and not caught)
        out["verify found something"] += not cache.verify().ok
        start = 10**7 + trial * 10
        out["writes failed"] += cache.put(*make(start, start + 10), SPACE) != 10
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


def flips(folder: Path, bits: int) -> dict[str, int]:
    """Flip one bit of one file, read everything in a new object, and count what nobody was told."""
    counted = (
        "bits flipped",
        "said",
        "harmless",
        "rows to compute again",
        "silently lost",
        "wrong",
        "raw errors",
        "not repaired",
    )
    out = dict.fromkeys(counted, 0)
    n, rng = 200, random.Random(0)
    cache = EmbeddingCache(folder / "whole")
    for first in range(0, n, 50):
        cache.put(*make(first, first + 50), SPACE)
    cache.file_digests([__file__])
    for number in range(bits):
        place = folder / "flipped"
        shutil.copytree(folder / "whole", place)
        files = [*place.rglob("*.f32"), *place.rglob("*.keys"), *place.rglob("*.json"), place / "index.sqlite"]
        path = files[number % len(files)]
        data = bytearray(path.read_bytes())
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        out["bits flipped"] += 1
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                lost, bad = wrong(EmbeddingCache(place), n)
                out["rows to compute again"] += lost
                out["wrong"] += bad
                out["silently lost"] += lost > 0 and not caught
                out["said" if caught else "harmless"] += 1
                EmbeddingCache(place).verify(repair=True)
                out["not repaired"] += not EmbeddingCache(place).verify().ok
            except CacheError:
                out["said"] += 1
            except Exception as error:
                print(path.name, repr(error))
                out["raw errors"] += 1
        shutil.rmtree(place)
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--flips", type=int, default=2000)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--write-overlapping", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.write_overlapping:
        write_overlapping(args.write_overlapping[0], *map(int, args.write_overlapping[1:]))
        return 0
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        found = {
            "kill -9": kills(folder, args.trials),
            "overlapping writers": overlaps(folder, args.rounds),
            "flipped bits": flips(folder, args.flips),
        }
    print(json.dumps(found, indent=1))
    print("| trial | what | count |\n| --- | --- | --- |")
    for trial, counts in found.items():
        for what, count in counts.items():
            print(f"| {trial} | {what} | {count} |")
    bad = (
        "lost",
        "wrong",
        "silent",
        "verify found something",
        "writes failed",
        "errors",
        "stored twice",
        "silently lost",
        "raw errors",
        "not repaired",
    )
    return int(any(counts.get(what, 0) for counts in found.values() for what in bad))


if __name__ == "__main__":
    sys.exit(main())
