"""Open pictures safely: format by magic bytes, a pixel limit, upright, alpha on white, eight bits."""

from __future__ import annotations

import io
import re
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PILImage
from PIL import ImageOps

from mmtoolkit.errors import UnreadableItemError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FORMATS", "MAGIC_BYTES", "MAX_PIXELS", "from_array", "from_pil", "header", "open_rgb", "sniff", "to_rgb"]

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "ICO", "DIB", "ICNS", "SGI", "PPM", "AVIF")
MAX_PIXELS = 80_000_000  # below Pillow's own alarm, above what cameras make
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    IndexError,
    TypeError,
    EOFError,
    MemoryError,
    OverflowError,
    struct.error,
    UserWarning,
)
MAGIC_BYTES = 16  # as many as `sniff` looks at
_STARTS = tuple(
    (re.compile(start, re.DOTALL), kind)
    for start, kind in (
        (rb"\xff\xd8\xff", "JPEG"),
        (rb"\x89PNG\r\n\x1a\n", "PNG"),
        (rb"BM", "BMP"),
        (rb"GIF8", "GIF"),
        (rb"RIFF....WEBP", "WEBP"),
        (rb"II\*\x00|MM\x00\*", "TIFF"),
        (rb"II\+\x00|MM\x00\+|II\x00\*|MM\*\x00", "unusual TIFF"),  # of 64 bits, or with a mixed byte order
        (rb"\x00\x00\x01\x00", "ICO"),
        (rb"icns", "ICNS"),
        (rb"\x01\xda", "SGI"),
        (rb"[\x0c(48@l|]\x00\x00\x00", "DIB"),
        (rb"P[0-6fy]", "PPM"),
        (rb"....ftyp(avif|avis|mif1|msf1)", "AVIF"),
    )
)
_BOMB = (PILImage.DecompressionBombError, PILImage.DecompressionBombWarning)


def _check_size(picture: PILImage.Image, name: str) -> None:
    if picture.width * picture.height == 0:
        msg = f"the picture has {picture.width} x {picture.height} pixels; expected at least one"
        raise UnreadableItemError(msg, name=name)
    if picture.width * picture.height > MAX_PIXELS:
        msg = (
            f"the picture has {picture.width} x {picture.height} pixels, too many to open safely; "
            f"at most {MAX_PIXELS:,} are allowed. Scale it down first"
        )
        raise UnreadableItemError(msg, name=name)


def sniff(head: bytes) -> str:
    """Return the format that the first bytes of a file promise.

    Parameters
    ----------
    head : bytes
        At least the first `MAGIC_BYTES`, where there are so many.

    Returns
    -------
    str
        Pillow's name of the format, or "unusual TIFF"; empty when the bytes promise no picture. Phones' "MPO" starts
        like a JPEG and is called so.
    """
    return next((kind for start, kind in _STARTS if start.match(head)), "")


def _open(data: bytes, name: str) -> PILImage.Image:
    if not data:
        raise UnreadableItemError("the file is empty (0 bytes); expected a picture", name=name)
    try:
        picture = PILImage.open(io.BytesIO(data), formats=FORMATS)
    except _BOMB as error:
        msg = f"the picture has too many pixels to open safely; at most {MAX_PIXELS:,} are allowed. Scale it down first"
        raise UnreadableItemError(msg, name=name) from error
    except _BROKEN as error:
        if kind := sniff(data[:MAGIC_BYTES]):
            msg = f"the {kind} picture is broken or cut off: it has no readable header in {len(data):,} bytes"
            raise UnreadableItemError(msg, name=name) from error
        msg = f"not a picture: the file starts with {data[:12]!r}; expected one of {', '.join(FORMATS)}"
        raise UnreadableItemError(msg, name=name) from error
    _check_size(picture, name)
    return picture


def header(data: bytes, name: str = "") -> tuple[str, int, int]:
    """Read format, width and height without decoding the pixels.

    Parameters
    ----------
    data : bytes
        The encoded picture, whole.
    name : str, default=""
        For messages.

    Returns
    -------
    format, width, height : str, int, int
        Pillow's name of the format (phones' "MPO" counts as "JPEG"); pixels.

    Raises
    ------
    UnreadableItemError
        If it is no picture or has too many pixels.
    """
    with _open(data, name) as picture:
        kind = picture.format or ""
        return ("JPEG" if kind == "MPO" else kind), picture.width, picture.height


def _eight_bits(picture: PILImage.Image) -> PILImage.Image:
    values = np.asarray(picture)
    if picture.mode == "F":
        top = 1.0 if float(np.nanmax(values, initial=0.0)) <= 1.0 else 255.0
        scaled = np.nan_to_num(values) * (255.0 / top)
    else:
        scaled = np.clip(values.astype(np.int64), 0, 65535) >> 8
    return PILImage.fromarray(np.clip(scaled, 0, 255).astype(np.uint8))


def to_rgb(picture: PILImage.Image) -> PILImage.Image:
    """Return the first frame upright, transparent parts white, eight bits a channel.

    Parameters
    ----------
    picture : PIL.Image.Image
        Any mode.

    Returns
    -------
    PIL.Image.Image
        Mode RGB.
    """
    picture = ImageOps.exif_transpose(picture) or picture
    if picture.mode == "F" or picture.mode.startswith("I"):
        picture = _eight_bits(picture)
    if picture.mode == "La":  # the one mode that Pillow does not turn into RGBA in one step
        picture = picture.convert("LA")
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture
    if "A" in picture.mode or "a" in picture.mode or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        white = PILImage.new("RGBA", layer.size, "white")
        white.alpha_composite(layer)
        picture = white
    return picture.convert("RGB")


def open_rgb(data: bytes, name: str = "") -> PILImage.Image:
    """Decode a picture.

    Parameters
    ----------
    data : bytes
        The encoded picture, whole.
    name : str, default=""
        For messages.

    Returns
    -------
    PIL.Image.Image
        Mode RGB, upright, fully loaded.

    Raises
    ------
    UnreadableItemError
        If it is no picture, is broken or cut off, or has too many pixels.
    """
    with _open(data, name) as picture:
        return _loaded(picture, name)


def from_pil(picture: PILImage.Image, name: str = "") -> PILImage.Image:
    """Decode a picture that Pillow has opened.

    Parameters
    ----------
    picture : PIL.Image.Image
        Any mode; it stays open.
    name : str, default=""
        For messages.

    Returns
    -------
    PIL.Image.Image
        Mode RGB, upright, fully loaded.

    Raises
    ------
    UnreadableItemError
        If it is broken, cut off or closed, or has no or too many pixels.
    """
    _check_size(picture, name)
    return _loaded(picture, name)


def _loaded(picture: PILImage.Image, name: str) -> PILImage.Image:
    try:
        picture.load()
        return to_rgb(picture)
    except _BROKEN as error:
        what = f"{picture.format} picture" if picture.format else "picture"
        msg = f"the {what} is broken or cut off ({error})"
        raise UnreadableItemError(msg, name=name) from error


def from_array(array: NDArray[Any]) -> PILImage.Image:
    """Turn an array into a picture.

    Parameters
    ----------
    array : ndarray of shape (height, width), (height, width, 1), (height, width, 3) or (height, width, 4)
        uint8 or bool, or floats in 0..1.

    Returns
    -------
    PIL.Image.Image
        Mode RGB.

    Raises
    ------
    UnreadableItemError
        If shape, dtype or range are others.
    """
    shape, got = array.shape, array.dtype
    if array.ndim == 3 and shape[2] == 1:
        array = array[:, :, 0]
    if array.size == 0 or array.ndim not in (2, 3) or (array.ndim == 3 and shape[2] not in (3, 4)):
        msg = f"expected an array of shape (height, width), (height, width, 3) or (height, width, 4), got {shape}"
        raise UnreadableItemError(msg, name="array")
    if array.size > 4 * MAX_PIXELS or (array.ndim == 2 and array.size > MAX_PIXELS):
        msg = f"the array of shape {shape} has too many pixels; at most {MAX_PIXELS:,} are allowed. Scale it down first"
        raise UnreadableItemError(msg, name="array")
    if array.dtype.kind == "f" and np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1:
        array = np.rint(array * 255).astype(np.uint8)
    elif array.dtype == bool:
        array = array.astype(np.uint8) * np.uint8(255)
    if array.dtype != np.uint8:
        msg = f"expected uint8, bool, or floats in 0..1, got {got}"
        if got.kind == "f":
            msg += f" from {array.min()!s} to {array.max()!s}"
        raise UnreadableItemError(msg, name="array")
    return to_rgb(PILImage.fromarray(np.ascontiguousarray(array)))
