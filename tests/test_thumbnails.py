"""Small pictures and the HTML around them."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image as PILImage

import mmtoolkit as mm
from mmtoolkit.thumbnails import item_html, strip_html, thumbnail_uri

EVIL = '"><script>alert(1)</script>\n<img src=x onerror=alert(1)>'


def opened(uri):
    return PILImage.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


@pytest.fixture
def red(tmp_path):
    path = tmp_path / "red.png"
    PILImage.new("RGB", (400, 200), "red").save(path)
    return path


def row(**cells):
    return {"id": "a", "modality": "text", "text": None, "image": None, "video": None, "label": None, **cells}


def test_every_kind_of_picture_gives_a_small_webp(red):
    kinds = [
        red,
        str(red),
        red.read_bytes(),
        PILImage.open(red),
        np.zeros((30, 60), np.uint8),
        mm.Image(red),
        [red, red],
    ]

    pictures = [opened(thumbnail_uri(kind, size=64)) for kind in kinds]

    assert {p.format for p in pictures} == {"WEBP"}
    assert max(max(p.size) for p in pictures) == 64
    assert pictures[0].size == (64, 32)


def glyph(ink, side=48):
    """A square of one colour in the middle of nothing."""
    picture = PILImage.new("RGBA", (side, side))
    picture.paste(ink, (side // 4, side // 4, 3 * side // 4, 3 * side // 4))
    return picture


def luminance(colour):
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in colour)]
    return float(np.dot(parts, [0.2126, 0.7152, 0.0722]))


def on_page(uri, colour):
    """The thumbnail as a page of that colour shows it."""
    page = PILImage.new("RGBA", opened(uri).size, colour)
    page.alpha_composite(opened(uri).convert("RGBA"))
    return page.convert("RGB")


@pytest.mark.parametrize("ink", ["black", "white", "gold"])
@pytest.mark.parametrize("page", ["#ffffff", "#111111"])
def test_a_transparent_picture_has_no_tile_and_can_be_seen_on_light_and_dark_pages(ink, page):
    uri = thumbnail_uri(glyph(ink))

    shown = on_page(uri, page)
    back = shown.getpixel((1, 1))
    rim = [luminance(shown.getpixel((24, row))) for row in range(6, 24)]
    ratios = [(max(v, luminance(back)) + 0.05) / (min(v, luminance(back)) + 0.05) for v in rim]

    assert opened(uri).mode == "RGBA"
    assert np.abs(np.subtract(back, PILImage.new("RGB", (1, 1), page).getpixel((0, 0)))).max() <= 2
    assert max(ratios) >= 3


def test_transparent_parts_are_kept_of_every_kind_of_source(tmp_path):
    glyph("red").save(tmp_path / "a.png")
    glyph("red", 2400).save(tmp_path / "b.webp", lossless=True)  # few bytes, many pixels: another process decodes it
    flat = glyph("red").quantize(8)
    flat.save(tmp_path / "c.gif", transparency=flat.getpixel((0, 0)))
    sources = [tmp_path / "a.png", tmp_path / "b.webp", tmp_path / "c.gif", glyph("red"), np.asarray(glyph("red"))]

    pictures = [opened(thumbnail_uri(source, size=64)) for source in sources]

    assert [p.mode for p in pictures] == ["RGBA"] * len(sources)
    assert all(p.getchannel("A").getpixel((1, 1)) < 8 for p in pictures)


def test_a_picture_that_is_opaque_throughout_needs_no_rim():
    uri = thumbnail_uri(PILImage.new("RGBA", (40, 40), "black"))

    assert opened(uri).mode == "RGB"
    assert opened(uri).getpixel((0, 0)) == (0, 0, 0)


def test_the_picture_of_the_user_stays_as_it_was():
    big = PILImage.new("RGB", (400, 200), "red")

    thumbnail_uri(big, size=64)

    assert big.size == (400, 200)


def test_a_changed_file_gets_a_new_thumbnail(red):
    before = thumbnail_uri(red)

    PILImage.new("RGB", (200, 200), "blue").save(red)

    assert thumbnail_uri(red) != before


@pytest.mark.parametrize(
    "value", [None, float("nan"), 3, "/no/such.png", "https://example.org/a.png", "a\0b", b"not a picture"]
)
def test_what_cannot_be_shown_gives_none(value):
    assert thumbnail_uri(value) is None


def test_a_broken_file_gives_none_and_a_card_with_its_name(tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_text("text")

    html = item_html(row(modality="image", image=str(broken)))

    assert thumbnail_uri(broken) is None
    assert "<img" not in html
    assert "broken.jpg" in html


def test_a_frame_of_a_video_is_shown():
    pytest.importorskip("av")
    clip = mm.load_dataset("clips")["video"].iloc[0]

    assert max(opened(thumbnail_uri(clip, size=50)).size) == 50


def test_user_text_cannot_leave_its_place(tmp_path, red):
    evil_file = tmp_path / "a'\"<b>.png"
    evil_file.write_bytes(red.read_bytes())
    rows = [
        row(text=EVIL),
        row(id=EVIL, modality="image", image=str(evil_file)),
        row(id="c", modality="image", text=EVIL, image=str(red)),
    ]

    html = strip_html(pd.DataFrame(rows), notes=[EVIL, "", ""])

    assert "<script" not in html
    assert "<img src=x" not in html
    assert "<b>.png" not in html
    assert html.count("<figure") == 3


def test_a_strip_wants_one_note_per_item():
    with pytest.raises(ValueError, match="notes has 2 lines for 1 items"):
        strip_html(pd.DataFrame([row(text="x")]), notes=["a", "b"])
