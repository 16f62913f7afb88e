"""Scripts in everything that people name: every page that mmtoolkit writes is opened in a Chromium, and nothing runs.

The payloads are ids, texts, classes, names of columns, clusters, prompts and titles. Each calls ``hit()``, which the page
has from us; dialogs, hits and requests are counted. Needs ``playwright`` and an installed Chromium.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import mmtoolkit as mm

TRIALS = 1
CONTROL = "control"  # a page where the payloads must run: otherwise nothing was tried

PAYLOADS = [
    "<script>hit()</script>", "<ScRiPt>hit()</sCrIpT>", "</script><script>hit()</script>", "<script src=//evil.invalid/x.js></script>", "<<script>hit()//<</script>",
    "<img src=x onerror=hit()>", "<img src=x onerror='hit()'>", "<IMG SRC=x ONERROR=\"hit()\">", "<img/src=x/onerror=hit()>", "<svg onload=hit()>", "<svg><script>hit()</script></svg>",
    "<svg><animate onbegin=hit() attributeName=x dur=1s>", "<body onload=hit()>", "<iframe srcdoc='<script>parent.hit()</script>'>", "<iframe src=javascript:parent.hit()>", "<object data=javascript:hit()>",
    "<embed src=javascript:hit()>", "<a href=javascript:hit()>click</a>", "<a href='java\tscript:hit()'>click</a>", "<form action=javascript:hit()><input type=submit></form>", "<button formaction=javascript:hit()>b</button>",
    "<input autofocus onfocus=hit()>", "<select autofocus onfocus=hit()>", "<details open ontoggle=hit()>", "<video><source onerror=hit()></video>", "<audio src=x onerror=hit()>", "<marquee onstart=hit()>",
    "<math><mtext><img src=x onerror=hit()></mtext></math>", "<table background=javascript:hit()>", "<style>@import 'javascript:hit()'</style>", "<link rel=stylesheet href=//evil.invalid/x.css>", "<base href=//evil.invalid/>",
    "<meta http-equiv=refresh content='0;url=javascript:hit()'>", "<meta http-equiv=refresh content='0;url=//evil.invalid/'>", "\" onmouseover=hit() x=\"", "' onmouseover=hit() x='", "\" autofocus onfocus=hit() \"", "`onerror=hit()`",
    "\"><script>hit()</script>", "'><img src=x onerror=hit()>", "--><script>hit()</script>", "<!--<script>hit()</script>", "]]><script>hit()</script>", "</title><script>hit()</script>", "</style><script>hit()</script>", "</textarea><script>hit()</script>",
    "</noscript><img src=x onerror=hit()>", "<noscript><p title=\"</noscript><img src=x onerror=hit()>\">", "<template><script>hit()</script></template>", "\\u003cscript\\u003ehit()\\u003c/script\\u003e", "&lt;script&gt;hit()&lt;/script&gt;", "&#60;img src=x onerror=hit()&#62;",
    "\\x3cimg src=x onerror=hit()\\x3e", "%3Cscript%3Ehit()%3C/script%3E", "javascript:hit()", "data:text/html,<script>hit()</script>", "';hit();//", "\";hit();//", "\\\";hit();//", "${hit()}", "{{constructor.constructor('hit()')()}}", "#{hit()}", "<%= hit() %>",
    "%{customdata}<img src=x onerror=hit()>", "<b>bold</b><br><a href=\"javascript:hit()\">x</a>", "$\\href{javascript:hit()}{x}$", "\u202e<script>hit()</script>", "\0<script>hit()</script>", "a\r\n<script>hit()</script>", "__proto__", "<x contenteditable onblur=hit()>lose</x>",
]  # fmt: skip

TOUCH = """() => { for (const e of document.querySelectorAll('a, button, summary, input, td, th, img, [tabindex], details')) {
  for (const kind of ['mouseover', 'mouseenter', 'focus', 'blur', 'toggle']) e.dispatchEvent(new Event(kind, { bubbles: true }));
  if (e.tagName === 'A' && !/^#/.test(e.getAttribute('href') || '#') ) { e.click(); } } }"""


def _pages(home: Path) -> Iterator[tuple[str, Path]]:
    """Write every kind of page, with payloads wherever people put words."""
    n = len(PAYLOADS)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2 * n, 6)).astype(np.float32)
    classes = [PAYLOADS[i % 2] for i in range(2 * n)]
    frame = pd.DataFrame({
        "id": [f"{p}{i // n}" for i, p in enumerate(PAYLOADS * 2)],
        "text": PAYLOADS * 2,
        "label": classes,
        PAYLOADS[5]: PAYLOADS * 2,
    })  # fmt: skip
    emb = mm.Embeddings(X, items=mm.items(frame), model=PAYLOADS[0])
    r = mm.classify(emb, "label", cv=2, duplicates="ignore")
    c = mm.cluster(emb, 3, names=[PAYLOADS[5], PAYLOADS[9], PAYLOADS[2]])
    p = mm.project(emb, method="pca")
    made = {
        "classify": r,
        "cluster": c,
        "project": p,
        "search": mm.search(emb, X[0], k=5),
        "audit": mm.audit(emb, "label"),
        "pick": mm.pick(emb, 9),
    }
    for language in ("en", "zh"):
        try:
            report = mm.report(r, c, p, title=PAYLOADS[2], language=language)
        except TypeError:  # reports that speak English alone
            report = mm.report(r, c, p, title=PAYLOADS[2])
        report.save(home / f"report-{language}.html")
        yield f"report {language}", home / f"report-{language}.html"
    ex = mm.explore(emb, y="label", clusters=c, projection=p)
    ex.label(PAYLOADS[0], items=[0, 1])
    ex.save(home / "map.html")
    yield "map", home / "map.html"
    (home / "control.html").write_text(f"<!doctype html><body>{''.join(PAYLOADS[5:9])}", "utf-8")
    yield CONTROL, home / "control.html"
    for name, result in made.items():
        page = home / f"{name}.html"
        page.write_text(f"<!doctype html><meta charset=utf-8><body>{result._repr_html_()}", "utf-8")
        yield name, page
    for name, result in made.items():
        for figure in getattr(result, "figures", ()):
            page = home / f"{name}-{figure}.html"
            result.figure(figure).write_html(page, include_plotlyjs=True)
            yield f"{name}, figure {figure}", page


def attack(trials: int = TRIALS, seed: int = 0) -> dict[str, Any]:
    """Open every page, move over it, click it; `trials` and `seed` change nothing."""
    del trials, seed
    from playwright.sync_api import sync_playwright

    browser_path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser_path is None:
        return {"trials": 0, "left out": "no Chromium on PATH"}
    counts: dict[str, Any] = {"trials": 0, "payloads": len(PAYLOADS), "raw": 0, "requests": 0, "examples": {}}
    with tempfile.TemporaryDirectory() as home, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        for name, path in _pages(Path(home)):
            hits: list[str] = []
            asked: list[str] = []
            page = browser.new_page()
            page.expose_function("hit", lambda hits=hits: hits.append("hit"))
            page.on("dialog", lambda dialog, hits=hits: (hits.append("dialog"), dialog.dismiss()))
            page.route("**/*", lambda route, asked=asked: _route(route, asked))
            page.goto(path.as_uri(), wait_until="load", timeout=120_000)
            page.wait_for_timeout(500)
            page.evaluate(TOUCH)
            box = page.query_selector(".nsewdrag")
            if box is not None and (place := box.bounding_box()):
                for step in range(12):
                    page.mouse.move(
                        place["x"] + place["width"] * (step % 4 + 0.5) / 4,
                        place["y"] + place["height"] * (step // 4 + 0.5) / 3,
                    )
            page.wait_for_timeout(300)
            page.close()
            if name == CONTROL:
                counts["hits of the control page"] = len(hits)
                counts["raw"] += not hits
                continue
            counts["trials"] += 1
            counts["raw"] += len(hits) + len(asked)
            counts["requests"] += len(asked)
            if hits or asked:
                counts["examples"][name] = [*hits, *asked][:5]
        browser.close()
    return counts


def _route(route: Any, asked: list[str]) -> None:
    """Let the page itself and its data through; note and refuse all else."""
    url = route.request.url
    if url.startswith(("file:", "data:", "blob:", "about:")):
        route.continue_()
    else:
        asked.append(url)
        route.abort()
