"""Means of vectors have the bytes that they had before there was one function for them; they are in caches."""

from __future__ import annotations

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.providers.averages import join, leaves, mean, mean_of_units
from mmtoolkit.providers.local.model import _unit_mean
from mmtoolkit.providers.queue.splitting import Maker

V = np.array(
    [
        [0.001, 0.299, -0.274],
        [-0.891, -0.455, -0.992],
        [0.06, 1.34, -0.492],
        [-0.62, 0.49, 0.357],
        [0.105, -0.93, -0.029],
    ],
    dtype=np.float32,
)
UNITS = np.frombuffer(
    bytes.fromhex(
        "2598213bb2bc3c3fd6f42cbfd0e521bf9e59a5beef3f34bf5d032c3d071a703f3f50b0be510937bf65a8103f7dc9d23ee1a7e53d03437ebf07b7fdbc"
    ),
    dtype=np.float32,
).reshape(5, 3)


def tree(thing):
    """Lists are taken apart, numbers are leaves."""
    return thing if isinstance(thing, list) else ()


def test_the_mean_of_directions_is_the_recorded_one():
    assert mean_of_units(V[:3]).tobytes().hex() == "03b048be9cc6e63ef71e13bf"
    assert mean_of_units(list(V[:3])).tobytes().hex() == "03b048be9cc6e63ef71e13bf"


def test_the_mean_of_the_offline_model_is_the_recorded_one():
    assert _unit_mean(list(UNITS[:3])).tobytes().hex() == "c9b184bebd96183f748d42bf"


def test_parts_inside_parts_have_the_recorded_means():
    nested = [0, [1, 2], [3, 4]]

    ours = join(nested, tree, lambda i: UNITS[i], _unit_mean)
    service = join(nested, tree, lambda i: V[i])

    assert ours.tobytes().hex() == "cea931bf7da9cf3e164918bf"
    assert service.tobytes().hex() == "7edbc5be1744673e5398a9be"


def test_an_item_with_pictures_and_frames_has_the_recorded_mean():
    maker = Maker(mm.get_model("multimodal-embedding-v1"), local_fusion=True)
    pictures, clip = mm.Image(["https://h/1.png", "https://h/2.png"]), mm.Video("x.mp4", frames=2)
    item = mm.Fused(text="a", image=pictures, video=clip)

    vector, note = maker.combine(item, list(V))

    assert vector.tobytes().hex() == "7edbc5be1744673e5398a9be"
    assert note.startswith("mean of the unit vectors of a + ")


@pytest.mark.parametrize(
    ("thing", "expected"), [(1, [1]), ([1, 2], [1, 2]), ([1, [2, [3]], 4], [1, 2, 3, 4]), ([[[5]]], [5])]
)
def test_leaves_come_in_the_order_in_which_join_asks_for_them(thing, expected):
    asked = []

    join(thing, tree, lambda i: asked.append(i) or V[0])

    assert list(leaves(thing, tree)) == asked == expected


def test_a_mean_is_computed_in_double_precision():
    big = np.array([[1e8, 1.0], [1.0, 1e-8], [-1e8, 1.0]], dtype=np.float32)

    assert mean(list(big)).tolist() == [np.float32(1 / 3), np.float32((2 + np.float64(np.float32(1e-8))) / 3)]
    assert mean(big).dtype == np.float32
