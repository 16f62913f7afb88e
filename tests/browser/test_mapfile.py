"""The saved map in a real browser that has no network: by mouse, by key and by finger's width, light and dark."""

from __future__ import annotations

import contextlib
import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import mmtoolkit as mm

HERE = Path(__file__)
MODULES = {}
for _name in ("conftest", "test_contrast"):
    _spec = importlib.util.spec_from_file_location(f"browser_{_name}", HERE.with_name(f"{_name}.py"))
    MODULES[_name] = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(MODULES[_name])
drag, CONTRAST = MODULES["conftest"].drag, MODULES["test_contrast"].SCRIPT

HOSTILE = "</script><img src=x onerror=alert(1)>\u2028 & שלום \u202egnp"
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
FOUND = "[...document.querySelectorAll('#gallery .item')].map(e => Number(e.dataset.row))"


@pytest.fixture(scope="module")
def ex(tmp_path_factory):
    """Forty items in four corners: pictures, a clip's frame, texts, markup wherever a user can write."""
    rows = []
    for i in range(40):
        picture = Image.new("RGB", (60, 40), (6 * i, 90, 200 - 4 * i))
        rows.append({"id": f"item-{i}", "image": picture, "text": f"number {i}", "modality": "image"})
    rows[0] |= {"id": HOSTILE, "text": HOSTILE}
    rows[1] |= {"text": None}
    rows[2] |= {"modality": "text", "image": None}
    frame = pd.DataFrame(rows)
    frame[HOSTILE] = [HOSTILE if i % 2 else "odd <b>" for i in range(40)]
    frame["price"] = np.arange(40.0)
    at = np.arange(40)
    corner = np.array([[0, 0], [10, 0], [0, 10], [10, 10]])[at // 10] + np.stack([at % 5, at % 10 // 5], axis=1) * 0.3
    emb = mm.Embeddings(np.eye(40, dtype=np.float32), items=frame)
    return mm.explore(emb, y=np.array(["bird", "fish", HOSTILE, "tree"])[at // 10], projection=corner)


@pytest.fixture(scope="module")
def saved(ex, tmp_path_factory):
    folder = tmp_path_factory.mktemp("maps")
    for language in ("en", "zh"):
        ex.save(folder / f"{language}.html", language=language, title=None if language == "zh" else HOSTILE)
    return folder


@contextlib.contextmanager
def opened(browser, path, *, width=1280, scheme="light", permissions=()):
    """The page; the test fails when it asks for anything or complains."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True, permissions=list(permissions)
    )
    page = context.new_page()
    asked, said = [], []
    page.on("request", lambda r: asked.append(r.url))
    page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: said.append(str(e)))
    page.on("dialog", lambda d: said.append(f"dialog {d.message}"))
    page.goto(path.as_uri())
    page.wait_for_selector("#map[data-ready]", timeout=60_000)
    yield page
    context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert said == []


def told(page, text):
    page.wait_for_function("text => document.querySelector('#told').innerText.includes(text)", arg=text)


def around(page, corner):
    """Draw a loop around one corner of the map."""
    box = page.locator("#map").bounding_box()
    u = (0.01, 0.5) if corner % 2 == 0 else (0.5, 0.99)
    v = (0.5, 0.99) if corner < 2 else (0.01, 0.5)
    places = [(u[0], v[0]), (u[1], v[0]), (u[1], v[1]), (u[0], v[1])]
    drag(page, [(box["x"] + a * box["width"], box["y"] + b * box["height"]) for a, b in places])


def dot(page, row):
    """Pixel of a row on the page, from the ring that marks it."""
    return page.evaluate(
        """row => { const { items, range } = JSON.parse(document.getElementById('data').textContent), b = document.getElementById('map').getBoundingClientRect();
        const [x0, x1, y0, y1] = range, e = document.getElementById('map'), s = Math.min(e.clientWidth / (x1 - x0), e.clientHeight / (y1 - y0));
        return [b.left + 1 + e.clientWidth / 2 + (items.x[row] - (x0 + x1) / 2) * s, b.top + 1 + e.clientHeight / 2 - (items.y[row] - (y0 + y1) / 2) * s]; }""",
        row,
    )


def test_hover_lasso_gallery_card_and_copied_ids(browser, saved):
    with opened(browser, saved / "en.html", permissions=["clipboard-read", "clipboard-write"]) as page:
        assert page.inner_text("h1").startswith("</script><img src=x onerror=alert(1)>")
        page.mouse.move(*dot(page, 12))
        page.wait_for_selector("#tip:not([hidden])")
        assert page.inner_text("#tip .name") == "number 12"
        assert page.inner_text("#tip small") == "class: fish"
        assert page.evaluate("document.querySelector('#tip img').naturalWidth") > 0

        around(page, 1)
        told(page, "10 selected; 40 of 40 items shown.")
        assert page.evaluate(FOUND) == list(range(10, 20))
        page.keyboard.down("Shift")
        around(page, 0)
        page.keyboard.up("Shift")
        told(page, "20 selected")
        page.keyboard.down("Alt")
        around(page, 1)
        page.keyboard.up("Alt")
        told(page, "10 selected")
        assert page.evaluate(FOUND) == list(range(10))

        page.click("#gallery .item >> nth=0")
        assert page.inner_text("#card b").startswith("</script><img src=x onerror=alert(1)>")
        page.click("#copy")
        told(page, "10 ids are copied.")
        copied = page.evaluate("navigator.clipboard.readText()").split("\n")
        assert copied[1:] == [f"item-{i}" for i in range(1, 10)]
        assert copied[0] == HOSTILE


def test_copy_by_hand_where_the_browser_allows_nothing(browser, saved):
    with opened(browser, saved / "en.html") as page:
        page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
        around(page, 3)
        page.click("#copy")
        told(page, "press Ctrl+C")
        assert page.input_value("#ids").split("\n") == [f"item-{i}" for i in range(30, 40)]
        assert page.evaluate("document.activeElement.id") == "ids"


def test_filters_of_words_legend_and_numbers_work_together(browser, saved):
    with opened(browser, saved / "en.html") as page:
        page.fill("#query", "NUMBER 1")
        told(page, "0 selected; 12 of 40 items shown.")  # 10 to 19, 21, 31; item 1 has no caption
        page.fill("#query", "")
        told(page, "40 of 40")
        page.click("#legend button:has-text('fish')")
        told(page, "10 of 40")
        assert page.get_attribute("#legend button:has-text('fish')", "aria-pressed") == "true"
        page.select_option("#by", label="price")
        page.fill("#from", "12")
        page.press("#from", "Enter")
        page.locator("#from").blur()
        told(page, "8 of 40")
        assert page.locator("#filters button").all_inner_texts() == ["class: fish ×", "price: 12 – ×"]
        around(page, 0)
        told(page, "0 selected")  # nothing that is shown stands there
        page.click("#every")
        told(page, "8 selected; 8 of 40")
        assert page.evaluate(FOUND) == list(range(12, 20))
        page.click("#filters button >> nth=1")
        page.click("#filters button >> nth=0")
        told(page, "8 selected; 40 of 40")
        page.fill("#query", "no such words")
        told(page, "0 selected; 0 of 40")
        assert page.inner_text("#gallery") == "No item passes the filters."
        assert page.is_disabled("#copy")
        page.fill("#query", "")
        told(page, "8 selected; 40 of 40")  # hidden, not forgotten


def test_colour_by_any_column_changes_dots_names_and_legend(browser, saved):
    colours = """() => { const c = document.getElementById('dots'), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        const seen = new Set(); for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 220) seen.add([d[i] >> 5, d[i + 1] >> 5, d[i + 2] >> 5].join()); return [...seen].sort().join(' '); }"""
    labels = "[...document.querySelectorAll('#labels b')].filter(e => e.style.visibility === 'visible').map(e => e.textContent)"
    with opened(browser, saved / "en.html") as page:
        page.wait_for_timeout(200)
        before = page.evaluate(colours)
        assert len(page.evaluate(labels)) == 4
        page.select_option("#by", index=page.locator("#by option").count() - 2)
        page.wait_for_timeout(200)
        assert page.locator("#legend button").count() == 2
        assert "odd <b>" in page.inner_text("#legend")
        assert page.evaluate(colours) != before
        page.uncheck("#names")
        page.wait_for_timeout(200)
        assert page.evaluate(labels) == []


def test_keys_alone_reach_an_item_select_it_and_zoom(browser, saved):
    with opened(browser, saved / "en.html") as page:
        page.focus("#query")
        for _ in range(3):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == "map":
                break
        assert page.evaluate("document.activeElement.id") == "map"
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        told(page, "1 selected")
        page.keyboard.press("b")
        assert page.get_attribute("[data-tool=box]", "aria-pressed") == "true"
        box = page.locator("#map").bounding_box()
        drag(page, [(box["x"] + u * box["width"], box["y"] + v * box["height"]) for u, v in ((0.01, 0.01), (0.5, 0.5))])
        told(page, "10 selected")
        page.keyboard.press("Escape")
        told(page, "0 selected")
        page.keyboard.press("m")
        for key in ("+", "+", "-", "0"):
            page.keyboard.press(key)
        drag(page, [(box["x"] + 240, box["y"] + 230), (box["x"] + 200, box["y"] + 200)])
        x, y = dot(page, 12)
        page.mouse.move(x - 41, y - 29)
        page.mouse.move(x - 40, y - 30)
        page.wait_for_selector("#tip:not([hidden])")
        assert page.get_attribute("#tip", "data-row") == "12"
        page.keyboard.press("0")
        page.mouse.click(*dot(page, 12))
        page.wait_for_selector("#card[data-row='12']")


@pytest.mark.parametrize("tool", ["lasso", "move"])
def test_two_fingers_zoom_and_move_the_map_and_draw_nothing(browser, saved, tool):
    with opened(browser, saved / "en.html") as page:
        page.click(f"[data-tool={tool}]")
        box = page.locator("#map").bounding_box()
        middle = np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
        before, moved = np.array(dot(page, 12)), np.array([30.0, -20.0])
        client = page.context.new_cdp_session(page)

        def touch(kind, *places):
            points = [{"x": float(x), "y": float(y), "id": i} for i, (x, y) in enumerate(places)]
            client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        apart = np.array([90.0, 0.0])
        touch("touchStart", middle - apart)
        touch("touchStart", middle - apart, middle + apart)
        for step in np.linspace(0.2, 1.0, 5):
            half = apart * (1 - step / 3)
            touch("touchMove", middle + step * moved - half, middle + step * moved + half)
        touch("touchEnd", middle + moved - apart / 1.5)
        touch("touchEnd")

        place = middle + moved + (before - middle) / 1.5
        page.mouse.move(*(place + 1))
        page.mouse.move(*place)
        page.wait_for_selector("#tip[data-row='12']:not([hidden])")
        told(page, "0 selected")
        assert page.get_attribute(".mmx-lasso path", "d") is None


def test_a_window_made_narrow_still_shows_the_whole_map(browser, saved):
    with opened(browser, saved / "en.html") as page:
        page.mouse.move(*dot(page, 12))
        page.wait_for_selector("#tip[data-row='12']:not([hidden])")
        page.set_viewport_size({"width": 400, "height": 900})
        page.mouse.move(5, 5)
        page.wait_for_selector("#tip", state="hidden")
        page.locator("#map").scroll_into_view_if_needed()

        page.mouse.move(*dot(page, 25))

        page.wait_for_selector("#tip[data-row='25']:not([hidden])")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "language"), [(1280, "en"), (400, "zh")])
def test_every_text_stands_out_and_fits(browser, saved, width, language, scheme):
    other = {"light": "dark", "dark": "light"}[scheme]
    with opened(browser, saved / f"{language}.html", width=width, scheme=scheme) as page:
        around(page, 2)
        page.click("#gallery .item >> nth=1")
        page.click("#legend button >> nth=2")
        page.evaluate("document.querySelector('details').open = true")
        for shown in (scheme, other):
            assert page.evaluate("document.documentElement.dataset.scheme") == shown
            page.wait_for_timeout(200)
            found = page.evaluate(CONTRAST)
            assert found["texts"] > 30
            assert found["wrong"] == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.screenshot(path=saved / f"{language}-{width}-{shown}.png", full_page=True)
            page.click("#scheme")


def test_texts_alone_and_a_single_item(browser, tmp_path):
    emb = mm.embed_texts(["a red bird", "a blue car", "鸟"], model="local", cache=False)
    mm.explore(emb, projection=[[0, 0], [1, 0], [2, 1]]).save(tmp_path / "texts.html")
    mm.explore(emb[:1], projection=[[0, 0]]).save(tmp_path / "one.html")

    with opened(browser, tmp_path / "texts.html") as page:
        page.fill("#query", "鸟")
        told(page, "1 of 3")
        page.click("#every")
        assert page.locator("#gallery .item .words").all_inner_texts() == ["鸟"]
    with opened(browser, tmp_path / "one.html") as page:
        page.click("#every")
        told(page, "1 selected; 1 of 1")
