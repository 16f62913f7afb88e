"""The process that decodes files of strangers: it reads bytes from one pipe, writes pixels to another, and opens nothing."""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mmtoolkit._decoding import HEAD, REQUEST

if TYPE_CHECKING:
    from PIL import Image as PILImage

__all__ = ["main"]

_MEMORY = 1_500_000_000  # bytes beyond what the process has at its start and the file itself


def main() -> None:
    """Answer requests until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process if need be
    source, target = os.fdopen(0, "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing else may write between the answers
    from mmtoolkit import _pictures

    _load_all()
    gc.freeze()
    base = _lock()
    while len(head := source.read(REQUEST.size)) == REQUEST.size:
        words, length = REQUEST.unpack(head)
        request, data = json.loads(source.read(words)), source.read(length)
        _limit_memory(base, length)
        try:
            if request["kind"] == "picture":
                picture, note = _pictures.decode_here(data, alpha=request["alpha"])
                _frame(target, picture)
                _text(target, b"N", note)
            else:
                from mmtoolkit import _video_frames

                for frame in _video_frames.frames(data, request["n"], request["demuxer"]):
                    _frame(target, frame)
                _text(target, b"N", "")
        except Exception as error:  # whatever a decoder raises is told; it is the file's fault, not this process's
            _text(target, b"E", getattr(error, "reason", "") or str(error) or type(error).__name__)
        del data
        gc.collect()  # PyAV's objects hold each other, and the threads of their decoders


def _frame(target: BinaryIO, picture: PILImage.Image) -> None:
    target.write(HEAD.pack(b"A" if picture.mode == "RGBA" else b"F", *picture.size))
    target.write(picture.tobytes())
    target.flush()


def _text(target: BinaryIO, kind: bytes, text: str) -> None:
    words = text.encode("utf-8", "replace")[:2000]
    target.write(HEAD.pack(kind, len(words), 0))
    target.write(words)
    target.flush()


def _load_all() -> None:
    """Import all modules that decoding may need, because no file can be opened later."""
    import encodings.idna
    import encodings.latin_1
    import encodings.utf_16
    import encodings.utf_16_be
    import encodings.utf_16_le  # noqa: F401 - all are used by name

    from PIL import Image

    Image.init()
    for kind in ("PNG", "JPEG", "WEBP", "TIFF"):
        buffer = io.BytesIO()
        Image.new("RGB", (8, 8)).save(buffer, kind)
        Image.open(buffer).convert("RGB").getexif()
    with contextlib.suppress(ImportError):  # extras
        import pi_heif  # noqa: F401
    with contextlib.suppress(ImportError):
        from mmtoolkit import _video_frames

        _video_frames.load()


def _lock() -> int:
    """Forbid to open files and sockets, where the system can; return the bytes of memory in use (0: not known)."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if sys.platform == "linux" else 0
    for what in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE):
        resource.setrlimit(what, (0, 0))
    return pages * resource.getpagesize()


def _limit_memory(base: int, length: int) -> None:
    if base:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (base + length + _MEMORY, resource.RLIM_INFINITY))
