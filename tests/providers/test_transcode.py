"""Pictures are made to fit, the same way every time, and the choice is part of the cache key."""

from __future__ import annotations

import base64
import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

import mmtoolkit as mm
from mmtoolkit._formats import PILLOW_FORMATS
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


PLUS, SNAPSHOT = "tongyi-embedding-vision-plus", "tongyi-embedding-vision-plus-2026-03-06"


def encoded(kind, **options):
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), (200, 40, 40)).save(buffer, kind, **options)
    return buffer.getvalue()


def rest(start):
    return start + bytes(20)


SMALL, LARGE = "fit1:3145728", "fit1:7340032"
ANEW, NEVER, TRANSCODED = (SMALL, ""), ("", ""), (SMALL, LARGE)  # for PLUS and for SNAPSHOT, as they were recorded
RECORDED = {
    "JPEG": (lambda: encoded("JPEG"), NEVER),
    "PNG": (lambda: encoded("PNG"), NEVER),
    "BMP": (lambda: encoded("BMP"), NEVER),
    "MPO": (lambda: encoded("MPO", save_all=True, append_images=[Image.new("RGB", (32, 32))]), NEVER),
    "JPEG, cut": (lambda: encoded("JPEG")[:40], NEVER),
    "WEBP": (lambda: encoded("WEBP"), ANEW),
    "TIFF": (lambda: encoded("TIFF"), ANEW),
    "ICO": (lambda: encoded("ICO"), ANEW),
    "ICNS": (lambda: encoded("ICNS"), ANEW),
    "SGI": (lambda: encoded("SGI"), ANEW),
    "TIFF, big-endian": (lambda: rest(b"MM\0*"), ANEW),
    "WEBP without VP8": (lambda: rest(b"RIFF\0\0\0\0WEBP"), ANEW),
    "WEBP with a line break in its size": (lambda: rest(b"RIFF\n\n\n\nWEBP"), ANEW),
    "GIF": (lambda: encoded("GIF"), TRANSCODED),
    "GIF87a": (lambda: rest(b"GIF87a"), TRANSCODED),
    "DIB": (lambda: encoded("DIB"), TRANSCODED),
    "PPM": (lambda: encoded("PPM"), TRANSCODED),
    "PGM": (lambda: b"P5\n1 1\n255\n\0", TRANSCODED),
    "AVIF": (lambda: encoded("AVIF"), TRANSCODED),
    "AVIF sequence": (lambda: rest(b"\0\0\0\x1cftypavis"), TRANSCODED),
    "HEIF": (lambda: rest(b"\0\0\0\x0aftypmif1"), TRANSCODED),
    "HEIC": (lambda: rest(b"\0\0\0\x1cftypheic"), TRANSCODED),
    "TIFF of 64 bits": (lambda: rest(b"II+\0"), TRANSCODED),
    "TIFF of 64 bits, big-endian": (lambda: rest(b"MM\0+"), TRANSCODED),
    "TIFF, mixed": (lambda: rest(b"II\0*"), TRANSCODED),
    "TIFF, mixed, big-endian": (lambda: rest(b"MM*\0"), TRANSCODED),
    "RIFF of another kind": (lambda: rest(b"RIFF\0\0\0\0WAVE"), TRANSCODED),
    "RIFF, cut": (lambda: b"RIFF\0\0\0\0WEB", TRANSCODED),
    "PNG, cut in its first bytes": (lambda: b"\x89PNG\r\n", TRANSCODED),
    "JPEG, cut in its first bytes": (lambda: b"\xff\xd8", TRANSCODED),
    "cursor": (lambda: rest(b"\0\0\2\0"), TRANSCODED),
    "one byte": (lambda: b"B", TRANSCODED),
    "text": (lambda: b"no picture", TRANSCODED),
}


@pytest.mark.parametrize("source", ["path", "bytes", "data"])
@pytest.mark.parametrize("name", RECORDED)
def test_the_recipe_of_every_format_is_the_recorded_one(name, source, tmp_path):
    """It is part of the cache key: another one would throw paid vectors away."""
    make, expected = RECORDED[name]
    data, path = make(), tmp_path / "picture.dat"
    path.write_bytes(data)
    value = {"path": path, "bytes": data, "data": f"data:image/x;base64,{base64.b64encode(data).decode()}"}[source]

    recipes = [transcode.recipe(mm.Image(value), mm.get_model(model)) for model in (PLUS, SNAPSHOT, "local")]

    assert recipes == [*expected, ""]


@pytest.mark.parametrize("kind", ["DIB", "PPM", "AVIF"])
def test_formats_that_keys_do_not_know_stay_unknown_whatever_a_model_takes(kind):
    spec = dataclasses.replace(mm.get_model(PLUS), name="takes-all", image_formats=frozenset(PILLOW_FORMATS))

    assert transcode.recipe(mm.Image(encoded(kind)), spec) == SMALL
    assert transcode.recipe(mm.Image(encoded("GIF")), spec) == ""


def test_a_picture_over_the_limit_has_a_recipe_whatever_its_format(tmp_path):
    path = tmp_path / "large.png"
    path.write_bytes(encoded("PNG") + bytes(3 * 1024 * 1024))

    assert transcode.recipe(mm.Image(path), mm.get_model(PLUS)) == SMALL
    assert transcode.recipe(mm.Image(path), mm.get_model("local")) == ""
