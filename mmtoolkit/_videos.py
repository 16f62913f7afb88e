"""Take frames out of local videos with PyAV (extra ``video``), in a process of their own."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

from mmtoolkit import _decoding
from mmtoolkit._formats import VIDEO_ENDINGS, other_kind, picture_format, video_format
from mmtoolkit.errors import MissingExtraError, UnreadableItemError

if TYPE_CHECKING:
    from PIL import Image as PILImage

__all__ = ["HEAD", "demuxer_of", "frames"]

HEAD = 4096  # bytes, by which the kind of a file is told
_SECONDS = 60.0  # of decoding, for a video
_SECONDS_A_FRAME = 5.0  # and for each frame that is asked for


def frames(data: bytes, n: int, name: str = "") -> Iterator[PILImage.Image]:
    """Decode the frames at the centres of `n` equal time slices.

    Parameters
    ----------
    data : bytes
        The video file.
    n : int
        How many frames, at least 1.
    name : str, default=""
        For messages.

    Yields
    ------
    PIL.Image.Image
        `n` pictures in mode RGB, upright, in order of time; a short video repeats some.

    Raises
    ------
    MissingExtraError
        If PyAV is not installed.
    UnreadableItemError
        If the file is no video, is broken, has no frames, is too large, or takes too long.
    """
    if find_spec("av") is None:
        raise MissingExtraError("video", "Reading frames from a local video")
    demuxer = demuxer_of(data[:HEAD], name)
    seconds = _SECONDS + n * _SECONDS_A_FRAME
    request = {"kind": "video", "n": n, "demuxer": demuxer}
    for frame in _decoding.decoded(data, request, name=name, seconds=seconds):
        if not isinstance(frame, str):
            yield frame


def demuxer_of(head: bytes, name: str = "") -> str:
    """Return the name of the only FFmpeg reader that may open a file with these first `HEAD` bytes.

    Raises
    ------
    UnreadableItemError
        If it is no video.
    """
    if not head:
        raise UnreadableItemError("the file is empty (0 bytes); expected a video", name=name)
    demuxer = video_format(head)
    if not demuxer:
        raise UnreadableItemError(_why_not(head), name=name)
    return demuxer


def _why_not(data: bytes) -> str:
    """Return why bytes are not a video that can be read."""
    kind = picture_format(data)
    what = f"a {kind} picture; pass it as mm.Image(...)" if kind else other_kind(data)
    if what:
        return f"not a readable video but {what}"
    known = ", ".join(sorted(ending[1:] for ending in VIDEO_ENDINGS))
    return f"not a readable video: the file starts with {data[:12]!r}; read are {known}"
