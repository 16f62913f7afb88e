"""The page: one file, the same twice, as it looks in a browser; and the same in Markdown."""

import re
import shutil

import pytest

import mmtoolkit as mm


def test_page_is_the_same_twice_and_no_figure_takes_the_place_of_another(stamps):
    c = mm.cluster(stamps, range(3, 5))
    pages = [mm.report(c, c, title="Twice").to_html() for _ in range(2)]

    assert pages[0] == pages[1]
    places = re.findall(r'<div class="plot" id="([^"]+)"', pages[0])
    assert len(places) == len(set(places)) >= 2


def test_page_is_one_file_that_loads_nothing(html):
    assert html.startswith("<!DOCTYPE html>")
    assert html.count('id="plotly"') == 1
    assert not re.search(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)=(?!["']?data:)""", html)
    assert "default-src 'none'" in html
    assert len(html) < 6_000_000
    assert "prefers-color-scheme:dark" in html
    assert "@media print" in html


def test_page_opens_with_the_summary_and_lists_its_contents(html):
    titles = re.findall(r"<section id=\"[a-z_]+\"><h2>(.*?)</h2>", html)

    assert titles == [
        "Summary",
        "The data",
        "Classification",
        "Where it fails",
        "Clusters",
        "Map",
        "How to repeat it",
        "Environment",
    ]
    assert re.findall(r'<li><a href="#([a-z_]+)">', html) == [
        "summary",
        "data",
        "classify",
        "classify_slices",
        "cluster",
        "project",
        "repeat",
        "environment",
    ]


def test_user_text_stays_text_in_the_whole_page(html):
    plain = html.partition("<body>")[2]

    assert "<img src=x" not in html
    assert '<script>alert("x")' not in html
    assert "javascript:alert" not in plain.replace("](javascript:alert", "")


def test_markdown_has_the_same_numbers(rep, results, tmp_path):
    text = rep.save(tmp_path / "report.md").read_text("utf-8")

    value, low, high, baseline = results[0].metrics.loc["accuracy"]
    shown = " | ".join(f"{100 * share:.1f} %" for share in (value, low, high, baseline))
    assert f"| accuracy | {shown} |" in text.replace("\\", "")
    assert "## How to repeat it" in text
    assert "mmtoolkit verify report.json" in text


@pytest.mark.browser
def test_page_fits_phone_and_desktop_and_asks_for_nothing(html, tmp_path):
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium")
    path = tmp_path / "report.html"
    path.write_text(html, "utf-8")
    flags = ["--no-sandbox", "--disable-background-networking", "--disable-sync", "--enable-unsafe-swiftshader"]
    asked, wrong, seen = [], [], {}
    with sync_api.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=flags)
        for width, scheme in ((1280, "light"), (400, "dark")):
            tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
            tab.on("request", lambda r: asked.append(r.url))
            tab.on("pageerror", lambda e: wrong.append(str(e)))
            tab.on("dialog", lambda d: wrong.append(d.message))
            tab.goto(path.as_uri())
            tab.evaluate(
                "['beforeprint', 'afterprint'].forEach(name => window.dispatchEvent(new Event(name)))"
            )  # draws all
            tab.wait_for_function("[...document.querySelectorAll('.plot')].every(g => g._fullLayout)", timeout=90_000)
            tab.wait_for_timeout(300)
            seen[width] = tab.evaluate(
                "({wide: document.documentElement.scrollWidth, back: getComputedStyle(document.body).backgroundColor,"
                " broken: [...document.images].filter(i => !i.naturalWidth).length,"
                " plots: document.querySelectorAll('.js-plotly-plot .main-svg').length})"
            )
        browser.close()

    assert wrong == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert seen[1280]["wide"] == 1280
    assert seen[400]["wide"] == 400
    assert seen[1280]["back"] != seen[400]["back"]
    assert all(s["broken"] == 0 and s["plots"] >= 7 for s in seen.values())
