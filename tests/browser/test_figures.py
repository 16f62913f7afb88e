"""Figures on a page 400 pixels wide: nothing of them lies on anything else."""

import itertools

import numpy as np
import pytest

from mmtoolkit import figures
from mmtoolkit.figures.style import figure_html

pytestmark = pytest.mark.browser

BOXES = """() => { const box = e => { const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; };
  const of = s => [...document.querySelectorAll(s)].map(box);
  return [of(".gtitle"), of(".gtitle-subtitle"), of(".legend .bg"), of(".annotation-text"), of(".nsewdrag"),
    of(".xtitle")].flat(); }"""


@pytest.mark.parametrize("marks", [[7, 8, 9], [2, 11, 12]])
def test_note_legend_and_words_of_lines_lie_apart(browser, tmp_path, marks):
    x = np.arange(2, 13)
    names = ["silhouette", "stability", "Davies-Bouldin", "Calinski-Harabasz", "inertia", "one more of them"]
    fig = figures.curve(
        x,
        {name: (np.sin(x + i), None, None) for i, name in enumerate(names)},
        title="How many clusters?",
        x_title="number of clusters",
        caption="Mean and standard deviation over repeated runs, in many words. " * 4,
        marks=[(k, word) for k, word in zip(marks, ("plausible", "used: 8", "plausible"), strict=True)],
    )
    page = _page(browser, tmp_path, fig)
    page.wait_for_function("() => document.querySelectorAll('.annotation-text').length === 3")

    boxes = page.evaluate(BOXES)

    assert len(boxes) == 8
    assert all(left >= 0 and right <= 400 for left, _, right, _ in boxes)
    meet = [
        (i, j)
        for i, a in enumerate(boxes)
        for j, b in enumerate(boxes[:i])
        if a[0] < b[2] - 1 and b[0] < a[2] - 1 and a[1] < b[3] - 1 and b[1] < a[3] - 1
    ]
    assert meet == []
    plot = boxes[-2]
    assert plot[3] - plot[1] > 120
    page.close()


def test_names_of_a_large_heat_map_and_its_colours_leave_room_for_its_cells(browser, tmp_path):
    names = [f"a class of goods, number {i}" for i in range(60)]
    fig = figures.heatmap(
        np.eye(60),
        names,
        names,
        title="Confusion",
        x_title="predicted",
        y_title="true",
        color_title="share of the class",
    )
    page = _page(browser, tmp_path, fig)

    ticks = page.evaluate(
        "() => [...document.querySelectorAll('.xtick text')].map(e => e.getBoundingClientRect()).map(b => [b.left, b.right])"
    )
    plot, bar = (
        page.evaluate(f"() => document.querySelector('{name}').getBoundingClientRect().toJSON()")
        for name in (".nsewdrag", ".colorbar")
    )

    assert len(ticks) >= 12
    assert all(a[1] <= b[0] + 5 for a, b in itertools.pairwise(ticks))  # boxes of 14 pixels, letters of 8
    assert plot["width"] > 200
    assert bar["bottom"] <= plot["top"] + 1
    page.close()


@pytest.mark.parametrize("xy", [[[0, 0], [1, 0.3]], [[1, 1], [0, 0]], [[0, 0], [0.1, 3]]])
def test_names_on_a_map_of_two_items_are_not_cut(browser, tmp_path, xy):
    names = np.array(["a long name of the left class", "a long name of the right one"], dtype=object)
    page = _page(browser, tmp_path, figures.scatter_map(xy, color=names, title="Map"))

    boxes = page.evaluate(
        "() => [...document.querySelectorAll('.annotation-text-g')].map(e => e.getBoundingClientRect()).map(b => [b.left, b.right])"
    )

    assert len(boxes) == 2
    assert all(left >= 0 and right <= 400 for left, right in boxes)
    page.close()


def _page(browser, tmp_path, fig):
    path = tmp_path / "figure.html"
    path.write_text(figure_html(fig, include_plotlyjs=True), "utf-8")
    page = browser.new_page(viewport={"width": 400, "height": 700})
    page.goto(path.as_uri())
    page.wait_for_selector(".nsewdrag")
    return page
