"""Open pictures safely: format by magic bytes, a pixel limit, upright, alpha on white or kept, eight bits."""

from __future__ import annotations

import contextlib
import io
import math
import re
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage

from mmtoolkit import _decoding
from mmtoolkit._formats import PILLOW_FORMATS, other_kind, picture_format, video_format
from mmtoolkit._grey import eight_bits
from mmtoolkit._text import shorten
from mmtoolkit.errors import MissingExtraError, UnreadableItemError

__all__ = ["MAX_PIXELS", "decode", "decode_here", "from_array", "from_pil", "header"]

MAX_PIXELS = 80_000_000  # below Pillow's own alarm, above what cameras make
_BAND = 1 << 20  # pixels that are worked on at a time, so that a large picture is not copied several times
_SECONDS = 20.0  # of decoding, for a picture that another process decodes
_DENSE = 50  # pixels a byte; photographs have below 15, drawings may have more
_SMALL = 4_000_000  # pixels that no decoder needs long for
_FEW = 1_000_000  # pixels and bytes, where one takes microseconds
_TURNS = {
    2: PILImage.Transpose.FLIP_LEFT_RIGHT,
    3: PILImage.Transpose.ROTATE_180,
    4: PILImage.Transpose.FLIP_TOP_BOTTOM,
    5: PILImage.Transpose.TRANSPOSE,
    6: PILImage.Transpose.ROTATE_270,
    7: PILImage.Transpose.TRANSVERSE,
    8: PILImage.Transpose.ROTATE_90,
}
_MOST_SCANS = 2_000_000_000  # pixels times passes over them; a progressive photograph makes ten passes
_READS = 100_000  # pieces that a picture may have, and one more for each so many bytes:
_BYTES_A_READ = 100
_DRAWN = ("EPS", "WMF")  # Pillow starts Ghostscript for the first and the drawing system of Windows for the other
_ORIENTATION = 0x0112  # tag of EXIF
_INNER = re.compile(  # headers of whole pictures inside an icon: PNG, a codestream of JPEG 2000, a file of JPEG 2000
    rb"\x89PNG\r\n\x1a\n....IHDR(?P<png>.{8})|\xff\x4f\xff\x51....(?P<stream>.{8})|ihdr(?P<file>.{8})", re.DOTALL
)


def _check_size(width: int, height: int, name: str) -> None:
    if width * height == 0:
        msg = f"the picture has {width} x {height} pixels; expected at least one"
        raise UnreadableItemError(msg, name=name)
    if width * height > MAX_PIXELS:
        msg = (
            f"the picture has {width} x {height} pixels, too many to open safely; "
            f"at most {MAX_PIXELS:,} are allowed. Scale it down first"
        )
        raise UnreadableItemError(msg, name=name)


def _check_icon(data: bytes, name: str) -> None:
    """Raise for an icon with a huge picture inside: Pillow decodes it while it opens the icon, whatever size the icon claims."""
    sizes = [next(size for size in found.groups() if size is not None) for found in _INNER.finditer(data)]
    pairs = [(int.from_bytes(size[:4], "big"), int.from_bytes(size[4:], "big")) for size in sizes]
    for at in range(6, min(6 + 16 * int.from_bytes(data[4:6], "little"), len(data)), 16):  # of an ICO; bitmaps
        start = int.from_bytes(data[at + 12 : at + 16], "little")
        bitmap = data[start : start + 12]
        if bitmap[:4] == b"(\0\0\0":
            pairs.append(
                tuple(abs(int.from_bytes(bitmap[i : i + 4], "little", signed=True)) for i in (4, 8))  # type: ignore[arg-type]
            )
    for width, height in pairs:
        if width * height > MAX_PIXELS:
            _check_size(width, height, name)


class _Quiet:
    """Keeps Pillow's warnings about odd files from the user; works on several threads, and undoes nobody else's filters."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._filters: list[Any] = []

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            self._users += 1
            if self._users == 1:
                before = len(warnings.filters)
                warnings.filterwarnings("ignore", module=r"(PIL|pi_heif)\.")
                self._filters = list(warnings.filters[: len(warnings.filters) - before])
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    for added in self._filters:
                        with contextlib.suppress(ValueError):  # the filters were replaced meanwhile
                            warnings.filters.remove(added)  # type: ignore[attr-defined]


_quiet = _Quiet()


class _Pieces(io.BytesIO):
    """The bytes of a picture, to be read in a bounded number of pieces: Pillow takes headers apart in Python, one piece after another."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.left: float = _READS + len(data) // _BYTES_A_READ

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes, as every file does."""
        self.left -= 1
        if self.left < 0:
            raise UnreadableItemError("the picture is in too many pieces to be read; save it anew")
        return super().read(size)


def _open(data: bytes, name: str) -> PILImage.Image:
    """Open a picture without decoding its pixels."""
    if not data:
        raise UnreadableItemError("the file is empty (0 bytes); expected a picture", name=name)
    kind = picture_format(data)
    if kind in ("ICO", "ICNS"):
        _check_icon(data, name)
    try:
        with _quiet():
            picture = _heif(data, name) if kind == "HEIF" else PILImage.open(_Pieces(data), formats=PILLOW_FORMATS)
    except UnreadableItemError as error:
        error.name = error.name or name
        raise
    except KeyboardInterrupt:
        raise
    except (PILImage.DecompressionBombError, PILImage.DecompressionBombWarning) as error:
        msg = f"the picture has too many pixels to open safely; at most {MAX_PIXELS:,} are allowed. Scale it down first"
        raise UnreadableItemError(msg, name=name) from error
    except Exception as error:  # a decoder may raise anything; it is this item's failure
        raise UnreadableItemError(_why_not(data, kind), name=name) from error
    _check_size(*picture.size, name)
    return picture


def _why_not(data: bytes, kind: str) -> str:
    """Return why bytes are not a picture that can be opened."""
    if kind:
        return f"the {kind} picture is broken or cut off, or of a kind that is not read: no readable header in {len(data):,} bytes"
    what = "a video" if video_format(data) else other_kind(data)
    way_out = "pass it as mm.Video(...)" if what == "a video" else "save it as PNG or JPEG"
    if what:
        return f"not a picture but {what}; {way_out}"
    return f"not a picture: the file starts with {data[:12]!r}; expected one of {', '.join((*PILLOW_FORMATS, 'HEIF'))}"


def _heif(data: bytes, name: str) -> PILImage.Image:
    try:
        from pi_heif import HeifImageFile
    except ImportError:
        reason = str(MissingExtraError("heic", "Reading a HEIC picture"))
        raise UnreadableItemError(reason, name=name) from None
    picture: PILImage.Image = HeifImageFile(io.BytesIO(data))  # without making Pillow read HEIC everywhere
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


def _upright(picture: PILImage.Image) -> PILImage.Image:
    """Return the picture turned as its EXIF data say."""
    turn = _TURNS.get(picture.getexif().get(_ORIENTATION, 1))
    return picture if turn is None else picture.transpose(turn)


def _on_white(picture: PILImage.Image) -> PILImage.Image:
    """Return a picture with transparent parts in RGB, on white; band by band, in little memory."""
    result = PILImage.new("RGB", picture.size)
    rows = max(1, _BAND // picture.width)
    for top in range(0, picture.height, rows):
        layer = picture.crop((0, top, picture.width, min(top + rows, picture.height))).convert("RGBA")
        white = PILImage.new("RGBA", layer.size, "white")
        white.alpha_composite(layer)
        result.paste(white.convert("RGB"), (0, top))
    return result


def _to_rgb(picture: PILImage.Image, *, alpha: bool) -> tuple[PILImage.Image, str]:
    """Return the first frame upright, transparent parts kept or white, eight bits a channel; and a note on changed tones."""
    picture, note = _upright(picture), ""
    if picture.mode == "F" or picture.mode.startswith("I"):
        picture, note = eight_bits(picture)
    if picture.mode == "La":  # the one mode that Pillow does not turn into RGBA in one step
        picture = picture.convert("LA")
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture, note
    if "A" in picture.mode or "a" in picture.mode or "transparency" in picture.info:
        if not alpha:
            return _on_white(picture), note
        return (picture if picture.mode == "RGBA" else picture.convert("RGBA")), note
    return picture.convert("RGB"), note


def decode(data: bytes, name: str = "", *, alpha: bool = False) -> tuple[PILImage.Image, str]:
    """Decode a picture.

    Parameters
    ----------
    data : bytes
        The encoded picture, whole.
    name : str, default=""
        For messages.
    alpha : bool, default=False
        Keep transparent parts; else they are white.

    Returns
    -------
    picture : PIL.Image.Image
        Mode RGB, or RGBA where transparent parts are kept; upright, fully loaded.
    note : str
        How grey values of more than eight bits were scaled, where that was a choice; else empty.

    Raises
    ------
    UnreadableItemError
        If it is no picture, is broken or cut off, or has too many pixels.
    """
    with _open(data, name) as picture:
        if not _is_suspicious(picture, data):
            return _loaded(picture, name, alpha=alpha)
    found = list(_decoding.decoded(data, {"kind": "picture", "alpha": alpha}, name=name, seconds=_SECONDS))
    return found[0], found[1]  # type: ignore[return-value]


def decode_here(data: bytes, *, alpha: bool = False) -> tuple[PILImage.Image, str]:
    """Decode a picture in this process, which may crash or never end; see `decode`.

    Parameters
    ----------
    data, alpha
        As `decode` takes them.

    Returns
    -------
    picture, note
        See `decode`.
    """
    with _open(data, "") as picture:
        return _loaded(picture, "", alpha=alpha)


def _is_suspicious(picture: PILImage.Image, data: bytes) -> bool:
    """Return whether few bytes claim many pixels or passes over them, or a decoder that is little tested or slow would read them."""
    pixels = picture.width * picture.height  # PNG's decoder reads 80 million in half a second
    if picture.format in ("JPEG", "MPO") and pixels * data.count(b"\xff\xda") > _MOST_SCANS:
        return True
    if _by_python(picture) and pixels + len(data) > _FEW:
        return True
    return picture.format == "HEIF" or (picture.format != "PNG" and pixels > max(_DENSE * len(data), _SMALL))


def _by_python(picture: PILImage.Image) -> bool:
    """Return whether Pillow decodes it in Python, byte by byte: bitmaps of run lengths, some portable pixmaps."""
    return any(tile[0] in PILImage.DECODERS for tile in getattr(picture, "tile", ()))


def from_pil(picture: PILImage.Image, name: str = "", *, alpha: bool = False) -> tuple[PILImage.Image, str]:
    """Decode a picture that Pillow has opened.

    Parameters
    ----------
    picture : PIL.Image.Image
        Any mode; it stays open.
    name, alpha
        As `decode` takes them.

    Returns
    -------
    picture, note
        See `decode`.

    Raises
    ------
    UnreadableItemError
        If it is broken, cut off or closed, or has no or too many pixels.
    """
    _check_size(*picture.size, name)
    if picture.format in _DRAWN and getattr(picture, "tile", None):
        msg = f"the {picture.format} drawing has no pixels until another program runs it; save it as PNG or JPEG"
        raise UnreadableItemError(msg, name=name)
    return _loaded(picture, name, alpha=alpha)


def _loaded(picture: PILImage.Image, name: str, *, alpha: bool) -> tuple[PILImage.Image, str]:
    try:
        with _quiet():
            if _by_python(picture) and isinstance(source := getattr(picture, "fp", None), _Pieces):
                source.left = math.inf
            picture.load()
            _check_size(*picture.size, name)  # some formats know their size only now
            return _to_rgb(picture, alpha=alpha)
    except (UnreadableItemError, KeyboardInterrupt):
        raise
    except Exception as error:  # a decoder may raise anything; it is this item's failure
        what = f"{picture.format} picture" if picture.format else "picture"
        msg = f"the {what} is broken or cut off ({shorten(str(error) or type(error).__name__, 200)})"
        raise UnreadableItemError(msg, name=name) from error


def from_array(array: NDArray[Any], *, alpha: bool = False) -> PILImage.Image:
    """Turn an array into a picture.

    Parameters
    ----------
    array : ndarray of shape (height, width), (height, width, 1), (height, width, 3) or (height, width, 4)
        uint8 or bool, or floats in 0..1.
    alpha : bool, default=False
        See `decode`.

    Returns
    -------
    PIL.Image.Image
        Mode RGB, or RGBA where transparent parts are kept.

    Raises
    ------
    UnreadableItemError
        If shape, dtype or range are others.
    """
    shape, got = array.shape, array.dtype
    if np.ma.is_masked(array):
        msg = "some pixels of the array are masked; say what stands there, e.g. array.filled(0)"
        raise UnreadableItemError(msg, name="array")
    if array.ndim == 3 and shape[2] == 1:
        array = array[:, :, 0]
    if array.size == 0 or array.ndim not in (2, 3) or (array.ndim == 3 and shape[2] not in (3, 4)):
        msg = f"expected an array of shape (height, width), (height, width, 3) or (height, width, 4), got {shape}"
        if array.ndim == 3 and shape[0] in (1, 3, 4):
            msg += "; np.moveaxis(array, 0, -1) puts the channels last"
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
    return _to_rgb(PILImage.fromarray(np.ascontiguousarray(array)), alpha=alpha)[0]
