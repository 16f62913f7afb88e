"""How long the explorer takes in a real JupyterLab: mouse up to DataFrame, hover to thumbnail, answer to the next item, opening a review.

Run it with Chromium installed: ``python benchmarks/explorer.py [--points 50000 100000] [--answers 20000] [--rounds 10] [--peer PYTHON]``.
``--peer`` names a Python with jupyter-scatter, jupyterlab and numpy: the same lasso is drawn there.
Prints JSON and a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "browser"))
import conftest as lab_tools

SETUP = """
import time, numpy as np, mmtoolkit as mm
rng = np.random.default_rng(0)
coords = np.concatenate([rng.normal(rng.uniform(-10, 10, 2), 1.0, size=({n} // 20, 2)) for _ in range(20)])
y = np.repeat([f"group {{i}}" for i in range(20)], {n} // 20)
ex = mm.explore(np.ones(({n}, 2), dtype="f"), y=y, projection=coords)
done = []
ex.observe(lambda e: done.append((time.time(), len(e["new"]))), "selected")
"""
PICTURES = """
import numpy as np, mmtoolkit as mm
emb = mm.embed(mm.load_dataset("emoji"), model="local", progress=False)
rng = np.random.default_rng(0)
ex = mm.explore(emb, y="label", projection=rng.uniform(size=(len(emb), 2)))
"""
ANSWERS = """
import numpy as np, pandas as pd, mmtoolkit as mm
rng = np.random.default_rng(0)
codes = np.arange({n}) % 9
X = 0.25 * rng.normal(size=(9, 256))[codes] + rng.normal(size=({n}, 256))
emb = mm.Embeddings(X.astype("f"), items=mm.items(pd.DataFrame({{"text": [f"item {{i}} of {{c}}" for i, c in enumerate(codes)]}})))
ex = mm.explore(emb, {y}projection=rng.normal(size=(9, 2))[codes] * 5 + rng.normal(size=({n}, 2)))
"""
OPENED = {  # a review, and the classes that it is opened with
    "learn": ("", "_ = ex.review('learn')\nfor _ in range(30): ex.label(f'class {codes[ex.asked]}')"),
    "label_issues": (
        "y=[f'class {c}' for c in np.where(rng.random(len(codes)) < 0.02, (codes + 1) % 9, codes)], ",
        "_ = ex.review('label_issues', wait=False)\nex.reviews.later = None",
    ),
}
WATCH = """() => { window.shownAfter = []; let start = null, before = null;
  const row = () => document.querySelector('.mmx-card')?.dataset.row;
  addEventListener('keydown', () => { start = performance.now(); before = row(); }, true);
  new MutationObserver(() => { if (start === null || row() === before) return;
    const from = start; start = null;
    requestAnimationFrame(() => setTimeout(() => window.shownAfter.push(performance.now() - from)));
  }).observe(document.querySelector('.mmx'), { childList: true, subtree: true }); }"""
OPENS = """() => { let start = null; window.openedAfter = null;
  addEventListener('click', () => { start = performance.now(); }, true);
  new MutationObserver(() => { if (start === null || window.openedAfter || !document.querySelector('.mmx-suggested')) return;
    requestAnimationFrame(() => setTimeout(() => { window.openedAfter ??= performance.now() - start; }));
  }).observe(document.querySelector('.mmx'), { childList: true, subtree: true }); }"""
PEER_SETUP = """
import time, numpy as np, pandas as pd, jscatter
rng = np.random.default_rng(0)
coords = np.concatenate([rng.normal(rng.uniform(-10, 10, 2), 1.0, size=({n} // 20, 2)) for _ in range(20)])
df = pd.DataFrame(coords, columns=["x", "y"]).assign(group=pd.Categorical(np.repeat(range(20), {n} // 20)))
scatter = jscatter.Scatter(data=df, x="x", y="y", color_by="group", height=480)
scatter.mouse(mode="lasso")
done = []
scatter.widget.observe(lambda e: done.append((time.time(), len(df.iloc[e["new"]]))), names="selection")
"""
PEER_READY = "() => { const c = document.querySelector('.jscatter canvas, canvas'); return !!c && c.width > 300; }"


def _lassos(page, n, rounds, settle_s, *, selector, select):
    times, sizes, shown = [], [], []
    for i in range(rounds):
        box = lab_tools.settled(page, selector)
        corners = [(u + 0.002 * i, v) for u, v in ((0.25, 0.15), (0.75, 0.15), (0.8, 0.5), (0.65, 0.85), (0.3, 0.8))]
        before = int(lab_tools.run_code(page, "print(len(done))"))
        select(page, lab_tools.loop(box, corners))
        up = time.time()
        while int(lab_tools.run_code(page, "print(len(done))")) == before:
            assert time.time() - up < 60, "the lasso did not arrive"
            time.sleep(0.02)
        at, size = json.loads(lab_tools.run_code(page, "import json; print(json.dumps(done[-1]))"))
        times.append(at - up)
        sizes.append(size)
        if settle_s:
            lab_tools.until(page, f"() => document.querySelector('.mmx-gallery')?.dataset.n === '{size}'")
            shown.append(time.time() - up)
        time.sleep(settle_s)
    return {"points": n, "median_s": statistics.median(times), "max_s": max(times), "selected": int(statistics.median(sizes)),
            "shown_median_s": statistics.median(shown) if shown else None, "rounds": rounds}  # fmt: skip


def lasso(page, url, root, n, rounds):
    """Median seconds from mouse up to the DataFrame in Python, and to the gallery on the page."""
    name = f"lasso{n}.ipynb"
    lab_tools.write(root, name, [SETUP.format(n=n), "ex"])
    start = time.time()
    lab_tools.run_all(page, url, name)
    time.sleep(3)
    return _lassos(page, n, rounds, 1.0, selector=".mmx-ready .js-plotly-plot .nsewdrag", select=lab_tools.drag) | {
        "open_s": time.time() - start
    }


def peer(page, url, root, n, rounds):
    """Measure the same in jupyter-scatter."""
    name = f"peer{n}.ipynb"
    lab_tools.write(root, name, [PEER_SETUP.format(n=n), "scatter.show()"])
    lab_tools.run_all(page, url, name, ready=PEER_READY)
    time.sleep(5)
    page.evaluate("() => { document.querySelector('canvas').closest('div').classList.add('js-plotly-plot'); }")
    return _lassos(page, n, rounds, 0.0, selector="canvas", select=lab_tools.drag)


def hover(page, url, root, rounds):
    """Median seconds from moving the mouse onto a dot to its picture on the page."""
    lab_tools.write(root, "hover.ipynb", [PICTURES, "ex"])
    lab_tools.run_all(page, url, "hover.ipynb")
    time.sleep(3)
    lab_tools.settled(page)
    times = []
    for row in range(0, rounds * 7, 7):
        page.mouse.move(5, 5)
        lab_tools.until(page, "() => document.querySelector('.mmx-tip').hidden")
        x, y = page.evaluate(lab_tools.PLACE, row)
        page.mouse.move(x + 30, y + 30)
        start = time.time()
        page.mouse.move(x, y)
        shown = "() => { const t = document.querySelector('.mmx-tip'); return !t.hidden && t.querySelector('img')?.complete; }"
        lab_tools.until(page, shown, timeout_s=20)
        times.append(time.time() - start)
    return {"median_s": statistics.median(times), "max_s": max(times), "rounds": rounds}


def answers(page, url, root, kind, n, rounds):
    """Median seconds from the key that answers to the next item on the page."""
    y, opened = OPENED[kind]
    lab_tools.write(root, f"{kind}.ipynb", [ANSWERS.format(n=n, y=y), opened, "ex"])
    lab_tools.run_all(page, url, f"{kind}.ipynb")
    lab_tools.settled(page)
    page.evaluate(WATCH)
    page.locator(".js-plotly-plot").focus()
    for done in range(rounds):
        name = lab_tools.run_code(page, "print(ex.annotation_names.index(f'class {codes[ex.asked]}') + 1)")
        page.keyboard.press(name)
        lab_tools.until(page, f"() => window.shownAfter.length === {done + 1}")
        time.sleep(0.5)
    times = [ms / 1000 for ms in page.evaluate("() => window.shownAfter")]
    return {"kind": kind, "points": n, "median_s": statistics.median(times), "max_s": max(times), "rounds": rounds}


def opens(page, url, root, n, round_):
    """Seconds from the click that opens the review of label issues to its first question on the page, in a new kernel."""
    y, _ = OPENED["label_issues"]
    name = f"opens{round_}.ipynb"
    lab_tools.write(root, name, [ANSWERS.format(n=n, y=y), "ex"])
    lab_tools.run_all(page, url, name)
    lab_tools.settled(page)
    time.sleep(2)
    page.evaluate(OPENS)
    page.locator("[data-mm=review][data-value=label_issues]").click()
    return lab_tools.until(page, "() => window.openedAfter") / 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, nargs="*", default=[50_000, 100_000])
    parser.add_argument("--answers", type=int, nargs="*", default=[20_000], help="items of the reviews")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--peer", default="", help="Python that has jupyter-scatter")
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    out = {"load": os.getloadavg()[0], "cores": os.cpu_count(), "lasso": [], "answers": [], "opens": [], "peer": []}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as p:
        chrome = p.chromium.launch(executable_path=lab_tools.chromium(), args=lab_tools.FLAGS)
        for key, python in (("lasso", sys.executable), ("peer", options.peer)):
            if not python:
                continue
            root, home = Path(folder, key), Path(folder, key + "-home")
            root.mkdir()
            home.mkdir()
            with lab_tools.lab_server(root, home, python=python) as url:
                for n in options.points:
                    page = chrome.new_page(viewport={"width": 1280, "height": 1000})
                    out[key].append((lasso if key == "lasso" else peer)(page, url, root, n, options.rounds))
                    page.close()
                    print(json.dumps(out[key][-1]), file=sys.stderr, flush=True)
                for kind in OPENED if key == "lasso" else ():
                    for n in options.answers:
                        page = chrome.new_page(viewport={"width": 1280, "height": 1000})
                        out["answers"].append(answers(page, url, root, kind, n, options.rounds))
                        page.close()
                        print(json.dumps(out["answers"][-1]), file=sys.stderr, flush=True)
                for n in options.answers if key == "lasso" else ():
                    times = []
                    for round_ in range(3):
                        page = chrome.new_page(viewport={"width": 1280, "height": 1000})
                        times.append(opens(page, url, root, n, round_))
                        page.close()
                    out["opens"].append({"points": n, "median_s": statistics.median(times), "max_s": max(times)})
                    print(json.dumps(out["opens"][-1]), file=sys.stderr, flush=True)
                if key == "lasso":
                    page = chrome.new_page(viewport={"width": 1280, "height": 1000})
                    out["hover"] = hover(page, url, root, options.rounds)
                    page.close()
        chrome.close()
    print(json.dumps(out, indent=1))
    print(
        "\n| points | selected | lasso to DataFrame, median | lasso to gallery, median | jupyter-scatter, median |\n| --- | --- | --- | --- | --- |"
    )
    for i, row in enumerate(out["lasso"]):
        other = f"{out['peer'][i]['median_s']:.2f} s" if out["peer"] else "not measured"
        print(
            f"| {row['points']:,} | {row['selected']:,} | {row['median_s']:.2f} s | {row['shown_median_s']:.2f} s | {other} |"
        )
    for row in out["answers"]:
        print(
            f"\nanswer to the next item, {row['kind']}, {row['points']:,} items: {1000 * row['median_s']:.0f} ms median"
        )
    for row in out["opens"]:
        print(
            f"\nclick to the first label issue, {row['points']:,} items, new kernel: {1000 * row['median_s']:.0f} ms median of 3"
        )
    print(f"\nhover to thumbnail: {1000 * out['hover']['median_s']:.0f} ms median of {out['hover']['rounds']}")


if __name__ == "__main__":
    main()
