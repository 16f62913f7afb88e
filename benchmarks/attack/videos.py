"""Mutated videos of all containers: each is read or refused by name; no other file, no socket, no run that ends.

Where ``strace`` is installed, some of the trials run under it: after the decoding process has locked itself in, every
attempt to open a file or a socket is listed.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.attack.mutations import mutated
from benchmarks.attack.tally import Tally

TRIALS = 1_000
_TRACED = 60
_KINDS = {
    "mp4": "libx264",
    "mov": "mpeg4",
    "matroska": "libx264",
    "webm": "libvpx",
    "avi": "mpeg4",
    "mpegts": "libx264",
    "mpeg": "mpeg2video",
    "flv": "flv",
    "asf": "wmv2",
    "gif": "gif",
}
_SCRIPTS = [
    b"ffconcat version 1.0\nfile '/etc/hostname'\n",
    b"#EXTM3U\n#EXTINF:1,\n/etc/hostname\n",
    b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nm=video 5004 RTP/AVP 96\r\n",
    b"<?xml version='1.0'?><MPD><Period><BaseURL>/etc/hostname</BaseURL></Period></MPD>",
]


def _seeds() -> list[bytes]:
    import av

    found = []
    for container, codec in _KINDS.items():
        buffer = io.BytesIO()
        with av.open(buffer, "w", format=container) as file:
            stream = file.add_stream(codec, rate=8)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb8" if codec == "gif" else "yuv420p"
            for i in range(8):
                picture = np.full((48, 64, 3), (30 * i, 200, 90), np.uint8)
                file.mux(stream.encode(av.VideoFrame.from_ndarray(picture).reformat(format=stream.pix_fmt)))
            file.mux(stream.encode())
        found.append(buffer.getvalue())
    return found


def _trial(trial: int, seed: int, seeds: list[bytes]) -> bytes:
    rng = np.random.default_rng([seed, trial])
    if trial % 50 == 0:
        return mutated(_SCRIPTS[trial // 50 % len(_SCRIPTS)], seeds, rng)
    return mutated(seeds[trial % len(seeds)], [*seeds, *_SCRIPTS], rng)


def attack(trials: int, seed: int) -> dict[str, Any]:
    """Take frames out of mutated videos, and vectors of a few."""
    import psutil

    import mmtoolkit as mm

    seeds, tally, slowest, peak = _seeds(), Tally(), (0.0, -1), 0
    broke = 0
    for trial in range(trials):
        data = _trial(trial, seed, seeds)
        started = time.perf_counter()

        def look(data: bytes = data) -> object:
            return mm.Video(data).sample(3)

        before = {child.pid for child in psutil.Process().children()}
        tally.trial(f"trial {trial}", look, same=lambda *_: True)
        slowest = max(slowest, (time.perf_counter() - started, trial))
        if trial % 25 == 0:
            emb = mm.embed_videos([seeds[0], data], model="local", cache=False, on_error="nan", progress=False)
            assert emb.ok[0]
        children = psutil.Process().children()
        broke += bool(before - {child.pid for child in children})
        peak = max([peak, *(child.memory_info().rss // 2**20 for child in children)])
    return {
        **tally.done(),
        "decoding processes that died": broke,
        "slowest (s, trial)": slowest,
        "most MB of a decoding process": peak,
        "opened under strace": _traced(min(trials, _TRACED), seed),
    }


def _traced(trials: int, seed: int) -> object:
    """Return what the decoding process opened, or tried to, after it had locked itself in."""
    if shutil.which("strace") is None:
        return "not looked for: there is no strace"
    with tempfile.TemporaryDirectory() as home:
        log = Path(home) / "log"
        code = f"from benchmarks.attack.videos import run; run({trials}, {seed})"
        command = ["strace", "-f", "-qq", "-o", log, "-e", "trace=open,openat,socket,connect,prlimit64,setrlimit"]
        subprocess.run([*command, sys.executable, "-c", code], check=True, capture_output=True, timeout=1800)
        lines = log.read_text("utf-8", errors="replace").splitlines()
    locked: set[str] = set()
    found = []
    for line in lines:
        pid, _, call = line.partition(" ")
        if re.search(r"RLIMIT_NOFILE, \{rlim_cur=0", call):
            locked.add(pid)
        elif pid in locked and re.match(r"\s*(open|openat|socket|connect)\(", call):
            found.append(call.strip())
    opened = [call for call in found if not re.search(r"= -1 [A-Z]+ ", call)]
    return {"decoding processes": len(locked), "refused attempts": len(found) - len(opened), "opened": opened}


def run(trials: int, seed: int) -> None:
    """Take frames out of mutated videos; for `strace`."""
    import mmtoolkit as mm

    seeds = _seeds()
    for trial in range(trials):
        try:
            mm.Video(_trial(trial, seed, seeds)).sample(3)
        except mm.MMToolkitError:
            continue
