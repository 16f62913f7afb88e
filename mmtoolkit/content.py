"""The contents to embed: texts, pictures, videos, and several of them fused; loading, checks and fingerprints."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mmtoolkit._opening import digest_of, read_head, read_whole
from mmtoolkit._text import is_blank, shorten
from mmtoolkit.errors import UnreadableItemError, UnsupportedItemError

if TYPE_CHECKING:
    from PIL import Image as PILImage

__all__ = [
    "Absent",
    "Content",
    "Fused",
    "Image",
    "Text",
    "Video",
    "in_other_form",
    "inputs_of",
    "instead_of",
    "is_pil",
    "is_url",
]

_URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+://")
_MAX_DATA_URI = 64 * 1024 * 1024
_MAX_PICTURE = 512 * 1024 * 1024  # bytes of a file: as many as 16 bits of each channel of the most pixels take


def is_url(source: object) -> bool:
    """Return whether `source` is a string with a URL scheme (``https://``, but also ``ftp://``)."""
    return isinstance(source, str) and bool(_URL.match(source))


def instead_of(url: str) -> str:
    """Return what to pass in place of an address that is not read: the path of a file here, or of a download."""
    if not url.lower().startswith("file:"):
        return "download the file and pass its path"
    from urllib.request import url2pathname  # slow to import

    return f"pass the path of the file, {shorten(url2pathname(url[len('file://') :]), 200)!r}, not its address"


@dataclass(eq=False)
class _Hashed:
    """Remembers the digest, so that a change of the file between hashing and sending is noticed."""

    _digest: bytes | None = field(default=None, init=False, repr=False)

    def digest(self) -> bytes:
        """Return SHA-256 of the source (32 bytes); computed once.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> mm.Text("a red bird").digest().hex()[:8]
        'b858e86f'
        >>> mm.Text("a red bird").digest() == mm.Text("a red bird", truncate=True).digest()
        True
        """
        if self._digest is None:
            self._digest = self._compute_digest()
        return self._digest

    def _compute_digest(self) -> bytes:
        raise NotImplementedError

    def expect_digest(self, digest: bytes) -> None:
        """Take a digest that is known already, instead of reading the file.

        Examples
        --------
        >>> import hashlib, tempfile
        >>> from pathlib import Path
        >>> import mmtoolkit as mm
        >>> file = Path(tempfile.mkdtemp()) / "bird.png"
        >>> _ = file.write_bytes(b"bytes of a picture")
        >>> image = mm.Image(file)
        >>> image.expect_digest(hashlib.sha256(b"bytes of a picture").digest())
        >>> _ = file.write_bytes(b"other bytes")
        >>> image.read()
        Traceback (most recent call last):
            ...
        mmtoolkit.errors.UnreadableItemError: bird.png: the file changed while it was being embedded; run again
        """
        self._digest = digest

    def _checked(self, data: bytes, name: str) -> bytes:
        if self._digest is not None and hashlib.sha256(data).digest() != self._digest:
            raise UnreadableItemError("the file changed while it was being embedded; run again", name=name)
        return data


def _of_file(source: str | os.PathLike[str], look: Callable[[Path], bytes]) -> bytes:
    """Return what `look` finds in a file; what is wrong with the file is told as the item's failure."""
    if source == "":
        raise UnreadableItemError("the path is empty; expected the path of a file, or a URL", name="''")
    path = Path(source)
    try:
        return look(path)
    except FileNotFoundError as error:
        name = os.fspath(path)
        advice = ""
        if os.sep == "/" and "\\" in name:
            advice = ", which is written as on Windows: give the path as it is here, with /"
        elif (other := in_other_form(name)) != name:
            advice = f", but one that only looks the same (Unicode normal forms): {os.path.basename(other)!a}"
        msg = f"there is no file {name!r}{advice}"
        raise UnreadableItemError(msg, name=shorten(path.name)) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL inside the name
        why = getattr(error, "strerror", None) or error
        msg = f"cannot read {os.fspath(path)!r}: {why}"
        raise UnreadableItemError(msg, name=shorten(path.name)) from error


def in_other_form(path: str) -> str:
    """Return a path that exists in another Unicode normal form, as a Mac or an archive of one spells it; else the path itself."""
    if path.isascii() or os.path.exists(path):
        return path
    forms = (unicodedata.normalize(form, path) for form in ("NFC", "NFD"))
    return next((form for form in forms if os.path.exists(form)), path)


def _from_data_uri(uri: str) -> bytes:
    head, comma, body = uri.partition(",")
    if not comma or not head.endswith(";base64"):
        raise UnreadableItemError("expected a data URI like data:image/png;base64,…", name=shorten(head, 40))
    if len(body) > _MAX_DATA_URI:
        msg = f"the data URI has {len(body):,} characters, more than {_MAX_DATA_URI:,}"
        raise UnreadableItemError(msg, name=shorten(head, 40))
    try:
        return base64.b64decode(body, validate=True)
    except ValueError as error:  # of binascii, or for a letter that is not ASCII
        msg = f"the data URI is not valid Base64 ({error})"
        raise UnreadableItemError(msg, name=shorten(head, 40)) from error


def _digest_of(text: str, what: str, content: Content) -> bytes:
    try:
        return hashlib.sha256(text.encode("utf-8")).digest()
    except UnicodeEncodeError as error:
        msg = f"the {what} holds a lone surrogate at position {error.start}, which is not valid Unicode"
        raise UnreadableItemError(msg, name=content.name) from error


@dataclass(eq=False)
class Text(_Hashed):
    """A text.

    Parameters
    ----------
    text : str
        Not blank; it is embedded as it is, never taken for a path.
    truncate : bool, default=False
        Cut a text that is longer than the model takes, instead of warning and sending it whole.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> mm.Text("a photo of a cat").name
    'a photo of a cat'
    >>> mm.Text("a red bird").name
    'a red bird'
    """

    text: str
    truncate: bool = False
    modality: Literal["text"] = field(default="text", init=False, repr=False)

    def __post_init__(self) -> None:
        """Raise TypeError for a value that is not a string."""
        text: object = self.text
        if not isinstance(text, str):
            msg = f"Text takes a str, got {type(text).__name__}"
            raise TypeError(msg)

    @property
    def name(self) -> str:
        """The start of the text."""
        return shorten(self.text, 40)

    def _compute_digest(self) -> bytes:
        if is_blank(self.text):
            raise UnreadableItemError(
                "the text is blank; expected at least one visible character", name=repr(self.text[:20])
            )
        return _digest_of(self.text, "text", self)


@dataclass(eq=False)
class Image(_Hashed):
    """A picture, or several that share one vector.

    Parameters
    ----------
    source : str, Path, bytes, PIL.Image.Image, ndarray, or a list of these
        A path, an http(s) URL, a data URI, an encoded file, or pixels.
    resize : bool, default=True
        Let a picture that breaks a model's limit be scaled down or encoded anew; False makes that an error.
    inline : bool, default=False
        For a URL: fetch it here and send the bytes, instead of letting the service fetch it.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> red = mm.Image(np.full((32, 32, 3), (255, 0, 0), dtype=np.uint8))
    >>> red.open().size
    (32, 32)
    >>> picture = mm.Image("photos/bird.png")
    >>> picture.name, picture.is_url, picture.path.as_posix(), len(picture.parts)
    ('bird.png', False, 'photos/bird.png', 1)
    >>> mm.Image("https://example.com/bird.png").is_url
    True
    """

    source: Any
    resize: bool = True
    inline: bool = False
    modality: Literal["image"] = field(default="image", init=False, repr=False)
    note: str = field(default="", init=False, repr=False)  # how its tones were scaled when it was decoded
    _members: tuple[Image, ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        """Raise TypeError for a value that cannot be a picture."""
        source = self.source
        if isinstance(source, list | tuple):
            if not source:
                msg = "Image([...]) needs at least one picture"
                raise ValueError(msg)
            self.source = tuple(source)
            self._members = tuple(Image(member, resize=self.resize, inline=self.inline) for member in source)
        elif not isinstance(source, str | os.PathLike | bytes | bytearray | memoryview) and not (
            _is_array(source) or is_pil(source)
        ):
            msg = f"Image takes a path, URL, bytes, PIL image or array, got {type(source).__name__}"
            raise TypeError(msg)

    @property
    def parts(self) -> tuple[Image, ...]:
        """The pictures behind this vector: itself, or the members of a list."""
        return self._members or (self,)

    @property
    def is_url(self) -> bool:
        """Whether the source is a URL (of any scheme)."""
        return is_url(self.source)

    @property
    def path(self) -> Path | None:
        """The local file behind it, if there is one."""
        source = self.source
        if isinstance(source, os.PathLike):
            return Path(source)
        return Path(source) if isinstance(source, str) and not self.is_url and not source.startswith("data:") else None

    @property
    def name(self) -> str:
        """File name, last part of the URL, or kind of source."""
        if isinstance(self.source, tuple):
            return f"{len(self.source)} pictures"
        if self.is_url:
            return shorten(self.source.rsplit("/", 1)[-1] or self.source)
        return shorten(self.path.name) if self.path is not None else type(self.source).__name__

    def _compute_digest(self) -> bytes:
        if self._members:
            digests = [member.digest() for member in self._members]
            return digests[0] if len(digests) == 1 else hashlib.sha256(b"".join(digests)).digest()
        if self.is_url:
            return _digest_of(str(self.source), "URL", self)
        if _is_array(self.source) or is_pil(self.source):
            pixels = self.open()
            head = f"{pixels.mode} {pixels.height} {pixels.width}\n".encode()
            return hashlib.sha256(head + pixels.tobytes()).digest()
        return hashlib.sha256(self.read()).digest()

    def read(self) -> bytes:
        """Return the encoded picture; pixels are encoded as PNG, URLs must be fetched first.

        Raises
        ------
        UnreadableItemError
            If the file is missing, unreadable, or changed since its digest was taken.
        UnsupportedItemError
            If the source is a URL or a list.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> mm.Image(b"bytes of a picture").read()
        b'bytes of a picture'
        """
        source = self.source
        if isinstance(source, tuple) or self.is_url:
            kind = "a URL" if self.is_url else "a list of pictures"
            msg = f"expected a picture at hand, got {kind}" + (f"; {instead_of(str(source))}" if self.is_url else "")
            raise UnsupportedItemError(msg, name=self.name)
        if isinstance(source, bytes | bytearray | memoryview):
            return bytes(source)
        if isinstance(source, str) and source.startswith("data:"):
            return _from_data_uri(source)
        if self.path is not None:
            data = _of_file(self.source, lambda path: read_whole(path, _MAX_PICTURE))
            return self._checked(data, self.name)
        buffer = io.BytesIO()
        self.open().save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()

    def open(self, *, alpha: bool = False) -> PILImage.Image:
        """Return the picture decoded: RGB, upright, transparent parts white; `note` says how other tones were scaled.

        Parameters
        ----------
        alpha : bool, default=False
            Keep transparent parts: a picture that has an alpha channel is RGBA. No model gets it so.

        Returns
        -------
        PIL.Image.Image
            Fully loaded.

        Raises
        ------
        UnreadableItemError
            If it is broken or too large to open safely.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> mm.Image(np.zeros((4, 6, 3), dtype=np.uint8)).open().size
        (6, 4)
        """
        from mmtoolkit import _pictures

        if is_pil(self.source):
            picture, self.note = _pictures.from_pil(self.source, self.name, alpha=alpha)
        elif _is_array(self.source):
            picture = _pictures.from_array(self.source, alpha=alpha)
        else:
            picture, self.note = _pictures.decode(self.read(), self.name, alpha=alpha)
        return picture


@dataclass(eq=False)
class Video(_Hashed):
    """A video.

    Parameters
    ----------
    source : str, Path or bytes
        A path, an http(s) URL, or an encoded file.
    frames : int or None, default=None
        Embed so many frames as pictures and average them, instead of the video as a whole. Works for every model that
        takes pictures; needs a local file and the extra ``video``.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> mm.Video("https://example.com/walk.mp4").name
    'walk.mp4'
    >>> clip = mm.Video("clips/run.mp4", frames=8)
    >>> clip.name, clip.is_url, clip.path.as_posix()
    ('run.mp4', False, 'clips/run.mp4')
    """

    source: Any
    frames: int | None = None
    modality: Literal["video"] = field(default="video", init=False, repr=False)

    def __post_init__(self) -> None:
        """Raise TypeError for a value that cannot be a video."""
        if not isinstance(self.source, str | os.PathLike | bytes | bytearray | memoryview):
            msg = f"Video takes a path, URL or bytes, got {type(self.source).__name__}"
            raise TypeError(msg)
        frames: object = self.frames
        if frames is not None and (isinstance(frames, bool) or not isinstance(frames, int) or not 1 <= frames <= 64):
            msg = f"frames must be None or an int from 1 to 64, got {frames!r}"
            raise ValueError(msg)

    @property
    def is_url(self) -> bool:
        """Whether the source is a URL (of any scheme)."""
        return is_url(self.source)

    @property
    def path(self) -> Path | None:
        """The local file behind it, if there is one."""
        return Path(self.source) if isinstance(self.source, str | os.PathLike) and not self.is_url else None

    @property
    def name(self) -> str:
        """File name, last part of the URL, or kind of source."""
        if self.is_url:
            return shorten(str(self.source).rsplit("/", 1)[-1] or self.source)
        return shorten(self.path.name) if self.path is not None else "video bytes"

    def _compute_digest(self) -> bytes:
        if self.is_url:
            return _digest_of(str(self.source), "URL", self)
        if self.path is None:
            return hashlib.sha256(self.source).digest()
        return _of_file(self.source, digest_of)

    def read(self) -> bytes:
        """Return the encoded video.

        Raises
        ------
        UnreadableItemError
            If the file is missing, unreadable, or changed since its digest was taken.
        UnsupportedItemError
            If the source is a URL.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> clips = mm.load_dataset("clips")
        >>> mm.Video(clips["video"][0]).read()[:4].hex()
        '00000020'
        """
        if self.is_url:
            msg = f"expected a local video, got a URL; {instead_of(str(self.source))}"
            raise UnsupportedItemError(msg, name=self.name)
        if self.path is None:
            return bytes(self.source)
        return self._checked(_of_file(self.source, read_whole), self.name)

    def sample(self, n: int) -> list[PILImage.Image]:
        """Return the frames at the centres of `n` equal time slices, RGB.

        Parameters
        ----------
        n : int
            How many, at least 1.

        Returns
        -------
        list of PIL.Image.Image
            In order of time.

        Raises
        ------
        MissingExtraError
            If the extra ``video`` is not installed.
        UnreadableItemError
            If the video cannot be decoded.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> clips = mm.load_dataset("clips")
        >>> [frame.size for frame in mm.Video(clips["video"][0]).sample(2)]
        [(160, 160), (160, 160)]
        """
        return list(self.stream(n))

    def stream(self, n: int) -> Iterator[PILImage.Image]:
        """Give the frames of `sample` one at a time, so that only one of them need be in memory.

        Parameters
        ----------
        n : int
            How many, at least 1.

        Yields
        ------
        PIL.Image.Image
            In order of time.

        Raises
        ------
        MissingExtraError
            If the extra ``video`` is not installed.
        UnreadableItemError
            If the video cannot be decoded.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> clips = mm.load_dataset("clips")
        >>> sum(1 for frame in mm.Video(clips["video"][0]).stream(3))
        3
        """
        from mmtoolkit import _videos

        if self.path is not None:  # before gigabytes of another kind are read
            _videos.demuxer_of(_of_file(self.source, lambda path: read_head(path, _videos.HEAD)), self.name)
        yield from _videos.frames(self.read(), n, self.name)


@dataclass(eq=False)
class Fused(_Hashed):
    """Several inputs that share one vector.

    Parameters
    ----------
    text, image, video : str or Text, Image or its source, Video or its source, or None
        At least two.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> [part.modality for part in mm.Fused(text="a red bird", image="bird.png").parts]
    ['text', 'image']
    >>> mm.Fused(text="a red bird", image="bird.png").name
    'a red bird + bird.png'
    """

    text: Any = None
    image: Any = None
    video: Any = None
    modality: Literal["fused"] = field(default="fused", init=False, repr=False)

    def __post_init__(self) -> None:
        """Wrap plain values and refuse fewer than two."""
        for attribute, kind in (("text", Text), ("image", Image), ("video", Video)):
            value = getattr(self, attribute)
            if value is not None and not isinstance(value, kind):
                setattr(self, attribute, kind(value))
        if len(self.parts) < 2:
            msg = "Fused needs at least two of text, image and video"
            raise ValueError(msg)

    @property
    def parts(self) -> tuple[Text | Image | Video, ...]:
        """The inputs, in the order text, image, video."""
        return tuple(part for part in (self.text, self.image, self.video) if part is not None)

    @property
    def name(self) -> str:
        """Names of the parts."""
        return " + ".join(part.name for part in self.parts)

    def _compute_digest(self) -> bytes:
        return hashlib.sha256(b"".join(p.modality.encode() + p.digest() for p in self.parts)).digest()


@dataclass(eq=False)
class Absent(_Hashed):
    """A row without anything to embed: it fails like a broken file, and the others are embedded.

    Parameters
    ----------
    modality : {"text", "image", "video", "fused"}
        What it was to be.
    reason : str
        What is missing.
    """

    modality: str
    reason: str

    @property
    def name(self) -> str:
        """Empty; row and id identify the item."""
        return ""

    def _compute_digest(self) -> bytes:
        raise UnreadableItemError(self.reason)


Content: TypeAlias = Text | Image | Video | Fused  # an Absent stands among them and never reaches a provider


def inputs_of(content: Content) -> tuple[Text | Image | Video, ...]:
    """Return the inputs behind a content's vector: the parts of a fused one, else itself."""
    return content.parts if isinstance(content, Fused) else (content,)


def is_pil(value: object) -> bool:
    """Return whether `value` is a picture that Pillow has opened, without importing Pillow."""
    return any(cls.__module__.startswith("PIL.") and cls.__name__ == "Image" for cls in type(value).__mro__)


def _is_array(value: object) -> bool:
    return hasattr(value, "ndim") and hasattr(value, "__array_interface__")  # a PIL image decodes itself for the latter
