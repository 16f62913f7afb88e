"""Figures on a page 400 pixels wide: nothing of them lies on anything else."""

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
    path = tmp_path / "figure.html"
    path.write_text(figure_html(fig, include_plotlyjs=True), "utf-8")
    page = browser.new_page(viewport={"width": 400, "height": 700})
    page.goto(path.as_uri())
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
