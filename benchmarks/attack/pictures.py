"""Mutated pictures of all formats: each is read or refused by name, and the run goes on."""

from __future__ import annotations

import io
import multiprocessing
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.attack.mutations import mutated
from benchmarks.attack.tally import Tally

TRIALS = 10_000
_BLOCK = 500  # trials of one process; when it dies, the block is counted and the run goes on
_KINDS = {
    "JPEG": "RGB L CMYK",
    "PNG": "RGB RGBA L P I;16",
    "BMP": "RGB P",
    "GIF": "P",
    "WEBP": "RGB RGBA",
    "TIFF": "RGB L CMYK I F",
    "ICO": "RGBA",
    "ICNS": "RGBA",
    "SGI": "RGB",
    "PPM": "RGB",
    "AVIF": "RGB",
    "JPEG2000": "RGB L",
}


def _seeds() -> list[bytes]:
    rng = np.random.default_rng(0)
    scene = Image.fromarray(rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)).resize((64, 48))
    found = []
    for kind, modes in _KINDS.items():
        for mode in modes.split():
            grey = mode in ("I", "F", "I;16")
            buffer = io.BytesIO()
            (scene.convert("L").convert("I").convert(mode) if grey else scene.convert(mode)).save(buffer, kind)
            found.append(buffer.getvalue())
    return found


def _block(first: int, trials: int, seed: int) -> dict[str, Any]:
    """Run some trials in this process; what it opens is counted by an audit hook."""
    import mmtoolkit as mm
    from mmtoolkit.thumbnails import thumbnail_uri

    opened: list[str] = []
    watching = [False]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if watching[0] and (event in ("open", "os.open") or event.startswith("socket.")):
            name = str(arguments[0])
            if (not name.endswith((".py", ".pyc", ".so")) and event != "open") or name.startswith("/etc"):
                opened.append(f"{event} {name}")

    seeds, tally, slowest = _seeds(), Tally(), (0.0, -1)
    mm.embed_images(seeds[:1], model="local", cache=False, progress=False)
    sys.addaudithook(hook)
    watching[0] = True
    for trial in range(first, first + trials):
        rng = np.random.default_rng([seed, trial])
        data = mutated(seeds[trial % len(seeds)], seeds, rng)
        started = time.perf_counter()
        tally.trial(f"trial {trial}", mm.Image(data).open, same=lambda *_: True)
        slowest = max(slowest, (time.perf_counter() - started, trial))
        if trial % 10 == 0:
            thumbnail_uri(data)
        if trial % 25 == 0:
            emb = mm.embed_images([seeds[0], data], model="local", cache=False, on_error="nan", progress=False)
            assert emb.ok[0]
    watching[0] = False
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {**tally.done(), "slowest": slowest, "MB": peak, "opened": opened}


def attack(trials: int, seed: int) -> dict[str, Any]:
    """Open mutated pictures, make thumbnails of some and vectors of a few."""
    total: dict[str, Any] = {"trials": 0, "same": 0, "told": 0, "raw": 0, "other": 0, "foreign warnings": 0}
    ended, slowest, peak, opened, examples = [], (0.0, -1), 0, [], {}
    for first in range(0, trials, _BLOCK):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            try:
                block = pool.submit(_block, first, min(_BLOCK, trials - first), seed).result()
            except BrokenProcessPool:
                ended.append(first)
                continue
        for name in total:
            total[name] += block[name]
        slowest, peak = max(slowest, block["slowest"]), max(peak, block["MB"])
        opened += block["opened"]
        examples |= block["examples"]
    total["raw"] += len(ended)
    return {
        **total,
        "runs ended": len(ended),
        "blocks that ended": ended,
        "slowest (s, trial)": slowest,
        "most MB": peak,
        "other files and sockets": opened[:5],
        "examples": examples,
    }
