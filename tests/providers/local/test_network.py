"""The network against a second account of it: a sum for every pixel, in float64."""

from __future__ import annotations

import numpy as np
import pytest

from mmtoolkit.providers.local.network import Network


def a_network(rng, strides=(1, 2, 1), kernels=(3, 5, 3)):
    """Return arrays of a few narrow layers; the last block adds its input."""

    def layer(*shape):
        return {"weight": rng.normal(0, 0.5, shape).astype(np.float16), "bias": rng.normal(0, 0.5, shape[-1:])}

    layers = {"stem": layer(3, 3, 3, 4), "head": layer(6, 8), "classes": layer(8, 5)}
    for block, (kernel, narrow) in enumerate(zip(kernels, (4, 6, 6), strict=True)):
        wide = 4 if block == 0 else 2 * narrow
        layers |= {f"{block}.depthwise": layer(kernel, kernel, wide), f"{block}.project": layer(wide, 6)}
        if block:
            layers[f"{block}.expand"] = layer(6, wide)
    return {f"{name}.{part}": array for name, parts in layers.items() for part, array in parts.items()} | {
        "strides": np.array(strides, np.uint8)
    }


def convolved(x, weight, bias, stride):
    """Return a convolution, clipped: `weight` is (k, k, c) for one filter a channel, (k, k, c, d) else."""
    k = len(weight)
    n = -(-len(x) // stride)
    total = max((n - 1) * stride + k - len(x), 0)
    x = np.pad(x, [(total // 2, total - total // 2)] * 2 + [(0, 0)])
    out = np.empty((n, n, weight.shape[-1]))
    for i in range(n):
        for j in range(n):
            window = x[i * stride : i * stride + k, j * stride : j * stride + k]
            out[i, j] = np.einsum("abc,abc->c" if weight.ndim == 3 else "abc,abcd->d", window, weight)
    return np.clip(out + bias, 0, 6)


def seen(arrays, picture):
    """Return probabilities and features as the paper says."""
    a = {name: array.astype(np.float64) for name, array in arrays.items()}
    x = convolved((picture - 127.0) / 128, a["stem.weight"], a["stem.bias"], 2)
    for block, stride in enumerate(arrays["strides"].tolist()):
        y = x
        if block:
            y = np.clip(x @ a[f"{block}.expand.weight"] + a[f"{block}.expand.bias"], 0, 6)
        y = convolved(y, a[f"{block}.depthwise.weight"], a[f"{block}.depthwise.bias"], stride)
        y = y @ a[f"{block}.project.weight"] + a[f"{block}.project.bias"]
        x = x + y if y.shape == x.shape and stride == 1 else y
    features = np.clip(x @ a["head.weight"] + a["head.bias"], 0, 6).mean((0, 1))
    powers = np.exp(features @ a["classes.weight"] + a["classes.bias"])
    return powers / powers.sum(), features


@pytest.mark.parametrize("strides", [(1, 2, 1), (1, 1, 1)])
def test_probabilities_and_features_are_the_papers(strides):
    rng = np.random.default_rng(0)
    arrays = a_network(rng, strides)
    network = Network(arrays)

    for _ in range(2):  # the second picture gets the memory of the first
        picture = rng.integers(0, 256, (60, 60, 3), dtype=np.uint8)
        probabilities, features = network(picture)
        expected = seen(arrays, picture)

        assert probabilities.dtype == features.dtype == np.float32
        np.testing.assert_allclose(probabilities, expected[0], atol=1e-5)
        np.testing.assert_allclose(features, expected[1], atol=1e-4)


def test_what_was_returned_does_not_change_with_the_next_picture():
    rng = np.random.default_rng(1)
    network = Network(a_network(rng))
    first = network(rng.integers(0, 256, (60, 60, 3), dtype=np.uint8))
    kept = [array.copy() for array in first]

    network(np.zeros((60, 60, 3), dtype=np.uint8))

    assert all(map(np.array_equal, first, kept))
