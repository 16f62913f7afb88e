"""The built-in model: basic quality, free, offline; nothing is ever downloaded or sent."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import nullcontext
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit.content import Content, Fused, Image, Text, Video, inputs_of, instead_of
from mmtoolkit.errors import ItemError, MissingExtraError, UnreadableItemError, UnsupportedItemError
from mmtoolkit.models import ModelSpec, get_model
from mmtoolkit.provenance import one_thread
from mmtoolkit.providers.averages import join, mean
from mmtoolkit.providers.base import Outcome, Provider, Sink, batches
from mmtoolkit.providers.local.languages import is_foreign
from mmtoolkit.vectors import unit_rows

if TYPE_CHECKING:
    from PIL import Image as PILImage

__all__ = ["LocalModel"]

_STEP = 6  # of this code; raise it with every change that changes a vector
_FRAMES = 8
_BLOCK = {"text": 512, "image": 16, "video": 2, "fused": 8}  # items a thread takes at once; changes no vector


class LocalModel(Provider):
    """The offline model: English and Chinese texts, pictures and short local videos in one space of 512 dimensions.

    Its quality is basic: good for grouping and classifying pictures or texts, weaker when texts are to find pictures;
    for that take a DashScope model. 256 dimensions are meaning, 256 looks (zero for texts). Vectors are the same,
    byte for byte, whatever the order, the number of threads and the other items.

    Parameters
    ----------
    n_jobs : int or None, default=None
        Threads; None takes one per core, at most 16.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> mm.embed_texts(["a cat", "一只猫"], model="local", cache=False).shape
    (2, 512)
    """

    def __init__(self, n_jobs: int | None = None) -> None:
        if n_jobs is not None and (not isinstance(n_jobs, int) or n_jobs < 1):
            msg = f"n_jobs must be None or an int of at least 1, got {n_jobs!r}"
            raise ValueError(msg)
        self.n_jobs = n_jobs

    @property
    def spec(self) -> ModelSpec:
        """The row ``local`` of the models table; `revision` is a hash of weights, word vectors, dictionary and code."""
        return dataclasses.replace(get_model("local"), revision=_revision())

    @property
    def leaves_machine(self) -> bool:
        """False: no connection is opened."""
        return False

    @property
    def destination(self) -> str:
        """Items go nowhere."""
        return "nothing leaves this machine"

    def check(self, content: Content, *, dimension: int, params: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Raise UnsupportedItemError for URLs: this model never goes online."""
        for part in content.parts if isinstance(content, Fused | Image) else (content,):
            if isinstance(part, Image | Video) and part.is_url:
                msg = (
                    "the offline model opens no connection, so it cannot take a URL (DashScope models take those of http "
                    f"and https); {instead_of(str(part.source))}"
                )
                raise UnsupportedItemError(msg, name=part.name)
            if isinstance(part, Video) and find_spec("av") is None:
                raise MissingExtraError("video", f"Embedding {part.name!r} with the offline model")

    def recipe(self, content: Content) -> str:
        """Return how many frames stand for a video; empty for everything else."""
        videos = (part for part in inputs_of(content) if isinstance(part, Video))
        return "".join(f"frames={video.frames or _FRAMES}" for video in videos)

    def embed(
        self,
        contents: Sequence[Content],
        *,
        dimension: int,  # noqa: ARG002 - there is only one
        params: Mapping[str, Any],  # noqa: ARG002 - there are none
        sink: Sink,
        budget: float | None = None,  # noqa: ARG002 - it costs nothing
    ) -> None:
        """Compute all `contents`, each on its own, on several threads; `sink` is called from this thread only."""
        _say_which_languages(contents)
        stop = threading.Event()

        def work(rows: Sequence[int]) -> list[Outcome]:
            if all(isinstance(contents[row], Text) for row in rows):  # many texts at once take a quarter of the time
                return [] if stop.is_set() else _text_outcomes(rows, [contents[row] for row in rows])
            return [_outcome(row, contents[row]) for row in rows if not stop.is_set()]

        blocks = list(batches(contents, _BLOCK.__getitem__))
        workers = min(self.n_jobs or min(os.cpu_count() or 1, 16), max(len(blocks), 1))
        only_texts = all(isinstance(content, Text) for content in contents)
        limited = nullcontext() if only_texts else one_thread(numpy_only=True)
        with limited, ThreadPoolExecutor(workers) as pool:
            pending = {pool.submit(work, rows) for rows in blocks}
            try:
                while pending:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    for future in done:
                        sink(future.result())
            except BaseException:  # Ctrl-C too: what is done must arrive
                stop.set()
                for future in pending:
                    future.cancel()
                for future in wait(pending).done:
                    if not future.cancelled() and future.exception() is None:
                        sink(future.result())
                raise


def _say_which_languages(contents: Sequence[Content]) -> None:
    """Warn once of all texts in other languages."""
    parts = (part for c in contents for part in inputs_of(c))
    foreign = [part.name for part in parts if isinstance(part, Text) and is_foreign(part.text)]
    if foreign:
        msg = (
            f"texts that look like another language: {len(foreign)}, the first {foreign[0]!r}. The offline model knows English "
            "and Chinese; vectors of other texts mean little. DashScope's models know more languages"
        )
        warnings.warn(msg, UserWarning, stacklevel=8)


def _text_outcomes(rows: Sequence[int], texts: Sequence[Any]) -> list[Outcome]:
    vectors = _text_vectors([text.text for text in texts])
    return [_found(row, text, vector) for row, text, vector in zip(rows, texts, vectors, strict=True)]


def _outcome(row: int, content: Content) -> Outcome:
    notes: dict[str, None] = {}  # a set in order
    try:
        vector = join(content, _split, partial(_leaf_vector, notes), _unit_mean)
    except ItemError as error:
        return Outcome(row, error=error)
    return _found(row, content, vector, "; ".join(notes))


def _found(row: int, content: Content, vector: NDArray[np.float32], note: str = "") -> Outcome:
    if not vector.any():
        return Outcome(row, error=UnreadableItemError("nothing in it that the offline model knows", name=content.name))
    return Outcome(row, vector, note=note)


def _split(content: Content | PILImage.Image) -> Sequence[Content] | Iterator[PILImage.Image]:
    """Return the parts, or the frames, whose vectors are averaged; none for a text or one picture."""
    if isinstance(content, Video):
        return content.stream(content.frames or _FRAMES)
    several = isinstance(content, Fused) or (isinstance(content, Image) and len(content.parts) > 1)
    return content.parts if several else ()  # type: ignore[union-attr]


def _leaf_vector(notes: dict[str, None], content: Text | Image | PILImage.Image) -> NDArray[np.float32]:
    """Return the unit vector of a text or of one picture; what was done to the picture goes to `notes`."""
    if isinstance(content, Text):
        return np.asarray(_text_vectors([content.text])[0])
    from mmtoolkit.providers.local.pictures import picture_vectors

    if isinstance(content, Image):
        picture = content.parts[0].open()
        notes.update(dict.fromkeys(filter(None, [content.parts[0].note])))
        content = picture
    return picture_vectors()(content)


def _text_vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    """Return unit vectors of texts: meaning, and no looks."""
    from mmtoolkit.providers.local.texts import word_vectors

    meaning = word_vectors()(texts)
    return np.hstack([meaning, np.zeros_like(meaning)])


def _unit_mean(vectors: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the mean, scaled to length 1."""
    return unit_rows(mean(vectors)[None]).ravel()


@functools.cache
def _revision() -> str:
    from mmtoolkit.providers.local.pictures import image_files
    from mmtoolkit.providers.local.texts import text_files

    state = hashlib.sha256(f"local {_STEP} ".encode())
    for path in (*image_files(), *text_files()):
        state.update(hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()
