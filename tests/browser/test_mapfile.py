"""The map file in a real browser that has no network."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mmtoolkit._mapfile import save_map
from mmtoolkit.figures import scatter_map

POINT = """() => { const g = document.getElementById('map'), t = g._fullData[0], b = g.getBoundingClientRect(),
  x = g._fullLayout.xaxis, y = g._fullLayout.yaxis;
  return [b.left + x._offset + x.d2p(t.x[0]), b.top + y._offset + y.d2p(t.y[0])]; }"""


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_a_point_shows_its_picture_and_caption_offline(browser, tmp_path, width, scheme):
    image = Image.new("RGB", (60, 60), "red")
    frame = pd.DataFrame({"id": ["a", "b"], "text": ["<b>one</b>", "two"], "modality": "image", "image": [image, None]})
    fig = scatter_map(np.array([[0.0, 0], [1, 1]]), color=["x & y", "z"], title="Map")
    save_map(tmp_path / "map.html", fig, frame)
    context = browser.new_context(viewport={"width": width, "height": 700}, color_scheme=scheme, offline=True)
    page = context.new_page()
    asked, said = [], []
    page.on("request", lambda r: asked.append(r.url))
    page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)

    page.goto((tmp_path / "map.html").as_uri())
    page.wait_for_selector("#map[data-ready]", timeout=60_000)
    x, y = page.evaluate(POINT)
    page.mouse.move(x - 30, y)
    page.mouse.move(x, y, steps=3)
    page.wait_for_selector("#card:not([hidden])")

    assert page.inner_text("#card p") == "<b>one</b>"
    assert page.inner_text("#card small") == "x & y (1)"
    assert page.evaluate("document.querySelector('#card img').naturalWidth") > 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [u for u in asked if not u.startswith(("file:", "data:", "blob:"))] == []
    assert said == []
    context.close()
