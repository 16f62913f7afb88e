"""The map as one file: pictures that fit, text that stays text, no way out."""

import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mmtoolkit._mapfile import map_page, pictures_of, save_map
from mmtoolkit.errors import MMToolkitError
from mmtoolkit.figures import scatter_map

HOSTILE = '</script><img src="https://example.com/x.png" onerror=alert(1)> @@DATA@@ ' + "x" * 10_000


def picture(rng):
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (120, 120, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def frame(rng):
    """Twelve items: pictures, a missing file, a text with markup."""
    cells = [picture(rng) for _ in range(10)] + ["/nowhere/missing.png", None]
    return pd.DataFrame(
        {"id": [str(i) for i in range(12)], "modality": "image", "text": [HOSTILE] * 12, "image": cells}
    )


@pytest.fixture
def fig(rng):
    return scatter_map(rng.normal(size=(12, 2)), color=[HOSTILE, "b", "c"] * 4, hover=[HOSTILE] * 12, title=HOSTILE)


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])


def test_pictures_and_captions_are_data_in_the_file(tmp_path, fig, frame):
    save_map(tmp_path / "map.html", fig, frame)

    page = (tmp_path / "map.html").read_text("utf-8")
    data = data_of(page)
    assert sum(p is not None for p in data["pictures"]) == 10
    assert data["captions"][0].startswith('</script><img src="https')
    assert len(data["captions"][0]) == 200
    assert "10 of 12 items have a picture here." in page
    assert list(tmp_path.iterdir()) == [tmp_path / "map.html"]


def test_no_text_of_the_user_becomes_markup(fig, frame):
    page = map_page(fig, [], frame["text"].tolist())

    own = page.replace(re.search(r"<script>/\*.*?</script>", page, re.S)[0], "")  # without plotly.js
    assert "<img src=" not in own
    assert own.count("<script") == 2
    assert "innerHTML" not in own


def test_the_page_forbids_every_connection(fig):
    page = map_page(fig, [], [])

    assert "default-src 'none'" in page
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", page.split("<script>", 1)[0])


def test_the_figure_is_not_changed(fig, frame):
    before = fig.to_json()

    map_page(fig, [], frame["text"].tolist())

    assert fig.to_json() == before


def test_pictures_fit_into_their_bytes(frame):
    rows = frame.to_dict("records")

    all_of_them = pictures_of(rows)
    few = pictures_of(rows, picture_bytes=12_000)

    assert sum(map(bool, all_of_them)) == 10
    assert 1 <= sum(map(bool, few)) < 10
    assert sum(len(p) for p in few if p) <= 12_000


def test_items_without_pictures_and_no_items_at_all(tmp_path, fig):
    assert pictures_of([{"text": "a"}, {"image": float("nan")}]) == [None, None]

    save_map(tmp_path / "map.html", fig, None)

    assert data_of((tmp_path / "map.html").read_text("utf-8"))["captions"] == []


def test_places_that_cannot_hold_the_file_are_refused_before_it_is_made(tmp_path, fig):
    with pytest.raises(ValueError, match=r"such as 'map.html'; '.*' is a folder"):
        save_map(tmp_path, fig, None)
    with pytest.raises(ValueError, match=r"lies in '.*nowhere', which is no folder"):
        save_map(tmp_path / "nowhere" / "map.html", fig, None)

    assert list(tmp_path.iterdir()) == []


def test_file_that_cannot_be_written_says_why(tmp_path, fig):
    name = "m" * 256  # longer than a file system takes

    with pytest.raises(MMToolkitError, match=r"the map cannot be written to '.*' \(File name too long\)"):
        save_map(tmp_path / name, fig, None)

    assert list(tmp_path.iterdir()) == []
