"""Take frames out of a video with PyAV (extra ``video``), as few of them decoded as possible; runs in a process of its own."""

from __future__ import annotations

import bisect
import contextlib
import importlib
import io
import itertools
import pkgutil
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

import av
from av.stream import Disposition
from PIL import Image as PILImage

from mmtoolkit.errors import UnreadableItemError

__all__ = ["MAX_FRAMES", "MAX_PIXELS", "frames", "load"]

MAX_PIXELS = 8192 * 4352  # of a frame: 8K
MAX_FRAMES = 2_000_000
_SEEK_ABOVE = 300  # frames; shorter videos are decoded from their beginning
_BEFORE_S = 10  # seconds before the first frame: the beginning of the file
_TRIES = 3  # key frames, each before the last, to begin at
_Turn = PILImage.Transpose
_TURNS = {  # signs of the display matrix: where x goes, where y goes
    (0, 1, -1, 0): _Turn.ROTATE_270,
    (-1, 0, 0, -1): _Turn.ROTATE_180,
    (0, -1, 1, 0): _Turn.ROTATE_90,
    (-1, 0, 0, 1): _Turn.FLIP_LEFT_RIGHT,
    (1, 0, 0, -1): _Turn.FLIP_TOP_BOTTOM,
    (0, 1, 1, 0): _Turn.TRANSPOSE,
    (0, -1, -1, 0): _Turn.TRANSVERSE,
}


class _NotThereError(Exception):
    """Seeking did not lead to the frame that was looked for."""


def load() -> None:
    """Import all of PyAV, most of which it imports late."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if module.name != "av.__main__":
            importlib.import_module(module.name)
    frame: Any = av.VideoFrame(16, 16, "yuv420p")
    frame.to_image()


def frames(data: bytes, n: int, demuxer: str) -> Iterator[PILImage.Image]:
    """Decode the frames at the centres of `n` equal time slices.

    Parameters
    ----------
    data : bytes
        The video file.
    n : int
        How many frames, at least 1.
    demuxer : str
        FFmpeg's name of the only container format that may read it.

    Yields
    ------
    PIL.Image.Image
        Mode RGB, upright, in order of time; a short video repeats some.

    Raises
    ------
    UnreadableItemError
        If the file is no such video, is broken, has no frames, or crosses a limit.
    """
    done = 0
    try:
        with contextlib.suppress(_NotThereError):
            for picture in _by_seeking(data, n, demuxer):
                yield picture
                done += 1
            return
        yield from itertools.islice(_by_decoding(data, n, demuxer), done, None)
    except (av.FFmpegError, ValueError, MemoryError) as error:
        msg = f"not a readable video ({error or type(error).__name__})"
        raise UnreadableItemError(msg) from error


def _no_other_file(url: str, _flags: int, _options: object) -> NoReturn:
    msg = f"it refers to another file, {url[:80]!r}, which is not read"
    raise UnreadableItemError(msg)


@contextlib.contextmanager
def _opened(data: bytes, demuxer: str) -> Iterator[tuple[Any, Any]]:
    """Open a video and its first video stream that is no cover picture; other files and protocols are out of reach."""
    limits = {"max_pixels": str(MAX_PIXELS), "protocol_whitelist": "none", "format_whitelist": demuxer}
    with av.open(io.BytesIO(data), mode="r", format=demuxer, options=limits, io_open=_no_other_file) as container:
        streams = container.streams.video
        if not streams:
            raise UnreadableItemError("the file has no video stream")
        stream = next((one for one in streams if not one.disposition & Disposition.attached_pic), streams[0])
        _check(stream.codec_context.width, stream.codec_context.height)
        stream.thread_count = 1
        yield container, stream


def _check(width: int, height: int) -> None:
    if width * height == 0:  # so FFmpeg tells a size beyond `max_pixels`, too
        msg = f"the video has no size, or more than {MAX_PIXELS:,} pixels a frame. Scale it down first"
        raise UnreadableItemError(msg)
    if width * height > MAX_PIXELS:
        msg = f"the video has {width} x {height} pixels; at most {MAX_PIXELS:,} are allowed. Scale it down first"
        raise UnreadableItemError(msg)


def _picture(frame: Any) -> PILImage.Image:
    """Return a frame in RGB, turned as its display matrix says."""
    _check(frame.width, frame.height)
    picture: PILImage.Image = frame.to_image()
    matrix = bytes(frame.side_data.get("DISPLAYMATRIX", b""))
    if len(matrix) != 36:
        return picture
    a, b, _, c, d = struct.unpack("=9i", matrix)[:5]
    straight = abs(a) + abs(d) >= abs(b) + abs(c)
    turn = _TURNS.get(tuple((v > 0) - (v < 0) for v in ((a, 0, 0, d) if straight else (0, b, c, 0))))  # type: ignore[arg-type]
    return picture if turn is None else picture.transpose(turn)


def _wanted(times: Sequence[float], n: int) -> list[int]:
    """Return the numbers of the frames that are shown at the centres of `n` equal slices of time."""
    step = (times[-1] - times[0]) / max(len(times) - 1, 1)
    length = times[-1] - times[0] + step
    centres = [times[0] + (i + 0.5) * length / n for i in range(n)]
    return [max(bisect.bisect_right(times, centre) - 1, 0) for centre in centres]


def _by_seeking(data: bytes, n: int, demuxer: str) -> Iterator[PILImage.Image]:
    """Decode from the key frame before each frame that is wanted; only for long videos that know their times."""
    with _opened(data, demuxer) as (container, stream):
        times, keys = [], []
        for packet in _counted(container.demux(stream)):
            if packet.size and not packet.is_discard and not _hidden(stream, packet):
                times.append(packet.pts)
                keys += [packet.pts] if packet.is_keyframe else []
        if len(times) <= _SEEK_ABOVE or None in times or len(set(times)) < len(times) or not keys:
            raise _NotThereError
        times.sort()
        keys.sort()
        at: Any = None
        coming: Iterator[Any] = iter(())
        for number in _wanted([t * stream.time_base.numerator / stream.time_base.denominator for t in times], n):
            target = times[number]
            i = max(bisect.bisect_right(keys, target) - 1, 0)
            if at is None or at.pts > target or at.pts < keys[i]:
                before = times[0] - int(_BEFORE_S / stream.time_base)
                for start in (*keys[i::-1][:_TRIES], before):  # some are sought by other times than those of display
                    coming = _from(container, stream, start)
                    at = next(coming, None)
                    if at is not None and at.pts <= target:
                        break
            while at is not None and at.pts < target:
                at = next(coming, None)
            if at is None or at.pts != target:
                raise _NotThereError
            yield _picture(at)


def _from(container: Any, stream: Any, start: int) -> Iterator[Any]:
    """Return the frames from a key frame on."""
    try:
        container.seek(start, stream=stream)
    except av.FFmpegError as error:
        raise _NotThereError from error
    return container.decode(stream)  # type: ignore[no-any-return]


def _hidden(stream: Any, packet: Any) -> bool:
    """Return whether a packet of VP8 is a reference that is not shown."""
    return stream.codec_context.name == "vp8" and not bytes(packet)[0] >> 4 & 1


def _by_decoding(data: bytes, n: int, demuxer: str) -> Iterator[PILImage.Image]:
    """Decode all frames, twice: to know their times, and to keep those that are wanted."""
    with _opened(data, demuxer) as (container, stream):
        times = [frame.time or 0.0 for frame in _counted(container.decode(stream))]
    if not times:
        raise UnreadableItemError("the video has no frames")
    wanted = _wanted(times, n)
    with _opened(data, demuxer) as (container, stream):
        for number, frame in enumerate(container.decode(stream)):
            while wanted and wanted[0] == number:
                wanted.pop(0)
                yield _picture(frame)
            if not wanted:
                return
    msg = "the video gave other frames when it was read again"
    raise UnreadableItemError(msg)


def _counted(things: Iterable[Any]) -> Iterator[Any]:
    """Yield the same things, and raise beyond the limit of frames."""
    for number, thing in enumerate(things):
        if number >= MAX_FRAMES:
            msg = f"the video has more than {MAX_FRAMES:,} frames. Cut it first"
            raise UnreadableItemError(msg)
        yield thing
