"""From contents to what goes over the wire: checks, transcoding ids, parts that get a vector each, and back to one."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import numpy as np

from mmtoolkit._text import shorten
from mmtoolkit.content import Fused, Image, Text, Video
from mmtoolkit.errors import MissingExtraError, UnsupportedItemError
from mmtoolkit.providers import tokens, transcode

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image as PILImage

    from mmtoolkit.content import Content
    from mmtoolkit.models import ModelSpec

__all__ = ["Frame", "Maker", "Part"]

Vector = Any  # NDArray of shape (dimension,), float32
Wire = list[dict[str, Any]]


@dataclass(eq=False)
class Part:
    """Something that gets one vector from the service.

    Parameters
    ----------
    kind : str
        "text", "image", "video" or "fused": what decides about packing.
    build : callable
        Returns the content objects and a note on what was changed; done just before sending.
    text, media : int
        Estimated tokens.
    size : int
        Rough number of bytes in the request.
    grouped : bool
        Several content objects, one vector: needs a request of its own.
    """

    kind: str
    build: Callable[[], tuple[Wire, str]]
    text: int = 0
    media: int = 0
    size: int = 0
    grouped: bool = False


@dataclass(eq=False)
class _Frames:
    """The frames of one video, decoded when the first of them is needed, each dropped when it is handed out."""

    video: Video
    limit: int
    _uris: dict[int, str] = field(default_factory=dict)
    _decoded: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def uri(self, i: int) -> str:
        with self._lock:
            if i not in self._uris:
                pictures = self.video.sample(self.video.frames or 1)
                wanted = (
                    [i] if self._decoded else range(i, len(pictures))
                )  # they are asked for in order, and again on a retry
                self._uris.update({j: self._encode(pictures[j]) for j in wanted})
                self._decoded = True
            return self._uris.pop(i)

    def _encode(self, picture: PILImage.Image) -> str:
        data, kind, _ = transcode.encode(picture, self.limit)
        return transcode.data_uri(data, kind)


@dataclass(eq=False)
class Frame:
    """One frame of a local video: a picture with a vector of its own."""

    index: int
    frames: _Frames
    modality: Literal["image"] = field(default="image", init=False, repr=False)

    @property
    def name(self) -> str:
        """Which frame of which video."""
        return f"frame {self.index + 1} of {self.frames.video.name}"

    def digest(self) -> bytes:
        """Return SHA-256 of the video's digest and the frame's place; nothing is decoded."""
        video = self.frames.video
        return hashlib.sha256(video.digest() + f" frame {self.index}/{video.frames}".encode()).digest()

    def build(self) -> tuple[Wire, str]:
        """Return the frame as it goes over the wire."""
        return [{"image": self.frames.uri(self.index)}], ""


@dataclass(frozen=True)
class Maker:
    """Knows how one model takes contents.

    Parameters
    ----------
    spec : ModelSpec
        The model's row.
    local_fusion : bool, default=False
        Average the parts' unit vectors here when the model has no fusion of its own.
    fetch : callable or None, default=None
        Fetches a URL, for ``Image(url, inline=True)``.
    """

    spec: ModelSpec
    local_fusion: bool = False
    fetch: Callable[[str], bytes] | None = None

    def check(self, content: Content) -> None:
        """Refuse what the model cannot take; see `Provider.check`."""
        if isinstance(content, Fused):
            if self.spec.fusion == "none" and not self.local_fusion:
                raise self._refusal(content, "makes no fused vectors")
            for part in content.parts:
                self.check(part)
        elif isinstance(content, Video):
            self._check_video(content)
        elif content.modality not in self.spec.modalities:
            raise self._refusal(
                content, f"takes no {content.modality}s, only {', '.join(sorted(self.spec.modalities))}"
            )
        elif isinstance(content, Image):
            self._check_images(content)

    def _refusal(self, content: Content, what: str) -> UnsupportedItemError:
        ways = "embed the parts on their own, use a model with fusion, or average them with mm.DashScope(model, local_fusion=True)"
        several = isinstance(content, Fused) or (isinstance(content, Image) and len(content.parts) > 1)
        return UnsupportedItemError(f"{self.spec.name!r} {what}{f'; {ways}' if several else ''}", name=content.name)

    def _check_images(self, image: Image) -> None:
        parts = image.parts
        if len(parts) > self.spec.max_images and not (self.local_fusion and self.spec.max_images == 1):
            raise self._refusal(image, f"takes at most {self.spec.max_images} picture(s) per vector, got {len(parts)}")
        for part in parts:
            if part.is_url:
                _http_path(part)
            else:
                transcode.check(part.read(), self.spec, name=part.name, resize=part.resize)

    def _check_video(self, video: Video) -> None:
        name, formats = self.spec.name, ", ".join(sorted(self.spec.video_formats))
        if video.frames is not None:
            if "image" not in self.spec.modalities:
                raise self._refusal(video, "takes no pictures, so no frames either")
            if video.is_url:
                msg = "frames can only be taken from a local video; download the file, or pass the URL without frames="
                raise UnsupportedItemError(msg, name=video.name)
            _need_frames()
        elif "video" not in self.spec.modalities:
            raise self._refusal(video, "takes no videos")
        elif not video.is_url:
            if "file" not in self.spec.video_sources:
                msg = (
                    f"{name!r} takes videos only by URL. Either publish the file at an http(s) address and pass that, or "
                    "embed some of its frames as pictures: mm.Video(path, frames=8)"
                )
                raise UnsupportedItemError(msg, name=video.name)
        else:
            _, dot, ending = _http_path(video).rsplit("/", 1)[-1].rpartition(".")
            if dot and ending.lower() not in self.spec.video_formats:
                msg = f"the URL ends in .{ending[:12]}; {name!r} takes {formats}"
                raise UnsupportedItemError(msg, name=video.name)

    def recipe(self, content: Content | Frame) -> str:
        """Return the id of what is done before sending; see `Provider.recipe`."""
        if isinstance(content, Frame):
            return f"frame:{content.frames.limit}"
        if isinstance(content, Text):
            limit = self.spec.text_tokens
            return f"cut:{limit}" if content.truncate and limit and tokens.text_tokens(content.text) > limit else ""
        if isinstance(content, Video):
            return "" if content.frames is None else f"frames:{content.frames}"
        if isinstance(content, Image) and len(content.parts) == 1:
            return transcode.recipe(content.parts[0], self.spec)
        way = "mean" if self._averages(content) else "service"
        return f"{way}({','.join(self.recipe(part) for part in content.parts)})"

    def _averages(self, content: Content) -> bool:
        """Whether the vectors of the content's members are averaged here."""
        if isinstance(content, Image):
            return len(content.parts) > self.spec.max_images
        if not isinstance(content, Fused):
            return isinstance(content, Video) and content.frames is not None
        return self.spec.fusion == "none" or any(self._averages(part) for part in content.parts)

    def members(self, content: Content | Frame) -> list[Content | Frame]:
        """Return the contents that get a vector each: itself, or those whose vectors are averaged here."""
        if isinstance(content, Video) and content.frames is not None:
            frames = _Frames(content, transcode.largest(self.spec))
            return [Frame(i, frames) for i in range(content.frames)]
        if isinstance(content, Fused | Image) and self._averages(content):
            return [member for part in content.parts for member in self.members(part)]
        return [content]

    def parts(self, content: Content | Frame, params: Mapping[str, Any]) -> list[Part]:
        """Split a content into what gets a vector each."""
        return [self._part(member, params) for member in self.members(content)]

    def _part(self, content: Content | Frame, params: Mapping[str, Any]) -> Part:
        if isinstance(content, Frame):
            media = tokens.image_tokens(640 * 360, self._level(params))
            return Part("image", content.build, media=media, size=200_000)
        kind = content.modality
        leaves = [
            leaf for member in (content.parts if isinstance(content, Fused) else (content,)) for leaf in _leaves(member)
        ]
        text = sum(self._text_tokens(leaf) for leaf in leaves if isinstance(leaf, Text))
        seen = [_weigh(leaf) for leaf in leaves]
        level = self._level(params)
        media = sum(
            tokens.image_tokens(pixels, level) * (self._video_frames(params) if isinstance(leaf, Video) else 1)
            for leaf, (pixels, _) in zip(leaves, seen, strict=True)
            if not isinstance(leaf, Text)
        )
        size = sum(size for _, size in seen)
        grouped = len(leaves) > 1 and self.spec.fusion in ("flag", "always")
        return Part(kind, partial(self._build, content, grouped), text=text, media=media, size=size, grouped=grouped)

    def _level(self, params: Mapping[str, Any]) -> Any:
        return params.get("res_level", 1) if "res_level" in self.spec.params else None

    def _video_frames(self, params: Mapping[str, Any]) -> int:
        return int(params.get("max_video_frames", 8)) if "max_video_frames" in self.spec.params else 1

    def _text_tokens(self, text: Text) -> int:
        count = tokens.text_tokens(text.text)
        return min(count, self.spec.text_tokens or count) if text.truncate else count

    def _build(self, content: Content, grouped: bool) -> tuple[Wire, str]:
        built = [self._one(part) for part in (content.parts if isinstance(content, Fused) else (content,))]
        notes = "; ".join(note for _, note in built if note)
        objects = [one for found, _ in built for one in found]
        if grouped or len(objects) == 1:
            return objects, notes
        return [{name: value for one in objects for name, value in one.items()}], notes

    def _one(self, content: Text | Image | Video) -> tuple[Wire, str]:
        if isinstance(content, Text):
            limit = self.spec.text_tokens
            if content.truncate and limit and tokens.text_tokens(content.text) > limit:
                kept = tokens.cut(content.text, limit)
                return [{"text": kept}], f"text cut from {len(content.text)} to {len(kept)} characters"
            return [{"text": content.text}], ""
        if isinstance(content, Video):
            return [{"video": content.source}], ""
        sent = [self._picture(part) for part in content.parts]
        notes = "; ".join(note for _, note in sent if note)
        values = [value for value, _ in sent]
        if len(values) == 1 or self.spec.fusion in ("flag", "always"):
            return [{"image": value} for value in values], notes
        return [{"multi_images": values}], notes

    def _picture(self, image: Image) -> tuple[str, str]:
        if image.is_url and not image.inline:
            return str(image.source), ""
        if image.is_url:
            if self.fetch is None:
                msg = "this provider fetches no URLs"
                raise UnsupportedItemError(msg, name=image.name)
            data = self.fetch(str(image.source))
            transcode.check(data, self.spec, name=image.name, resize=image.resize)
        else:
            data = image.read()
        data, kind, note = transcode.fit(data, self.spec, name=image.name)
        return transcode.data_uri(data, kind), note

    def combine(self, content: Content, vectors: Sequence[Vector]) -> tuple[Vector, str]:
        """Return the content's vector from those of its parts, and a note when it was averaged here."""
        if not (isinstance(content, Fused | Image) and self._averages(content)) and len(vectors) == 1:
            return vectors[0], ""
        what = f"{content.frames} frames" if isinstance(content, Video) else content.name
        return self._merge(content, iter(vectors)), f"mean of the unit vectors of {what}"

    def _merge(self, content: Content, vectors: Iterator[Vector]) -> Vector:
        if isinstance(content, Video) and content.frames is not None:
            return _mean([next(vectors) for _ in range(content.frames)])
        if isinstance(content, Fused | Image) and self._averages(content):
            return _mean([self._merge(part, vectors) for part in content.parts])
        return next(vectors)


def _mean(vectors: Sequence[Vector]) -> NDArray[np.float32]:
    units = [v / np.linalg.norm(v) for v in np.asarray(vectors, dtype=np.float64)]
    mean: NDArray[np.float32] = np.mean(units, axis=0).astype(np.float32)
    return mean


def _http_path(content: Image | Video) -> str:
    """Return the path of a content's URL, refusing what is no http(s) URL."""
    url = str(content.source)
    try:
        parts = urlsplit(url)
    except ValueError as error:
        msg = f"{shorten(url, 60)!r} is no URL ({error})"
        raise UnsupportedItemError(msg, name=content.name) from error
    if parts.scheme.lower() not in ("http", "https") or not parts.netloc:
        msg = f"expected an http or https URL, got {shorten(url, 60)!r}; for a local file pass its path"
        raise UnsupportedItemError(msg, name=content.name)
    return parts.path


def _leaves(content: Text | Image | Video) -> tuple[Text | Image | Video, ...]:
    return content.parts if isinstance(content, Image) else (content,)


def _weigh(content: Text | Image | Video) -> tuple[int | None, int]:
    """Return pixels, where they can be seen, and rough bytes on the wire."""
    if isinstance(content, Text):
        return None, 4 * len(content.text)
    if isinstance(content, Video) or content.is_url:
        return None, 200
    from mmtoolkit import _pictures

    data = content.read()
    _, width, height = _pictures.header(data, content.name)
    return width * height, len(data) * 4 // 3


def _need_frames() -> None:
    from importlib.util import find_spec

    if find_spec("av") is None:
        raise MissingExtraError("video", "Reading frames from a local video")
