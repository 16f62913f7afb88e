"""Pictures of every state of the explorer and of a saved map, to be looked at: 1280 and 400 pixels, light and dark, both languages.

    python benchmarks/explorer_pictures.py OUT [--states start,learn] [--languages en,zh]

Writes two sheets per state, STATE_1280.png and STATE_400.png: English above Chinese, light beside dark. Prints the texts and
marks that do not stand out, by the script of the browser tests, and what is wider than the page. Needs Chromium.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "browser"))
import conftest as lab_tools
from test_contrast import SCRIPT

LOAD = """
import json, numpy as np, pandas as pd, mmtoolkit as mm
frame = mm.load_dataset("emoji").iloc[::5].reset_index(drop=True)
frame = frame.assign(price=np.round(np.arange(len(frame)) * 1.7 % 31, 1), kind=np.where(np.arange(len(frame)) % 3, "photo", "drawing"))
emb = mm.embed(frame, model="local", progress=False)
truth = frame["label"].astype(str).to_numpy(object)
y = truth.copy()
wrong = np.random.default_rng(0).choice(len(y), 20, replace=False)
y[wrong] = y[(wrong + 100) % len(y)]
p, c = mm.project(emb, method="pca"), mm.cluster(emb, range(3, 9))
def answer(ex, n):
    for _ in range(n):
        ex.label(str(truth[ex.asked]))
"""
TWO = """for name, said in (("Ann", y), ("Bob", truth)):
    two = mm.explore(emb, projection=p, journal="two.csv", annotator=name)
    for row in range(60):
        _ = two.label(str(said[row]), items=[row])
"""
OPEN = "ex = mm.explore(emb, y=y, clusters=c, projection=p, language={language!r})\nex"
PRESS = "() => document.querySelector('.mmx [data-mm={}][data-value={}]').click()"
THEME = "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })"
RESTART = """async () => { const w = [...window.jupyterapp.shell.widgets('main')].find(x => x.context && x.sessionContext);
  await w.sessionContext.session.kernel.restart(); return true; }"""


def empty_range(page):
    """Ask for prices from 20 to 5."""
    page.locator("[data-mm=filters]").first.click()
    page.locator("[data-mm=range][data-value$=':high']").first.fill("5")
    page.keyboard.press("Enter")


# each state: Python in the kernel, then what is done on the page; one after another in one explorer
STATES = {
    "start": ("", None),
    "hover": ("", lambda page: page.mouse.move(*page.evaluate(lab_tools.PLACE, 30))),
    "search": ("_ = ex.search('a bird', k=30)", None),
    "lasso": ("ex.selected = np.flatnonzero(p.coords[:, 0] > np.median(p.coords[:, 0])); ex.show(3)", None),
    "table": ("", lambda page: page.evaluate(PRESS.format("tab", "table"))),
    "filters": (
        "ex.clear(); ex.where = {'kind': 'photo', 'price': (None, 20)}",
        lambda page: page.evaluate(PRESS.format("tab", "gallery")),
    ),
    "folded": ("", lambda page: page.locator("[data-mm=filters]").first.click()),
    "issues_first": ("ex.where = None; _ = ex.review('label_issues', wait=False)", None),
    "issues": ("_ = ex.review('label_issues', wait=True)", None),
    "outliers": ("_ = ex.review('outliers')", None),
    "audit": ("_ = ex.audit_sample(20, random_state=3); ex.label(str(truth[ex.asked]))", None),
    "learn_begins": ("_ = ex.review('learn')", None),
    "learn": ("answer(ex, 100); ex.color_by = 'predicted class'", None),
    "proposed": ("_ = ex.propose(0.3); ex.color_by = 'annotation'", None),
    "answered": ("_ = ex.review([3, 4]); answer(ex, 2)", None),
    "counts": ("ex.review(None); ex.n_clusters = 5", lambda page: page.evaluate(PRESS.format("tab", "counts"))),
    "long_search": ("", lambda page: (page.fill("[data-mm=search]", "x" * 900), page.keyboard.press("Enter"))),
    "error": ("ex.where = {'price': (20, None)}", empty_range),
    "full": (
        "ex.where = None; _ = ex.review('label_issues', wait=True)",
        lambda page: page.locator("[data-mm=full]").first.click(),
    ),
    "dead": ("", lambda page: (page.locator("[data-mm=full]").first.click(), page.evaluate(RESTART), time.sleep(2))),
}
OTHERS = {  # states of explorers of their own
    "disagreements": TWO
    + "ex = mm.explore(emb, projection=p, journal='two.csv', language={language!r}); _ = ex.review('disagreements')\nex",
    "nothing_known": "rng = np.random.default_rng(0)\n"
    "ex = mm.explore(rng.normal(size=(400, 8)), projection=rng.normal(size=(400, 2)), language={language!r})\nex",
    "texts": "g = mm.load_dataset('glosses').sample(300, random_state=0).reset_index(drop=True)\nt = mm.embed(g, model='local', progress=False)\n"
    "ex = mm.explore(t, y='label', projection=mm.project(t, method='pca'), language={language!r}); ex.select(range(30)); _ = ex.review('label_issues')\nex",
    "many_classes": "ex = mm.explore(emb, y=[f'a class with a rather long name, number {{i}}' for i in range(len(emb))], projection=p, language={language!r}); ex.select(range(9)); ex.show(2)\nex",
}


def check(page, name, within):
    """Print what does not stand out from what lies behind it, and whether the page is wider than the window."""
    wrong = page.evaluate(SCRIPT, within)["wrong"]
    marks = sorted(line for line in wrong if line.startswith("mark"))
    for line in [line for line in wrong if line not in marks] + [f"{len(marks)} marks, {m}" for m in marks[:1]]:
        print(f"{name}: {line}", flush=True)
    wider = page.evaluate("s => { const e = document.querySelector(s); return e.scrollWidth - e.clientWidth; }", within)
    if wider > 1:
        print(f"{name}: {wider} pixels too wide", flush=True)


def shoot(page, out, state, language):
    """Take four pictures: light and dark, wide and narrow."""
    for scheme in ("Light", "Dark"):
        page.evaluate(THEME, f"JupyterLab {scheme}")
        lab_tools.until(page, f"() => document.body.dataset.jpThemeName === 'JupyterLab {scheme}'")
        for width, height in ((1280, 1250), (400, 1900)):
            if state != "hover":
                page.mouse.move(2, 2)
            page.set_viewport_size({"width": width, "height": height})
            lab_tools.settled(page)
            page.evaluate("() => document.querySelector('.mmx').scrollIntoView({ block: 'start' })")
            time.sleep(0.5)
            if state == "hover":
                page.mouse.move(*page.evaluate(lab_tools.PLACE, 30))
                time.sleep(0.7)
            name = f"{state}_{language}_{scheme}_{width}"
            page.screenshot(path=out / f"{name}.png")
            if state != "dead":  # nothing of it can be used: it may be faint
                check(page, name, ".mmx")
    page.set_viewport_size(lab_tools.SIZE)


def explorers(page, url, root, out, language, wanted):
    """Take the pictures of all states of the explorer."""
    for name, states, cells in (
        ("states", STATES, [LOAD, OPEN.format(language=language)]),
        *((name, {name: ("", None)}, [LOAD, code.format(language=language)]) for name, code in OTHERS.items()),
    ):
        if not wanted & states.keys():
            continue
        file = f"{name}_{language}.ipynb"
        lab_tools.write(root, file, cells)
        lab_tools.run_all(page, url, file)
        for state, (code, act) in states.items():
            said = lab_tools.run_code(page, code)
            assert "ERROR" not in said, (state, said)
            if act is not None:
                act(page)
            if state in wanted:
                shoot(page, out, state, language)
        page.evaluate(THEME, "JupyterLab Light")


def saved_maps(browser, out, language):
    """Take the pictures of a saved map: as it opens, and with a filter, a gallery and a card."""
    path = out / f"map_{language}.html"
    exec(LOAD + f"mm.explore(emb, y=y, clusters=c, projection=p, language={language!r}).save({str(path)!r})", {})
    for scheme in ("Light", "Dark"):
        for width in (1280, 400):
            size = {"width": width, "height": 900}
            page = browser.new_context(viewport=size, color_scheme=scheme.lower(), offline=True).new_page()
            page.goto(path.as_uri())
            page.wait_for_selector("#map[data-ready]")
            page.screenshot(path=out / f"map_{language}_{scheme}_{width}.png", full_page=True)
            check(page, f"map_{language}_{scheme}_{width}", "html")
            page.click("#legend button >> nth=1")
            page.click("#every")
            page.click("#gallery .item >> nth=1")
            page.wait_for_timeout(300)
            page.screenshot(path=out / f"map_card_{language}_{scheme}_{width}.png", full_page=True)
            check(page, f"map_card_{language}_{scheme}_{width}", "html")
            page.close()


def sheets(out, languages, states):
    """Put the pictures of a state on two sheets."""
    for state in states:
        for width in (1280, 400):
            rows = [
                [Image.open(out / f"{state}_{language}_{scheme}_{width}.png") for scheme in ("Light", "Dark")]
                for language in languages
            ]
            if width == 400:  # all beside each other
                rows = [[picture for row in rows for picture in row]]
            w, h = rows[0][0].width, max(p.height for row in rows for p in row)
            sheet = Image.new("RGB", ((w + 8) * len(rows[0]), (h + 8) * len(rows)), "#f0f")
            for i, row in enumerate(rows):
                for j, picture in enumerate(row):
                    sheet.paste(picture, (j * (w + 8), i * (h + 8)))
            sheet.save(out / f"{state}_{width}.png")


def main():
    """Take the pictures that are asked for."""
    from playwright.sync_api import sync_playwright

    every = [*STATES, *OTHERS, "map", "map_card"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--states", default=",".join(every))
    parser.add_argument("--languages", default="en,zh")
    options = parser.parse_args()
    languages, wanted = options.languages.split(","), set(options.states.split(","))
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as p:
        browser = p.chromium.launch(executable_path=lab_tools.chromium(), args=lab_tools.FLAGS)
        root, home = Path(folder, "root"), Path(folder, "home")
        root.mkdir()
        home.mkdir()
        with lab_tools.lab_server(root, home) as url:
            for language in languages:
                page = browser.new_page(viewport=lab_tools.SIZE)
                explorers(page, url, root, options.out, language, wanted)
                page.close()
                if wanted & {"map", "map_card"}:
                    saved_maps(browser, options.out, language)
        browser.close()
    sheets(options.out, languages, [state for state in every if state in wanted])


if __name__ == "__main__":
    main()
