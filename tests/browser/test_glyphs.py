"""Chinese letters of a report and of its figures are drawn, not empty boxes, where a font has them."""

import shutil
import subprocess

import numpy as np
import pytest
from chinese import embeddings, results
from PIL import Image

import mmtoolkit as mm
from mmtoolkit.figures import bars

pytestmark = pytest.mark.browser
BOXES = """() => {
  const c = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  c.canvas.width = c.canvas.height = 40;
  const drawn = (letter, font) => { c.font = font; c.clearRect(0, 0, 40, 40); c.fillText(letter, 4, 30);
    return c.getImageData(0, 0, 40, 40).data.join(""); };
  const fonts = new Map(), walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; n = walker.nextNode();) {
    if (n.parentElement.closest("script, style")) continue;
    const family = getComputedStyle(n.parentElement).fontFamily;
    if (!fonts.has(family)) fonts.set(family, new Set());
    for (const letter of n.data) if (letter > "\u2e7f") fonts.get(family).add(letter);
  }
  const all = [...fonts].flatMap(([family, letters]) => [...letters].map(letter => [letter, `24px ${family}`]));
  const empty = all.filter(([letter, font]) => drawn(letter, font) === drawn(String.fromCodePoint(0x10fffd), font)).map(([letter]) => letter);
  return { letters: all.length, svg: document.querySelectorAll("svg text").length, empty };
}"""


def chinese_font():
    if shutil.which("fc-list") is None:
        pytest.skip("no fc-list, so nothing says which fonts there are")
    if not subprocess.run(["fc-list", ":lang=zh"], capture_output=True, check=True).stdout:
        pytest.skip("no font with Chinese letters: apt-get install fonts-noto-cjk")


@pytest.fixture(scope="module")
def rep():
    return mm.report(*results(embeddings()), title="报告", language="zh")


def test_no_letter_of_a_page_or_its_figures_is_an_empty_box(page, rep, tmp_path):
    chinese_font()
    page.goto(rep.save(tmp_path / "report.html").as_uri())
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")  # draws all
    page.wait_for_function("() => [...document.querySelectorAll('.plot')].every(g => g._fullLayout)")

    found = page.evaluate(BOXES)

    assert found["letters"] > 300
    assert found["svg"] > 100
    assert found["empty"] == []


def test_a_figure_as_png_draws_its_letters(browser, tmp_path):
    assert browser.is_connected()  # there is a Chromium, which Kaleido finds, too
    pytest.importorskip("kaleido")
    chinese_font()

    def drawn(letter):
        bars([letter], [1.0]).write_image(tmp_path / "figure.png", width=300, height=200)
        return np.asarray(Image.open(tmp_path / "figure.png"))

    assert (drawn("鸟") != drawn("\U0010fffd")).any()  # the second letter is in no font


def test_a_letter_that_no_font_has_is_found(page, tmp_path):
    (tmp_path / "page.html").write_text("<meta charset=utf-8><p>鸟\U0010fffe", "utf-8")
    page.goto((tmp_path / "page.html").as_uri())

    assert "\U0010fffe" in page.evaluate(BOXES)["empty"]


def test_markdown_holds_the_letters_themselves(rep, tmp_path):
    raw = rep.save(tmp_path / "report.md").read_bytes()

    assert "分类" in raw.decode("utf-8")
    assert "\ufffd" not in raw.decode("utf-8")
    assert b"&#" not in raw


def test_a_title_of_two_lines_is_not_cut_at_the_upper_edge(page, tmp_path):
    bars(["a"], [1.0], title="1,242 emoji, placed by meaning and looks").write_html(tmp_path / "figure.html")
    page.goto((tmp_path / "figure.html").as_uri())
    page.wait_for_selector(".gtitle")

    edges = page.evaluate("['.main-svg', '.gtitle'].map(s => document.querySelector(s).getBoundingClientRect().top)")

    assert page.locator(".gtitle tspan.line").count() == 2
    assert edges[0] <= edges[1]
