"""Every text and every mark of a report and of the explorer stands out from what lies behind it, in light and dark, on wide and narrow pages."""

import importlib.util
from pathlib import Path

import pytest
from chinese import embeddings

import mmtoolkit as mm

_spec = importlib.util.spec_from_file_location("browser_tools", Path(__file__).with_name("conftest.py"))
tools = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tools)

SCRIPT = """within => {
  const top = document.querySelector(within ?? "body");
  const parse = c => { const m = c.match(/[\\d.]+(e-?\\d+)?/g)?.map(Number) ?? [0, 0, 0, 0];
    if (c.startsWith("color(")) for (const i of [0, 1, 2]) m[i] *= 255;
    return [m[0], m[1], m[2], m[3] ?? 1]; };
  const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
  const light = c => { const v = c.slice(0, 3).map(x => (x /= 255) <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4);
    return .2126 * v[0] + .7152 * v[1] + .0722 * v[2]; };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
  const behind = e => { let c = [0, 0, 0, 0], chain = [];
    for (; e && e !== document; e = e.parentElement) chain.push(parse(getComputedStyle(e).backgroundColor));
    c = parse(getComputedStyle(document.body).backgroundColor);
    for (const b of chain.reverse()) c = over(b, c);
    return c; };
  const faint = e => { let o = 1; for (; e && e !== document; e = e.parentElement) o *= Number(getComputedStyle(e).opacity); return o; };
  const seen = e => { const b = e.getBoundingClientRect(); return b.width > 0 && b.height > 0 && getComputedStyle(e).visibility !== "hidden"; };
  const wrong = [], told = (kind, e, r) => wrong.push(kind + " " + r.toFixed(2) + ": " + (e.textContent || e.getAttribute("class") || e.tagName).trim().slice(0, 60) + " | " + (e.closest("[id]")?.id ?? ""));
  let texts = 0, marks = 0;
  const walker = document.createTreeWalker(top, NodeFilter.SHOW_TEXT);
  for (let n; n = walker.nextNode();) {
    const e = n.parentElement;
    if (!n.data.trim() || e.closest("script, style, .textpoint, .modebar-container, .annotation") || !seen(e)) continue;
    const s = getComputedStyle(e), svg = e.closest("svg");
    const c = parse(svg ? s.fill : s.color), b = behind(svg ? svg.parentElement : e);
    c[3] *= faint(e); texts++;
    const r = ratio(over(c, b), b);
    if (e.closest("[aria-hidden=true]")) {  // a mark that is a letter
      marks++;
      const edge = parseFloat(s.webkitTextStrokeWidth) > 0 ? ratio(parse(s.webkitTextStrokeColor), b) : 1;
      if (Math.max(r, edge) < 3) told("mark", e, Math.max(r, edge));
    } else if (r < 4.5) told("text", e, r);
  }
  for (const e of top.querySelectorAll(".js-plotly-plot :is(.point path, .points path, .js-line, .trace.bars path)")) {
    if (!seen(e)) continue;
    const s = getComputedStyle(e), b = behind(e.closest("svg").parentElement), o = faint(e);
    const paint = (c, a) => { const p = parse(c); p[3] *= Number(a) * o; return c === "none" ? 1 : ratio(over(p, b), b); };
    const edge = parseFloat(s.strokeWidth) > 0 ? paint(s.stroke, s.strokeOpacity) : 1;
    const r = Math.max(paint(s.fill, s.fillOpacity), edge), faded = e.closest(".js-plotly-plot")._fullData?.[0]?.marker?.opacity?.length > 0;
    const dimmed = faded || s.fill === "rgb(138, 138, 138)";  // unsure, or not selected: to be seen, no more
    marks++;
    if (r < (dimmed ? 1.6 : 3) && !(s.fill === "none" && edge === 1)) told("mark", e, r);
  }
  for (const e of top.querySelectorAll(".bar i:not(.whisker):not(.tick)")) {
    if (!seen(e)) continue;
    const s = parse(getComputedStyle(e).backgroundColor), b = behind(e.closest("td, .head") ?? e.parentElement);
    marks++;
    if (ratio(over(s, b), b) < 3) told("mark", e, ratio(over(s, b), b));
  }
  return { texts, marks, wrong: [...new Set(wrong)] };
}"""


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    emb = embeddings()
    rep = mm.report(mm.classify(emb), mm.cluster(emb, 3), mm.project(emb, method="pca"), title="报告", language="zh")
    return rep.save(tmp_path_factory.mktemp("contrast") / "report.html")


def draw_all(page):
    """Open what is folded, and draw every figure, as for paper."""
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.evaluate("['beforeprint', 'afterprint'].forEach(name => window.dispatchEvent(new Event(name)))")
    page.wait_for_function("() => [...document.querySelectorAll('.plot')].every(g => g._fullLayout)")
    page.wait_for_timeout(300)


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_and_mark_of_a_report_stands_out(browser, page_file, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    page = context.new_page()
    page.goto(page_file.as_uri())
    draw_all(page)

    found = page.evaluate(SCRIPT)

    assert found["texts"] > 100
    assert found["marks"] > 100
    assert found["wrong"] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


@pytest.mark.browser
def test_the_script_finds_a_weak_text_and_a_weak_mark(browser, page_file):
    page = browser.new_page()
    page.goto(page_file.as_uri())
    draw_all(page)
    page.add_style_tag(
        content=".caption { color: #999 } .js-plotly-plot .points path { fill: #ddd !important; stroke: #ddd !important }"
    )

    wrong = page.evaluate(SCRIPT)["wrong"]

    assert any(line.startswith("text 2.8") for line in wrong)
    assert any(line.startswith("mark 1.") for line in wrong)
    page.close()


EXPLORERS = """import mmtoolkit as mm, numpy as np
from PIL import Image
frame = mm.load_dataset("emoji").iloc[::12].reset_index(drop=True)
frame = frame.assign(price=np.arange(len(frame)) / 4, kind=np.where(np.arange(len(frame)) % 3 == 0, "drawing", "photo"))
rng = np.random.default_rng(0)
codes = np.unique(frame["label"].astype(str), return_inverse=True)[1]
emb = mm.Embeddings((np.eye(64)[codes % 64] * 3 + rng.normal(size=(len(frame), 64))).astype("f"), items=frame)
places = np.stack([codes % 4 * 5.0, codes // 4 * 5.0], 1) + rng.normal(size=(len(frame), 2))
y = codes % 12
y = np.array([f"class {k}" for k in np.where(rng.random(len(frame)) < .1, (y + 5) % 12, y)], dtype=object)"""
STATES = {
    "selected": "ex.where = {'kind': 'photo', 'price': (None, 20)}; ex.lasso([(-9, -9), (9, -9), (9, 9), (-9, 9)])",
    "review": "ex.where = None; ex.clear(); _ = ex.review('label_issues', wait=True)",
    "learning": "_ = ex.review('learn'); [ex.label(str(ex.y[ex.asked])) for _ in range(90)]",
    "counts": "ex.review(None); ex.n_clusters = 4; _ = ex.link()",
}


@pytest.mark.browser
@pytest.mark.timeout(600)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_text_and_mark_of_the_explorer_stands_out(desk, lab, kernel, root, language):
    name = f"contrast_{language}.ipynb"
    shown = f"ex = mm.explore(emb, y=y, projection=places, language={language!r})\nex"
    tools.write(root, name, [EXPLORERS, shown])
    tools.run_all(desk, lab, name, kernel)
    wrong = set()
    for state, code in STATES.items():
        assert "ERROR" not in tools.run_code(desk, code)
        for scheme in ("Light", "Dark"):
            theme = (
                f"() => window.jupyterapp.commands.execute('apputils:change-theme', {{ theme: 'JupyterLab {scheme}' }})"
            )
            desk.evaluate(theme)
            tools.until(desk, f"() => document.body.dataset.jpThemeName === 'JupyterLab {scheme}'", what=scheme)
            for width in (1280, 400):
                desk.set_viewport_size({"width": width, "height": 1200})
                tools.settled(desk)

                found = desk.evaluate(SCRIPT, ".mmx")

                if found["wrong"]:
                    desk.screenshot(path=root / f"{state}_{language}_{scheme}_{width}.png")
                assert found["texts"] > 40
                assert found["marks"] > 50
                wrong |= {f"{state}, {scheme}, {width} pixels, {line.split(' | ')[0]}" for line in found["wrong"]}
                wide = "() => document.querySelector('.mmx').scrollWidth - document.querySelector('.mmx').clientWidth"
                assert desk.evaluate(wide) <= 1
    desk.evaluate("() => window.jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Light' })")
    tools.run_code(desk, "import ipywidgets; ipywidgets.Widget.close_all()")
    (root / f"wrong_{language}.txt").write_text("\n".join(sorted(wrong)), "utf-8")
    assert sorted(wrong) == []
