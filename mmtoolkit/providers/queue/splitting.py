"""Split contents into parts with a vector each, build these for requests, and join the vectors again."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from mmtoolkit._text import shorten
from mmtoolkit.content import Content, Fused, Image, Text, Video, inputs_of, instead_of
from mmtoolkit.errors import MissingExtraError, UnsupportedItemError
from mmtoolkit.providers import transcode
from mmtoolkit.providers.averages import join, leaves
from mmtoolkit.providers.queue import tokens
from mmtoolkit.providers.queue.packs import Item, Pack, Part, Wire, packs_of

if TYPE_CHECKING:
    from PIL import Image as PILImage

    from mmtoolkit.models import ModelSpec

__all__ = ["Frame", "Maker"]

Vector = Any  # NDArray of shape (dimension,), float32
Weigh = Callable[[str, int | None, Mapping[str, Any]], int]


@dataclass(eq=False)
class _Frames:
    """The frames of one video: decoded when the first is needed, and each dropped after its use."""

    video: Video
    limit: int
    _uris: dict[int, str] = field(default_factory=dict)
    _decoded: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def uri(self, i: int) -> str:
        """Return a frame as a data URI."""
        with self._lock:
            if i not in self._uris:
                for j, picture in enumerate(self.video.stream(self.video.frames or 1)):
                    if j == i or (j > i and not self._decoded):  # they are asked for in order, and again on a retry
                        self._uris[j] = self._encode(picture)
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
        """Return the frame as a part of a request."""
        return [{"image": self.frames.uri(self.index)}], ""


@dataclass(frozen=True)
class Maker:
    """Turns contents into parts of requests for one model, by its row of the models table.

    Parameters
    ----------
    spec : ModelSpec
        The model's row.
    local_fusion : bool, default=False
        Average the parts' unit vectors here when the model has no fusion of its own.
    fetch : callable or None, default=None
        Fetches a URL, for ``Image(url, inline=True)``.
    weigh : callable, default=tokens.media_tokens
        Guesses the tokens of one picture or video from its kind, its pixels (None when only the service sees it) and
        the parameters of the model.
    mixed : bool, default=True
        Whether texts and pictures may share a request.
    advice : str
        What to do with an item whose parts the model cannot take together.
    """

    spec: ModelSpec
    local_fusion: bool = False
    fetch: Callable[[str], bytes] | None = None
    weigh: Weigh = tokens.media_tokens
    mixed: bool = True
    advice: str = "embed the parts on their own, or use a model with fusion"

    def check(self, content: Content) -> None:
        """Raise for a content that the model cannot take; see `Provider.check`."""
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
        several = isinstance(content, Fused) or (isinstance(content, Image) and len(content.parts) > 1)
        return UnsupportedItemError(
            f"{self.spec.name!r} {what}{f'; {self.advice}' if several else ''}", name=content.name
        )

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
        """Return an id of the changes before sending; see `Provider.recipe`."""
        if isinstance(content, Frame):
            return f"frame:{content.frames.limit}"
        if isinstance(content, Text):
            limit = self._cut_at(content)
            return f"cut:{limit}" if limit else ""
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
        return list(leaves(content, self._split))

    def _split(self, content: Content | Frame) -> Sequence[Content | Frame]:
        """Return the parts whose vectors are averaged here; none when the service gives one vector for the whole."""
        if isinstance(content, Video) and content.frames is not None:
            frames = _Frames(content, transcode.largest(self.spec))
            return [Frame(i, frames) for i in range(content.frames)]
        return content.parts if isinstance(content, Fused | Image) and self._averages(content) else ()

    def count(self, contents: Sequence[Content], params: Mapping[str, Any]) -> tuple[int, int, int]:
        """Return how many requests, text tokens and media tokens `contents` would take."""
        parts = (self.parts(content, params) for content in contents)
        slots = (
            (Item(row, content), slot, part)
            for row, (content, each) in enumerate(zip(contents, parts, strict=True))
            for slot, part in enumerate(each)
        )
        packs = list(self.packs(slots, lambda: None))
        return len(packs), sum(pack.text for pack in packs), sum(pack.media for pack in packs)

    def packs(self, slots: Iterator[tuple[Item, int, Part]], largest: Callable[[], int | None]) -> Iterator[Pack]:
        """Fill requests with parts; see `packs_of`."""
        return packs_of(slots, self.spec, largest, mixed=self.mixed)

    def parts(self, content: Content | Frame, params: Mapping[str, Any]) -> list[Part]:
        """Split a content into parts with a vector each."""
        return [self._part(member, params) for member in self.members(content)]

    def _part(self, content: Content | Frame, params: Mapping[str, Any]) -> Part:
        if isinstance(content, Frame):
            media = self.weigh("image", 640 * 360, params)
            text = self.spec.template_tokens
            return Part("image", content.build, text=text, media=media, size=200_000, pictures=1)
        kind = content.modality
        singles = [single for one in inputs_of(content) for single in (one.parts if isinstance(one, Image) else (one,))]
        text = sum(
            self._cut_at(single) or tokens.text_tokens(single.text) for single in singles if isinstance(single, Text)
        )
        seen = [_pixels_and_bytes(single) for single in singles]
        media = sum(
            self.weigh(single.modality, pixels, params)
            for single, (pixels, _) in zip(singles, seen, strict=True)
            if not isinstance(single, Text)
        )
        size = sum(size for _, size in seen)
        grouped = len(singles) > 1 and self.spec.fusion in ("flag", "always")
        text += self.spec.template_tokens * (len(singles) if grouped else 1)
        pictures = sum(isinstance(single, Image) for single in singles)
        build = partial(self._build, content, grouped)
        return Part(kind, build, text=text, media=media, size=size, grouped=grouped, pictures=pictures)

    def _cut_at(self, text: Text) -> int | None:
        """Return the tokens that a text is cut to; None when it is sent whole."""
        limit = self.spec.text_tokens
        return limit if text.truncate and limit and tokens.text_tokens(text.text) > limit else None

    def _build(self, content: Content, grouped: bool) -> tuple[Wire, str]:
        built = [self._one(part) for part in inputs_of(content)]
        notes = "; ".join(note for _, note in built if note)
        objects = [one for found, _ in built for one in found]
        if grouped or len(objects) == 1:
            return objects, notes
        return [{name: value for one in objects for name, value in one.items()}], notes

    def _one(self, content: Text | Image | Video) -> tuple[Wire, str]:
        if isinstance(content, Text):
            if limit := self._cut_at(content):
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
        return transcode.data_uri(data, kind), "; ".join(filter(None, [image.note, note]))

    def combine(self, content: Content, vectors: Sequence[Vector]) -> tuple[Vector, str]:
        """Return the content's vector from those of its parts, and a note when it was averaged here."""
        if not (isinstance(content, Fused | Image) and self._averages(content)) and len(vectors) == 1:
            return vectors[0], ""
        what = f"{content.frames} frames" if isinstance(content, Video) else content.name
        following = iter(vectors)
        return join(content, self._split, lambda _: next(following)), f"mean of the unit vectors of {what}"


def _http_path(content: Image | Video) -> str:
    """Return the path of a content's URL; raise for other URLs than http(s)."""
    url = str(content.source)
    try:
        parts = urlsplit(url)
    except ValueError as error:
        msg = f"{shorten(url, 60)!r} is no URL ({error})"
        raise UnsupportedItemError(msg, name=content.name) from error
    if parts.scheme.lower() not in ("http", "https") or not parts.netloc:
        msg = f"expected an http or https URL, got {shorten(url, 60)!r}; {instead_of(url)}"
        raise UnsupportedItemError(msg, name=content.name)
    return parts.path


def _pixels_and_bytes(content: Text | Image | Video) -> tuple[int | None, int]:
    """Return the pixels, where they are known, and about how many bytes are sent."""
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
