"""Pictures are made to fit, the same way every time, and the choice is part of the cache key."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import mmtoolkit as mm
from mmtoolkit.providers import transcode


def test_large_pixels_end_within_the_limit_whatever_it_is(rng):
    picture = Image.fromarray(rng.integers(0, 256, (300, 400, 3), dtype=np.uint8))

    for limit in (200_000, 60_000, 5_000, 1_000):
        data, kind, size = transcode.encode(picture, limit)
        assert len(data) <= limit
        assert Image.open(io.BytesIO(data)).size == size
        assert kind == Image.open(io.BytesIO(data)).format


def test_transcoding_is_the_same_every_time(rng):
    picture = Image.fromarray(rng.integers(0, 256, (300, 400, 3), dtype=np.uint8))

    assert transcode.encode(picture, 60_000) == transcode.encode(picture, 60_000)


def test_transparency_becomes_white_when_a_picture_is_transcoded():
    buffer = io.BytesIO()
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(buffer, "WEBP", lossless=True)

    data, _, note = transcode.fit(buffer.getvalue(), mm.get_model("multimodal-embedding-v1"), name="x")

    assert np.asarray(Image.open(io.BytesIO(data))).min() == 255
    assert "WEBP sent as" in note


@pytest.mark.parametrize("source", ["jpg", "JPG", "jpeg"])
def test_the_data_uri_names_the_format_of_the_bytes(source, tmp_path):
    path = tmp_path / f"a.{source}"
    Image.new("RGB", (20, 20)).save(path, "PNG")

    data, kind, _ = transcode.fit(path.read_bytes(), mm.get_model("multimodal-embedding-v1"), name="x")

    assert transcode.data_uri(data, kind).startswith("data:image/png;base64,")
