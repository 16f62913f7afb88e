"""Decode files of strangers in processes that can open nothing. If such a process dies or takes too long, only its file fails."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import struct
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from PIL import Image as PILImage

from mmtoolkit import _child
from mmtoolkit.errors import UnreadableItemError

__all__ = ["HEAD", "REQUEST", "decoded"]

REQUEST = struct.Struct(">IQ")  # to the other process: bytes of the JSON, bytes of the file; then both
HEAD = struct.Struct(
    ">cII"
)  # from it: F or A, width, height, then pixels; or N or E, bytes of a text, 0, then the text
_MODES = {b"F": "RGB", b"A": "RGBA"}

_MOST_PIXELS = 100_000_000  # of a frame: nothing larger is taken from the other process
_MOST = max(1, min(os.cpu_count() or 1, 4))  # processes that work at a time
_MOST_IDLE = 2  # processes kept for the next file, some 60 MB each
_free = threading.BoundedSemaphore(_MOST)
_idle: list[_Decoder] = []
_lock = threading.Lock()


def decoded(data: bytes, request: Mapping[str, Any], *, name: str, seconds: float) -> Iterator[PILImage.Image | str]:
    """Decode a file in another process.

    Parameters
    ----------
    data : bytes
        The file.
    request : mapping
        What to do, see `mmtoolkit._decoding_child.main`.
    name : str
        For messages.
    seconds : float
        How long the other process may work, all in all.

    Yields
    ------
    PIL.Image.Image or str
        Pictures in mode RGB or RGBA, one at a time, then a note.

    Raises
    ------
    UnreadableItemError
        If the file cannot be decoded, or the process died or took too long.
    """
    failure = None
    with _free:
        with _lock:
            decoder = _idle.pop() if _idle else None
        if decoder is not None and decoder.process.poll() is not None:  # it died meanwhile
            decoder.end()
            decoder = None
        decoder = decoder or _Decoder()
        try:
            for kind, value in decoder.answers(data, request, seconds):
                if kind == b"E":
                    failure = value
                else:
                    yield value
        except _GoneError as error:
            failure = str(error)
            decoder.end()
        except BaseException:  # Ctrl-C and an abandoned iterator too: nobody knows what is still in the pipe
            decoder.end()
            raise
        else:
            with _lock:
                full = len(_idle) >= _MOST_IDLE
                _idle.extend([] if full else [decoder])
            if full:
                decoder.end()
    if failure is not None:
        raise UnreadableItemError(str(failure), name=name)


class _GoneError(Exception):
    """The process died, was killed, or does not keep to the protocol."""


class _Decoder:
    """One process, for one file at a time."""

    def __init__(self) -> None:
        self.process = _child.start("mmtoolkit._decoding_child", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._left = self._seconds = 0.0

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        with contextlib.suppress(OSError):  # closing the pipe: what was not written yet cannot be
            self.process.__exit__(None, None, None)

    def answers(
        self, data: bytes, request: Mapping[str, Any], seconds: float
    ) -> Iterator[tuple[bytes, PILImage.Image | str]]:
        """Yield the answers of the process about a file: pictures (F; A with alpha), then a note (N) or an error (E)."""
        self._left = self._seconds = seconds
        words = json.dumps(dict(request)).encode()
        self._send(REQUEST.pack(len(words), len(data)) + words, data)
        while True:
            kind, width, height = HEAD.unpack(self._read(HEAD.size))
            mode = _MODES.get(kind)
            if mode is None:
                yield kind, self._read(width).decode("utf-8", "replace")
                return
            if width * height > _MOST_PIXELS:
                msg = f"the decoder gave {width} x {height} pixels; at most {_MOST_PIXELS:,} are allowed"
                raise _GoneError(msg)
            pixels = self._read(len(mode) * width * height)
            yield kind, PILImage.frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1)

    def _send(self, *parts: bytes) -> None:
        assert self.process.stdin is not None
        with self._timed(), contextlib.suppress(OSError):  # it died: reading says how
            for part in parts:
                self.process.stdin.write(part)
            self.process.stdin.flush()

    def _read(self, size: int) -> bytes:
        assert self.process.stdout is not None
        with self._timed():
            found = self.process.stdout.read(size)
        if len(found) < size:
            code = self.process.wait()
            took = f"decoding took more than {self._seconds:g} s; cut it or scale it down"
            msg = took if self._left <= 0 else f"the decoder broke down on it ({_ending(code)})"
            raise _GoneError(msg)
        return found

    @contextlib.contextmanager
    def _timed(self) -> Iterator[None]:
        """Kill the process when the remaining time is over; the time between two waits does not count."""
        timer = threading.Timer(max(self._left, 0), self.process.kill)
        timer.daemon = True
        started = time.monotonic()
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self._left -= time.monotonic() - started


def _ending(code: int) -> str:
    """Say how a process ended."""
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


@atexit.register
def _end_all() -> None:
    while _idle:
        _idle.pop().end()


def _forget() -> None:
    """Forget the processes after a fork: they belong to the parent, and two processes must not share one pipe."""
    global _free, _lock
    _free, _lock = threading.BoundedSemaphore(_MOST), threading.Lock()
    for decoder in _idle:
        decoder.process.returncode = 0  # not ours to wait for
    _idle.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
