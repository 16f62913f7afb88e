"""Make a picture fit a model: unchanged where possible, else encoded anew, else scaled down; a note tells of it."""

from __future__ import annotations

import base64
import io
import math
from typing import TYPE_CHECKING, Any

from mmtoolkit import _pictures
from mmtoolkit._formats import MAGIC_BYTES, picture_format
from mmtoolkit._opening import opened
from mmtoolkit.errors import UnsupportedItemError

if TYPE_CHECKING:
    from PIL import Image as PILImage

    from mmtoolkit.content import Image
    from mmtoolkit.models import ModelSpec

__all__ = ["check", "data_uri", "encode", "fit", "largest", "recipe"]

_STEP = 1  # of this way of transcoding; part of the cache key
_MOST_INLINE = 7 * 1024 * 1024  # services take data URIs of 10 MiB: 7 MiB before Base64, with room to spare
_QUALITIES = (92, 85)
_UNKEYED = frozenset({"DIB", "PPM", "AVIF"})  # keys were first made without knowing these, and keys never change


def largest(spec: ModelSpec) -> int:
    """Return the most bytes that a picture sent to this model may have."""
    return min(spec.image_bytes or _MOST_INLINE, _MOST_INLINE)


def _head_and_size(image: Image) -> tuple[bytes, int]:
    if image.path is not None:
        try:
            file, status = opened(image.path)
            with file:
                return file.read(MAGIC_BYTES), status.st_size
        except OSError:
            pass  # the digest tells it better
    elif isinstance(image.source, bytes | bytearray | memoryview | str):
        data = image.read()
        return data[:MAGIC_BYTES], len(data)
    return b"", 0


def _takes(spec: ModelSpec, kind: str) -> bool:
    return not spec.image_formats or kind in spec.image_formats


def recipe(image: Image, spec: ModelSpec) -> str:
    """Return an id of the changes to one picture, without decoding it; "" when it stays as it is.

    Parameters
    ----------
    image : Image
        One picture, not a list.
    spec : ModelSpec
        The model's row.

    Returns
    -------
    str
        Part of the cache key.
    """
    fitted = f"fit{_STEP}:{largest(spec)}"
    if image.is_url:
        return f"inline {fitted}" if image.inline else ""
    if not isinstance(image.source, bytes | bytearray | memoryview | str) and image.path is None:
        pixels = image.open()
        return fitted if 3 * pixels.width * pixels.height + 4096 > largest(spec) else ""  # else its PNG surely fits
    head, size = _head_and_size(image)
    kind = picture_format(head)
    return "" if size <= largest(spec) and _takes(spec, "" if kind in _UNKEYED else kind) else fitted


def check(data: bytes, spec: ModelSpec, *, name: str, resize: bool) -> tuple[int, int]:
    """Raise for an encoded picture that the model cannot take.

    Parameters
    ----------
    data : bytes
        The file.
    spec : ModelSpec
        The model's row.
    name : str
        For messages.
    resize : bool
        Whether it may be encoded anew.

    Returns
    -------
    width, height : int
        Pixels.

    Raises
    ------
    UnreadableItemError
        If it is no picture.
    UnsupportedItemError
        If it is too small or too narrow, or needs a change that is not allowed.
    """
    kind, width, height = _pictures.header(data, name)
    low, high = sorted((width, height))
    if low < spec.image_min_side:
        msg = f"the picture has {width} x {height} pixels; {spec.name!r} needs at least {spec.image_min_side} a side. Enlarge it first"
        raise UnsupportedItemError(msg, name=name)
    if spec.image_max_ratio is not None and high > spec.image_max_ratio * low:
        msg = f"the picture has {width} x {height} pixels; {spec.name!r} takes sides of at most {spec.image_max_ratio:g}:1. Cut it first"
        raise UnsupportedItemError(msg, name=name)
    if not resize and not (_takes(spec, kind) and len(data) <= largest(spec)):
        msg = (
            f"the picture is a {kind} of {_mb(len(data))}; {spec.name!r} takes {', '.join(sorted(spec.image_formats)) or 'any format'} "
            f"up to {_mb(largest(spec))}. Allow Image(..., resize=True) or convert it first"
        )
        raise UnsupportedItemError(msg, name=name)
    return width, height


def fit(data: bytes, spec: ModelSpec, *, name: str) -> tuple[bytes, str, str]:
    """Return the picture as it will be sent.

    Parameters
    ----------
    data : bytes
        The file.
    spec : ModelSpec
        The model's row.
    name : str
        For messages.

    Returns
    -------
    data, kind, note : bytes, str, str
        The bytes to send, their format, and what was changed ("" when nothing was).
    """
    kind, width, height = _pictures.header(data, name)
    limit = largest(spec)
    if _takes(spec, kind) and len(data) <= limit:
        return data, kind, ""
    picture, toned = _pictures.decode(data, name)
    sent, new_kind, size = encode(picture, limit, lossless=kind not in ("JPEG", "WEBP", "AVIF", "HEIF"))
    scaled = "" if size == (width, height) else f", scaled from {width} x {height} to {size[0]} x {size[1]}"
    note = f"{_mb(len(data))} {kind} sent as {_mb(len(sent))} {new_kind}{scaled}"
    return sent, new_kind, f"{note}; {toned}" if toned else note


def encode(picture: PILImage.Image, limit: int, *, lossless: bool = True) -> tuple[bytes, str, tuple[int, int]]:
    """Encode pixels into at most `limit` bytes: PNG if it fits, else JPEG, else a smaller picture.

    Parameters
    ----------
    picture : PIL.Image.Image
        Mode RGB.
    limit : int
        Bytes.
    lossless : bool, default=True
        Try PNG first.

    Returns
    -------
    data, kind, size : bytes, str, tuple of int
        The file, "PNG" or "JPEG", width and height.
    """
    from PIL import Image as PILImage

    if lossless:
        data = _save(picture, "PNG", compress_level=6)
        if len(data) <= limit:
            return data, "PNG", picture.size
    while True:
        for quality in _QUALITIES:
            data = _save(picture, "JPEG", quality=quality)
            if len(data) <= limit:
                return data, "JPEG", picture.size
        shrink = min(0.9, math.sqrt(limit / len(data)) * 0.95)
        size = (max(1, round(picture.width * shrink)), max(1, round(picture.height * shrink)))
        picture = picture.resize(size, PILImage.Resampling.LANCZOS)


def data_uri(data: bytes, kind: str) -> str:
    """Return ``data:image/{format};base64,...``, the format being that of the bytes, not of any file name."""
    return f"data:image/{kind.lower()};base64,{base64.b64encode(data).decode('ascii')}"


def _save(picture: PILImage.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def _mb(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MB"
