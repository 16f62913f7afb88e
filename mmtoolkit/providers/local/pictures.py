"""The offline model's way from pictures to vectors: one network, and two linear maps of its outputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage

from mmtoolkit.providers.local.loading import WEIGHTS, once
from mmtoolkit.providers.local.texts import word_vectors
from mmtoolkit.vectors import unit_rows

__all__ = ["PictureVectors", "class_names", "image_files", "picture_vectors", "sight"]

_SIDE = 224  # pixels the network takes
_GAP = 3.0  # larger pictures are averaged in whole steps first: four times as fast for a photograph, and not to be told apart
_TOP = 50  # classes that share in a picture's meaning


def image_files() -> tuple[Path, ...]:
    """Return the files that picture vectors depend on, beside those of texts."""
    return tuple(WEIGHTS / name for name in ("efficientnet_lite0.npz", "picture_maps.npz", "imagenet_classes.txt"))


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return unit_rows(vector[None]).ravel()


def _square(picture: PILImage.Image) -> NDArray[np.uint8]:
    """Return the whole picture on a white square, (224, 224, 3)."""
    scale = _SIDE / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    canvas = PILImage.new("RGB", (_SIDE, _SIDE), "white")
    small = picture.resize((width, height), PILImage.Resampling.BICUBIC, reducing_gap=_GAP)
    canvas.paste(small, ((_SIDE - width) // 2, (_SIDE - height) // 2))
    return np.asarray(canvas)


def shares(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the share of each class in a picture's meaning, (1000,): roots of the highest probabilities; they sum to 1."""
    top = np.argsort(-probabilities, kind="stable")[:_TOP]
    found = np.zeros_like(probabilities)
    found[top] = np.sqrt(probabilities[top])
    return np.asarray(found / found.sum())


class PictureVectors:
    """256 numbers of meaning, in the space of the word vectors, and 256 of looks.

    Parameters
    ----------
    see : callable
        From a picture to probabilities (1000,) and features (1280,).
    classes : ndarray of shape (1000, 256), float32
        Unit word vectors of the names of the network's classes.
    center : ndarray of shape (1280,), float32
        Mean of the features.
    maps : ndarray of shape (1280, 512), float32
        From features to meaning (256 columns) and to looks (256 columns).

    References
    ----------
    Norouzi et al. (2014), Zero-shot learning by convex combination of semantic embeddings (ConSE).
    """

    def __init__(
        self,
        see: Callable[[PILImage.Image], tuple[NDArray[np.float32], NDArray[np.float32]]],
        classes: NDArray[np.float32],
        center: NDArray[np.float32],
        maps: NDArray[np.float32],
    ) -> None:
        self._see, self._classes, self._center, self._maps = see, classes, center, maps

    def __call__(self, picture: PILImage.Image) -> NDArray[np.float32]:
        """Return the unit vector of an RGB picture, (512,).

        Every step works on this one picture, and with one thread of BLAS, so the bytes depend on nothing else.
        """
        probabilities, features = self._see(picture)
        named = np.einsum("i,ij->j", shares(probabilities), self._classes)
        mapped = np.einsum("i,ij->j", _unit(features - self._center), self._maps)
        half = mapped.shape[0] // 2
        return _unit(np.concatenate([_unit(named + mapped[:half]), _unit(mapped[half:])]))


@once
def sight() -> Callable[[PILImage.Image], tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Load the network, once per process; return a function from a picture to class probabilities and features."""
    from mmtoolkit.providers.local.network import Network  # numba: not for a run that computes nothing

    with np.load(image_files()[0], allow_pickle=False) as arrays:
        network = Network(arrays)
    return lambda picture: network(_square(picture))


def class_names() -> list[str]:
    """Return the names of the network's classes in order."""
    return image_files()[2].read_text("utf-8").splitlines()


@once
def picture_vectors() -> PictureVectors:
    """Load the network and its maps, once per process."""
    classes = word_vectors()(class_names())
    with np.load(image_files()[1], allow_pickle=False) as arrays:
        maps = np.hstack([arrays["meaning"].astype(np.float32), arrays["looks"].astype(np.float32)])
        return PictureVectors(sight(), classes, arrays["center"], np.ascontiguousarray(maps))
