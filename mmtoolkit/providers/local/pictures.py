"""The offline model's way from pictures to vectors: one network, and two linear maps of what it sees."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as PILImage

from mmtoolkit.providers.local.texts import WEIGHTS, once, word_vectors
from mmtoolkit.vectors import unit_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PictureVectors", "image_files", "picture_vectors"]

_SIDE = 224  # pixels the network takes
_TOP = 50  # classes that share in a picture's meaning


def image_files() -> tuple[Path, ...]:
    """Return the files that picture vectors depend on."""
    return tuple(
        WEIGHTS / name for name in ("efficientnet_lite0_fp16w.onnx", "image_text_adapter.npz", "imagenet_classes.txt")
    )


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return unit_rows(vector[None]).ravel()


def _square(picture: PILImage.Image) -> NDArray[np.uint8]:
    """Return the whole picture on a white square, (1, 224, 224, 3)."""
    scale = _SIDE / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    canvas = PILImage.new("RGB", (_SIDE, _SIDE), "white")
    small = picture.resize((width, height), PILImage.Resampling.BICUBIC)
    canvas.paste(small, ((_SIDE - width) // 2, (_SIDE - height) // 2))
    return np.asarray(canvas)[None]


class PictureVectors:
    """256 numbers of meaning, in the space of the word vectors, and 256 of looks.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        EfficientNet-Lite0 with the outputs "probs" and "features".
    classes : ndarray of shape (1000, 256), float32
        Unit word vectors of the names of its classes.
    center : ndarray of shape (1280,), float32
        Mean of the features.
    maps : ndarray of shape (1280, 512), float32
        From features to meaning (256 columns) and to looks (256 columns).

    References
    ----------
    Norouzi et al. (2014), Zero-shot learning by convex combination of semantic embeddings (ConSE).
    """

    def __init__(
        self, session: Any, classes: NDArray[np.float32], center: NDArray[np.float32], maps: NDArray[np.float32]
    ) -> None:
        self._session, self._classes, self._center, self._maps = session, classes, center, maps

    def __call__(self, picture: PILImage.Image) -> NDArray[np.float32]:
        """Return the unit vector of an RGB picture, (512,).

        Every step works on this one picture and without BLAS, so the bytes depend on nothing else.
        """
        probs, features = (out[0] for out in self._session.run(["probs", "features"], {"image": _square(picture)}))
        top = np.argsort(-probs, kind="stable")[:_TOP]
        weights = np.sqrt(probs[top])
        named = _unit((weights[:, None] * self._classes[top]).sum(axis=0))
        mapped = np.einsum("i,ij->j", _unit(features - self._center), self._maps)
        half = mapped.shape[0] // 2
        meaning = _unit(named + _unit(mapped[:half]))
        return _unit(np.concatenate([meaning, _unit(mapped[half:])]))


@once
def picture_vectors() -> PictureVectors:
    """Load the network and its maps, once per process."""
    # Linux builds report to Microsoft from 1.29 on; only the variable, set before the import, stops all of it
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # for a process that had imported it already
    network, adapter, names = image_files()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # our own threads take one picture each
    session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    words = word_vectors()
    classes = np.stack([words(name) for name in names.read_text("utf-8").splitlines()])
    with np.load(adapter) as arrays:
        maps = np.hstack([arrays["W"].astype(np.float32), arrays["V"].astype(np.float32)])
        return PictureVectors(session, classes, arrays["f_mean"], np.ascontiguousarray(maps))
