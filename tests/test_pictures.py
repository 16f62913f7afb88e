"""Pictures from anywhere: opened safely, upright, on white, eight bits; the broken ones named."""

import contextlib
import io
import os
import struct
import time
import zlib

import numpy as np
import psutil
import pytest
from PIL import Image as PILImage

import mmtoolkit as mm
from mmtoolkit import _pictures
from mmtoolkit._formats import MAGIC_BYTES, PILLOW_FORMATS, picture_format
from mmtoolkit.errors import UnreadableItemError


def encoded(picture, kind="PNG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width, height):
    """Return a valid PNG header that claims so many pixels, with hardly any data behind it."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "size", [(20_000, 20_000), (10_000, 10_000), (9_000, 9_000), (2**31 - 1, 2**31 - 1), (200_000_000, 1)]
)
def test_a_bomb_is_refused_before_it_is_unpacked(size):
    before = psutil.Process().memory_info().rss

    with pytest.raises(UnreadableItemError, match=r"bomb\.png: the picture has .*too (many|large)|too many pixels"):
        _pictures.decode(bomb(*size), "bomb.png")

    assert psutil.Process().memory_info().rss - before < 100_000_000


def test_a_whole_bomb_fails_alone_with_row_and_id(tmp_path):
    (tmp_path / "bomb.png").write_bytes(bomb(20_000, 20_000))
    PILImage.new("RGB", (8, 8)).save(tmp_path / "good.png")

    with pytest.raises(
        mm.MMToolkitError, match=r"1 of 2 items .*row 0, id 'bomb\.png': .*at most 80,000,000 are allowed"
    ) as caught:
        mm.embed(mm.read_folder(tmp_path), model="local", cache=False)

    assert [error.item_id for error in caught.value.errors] == ["bomb.png"]


def test_an_open_picture_has_the_same_limit():
    with pytest.raises(UnreadableItemError, match=r"20000 x 20000 pixels, too many to open safely"):
        _pictures.from_pil(PILImage.new("1", (20_000, 20_000)))


def in_pieces(kind):
    """Return a picture of 8 x 8 pixels with a million pieces, each of which takes microseconds."""
    data = encoded(PILImage.new("RGB", (8, 8)), kind)
    at, piece = {
        "PNG": (33, chunk(b"tEXt", b"k\0v")),
        "GIF": (13, b"\x21\xf9\4\0\0\0\0\0"),
        "JPEG": (2, b"\xff"),
        "PPM": (3, b"#\n"),
    }[kind]
    return data[:at] + piece * 1_000_000 + data[at:]


@pytest.mark.parametrize("kind", ["PNG", "GIF", "JPEG", "PPM"])
def test_a_picture_in_a_million_pieces_is_refused_before_they_are_read(kind):
    data = in_pieces(kind)
    started = time.process_time()

    with pytest.raises(UnreadableItemError, match="too many pieces"):
        mm.Image(data).open()

    assert time.process_time() - started < 2  # reading all of them takes longer


def test_a_picture_that_another_pass_is_drawn_over_again_and_again_is_given_up(monkeypatch):
    monkeypatch.setattr(_pictures, "_SECONDS", 1.0)
    data = encoded(PILImage.new("RGB", (1900, 1900)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")

    with pytest.raises(UnreadableItemError, match="decoding took more than 1 s"):
        mm.Image(data[:-2] + data[last:-2] * 20_000 + data[-2:]).open()


def test_pixels_that_pillow_reads_one_by_one_are_given_up_when_there_are_many(monkeypatch):
    monkeypatch.setattr(_pictures, "_SECONDS", 1.0)

    assert mm.Image(b"P6 300 300 100\n" + bytes(270_000)).open().size == (300, 300)
    with pytest.raises(UnreadableItemError, match="decoding took more than 1 s"):
        mm.Image(b"P6 4000 4000 100\n" + bytes(48_000_000)).open()


def test_a_drawing_that_pillow_has_opened_starts_no_program(tmp_path, monkeypatch):
    PILImage.new("RGB", (20, 20)).save(tmp_path / "drawing.eps")
    program = tmp_path / "gs"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path / 'started'}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)

    with PILImage.open(tmp_path / "drawing.eps") as drawing, pytest.raises(UnreadableItemError, match="EPS drawing"):
        mm.Image(drawing).open()

    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("size", [(0, 0), (0, 7)])
def test_a_picture_without_pixels_is_refused(size):
    with pytest.raises(UnreadableItemError, match=r"has 0 x \d pixels; expected at least one"):
        _pictures.from_pil(PILImage.new("RGB", size))
    with pytest.raises(UnreadableItemError, match="the PNG picture is broken or cut off"):
        _pictures.decode(bomb(*size))


@pytest.mark.parametrize("kind", PILLOW_FORMATS)
def test_the_first_bytes_name_every_format(kind):
    data = encoded(PILImage.new("RGB", (32, 32), (200, 40, 40)), kind)

    assert picture_format(data[:MAGIC_BYTES]) == picture_format(data) == kind


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"MM\0*", "TIFF"),
        (b"II+\0", "unusual TIFF"),
        (b"MM*\0", "unusual TIFF"),
        (b"P5\n", "PPM"),
        (b"\0\0\0\x0aftypmif1", "AVIF"),
        (b"(\0\0\0", "DIB"),
        (b"RIFF\n\n\n\nWEBP", "WEBP"),
        (b"RIFF\0\0\0\0WAVE", ""),
        (b"\xff\xd8", ""),
        (b"Please read this", ""),
        (b"", ""),
    ],
)
def test_first_bytes_that_are_rare_or_no_picture(head, kind):
    assert picture_format(head) == kind


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_a_picture_cut_inside_its_header_is_broken_not_another_kind_of_file(kind):
    buffer = io.BytesIO()
    PILImage.new("RGB", (32, 32)).save(buffer, kind)

    with pytest.raises(UnreadableItemError, match=rf"the {kind} picture is broken or cut off"):
        _pictures.decode(buffer.getvalue()[:16])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_picture_is_broken_not_half_read(kind, share, rng):
    data = encoded(PILImage.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)), kind)

    with pytest.raises(UnreadableItemError, match=r"cut\.bin: (not a picture|the \w+ picture is broken or cut off)"):
        _pictures.decode(data[: int(len(data) * share)], "cut.bin")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"the file is empty \(0 bytes\); expected a picture"),
        (b"I am text", r"not a picture: the file starts with b'I am text'; expected one of JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (b"\x00" * 1000, "not a picture"),
    ],
)
def test_what_is_no_picture_is_named(data, message):
    with pytest.raises(UnreadableItemError, match=message):
        mm.Image(data).open()


@pytest.mark.parametrize("noise", range(40))
def test_random_damage_never_escapes_as_another_error(noise, rng):
    kind = ["JPEG", "PNG", "WEBP", "GIF", "TIFF"][noise % 5]
    data = bytearray(encoded(PILImage.fromarray(rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)), kind))
    damage = np.random.default_rng(noise)
    for at in damage.integers(0, len(data), 20):
        data[at] = int(damage.integers(256))

    with contextlib.suppress(UnreadableItemError):
        assert mm.Image(bytes(data)).open().mode == "RGB"


def test_the_format_goes_by_content_not_by_name(tmp_path):
    path = tmp_path / "really_a_png.jpg"
    path.write_bytes(encoded(PILImage.new("RGB", (3, 2), "blue")))

    assert mm.Image(path).open().getpixel((0, 0)) == (0, 0, 255)
    assert _pictures.header(path.read_bytes()) == ("PNG", 3, 2)


def test_the_first_frame_of_an_animation_is_taken():
    frames = [PILImage.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "WEBP", "PNG"):
        data = encoded(
            frames[0], kind, save_all=True, append_images=frames[1:], **({"lossless": True} if kind == "WEBP" else {})
        )

        assert mm.Image(data).open().getpixel((0, 0)) == (255, 0, 0)


def test_cmyk_becomes_rgb():
    for kind in ("JPEG", "TIFF"):
        data = encoded(PILImage.new("CMYK", (8, 8), (0, 255, 255, 0)), kind)

        red, green, blue = mm.Image(data).open().getpixel((4, 4))

        assert red > 200
        assert max(green, blue) < 60


@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_sixteen_bits_keep_their_tones(dtype):
    tones = np.linspace(0, 65535, 256).astype(dtype)[None, :].repeat(2, axis=0)
    kind = "PNG" if dtype is np.uint16 else "TIFF"

    opened = np.asarray(mm.Image(encoded(PILImage.fromarray(tones), kind)).open())

    assert opened.shape == (2, 256, 3)
    np.testing.assert_allclose(opened[0, :, 0], np.arange(256), atol=1)


def test_float_pixels_are_scaled():
    data = encoded(PILImage.fromarray(np.array([[0.0, 0.5, 1.0, np.nan]], dtype=np.float32)), "TIFF")

    assert np.asarray(mm.Image(data).open())[0, :, 0].tolist() == [0, 127, 255, 0]


@pytest.mark.parametrize("modes", [["RGBA"], ["LA"], ["LA", "La"], ["RGBa"], ["PA"]])
def test_transparent_parts_are_white(modes):
    picture = PILImage.new("RGBA", (2, 1), (255, 0, 0, 0))
    picture.putpixel((1, 0), (255, 0, 0, 255))
    for mode in modes:
        picture = picture.convert(mode)

    opened = mm.Image(picture).open()

    assert opened.getpixel((0, 0)) == (255, 255, 255)
    assert opened.getpixel((1, 0)) != (255, 255, 255)


def test_palette_transparency_and_colour_keys_are_white():
    palette = PILImage.new("P", (2, 1), 0)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.putpixel((1, 0), 1)
    keyed = PILImage.new("RGB", (2, 1), (1, 2, 3))
    keyed.putpixel((1, 0), (0, 0, 255))

    for data in (
        encoded(palette, "GIF", transparency=0),
        encoded(palette, "PNG", transparency=0),
        encoded(keyed, "PNG", transparency=(1, 2, 3)),
    ):
        opened = mm.Image(data).open()

        assert opened.getpixel((0, 0)) == (255, 255, 255)
        assert opened.getpixel((1, 0)) == (0, 0, 255)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "YCbCr", "LAB", "HSV", "I;16", "I", "F"])
def test_every_mode_comes_out_as_rgb(mode):
    picture = PILImage.new(mode, (3, 2))

    assert mm.Image(picture).open().mode == "RGB"
    assert mm.Image(picture).open().size == (3, 2)


def test_phone_pictures_stand_upright():
    picture = PILImage.new("RGB", (4, 2), "white")
    picture.putpixel((0, 0), (255, 0, 0))
    exif = PILImage.Exif()
    exif[0x0112] = 6  # turn right to see it upright

    opened = mm.Image(encoded(picture, "PNG", exif=exif)).open()

    assert opened.size == (2, 4)
    assert opened.getpixel((1, 0)) == (255, 0, 0)


def test_broken_orientation_does_no_harm():
    exif = PILImage.Exif()
    exif[0x0112] = 99

    assert mm.Image(encoded(PILImage.new("RGB", (4, 2)), "JPEG", exif=exif.tobytes() + b"\xff" * 9)).open().size == (
        4,
        2,
    )


# arrays


@pytest.mark.parametrize(
    "array",
    [
        np.full((2, 3, 3), 128, np.uint8),
        np.full((2, 3), 128, np.uint8),
        np.full((2, 3, 1), 128, np.uint8),
        np.full((2, 3, 3), 128 / 255),
        np.full((3, 2, 3), 128, np.uint8).transpose(1, 0, 2),
        np.asfortranarray(np.full((2, 3, 3), 128 / 255, np.float32)),
    ],
)
def test_arrays_are_pictures(array):
    opened = mm.Image(array).open()

    assert opened.size == (3, 2)
    assert opened.getpixel((0, 0)) == (128, 128, 128)


def test_masks_and_transparent_arrays_are_pictures():
    assert mm.Image(np.array([[True, False]])).open().getpixel((0, 0)) == (255, 255, 255)
    assert mm.Image(np.zeros((1, 1, 4), np.uint8)).open().getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 3, 2), np.uint8), r"expected an array of shape .*got \(2, 3, 2\)"),
        (np.zeros((4,), np.uint8), r"got \(4,\)"),
        (np.zeros((0, 3, 3), np.uint8), r"got \(0, 3, 3\)"),
        (np.zeros((1, 2, 3, 3), np.uint8), r"got \(1, 2, 3, 3\)"),
        (np.full((2, 2), 300, np.int64), "expected uint8, bool, or floats in 0..1, got int64"),
        (np.full((2, 2), 2.0), r"expected uint8, bool, or floats in 0..1, got float64 from 2.0 to 2.0"),
        (np.full((2, 2), np.nan), "got float64 from nan to nan"),
        (np.zeros((3, 5, 7), np.uint8), r"got \(3, 5, 7\); np.moveaxis\(array, 0, -1\) puts the channels last"),
        (
            np.ma.array(np.zeros((2, 2), np.uint8), mask=[[0, 1], [0, 0]]),
            r"pixels of the array are masked; .*filled\(0\)",
        ),
        (np.array([["a"]]), "expected uint8, bool, or floats in 0..1, got <U1"),
        (
            np.broadcast_to(np.zeros(1, np.uint8), (90_000, 1000)),
            r"the array of shape \(90000, 1000\) has too many pixels",
        ),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(array, message):
    with pytest.raises(UnreadableItemError, match=message):
        mm.Image(array).open()
