"""A report in a browser: figures are drawn when they come into view, points show their items, cells lead to pictures, paper has it all."""

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import mmtoolkit as mm

pytestmark = pytest.mark.browser
DRAWN = "() => [...document.querySelectorAll('.plot')].filter(g => g._fullLayout).map(g => g.id)"
ALL = "() => [...document.querySelectorAll('.plot')].map(g => g.id)"


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    rng = np.random.default_rng(0)
    kinds, hues = np.arange(60) % 3, [(200, 60, 40), (40, 160, 80), (50, 80, 200)]
    for i, kind in enumerate(kinds):
        Image.new("RGB", (48, 48), hues[kind]).save(folder / f"{i}.png")
    frame = pd.DataFrame(
        {"image": [str(folder / f"{i}.png") for i in range(60)], "label": np.array(["red", "green", "blue"])[kinds]}
    )
    X = rng.normal(size=(3, 8))[kinds] + 0.5 * rng.normal(size=(60, 8))
    emb = mm.Embeddings(X.astype(np.float32), items=mm.items(frame))
    results = mm.classify(emb, inference=False), mm.cluster(emb, 3), mm.project(emb, method="pca")
    return mm.report(*results, title="Colours").save(folder / "report.html")


@pytest.fixture
def opened(page, file):
    page.goto(file.as_uri())
    return page


def shown(page, name):
    """Scroll to a figure and wait until it is drawn and stands still."""
    page.evaluate("id => document.getElementById(id).scrollIntoView({ block: 'center' })", name)
    page.wait_for_function("id => document.getElementById(id)._fullLayout", arg=name)
    page.wait_for_timeout(300)


def figures(page, section):
    return [name for name in page.evaluate(ALL) if name.startswith(f"{section}-figure")]


def test_figures_are_drawn_when_they_come_into_view(opened):
    assert opened.title() == "Colours"
    assert opened.evaluate("typeof Plotly") == "undefined"
    names = opened.evaluate(ALL)
    assert len(names) > 5

    shown(opened, names[0])

    assert opened.evaluate(DRAWN)
    assert names[-1] not in opened.evaluate(DRAWN)


def test_a_folded_figure_is_drawn_when_it_is_opened(opened):
    folded = opened.locator("details:has(.plot)").first
    folded.scroll_into_view_if_needed()
    assert folded.locator(".js-plotly-plot").count() == 0

    folded.locator("summary").click()
    opened.wait_for_function("() => document.querySelector('details .plot')._fullLayout")

    plot = folded.locator(".plot").first.bounding_box()
    assert plot["width"] > 400
    assert plot["height"] > 200


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_point_of_a_map_shows_the_picture_of_its_item(opened, number):
    name = figures(opened, "project")[number]
    shown(opened, name)
    x, y, row = opened.evaluate(
        """id => { const g = document.getElementById(id), d = g._fullData[0], f = g._fullLayout, b = g.getBoundingClientRect();
        return [b.left + f.xaxis._offset + f.xaxis.d2p(d.x[4]), b.top + f.yaxis._offset + f.yaxis.d2p(d.y[4]), d.customdata[4]]; }""",
        name,
    )

    opened.mouse.move(x - 3, y)
    opened.mouse.move(x, y)
    opened.wait_for_function(
        "() => document.querySelector('img.hover')?.complete && document.querySelector('img.hover')?.hidden === false"
    )

    colour = opened.evaluate(
        """() => { const i = document.querySelector('img.hover'), c = document.createElement('canvas').getContext('2d');
        c.drawImage(i, 0, 0); return [...c.getImageData(10, 10, 1, 1).data]; }"""
    )
    assert int(np.argmax(colour[:3])) == row % 3
    box = opened.locator("img.hover").bounding_box()
    assert box["y"] + box["height"] < y or box["y"] > y

    opened.mouse.move(5, 5)
    opened.wait_for_function("() => document.querySelector('img.hover').hidden")


def test_a_cell_of_classes_against_clusters_leads_to_the_pictures(opened):
    (name,) = [n for n in figures(opened, "cluster") if opened.locator(f"#{n}").get_attribute("data-links")]
    shown(opened, name)
    box = opened.locator(f"#{name} .nsewdrag").bounding_box()

    opened.mouse.click(box["x"] + box["width"] * 5 / 6, box["y"] + box["height"] / 2)

    opened.wait_for_function("() => location.hash === '#cluster-2'")
    assert opened.locator("#cluster-2 img").count() > 0


def test_paper_has_every_figure_and_nothing_folded(browser, file):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(file.as_uri())

    assert len(page.pdf(format="A4")) > 10_000

    page.wait_for_timeout(200)
    assert page.evaluate(DRAWN) == page.evaluate(ALL)
    assert page.locator("details[open]").count() == 0
    page.close()


def test_a_page_is_small_and_its_data_cannot_leave_their_place(file):
    text = file.read_text("utf-8")

    assert len(text) < 3_000_000
    for data in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL):
        assert "<" not in data


def test_the_buttons_of_figures_are_chinese_on_a_chinese_page(page, tmp_path, rng):
    p = mm.project(rng.normal(size=(20, 4)), method="pca")
    page.goto(mm.report(p, title="报告", language="zh").save(tmp_path / "report.html").as_uri())
    name = page.evaluate(ALL)[0]

    shown(page, name)

    titles = page.evaluate("[...document.querySelectorAll('.modebar-btn')].map(e => e.dataset.title).filter(Boolean)")
    assert {"放大", "缩小", "重置坐标轴"} <= set(titles)
    assert [title for title in titles if re.fullmatch(r"[\x00-\x7f]+", title)] == []
