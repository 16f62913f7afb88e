"""The saved map as a file: pictures that fit, text that stays text, no way out."""

import base64
import hashlib
import html
import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import mmtoolkit as mm
from mmtoolkit.errors import MMToolkitError
from mmtoolkit.thumbnails import pictures_of

HOSTILE = (
    '</script><img src="https://example.com/x.png" onerror=alert(1)> @@DATA@@ \u2028 \u202egnp.exe \' ' + "x" * 10_000
)


def page_of(ex, tmp_path, **options):
    ex.save(tmp_path / "map.html", **options)
    return (tmp_path / "map.html").read_text("utf-8")


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.S)[1])


def noise(rng):
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (120, 120, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def hostile(rng):
    """Twelve items: pictures, a missing file, and markup wherever a user can write."""
    cells = [noise(rng) for _ in range(10)] + ["/nowhere/missing.png", None]
    items = pd.DataFrame(
        {"id": [f"{HOSTILE[:60]}{i}" for i in range(12)], "modality": "image", "text": [HOSTILE] * 12, "image": cells}
    )
    items = items.assign(
        **{HOSTILE: ["a", HOSTILE] * 6, "__proto__": np.arange(12.0), "constructor": ["x", "y", None] * 4}
    )
    emb = mm.Embeddings(rng.normal(size=(12, 4)).astype(np.float32), items=items)
    return mm.explore(emb, y=[HOSTILE, "b", "c"] * 4, projection=rng.normal(size=(12, 2)))


def test_no_text_of_the_user_becomes_markup(hostile, tmp_path):
    hostile.label(HOSTILE[:60], items=[0, 1])

    page = page_of(hostile, tmp_path, title=HOSTILE)

    data = data_of(page)
    own = page.replace(re.search(r'id="data">(.*?)</script>', page, re.S)[1], "")
    assert "<img" not in own
    assert own.count("<script") == own.count("</script") == 2
    assert "innerHTML" not in page
    assert "document.write" not in page
    assert data["items"]["ids"] == hostile.ids.tolist()
    assert [len(c) for c in data["items"]["captions"]] == [200] * 12
    assert {"__proto__", "constructor"} <= {c["name"] for c in data["colours"]}


def test_the_policy_allows_the_own_script_and_style_and_nothing_else(hostile, tmp_path):
    page = page_of(hostile, tmp_path)

    policy = html.unescape(re.search(r'Content-Security-Policy" content="(.*?)"', page)[1])
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    for name, pattern in (("script-src", r"<script>(.*?)</script>"), ("style-src", r"<style>(.*?)</style>")):
        digest = base64.b64encode(hashlib.sha256(re.search(pattern, page, re.S)[1].encode()).digest()).decode()
        assert parts[name] == f"'sha256-{digest}'"
    assert parts["default-src"] == "'none'"
    assert not re.search(
        r"<(?:script|link|img)[^>]+(?:src|href)=|\sstyle=", page.replace(json.dumps(data_of(page)), "")
    )


def test_pictures_are_in_the_file_and_missing_ones_are_counted(hostile, tmp_path):
    page = page_of(hostile, tmp_path)

    assert sum(p is not None for p in data_of(page)["items"]["pictures"]) == 10
    assert "10 of 12 items have a picture here." in page
    assert [path.name for path in tmp_path.iterdir()] == ["map.html"]


def test_pictures_fit_into_their_bytes(rng):
    rows = [{"image": noise(rng)} for _ in range(10)] + [{"text": "a"}, {"image": float("nan")}]

    all_of_them = pictures_of(rows, picture_bytes=1_000_000)
    few = pictures_of(rows, picture_bytes=12_000)

    assert sum(map(bool, all_of_them)) == 10
    assert all_of_them[10:] == [None, None]
    assert 1 <= sum(map(bool, few)) < 10
    assert sum(len(p) for p in few if p) <= 12_000


def test_2000_pictures_with_long_captions_stay_below_5_mb(rng, tmp_path):
    cell = noise(rng)  # noise is what compresses worst
    items = pd.DataFrame({"id": [f"照片/{i:05}.jpg" for i in range(2000)], "modality": "image", "image": [cell] * 2000})
    items["text"] = ["说" * 300] * 2000
    for i in range(40):
        items[f"column {i}"] = rng.normal(size=2000)
    emb = mm.Embeddings(rng.normal(size=(2000, 4)).astype(np.float32), items=items)

    page = page_of(mm.explore(emb, projection=emb.vectors[:, :2]), tmp_path)

    assert len(page.encode()) <= 5_000_000
    assert sum(p is not None for p in data_of(page)["items"]["pictures"]) > 100
    assert "10 more columns are not in this file." in page


def test_colours_hold_classes_clusters_annotations_and_columns(ex, tmp_path):
    ex.label("bird", items=[0, 1])
    ex.color_by = "cluster"

    data = data_of(page_of(ex, tmp_path))

    colours = {c["name"]: c for c in data["colours"]}
    assert list(colours) == ["nothing", "class", "cluster", "annotation", "modality", "kind", "size", "flag"]
    assert data["colours"][data["start"]["colour"]]["name"] == "cluster"
    names = [g["name"] for g in colours["class"]["groups"]]
    assert [names[code] for code in colours["class"]["codes"]] == ex.y.tolist()
    assert [g["name"] for g in colours["annotation"]["groups"]] == ["bird", "(none)"]
    assert colours["annotation"]["codes"] == [0, 0] + [1] * 38
    np.testing.assert_allclose(colours["size"]["values"], ex.items["size"], rtol=1e-4)
    assert (colours["size"]["low"], colours["size"]["high"]) == (0.0, 1.0)


def test_every_one_of_500_classes_has_its_entry(rng, tmp_path):
    y = np.array([f"class {i % 500}" for i in range(1500)])
    X = rng.normal(size=(1500, 4)).astype(np.float32)

    colour = data_of(page_of(mm.explore(X, y=y, projection=X[:, :2]), tmp_path))["colours"][1]

    assert len(colour["groups"]) == 500
    names = [g["name"] for g in colour["groups"]]
    assert [names[code] for code in colour["codes"]] == y.tolist()


def test_items_without_a_frame_and_places_that_are_missing(rng, tmp_path):
    places = rng.normal(size=(6, 2))
    places[2] = np.nan
    ex = mm.explore(rng.normal(size=(6, 3)), projection=places)
    ex.select([4, 1])

    page = page_of(ex, tmp_path)

    data = data_of(page)
    assert data["items"]["captions"] == [""] * 6
    assert data["items"]["pictures"] == [None] * 6
    assert data["items"]["x"][2] is None
    assert data["start"]["selected"] == [4, 1]
    assert "1 point has no place and is not drawn." in page


def test_page_speaks_the_language_of_the_explorer_or_another(ex, tmp_path):
    assert '<html lang="en">' in page_of(ex, tmp_path)
    chinese = page_of(ex, tmp_path, language="zh")

    assert '<html lang="zh-CN">' in chinese
    assert "<title>40 个样本的投影图</title>" in chinese
    assert data_of(chinese)["words"]["fact"] == "{what}：{told}"
    assert data_of(chinese)["words"]["told"] == "已选 {selected} 个；显示 {n} 个样本中的 {shown} 个。"
    with pytest.raises(ValueError, match="language must be 'en' or 'zh'; got 'fr'"):
        ex.save(tmp_path / "map.html", language="fr")


def test_places_that_cannot_hold_the_file_are_refused_before_it_is_made(ex, tmp_path):
    with pytest.raises(ValueError, match=r"such as 'map.html'; '.*' is a folder"):
        ex.save(tmp_path)
    with pytest.raises(ValueError, match=r"lies in '.*nowhere', which is no folder"):
        ex.save(tmp_path / "nowhere" / "map.html")
    with pytest.raises(ValueError, match=r"'.*map.png' ends with '.png'"):
        ex.save(tmp_path / "map.png")

    assert not list(tmp_path.glob("*.html"))
    assert not list(tmp_path.glob("*.part"))


def test_a_file_of_that_name_is_replaced_and_one_that_cannot_be_written_says_why(ex, tmp_path):
    (tmp_path / "map.html").write_text("yesterday's")

    assert "yesterday's" not in page_of(ex, tmp_path)
    with pytest.raises(MMToolkitError, match=r"the map cannot be written to '.*' \(File name too long\)"):
        ex.save(tmp_path / ("m" * 256))  # longer than a file system takes
    assert not list(tmp_path.glob(".*"))
