"""Take frames out of local videos with PyAV (extra ``video``)."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from mmtoolkit.errors import MissingExtraError, UnreadableItemError

if TYPE_CHECKING:
    from PIL import Image as PILImage

__all__ = ["frames"]


def frames(data: bytes, n: int, name: str = "") -> list[PILImage.Image]:
    """Decode the frames at the centres of `n` equal time slices.

    Parameters
    ----------
    data : bytes
        The video file.
    n : int
        How many frames, at least 1.
    name : str, default=""
        For messages.

    Returns
    -------
    list of PIL.Image.Image
        `n` pictures in mode RGB; a short video repeats some.

    Raises
    ------
    MissingExtraError
        If PyAV is not installed.
    UnreadableItemError
        If the file is no video, is broken, or has no frames.
    """
    try:
        import av
    except ImportError as error:
        raise MissingExtraError("video", "Reading frames from a local video") from error
    if not data:
        raise UnreadableItemError("the file is empty (0 bytes); expected a video", name=name)
    try:
        with av.open(io.BytesIO(data), mode="r") as container:
            if not container.streams.video:
                raise UnreadableItemError("the file has no video stream", name=name)
            stream = container.streams.video[0]
            stream.thread_count = 1
            times = [frame.time or 0.0 for frame in container.decode(stream)]
            if not times:
                raise UnreadableItemError("the video has no frames", name=name)
            step = (times[-1] - times[0]) / max(len(times) - 1, 1)
            length = times[-1] - times[0] + step
            centres = [times[0] + (i + 0.5) * length / n for i in range(n)]
            wanted = [max((k for k, t in enumerate(times) if t <= c), default=0) for c in centres]
            container.seek(0)
            keep = set(wanted)
            found: dict[int, PILImage.Image] = {
                k: frame.to_image()  # type: ignore[no-untyped-call]
                for k, frame in enumerate(container.decode(stream))
                if k in keep
            }
    except (av.FFmpegError, ValueError) as error:
        msg = f"not a readable video ({error})"
        raise UnreadableItemError(msg, name=name) from error
    return [found[k].convert("RGB") for k in wanted]
