"""EfficientNet-Lite0 in numpy: matrix products, and one compiled loop for its depthwise convolutions."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._compiled import compiled

__all__ = ["Network"]

_TOP = np.float32(6)  # activations lie between 0 and 6
_NOTHING = np.empty(0, np.float32)


@compiled
def _depthwise(x: Any, before: Any, weight: Any, after: Any, stride: int, lines: Any, out: Any) -> None:
    """Add a bias to `x`, (h, w, c), clip it, convolve each channel with its own `weight`, (k, k, c), and clip that to `out`."""
    # `lines`, (k, w + k, c), are the rows that one row of `out` is made from. Zeros surround the picture as in TensorFlow's
    # "same": of an odd number of rows the smaller half comes before.
    h, w, channels = x.shape
    k = weight.shape[0]
    above, left = max((out.shape[0] - 1) * stride + k - h, 0) // 2, max((out.shape[1] - 1) * stride + k - w, 0) // 2
    lines[:] = 0
    filled = 0
    for y in range(out.shape[0]):
        while filled < y * stride + k:
            line, row = lines[filled % k], filled - above
            if 0 <= row < h:
                for q in range(w):
                    target, source = line[q + left], x[row, q]
                    for c in range(channels):
                        target[c] = min(_TOP, max(np.float32(0), source[c] + before[c]))
            else:
                line[:] = 0
            filled += 1
        for q in range(out.shape[1]):
            total, first = out[y, q], q * stride
            for c in range(channels):
                total[c] = after[c]
            for i in range(k):
                line, factors = lines[(y * stride + i) % k], weight[i]
                for j in range(0, k - 2, 3):
                    r, s, t = line[first + j], line[first + j + 1], line[first + j + 2]
                    u, v, z = factors[j], factors[j + 1], factors[j + 2]
                    for c in range(channels):
                        total[c] += r[c] * u[c] + s[c] * v[c] + t[c] * z[c]
                for j in range(k - k % 3, k):
                    r, u = line[first + j], factors[j]
                    for c in range(channels):
                        total[c] += r[c] * u[c]
            for c in range(channels):
                total[c] = min(_TOP, max(np.float32(0), total[c]))


class Network:
    """From the pixels of one picture to class probabilities and features; everything is float32.

    Its products are BLAS's: with one thread (`one_thread`) the bytes of a picture depend on nothing else.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        ``strides`` of the blocks, and ``weight`` and ``bias`` of each layer, batch normalization folded in: ``stem``,
        ``0.expand``, ``0.depthwise``, ``0.project``, ``1.expand``, ..., ``head``, ``classes``. A block without an
        ``expand`` takes the channels as they are.

    References
    ----------
    Tan and Le (2019), EfficientNet; Liu (2020), Higher accuracy on vision models with EfficientNet-Lite (TensorFlow blog).
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._strides: list[int] = arrays["strides"].tolist()
        self._arrays = {name: arrays[name].astype(np.float32) for name in arrays if name != "strides"}
        self._kept = threading.local()

    def __call__(self, picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the probabilities of 1,000 classes and 1,280 features of a square picture, (n, n, 3), n even."""
        side = len(picture)
        pixels = np.zeros((side + 1, side + 1, 3), np.float32)
        pixels[:side, :side] = (picture.astype(np.float32) - 127) / 128
        windows = np.lib.stride_tricks.sliding_window_view(pixels, (3, 3), axis=(0, 1))[::2, ::2]
        x = self._product("stem", windows.transpose(0, 1, 3, 4, 2).reshape(side // 2, side // 2, -1))
        inner, before = x, self._arrays["stem.bias"]
        for block, stride in enumerate(self._strides):
            if f"{block}.expand.weight" in self._arrays:
                inner, before = self._product(f"{block}.expand", x), self._arrays[f"{block}.expand.bias"]
            seen = self._convolved(f"{block}.depthwise", inner, before, stride)
            y = self._product(f"{block}.project", seen) + self._arrays[f"{block}.project.bias"]
            x = x + y if stride == 1 and x.shape == y.shape else y
        features = self._product("head", x) + self._arrays["head.bias"]
        features = np.clip(features, 0, _TOP).mean(axis=(0, 1))
        scores = self._product("classes", features) + self._arrays["classes.bias"]
        powers = np.exp(scores - scores.max())
        return np.asarray(powers / powers.sum()), np.asarray(features)

    def _product(self, layer: str, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return `x` times the layer's weights, without its bias, in memory that the next call writes to."""
        weight = self._arrays[f"{layer}.weight"].reshape(-1, self._arrays[f"{layer}.weight"].shape[-1])
        out = self._memory("product", (x.size // weight.shape[0], weight.shape[1]))
        np.matmul(x.reshape(-1, weight.shape[0]), weight, out=out)
        return np.asarray(out.reshape(*x.shape[:-1], -1))

    def _convolved(
        self, layer: str, x: NDArray[np.float32], before: NDArray[np.float32], stride: int
    ) -> NDArray[np.float32]:
        weight, (h, w, channels) = self._arrays[f"{layer}.weight"], x.shape
        out = self._memory("convolved", ((h - 1) // stride + 1, (w - 1) // stride + 1, channels))
        lines = self._memory("lines", (len(weight), w + len(weight), channels))
        _depthwise(x, before, weight, self._arrays[f"{layer}.bias"], stride, lines, out)
        return out

    def _memory(self, use: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return memory of this thread that was used before: to have it cleared by the system takes a third of the time."""
        size, known = math.prod(shape), self._kept.__dict__
        if known.get(use, _NOTHING).size < size:
            known[use] = np.empty(size, np.float32)
        return np.asarray(known[use][:size].reshape(shape))
