"""Formats and modes of pictures: each comes out right, or is changed with a note, or fails by name; none silently."""

import base64
import io
import re
import struct
import sys
import warnings
import zlib

import numpy as np
import PIL
import pytest
from PIL import Image as PILImage

import mmtoolkit as mm
from mmtoolkit import _pictures
from mmtoolkit.errors import UnreadableItemError

HEIC = base64.b64decode(  # 64 x 48, white with a red quarter at the top left; made with pillow-heif
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAA"
    "AERAAAEAAQAAAAABoQABAAAAAAAAAFEAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/WlwcnAAAADd"
    "aXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAA"
    "AwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xh"
    "cAAAAEAAAAABAAAAMAAAAAEAAAAAAAAAAv////AAAAACAAAAEHBpeGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAAAFltZGF0AAAA"
    "TSgBrwngIzhH/84qf/WbaH0Jm8VXflN5W8yMrsx3/2jZT5T133Guw/yCaPHkNL/8xSgXWOJv/4z5H7O95ENpEXbTcILD8/RanQsPtyEc"
)
TURNED_HEIC = base64.b64decode(  # the same, to be turned right
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAchtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9jAAAA"
    "AERAAAIAAQAAAAAB7AABAAAAAAAAAFEAAgAAAAACPQABAAAAAAAAACQAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAAABVpbmZl"
    "AgAAAQACAABFeGlmAAAAAA5waXRtAAAAAAABAAABB2lwcnAAAADmaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH/"
    "/wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29s"
    "cm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAMAAAAAEAAAAAAAAAAv////AAAAACAAAAEHBpeGkAAAAA"
    "AwgICAAAAAlpcm90AwAAABlpcG1hAAAAAAAAAAEAAQaBAgMFhIYAAAAaaXJlZgAAAAAAAAAOY2RzYwACAAEAAQAAAH1tZGF0AAAATSgBrwngIzhH"
    "/84qf/WbaH0Jm8VXflN5W8yMrsx3/2jZT5T133Guw/yCaPHkNL/8xSgXWOJv/4z5H7O95ENpEXbTcILD8/RanQsPtyEcAAAABkV4aWYAAE1NACoA"
    "AAAIAAEBEgADAAAAAQAGAAAAAAAA"
)
TONES = np.arange(256, dtype=np.uint8).reshape(16, 16)
SCENE = PILImage.new("RGB", (48, 32), "white")
SCENE.paste((210, 50, 40), (0, 0, 24, 16))
SCENE.paste((30, 70, 200), (24, 16, 48, 32))


def encoded(picture, kind, **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def looks_like(opened, expected, tolerance):
    assert opened.mode == "RGB"
    assert opened.size == expected.size
    difference = np.abs(np.asarray(opened, dtype=int) - np.asarray(expected, dtype=int))
    assert difference.mean() < tolerance


EXACT, LOSSY = 0.01, 9
FORMATS = {  # what each can hold, how it is written, and how far the colours may be off
    "JPEG": ("RGB L 1 CMYK YCbCr", {"quality": 95, "subsampling": 0}, LOSSY),
    "PNG": ("RGB RGBA L LA 1 P I;16", {}, EXACT),
    "BMP": ("RGB RGBA L 1 P", {}, EXACT),
    "GIF": ("RGB RGBA L 1 P", {}, LOSSY),
    "WEBP": ("RGB RGBA L", {"quality": 95}, LOSSY),
    "TIFF": ("RGB RGBA L LA 1 P CMYK YCbCr LAB I;16 I;16B I F", {}, EXACT),
    "SGI": ("RGB RGBA L", {}, EXACT),
    "PPM": ("RGB L 1 I;16 F", {}, EXACT),
    "AVIF": ("RGB RGBA", {"quality": 95}, LOSSY),
    "JPEG2000": ("RGB RGBA L LA I;16", {}, LOSSY),
    "ICO": ("RGB RGBA", {"sizes": [(32, 32)]}, LOSSY),
    "ICNS": ("RGB RGBA", {}, LOSSY),
}
CELLS = [(kind, mode) for kind, (modes, *_) in FORMATS.items() for mode in modes.split()]
SQUARE = SCENE.resize((32, 32), PILImage.Resampling.NEAREST)


def in_mode(picture, mode):
    """Return the picture in a mode, with the tones that the mode can hold."""
    if mode in ("I;16", "I;16B"):
        tones = np.asarray(picture.convert("L")).astype(np.uint16) * 257
        return PILImage.frombytes(mode, picture.size, tones.astype(">u2" if mode == "I;16B" else "<u2").tobytes())
    if mode == "LAB":
        from PIL import ImageCms

        return ImageCms.profileToProfile(
            picture, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        )
    return picture.convert("RGBA" if mode == "LA" else "L" if mode in "IF" else "RGB").convert(mode)


@pytest.mark.parametrize(("kind", "mode"), CELLS)
def test_every_mode_of_every_format_is_read_right_or_with_a_note(kind, mode):
    if (kind, mode) == ("TIFF", "YCbCr") and int(PIL.__version__.split(".")[0]) < 13:
        pytest.skip("Pillow before 13 calls it cut off")
    _, options, tolerance = FORMATS[kind]
    scene = SQUARE if kind in ("ICO", "ICNS") else SCENE
    data = encoded(in_mode(scene, mode), kind, **options)

    image = mm.Image(data)
    opened, note = image.open(), image.note

    grey = scene.convert("1" if mode == "1" else "L").convert("RGB")
    expected = grey if mode in ("1", "L", "LA", "I;16", "I;16B", "I", "F") else scene
    looks_like(opened.resize(expected.size), expected, max(tolerance, LOSSY * (mode in ("P", "CMYK", "YCbCr", "LAB"))))
    assert bool(note) == (mode in ("I", "F"))


GREY = {
    "16 bits": (TONES.astype(np.uint16) * 257, ""),
    "12 bits of 16": (TONES.astype(np.uint16) * 16, "grey values up to 4080 read with 4095 as white"),
    "8 bits of 16": (TONES.astype(np.uint16), "grey values up to 255 read with 255 as white"),
    "8 bits of 32": (TONES.astype(np.int32), "grey values up to 255 read with 255 as white"),
    "16 bits of 32": (TONES.astype(np.int32) * 257, ""),
    "24 bits of 32": (TONES.astype(np.int32) << 16, r"from 0 to 1.67117e\+07 stretched"),
    "below zero": (TONES.astype(np.int32) - 128, "grey values from -128 to 127 stretched to 0..255"),
    "floats to 1": (TONES.astype(np.float32) / 255, ""),
    "floats to 255": (TONES.astype(np.float32), "grey values up to 255 read with 255 as white"),
    "floats to 65535": (TONES.astype(np.float32) * 257, ""),
    "floats to 10": (TONES.astype(np.float32) / 25.5, "grey values from 0 to 10 stretched"),
    "floats with overshoot": (TONES.astype(np.float32) / 250, "grey values from 0 to 1.02 stretched"),
    "floats around zero": (TONES.astype(np.float32) - 9000, "grey values from -9000 to -8745 stretched"),
    "huge floats": ((TONES.astype(np.float32) - 128) * 2e36, "stretched"),
}


@pytest.mark.parametrize("name", GREY)
@pytest.mark.parametrize("way", ["file", "picture"])
def test_grey_values_of_any_range_keep_their_tones_by_one_rule(name, way):
    values, said = GREY[name]
    picture = PILImage.fromarray(values)

    image = mm.Image(encoded(picture, "TIFF") if way == "file" else picture)
    opened, note = image.open(), image.note

    np.testing.assert_allclose(np.asarray(opened)[..., 0].astype(int), TONES.astype(int), atol=1)
    assert re.search(said, note) if said else note == ""


def test_what_is_no_number_is_black_and_said_to_be():
    values = np.array([[0.0, 300.0, np.nan, np.inf, -np.inf, 600.0]], np.float32)

    image = mm.Image(PILImage.fromarray(values))
    opened, note = image.open(), image.note

    assert np.asarray(opened)[0, :, 0].tolist() == [0, 127, 0, 0, 0, 255]
    assert note == "3 pixels that are no finite numbers are black; grey values from 0 to 600 stretched to 0..255"


def test_a_picture_of_one_value_out_of_range_is_black_with_a_note():
    image = mm.Image(PILImage.new("F", (2, 2), 300.0))
    opened, note = image.open(), image.note

    assert opened.getextrema() == ((0, 0),) * 3
    assert "from 300 to 300 stretched" in note


def test_notes_on_tones_stand_beside_the_vectors():
    values = np.linspace(-50, 3000, 64 * 64, dtype=np.float32).reshape(64, 64)
    data = encoded(PILImage.fromarray(values), "TIFF")

    emb = mm.embed_images([SCENE, data], model="local", cache=False, progress=False)

    assert emb.notes["row"].tolist() == [1]
    assert emb.notes["note"].iloc[0] == "grey values from -50 to 3000 stretched to 0..255"


@pytest.mark.parametrize("way", ["function", "service"])
def test_every_provider_tells_of_changed_tones(way, request):
    picture = PILImage.fromarray(np.linspace(-50, 3000, 4096, dtype=np.float32).reshape(64, 64))
    if way == "service":
        request.getfixturevalue("service")
        model = mm.DashScope("multimodal-embedding-v1")
    else:
        model = mm.FunctionProvider(
            lambda values: [[value.width, 1.0] for value in values],
            name="width",
            revision="1",
            dimension=2,
            modalities=("image",),
        )

    emb = mm.embed_images([SCENE, picture], model=model, cache=False, progress=False)

    assert emb.notes["note"].tolist() == ["grey values from -50 to 3000 stretched to 0..255"]


# HEIC


def test_heic_is_read_upright():
    pytest.importorskip("pi_heif")

    plain, turned = mm.Image(HEIC).open(), mm.Image(TURNED_HEIC).open()

    assert plain.size == (64, 48)
    assert plain.getpixel((4, 4))[0] > 200 > 60 > plain.getpixel((4, 4))[2]
    assert turned.size == (48, 64)
    assert turned.getpixel((44, 4))[2] < 60
    assert min(turned.getpixel((4, 4))) > 240


def test_heic_in_a_folder_is_embedded(tmp_path):
    pytest.importorskip("pi_heif")
    (tmp_path / "IMG_1.HEIC").write_bytes(HEIC)
    SCENE.save(tmp_path / "b.jpg")

    emb = mm.embed(mm.read_folder(tmp_path), model="local", cache=False, progress=False)

    assert emb.ids.tolist() == ["IMG_1.HEIC", "b.jpg"]
    assert emb.ok.all()


def test_without_the_extra_heic_fails_alone_and_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pi_heif", None)

    emb = mm.embed_images([HEIC, SCENE], model="local", cache=False, on_error="nan", progress=False)

    assert emb.ok.tolist() == [False, True]
    assert 'pip install "mmtoolkit[heic]"' in emb.failed["reason"].iloc[0]


# what is something else, and what decoders do


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "an SVG drawing"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x -->\n<svg width='1'>", "an SVG drawing"),
        (b"\n<!DOCTYPE html><html></html>", "a web page"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"8BPS\0\1", "a Photoshop document"),
        (b"PK\3\4xx", "a ZIP archive"),
        (b"\x1aE\xdf\xa3" + bytes(60), r"a video; pass it as mm\.Video"),
        (b"\0\0\0\x20ftypisom" + bytes(60), r"a video; pass it as mm\.Video"),
    ],
)
def test_other_kinds_of_files_are_named(data, said):
    with pytest.raises(UnreadableItemError, match=f"not a picture but {said}"):
        mm.Image(data).open()


def png(width, height, depth=1):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


def ico(inner, side=16):
    return b"\0\0\1\0\1\0" + struct.pack("<BBBBHHII", side, side, 0, 0, 1, 32, len(inner), 22) + inner


def icns(inner, code=b"ic10"):
    return b"icns" + struct.pack(">I", 16 + len(inner)) + code + struct.pack(">I", 8 + len(inner)) + inner


@pytest.mark.parametrize(
    "data",
    [
        ico(png(11_000, 11_000)),
        icns(png(11_000, 11_000)),
        icns(png(100_000, 1_000), b"ic07"),
        ico(struct.pack("<IiiHH", 40, 20_000, -20_000, 1, 1) + bytes(80)),
        icns(b"\xff\x4f\xff\x51\0\x29\0\0" + struct.pack(">II", 50_000, 50_000) + bytes(40)),
    ],
)
def test_a_bomb_inside_an_icon_is_refused_before_it_is_decoded(data):
    with pytest.raises(UnreadableItemError, match=r"has \d+ x \d+ pixels, too many to open safely"):
        mm.Image(data).open()


@pytest.mark.parametrize(
    "failure",
    [
        RuntimeError("odd"),
        struct.error("odd"),
        MemoryError(),
        AssertionError(),
        zlib.error("odd"),
        RecursionError("odd"),
    ],
)
@pytest.mark.parametrize("moment", ["open", "load"])
def test_whatever_a_decoder_raises_fails_that_picture_only(monkeypatch, failure, moment):
    def fail(*_args):
        raise failure

    from PIL import BmpImagePlugin

    data = encoded(SCENE, "BMP")
    monkeypatch.setattr(BmpImagePlugin.BmpImageFile, {"open": "_open", "load": "load_prepare"}[moment], fail)

    emb = mm.embed_images([data, SCENE], model="local", cache=False, on_error="nan", progress=False)

    assert emb.ok.tolist() == [False, True]
    assert "BMP picture is broken or cut off" in emb.failed["reason"].iloc[0]


def test_warnings_of_the_decoder_do_not_reach_the_user_and_filters_stay():
    exif = encoded(SCENE, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(6))
    before = list(warnings.filters)

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        mm.Image(exif).open()

    assert told == []
    assert warnings.filters == before
    assert _pictures.decode(exif)[0].size == (48, 32)
