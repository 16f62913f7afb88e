"""The explorer in JupyterLab and Voila, by mouse and by key, in a real Chromium.

Every check reads what Python got, or what only Python can have written on the page.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

_spec = importlib.util.spec_from_file_location("browser_tools", Path(__file__).with_name("conftest.py"))
tools = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tools)

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

LOAD = "import mmtoolkit as mm, numpy as np, time, json\nemb = mm.Embeddings.load('stamps.parquet')\np = mm.project(emb, method='pca')"
OPEN = "ex = mm.explore(emb, y='label', clusters=mm.cluster(emb, range(3, 9)), projection=p)\nex"

NAMES = """() => [...document.querySelectorAll('.mmx-names b')].filter(e => getComputedStyle(e).visibility === 'visible')
  .map(e => { const b = e.getBoundingClientRect(); return [e.textContent, b.left, b.top, b.right, b.bottom]; })"""

# at which frame the card shows another item, and at which the map is drawn anew, where all answers of the kernel come at once
FRAMES = """() => { const root = document.querySelector('.mmx'), row = () => root.querySelector('.mmx-card')?.dataset.row, was = row();
  let frame = 0; const count = () => { frame += 1; requestAnimationFrame(count); }; requestAnimationFrame(count);
  const watch = new MutationObserver(() => { if (row() !== was) { window.drawnAt = { card: frame }; watch.disconnect(); } });
  watch.observe(root, { childList: true, subtree: true });
  const busy = () => { const end = performance.now() + 600; while (performance.now() < end); };
  addEventListener('keydown', () => setTimeout(busy), { capture: true, once: true });
  root.querySelector('.js-plotly-plot').on('plotly_afterplot', () => { if (window.drawnAt) window.drawnAt.map ??= frame; }); }"""

CLOSE = "import ipywidgets; ipywidgets.Widget.close_all()"  # the next page would load what a kernel still shows


@pytest.fixture(scope="session")
def notebooks(root, stamps):
    """Folder with the vectors that the notebooks load."""
    stamps.save(root / "stamps.parquet")
    return root


@pytest.fixture
def opened(desk, lab, kernel, notebooks, request):
    """A page with a fresh notebook that shows the explorer."""
    name = f"{request.node.name}.ipynb"
    tools.write(notebooks, name, [LOAD, OPEN])
    tools.run_all(desk, lab, name, kernel)
    yield desk
    desk.screenshot(path=notebooks / f"{request.node.name}.png")
    tools.run_code(desk, CLOSE)


def python(page, expression):
    """Value of an expression in the kernel."""
    out = tools.run_code(page, f"print(json.dumps({expression}))")
    assert not out.startswith("ERROR"), out
    return json.loads(out)


def gallery_shows(page, n):
    tools.until(page, f"() => document.querySelector('.mmx-gallery')?.dataset.n === '{n}'", what=f"a gallery of {n}")


def test_hover_lasso_label_undo_search_and_slider(opened):
    page = opened
    box = tools.settled(page)

    x, y = page.evaluate(tools.PLACE, 30)
    page.mouse.move(x + 40, y + 40)
    page.mouse.move(x, y)
    tools.until(
        page, "() => document.querySelector('.mmx-tip:not([hidden]) img')?.complete", what="a picture at the mouse"
    )
    row = int(page.get_attribute(".mmx-tip", "data-row"))
    assert page.get_attribute(".mmx-tip img", "alt") == python(page, f"ex.items['text'][{row}]")
    right = page.evaluate("() => document.querySelector('.mmx-tip').getBoundingClientRect().right")
    assert right <= page.evaluate("() => document.querySelector('.js-plotly-plot').getBoundingClientRect().right") + 1
    names = page.evaluate(NAMES)
    assert len(names) >= 3
    assert {name for name, *_ in names} <= set(python(page, "[str(v) for v in set(ex.y)]"))
    assert not any(
        a is not b and a[1] < b[3] and b[1] < a[3] and a[2] < b[4] and b[2] < a[4] for a in names for b in names
    )

    tools.drag(page, tools.loop(box))
    tools.until(page, "() => document.querySelector('.mmx-gallery')", what="a gallery")
    n = int(page.get_attribute(".mmx-gallery", "data-n"))
    assert 10 < n < 140
    assert python(page, "len(ex.selected)") == n
    assert python(page, "sorted(set(ex.selected['how']))") == ["lasso"]
    polygon_on_page = page.evaluate("() => document.querySelectorAll('.mmx-gallery img').length")
    assert polygon_on_page == min(n, 48)

    page.keyboard.press("1")
    tools.until(
        page, "() => document.querySelector('.mmx-status').innerText.includes('annotated as')", what="the annotation"
    )
    assert python(page, "len(ex.annotations)") == n
    assert python(page, "set(ex.annotations['annotation']) == {ex.annotation_names[0]}")
    page.keyboard.press("u")
    tools.until(page, "() => document.querySelector('.mmx-status').innerText.includes('undone')", what="undo")
    assert python(page, "len(ex.annotations)") == 0

    page.fill("input[data-mm=search]", "a bird")
    page.keyboard.press("Enter")
    gallery_shows(page, 30)
    assert python(page, "ex.selected['id'].tolist() == mm.search(emb, 'a bird', k=30).table['id'].tolist()")

    before = python(page, "ex.n_clusters")
    page.focus(".mmx-bar .noUi-handle")
    page.keyboard.press("ArrowRight" if before < 8 else "ArrowLeft")
    step = 1 if before < 8 else -1
    tools.until(
        page,
        f"() => document.querySelectorAll('.mmx-left [data-mm=group]').length === {before + step}",
        what="new clusters",
    )
    assert python(page, "[ex.n_clusters, ex.color_by]") == [before + step, "cluster"]


def test_legend_and_slider_walk_one_tree_of_clusters(opened):
    page = opened
    tools.settled(page)
    python(page, "setattr(ex, 'color_by', 'cluster')")
    chips = "document.querySelectorAll('.mmx-left [data-mm=group]').length"
    k = python(page, "ex.n_clusters")
    tools.until(page, f"() => {chips} === {k}", what="the clusters in the legend")
    tools.run_code(page, "before = {int(c): np.flatnonzero(ex.labels == c).tolist() for c in set(ex.labels)}")

    page.click(".mmx-left [data-mm=group]")
    page.click(".mmx-left [data-mm=split]")
    tools.until(page, f"() => {chips} === {k + 1}", what="the two parts")
    assert python(page, "sorted(int(c) for c in set(ex.labels) - set(before))") == [k, k + 1]
    page.click(".mmx-left [data-mm=merge]")
    tools.until(page, f"() => {chips} === {k}", what="the two parts as one")
    assert python(page, "np.flatnonzero(ex.labels == ex.labels.max()).tolist() in before.values()")

    page.focus(".mmx-bar .noUi-handle")
    page.keyboard.press("ArrowLeft")
    tools.until(page, f"() => {chips} === {k - 1}", what="one cluster fewer")
    same = "all(np.flatnonzero(ex.labels == c).tolist() == rows for c, rows in before.items() if c in ex.labels)"
    assert python(page, same)
    page.keyboard.press("ArrowRight")
    tools.until(page, f"() => {chips} === {k}", what="one cluster more")
    assert python(page, same)


def test_twenty_lassos_with_a_slow_hover_handler_all_arrive(opened):
    page = opened
    setup = "got = []; ex.observe(lambda e: got.append(len(e['new'])), 'selected'); ex.observe(lambda e: time.sleep(0.4), 'hovered')"
    tools.run_code(page, setup)
    box = tools.settled(page)

    for i in range(20):
        end = tuple(page.evaluate(tools.PLACE, 5 * i))
        start = (box["x"] + (0.15 + 0.03 * i) * box["width"], box["y"] + 0.2 * box["height"])
        middle = (box["x"] + 0.5 * box["width"], box["y"] + (0.9 - 0.02 * i) * box["height"])
        tools.drag(page, [start, middle, end])

    end = time.monotonic() + tools.PATIENCE_S
    while python(page, "len(got)") < 20 and time.monotonic() < end:
        time.sleep(0.2)
    assert python(page, "len(got)") == 20


def test_keyboard_alone_and_400_pixels(opened):
    page = opened
    page.set_viewport_size({"width": 400, "height": 800})
    tools.settled(page)
    tools.until(
        page,
        "() => document.querySelector('.mmx').scrollWidth <= document.querySelector('.mmx').clientWidth + 1",
        what="a layout of 400 pixels",
    )
    tools.until(
        page,
        "() => { const g = document.querySelector('.js-plotly-plot'); return Math.abs(g._fullLayout.width - g.clientWidth) < 2; }",
        what="a map that fits",
    )

    page.focus(".mmx [data-mm=tool]")
    for _ in range(40):
        if page.evaluate("() => document.activeElement.matches('.js-plotly-plot')"):
            break
        page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.getAttribute('role')") == "application"
    page.keyboard.press("ArrowRight")
    tools.until(page, "() => document.querySelector('.mmx-card')", what="the first item")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    gallery_shows(page, 1)
    page.keyboard.press("2")
    tools.until(
        page, "() => document.querySelector('.mmx-status').innerText.includes('annotated as')", what="the annotation"
    )

    assert python(page, "ex.annotations[['annotation', 'how']].values.tolist() == [[ex.annotation_names[1], 'click']]")
    assert python(page, "ex.annotations['id'][0] == ex.ids[ex.focus]")
    assert page.locator(".jp-Notebook .jp-Cell").count() == 2  # no shortcut of JupyterLab was taken


def left(page, n):
    tools.until(
        page, f"() => document.querySelector('.mmx-note-top[data-left]')?.dataset.left === '{n}'", what=f"{n} left"
    )


def asked_next(page, row, n):
    """Wait until n items are left and the card shows another item than `row`; return its row."""
    left = "document.querySelector('.mmx-note-top[data-left]')?.dataset.left"
    card = "document.querySelector('.mmx-card')?.dataset.row"
    script = f"() => {left} === '{n}' && {card} !== '{row}' && {card}"
    return int(tools.until(page, script, what=f"{n} left, and the next card"))


def test_a_label_issue_shows_what_it_suggests_and_a_key_accepts_it(opened):
    page = opened
    page.locator('button[data-mm="review"][data-value="label_issues"]').click()
    tools.until(page, "() => document.querySelector('.mmx-suggested')", what="a suggestion")
    like = "() => document.querySelector('.mmx-right').innerText.includes('most like it')"
    tools.until(page, like, what="items like the one under review")
    tools.until(page, "() => !document.querySelector('.mmx-looking')", what="what the classifier found")
    tools.until(page, "() => document.querySelector('.mmx').getAttribute('aria-busy') === 'false'", what="an idle page")
    asked, total = python(page, "int(ex.asked)"), python(page, "len(ex.queue)")
    suggested = python(page, "ex.reviews.suggestion.annotation")
    said = page.inner_text(".mmx-suggested")
    assert f"{python(page, f'ex.y[{asked}]')} → {suggested}? 0." in said
    assert "nearest" in said  # what speaks for it

    page.evaluate(FRAMES)
    page.locator(".js-plotly-plot").focus()
    page.keyboard.press("Enter")
    left(page, total - 1)
    drawn = tools.until(
        page, "() => window.drawnAt?.map !== undefined && window.drawnAt", what="the ring around the next item"
    )
    assert drawn["map"] > drawn["card"]  # the next question is not painted only after the map
    assert python(page, f"ex.annotated[{asked}]") == suggested
    assert python(page, "bool(ex.reviewed['found'].iloc[-1])")
    page.keyboard.press("u")
    left(page, total)
    assert python(page, "int(ex.asked)") == asked
    assert python(page, f"ex.annotated[{asked}]") is None
    page.keyboard.press("x")
    left(page, total - 1)
    assert python(page, f"ex.annotated[{asked}]") == python(page, f"ex.y[{asked}]")


def test_from_nothing_to_100_labels_by_keys_alone_and_none_is_lost_with_the_kernel(page, lab, notebooks):
    name = "learning.ipynb"  # a page of its own: JupyterLab tells there that the kernel died
    open_ = "ex = mm.explore(emb, projection=p, journal='learning.csv')\nex"
    tools.write(notebooks, name, [LOAD, open_])
    tools.run_all(page, lab, name)
    tools.settled(page)
    chip = page.locator('button[data-mm="review"][data-value="learn"]')
    chip.focus()
    page.keyboard.press("Enter")
    tools.until(page, "() => document.querySelector('.mmx-note-top[data-left]')", what="the first question")
    total = python(page, "len(ex.queue)")
    truth = python(page, "[str(v) for v in np.unique(emb.items['label'], return_inverse=True)[1] % 4]")
    known, row = [], python(page, "int(ex.asked)")
    for count in range(100):
        answer = truth[row]
        if answer in known:
            page.keyboard.press(str(known.index(answer) + 1))
        else:
            known.append(answer)
            page.keyboard.press("c")
            page.keyboard.type(f"class {answer}")
            page.keyboard.press("Enter")
        row = asked_next(page, row, total - count - 1)
    assert row == python(page, "int(ex.asked)")
    annotated = python(page, "ex.annotated.tolist()")
    learned = python(page, "ex.learned.round(6).values.tolist()")
    assert [name for name in annotated if name]
    assert all(name is None or name == f"class {truth[row]}" for row, name in enumerate(annotated))
    assert [row[1] for row in learned] == [10, 15]
    assert page.locator(".mmx-spark polyline").count() == 1
    assert f"Accuracy {learned[-1][2]:.2f}" in page.inner_text(".mmx-note-top[data-left]")
    page.screenshot(path=notebooks / "learning.png")

    pid = python(page, "__import__('os').getpid()")
    os.kill(pid, signal.SIGKILL)
    code = f"import os; os.chdir({str(notebooks)!r})\n{LOAD}\n{open_.removesuffix('ex')}"
    code += "_ = ex.review('learn')\nprint(json.dumps([ex.annotated.tolist(), ex.learned.round(6).values.tolist()]))"
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(again.stdout) == [annotated, learned]


def test_a_page_too_slow_for_anywidget_has_a_map_that_follows(page, lab, kernel, notebooks):
    late = "const timeout = AbortSignal.timeout; AbortSignal.timeout = ms => timeout.call(AbortSignal, ms === 2000 ? 1 : ms);"
    page.add_init_script(late)  # anywidget gives up listening to a module after 2 s, here after 1 ms
    tools.write(notebooks, "late.ipynb", [LOAD, OPEN.replace("\nex", "\nex.widget; ex.show(7)\nex")])

    tools.run_all(page, lab, "late.ipynb", kernel)

    data = "document.querySelector('.js-plotly-plot')._fullData"
    assert page.evaluate(f"() => {data}[0].x.length") == 140
    tools.until(page, f"() => {data}[1].x[0] === {data}[0].x[7]", what="the ring set before the page was ready")
    tools.run_code(page, "ex.select([3, 4], how='code')")
    tools.until(page, f"() => {data}[0].selectedpoints?.join() === '3,4'", what="the selection made in Python")
    tools.settled(page)
    page.mouse.move(*page.evaluate(tools.PLACE, 3))
    tools.until(page, "() => document.querySelector('.mmx-tip:not([hidden])')", what="a picture at the mouse")
    tools.run_code(page, CLOSE)


def test_two_views_ask_no_oftener_than_one_a_finger_finds_a_dot_and_a_lost_kernel_is_said(desk, lab, kernel, notebooks):
    page = desk
    slow = "from types import SimpleNamespace\nex = mm.explore(emb, projection=SimpleNamespace(quick=p, done=False))\n"
    count = "asked = []\npoll = ex.layout.poll\nex.layout.poll = lambda *a: asked.append(time.time()) or poll(*a)\n"
    tools.write(notebooks, "twice.ipynb", [LOAD, slow + count + "display(ex, ex)"])
    tools.run_all(page, lab, "twice.ipynb", kernel)
    tools.until(page, "() => document.querySelectorAll('.mmx-ready').length === 2", what="two views")
    tools.settled(page)

    start = python(page, "len(asked)")
    time.sleep(2)
    assert 2 <= python(page, "len(asked)") - start <= 20

    x, y = page.evaluate(tools.PLACE, 7)
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x + 1, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    tools.until(page, "() => document.querySelector('.mmx-card')", what="the card of the item under the finger")
    away = "np.hypot(*(p.coords - p.coords[7]).T)"
    assert python(page, f"bool({away}[ex.focus] <= {away}.max() / 50)")

    restart = """async () => { const w = [...window.jupyterapp.shell.widgets('main')].find(x => x.context && x.sessionContext);
        await w.sessionContext.session.kernel.restart(); return true; }"""
    page.evaluate(restart)
    words = "[...document.querySelectorAll('.mmx')].map(e => getComputedStyle(e, '::before').content)"
    tools.until(
        page,
        f"() => {{ const w = {words}; return w.length === 2 && w.every(x => x.includes('run the cell again')); }}",
        what="a word on the kernel in both",
    )
    tools.drag(page, tools.loop(tools.settled(page)))
    assert page.evaluate("() => document.querySelector('.mmx-lasso path').getAttribute('d')") is None
    page.screenshot(path=notebooks / "dead.png")


def test_a_cell_that_is_run_again_leaves_maps_that_follow_and_letters_are_no_shortcuts(desk, lab, kernel, notebooks):
    tools.write(notebooks, "again.ipynb", [LOAD, "ex = mm.explore(emb, projection=p)\nex", "ex"])
    tools.run_all(desk, lab, "again.ipynb", kernel)
    ready = "[...document.querySelectorAll('.mmx-ready .js-plotly-plot')]"
    again = """() => { const w = [...window.jupyterapp.shell.widgets('main')].find(x => x.context && x.sessionContext);
        document.querySelectorAll('.mmx')[1].id = 'old';
        w.content.activeCellIndex = 2; window.jupyterapp.commands.execute('notebook:run-cell'); }"""
    tools.until(desk, f"() => {ready}.length === 2", what="two views")

    desk.evaluate(again)
    tools.until(desk, f"() => !document.querySelector('#old') && {ready}.length === 2", what="a new view of the cell")
    python(desk, "ex.select([3, 5])")

    tools.until(
        desk, f"() => {ready}.every(g => g._fullData[0].selectedpoints?.join() === '3,5')", what="the selection in both"
    )
    desk.locator(".mmx-ready .js-plotly-plot").first.focus()
    for key in "abv":
        desk.keyboard.press(key)
    python(desk, "ex.select([7])")
    tools.until(desk, f"() => {ready}.every(g => g._fullData[0].selectedpoints?.join() === '7')", what="another one")
    assert desk.locator(".jp-Notebook .jp-Cell").count() == 3
    tools.run_code(desk, CLOSE)


def test_a_kernel_that_was_restarted_from_elsewhere_is_said(desk, lab, notebooks):
    own = tools.post(f"{lab}/api/kernels", name="python3", path="")["id"]
    tools.write(notebooks, "elsewhere.ipynb", [LOAD, "ex = mm.explore(emb, projection=p)\nex"])
    tools.run_all(desk, lab, "elsewhere.ipynb", own)
    tools.settled(desk)
    gone = "getComputedStyle(document.querySelector('.mmx'), '::before').content.includes('run the cell again')"

    code = "w => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({ code: 'import time; time.sleep(5)' })"
    desk.evaluate(f"() => {{ ({code})(); }}")  # a busy kernel is no lost one
    tools.drag(desk, tools.loop(tools.settled(desk)))
    tools.until(desk, "() => document.querySelector('.mmx-gallery')", what="a gallery once the cell is done")
    assert not desk.evaluate(f"() => {gone}")

    tools.post(f"{lab}/api/kernels/{own}/restart")
    tools.drag(desk, tools.loop(tools.settled(desk)))
    tools.until(desk, f"() => {gone}", what="a word on the kernel")


def test_two_pages_on_one_kernel_follow_each_other_and_no_answer_goes_astray(browser, desk, lab, kernel, notebooks):
    open_ = "ex = mm.explore(emb, y='label', projection=p)\n_ = ex.review('outliers', n=20)\nex"
    tools.write(notebooks, "pages.ipynb", [LOAD, open_])
    tools.run_all(desk, lab, "pages.ipynb", kernel)
    desk.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    other = browser.new_page(viewport=tools.SIZE)
    other.goto(f"{lab}/lab/workspaces/other/tree/pages.ipynb?reset")  # the output is in the file, the map in the kernel
    tools.until(other, tools.PLOT, what="the map in the other page")
    pages = (desk, other)

    def press(page, key):
        page.locator(".js-plotly-plot").focus()
        page.keyboard.press(key)

    def both(script, what):
        for page in pages:
            tools.until(page, script, what=what)

    first = python(desk, "int(ex.asked)")
    both(f"() => document.querySelector('[data-asked=\"{first}\"]')", "the same question")
    press(desk, "1")
    both("() => document.querySelector('[data-left=\"19\"]')", "the next question in both")
    asked = python(desk, "int(ex.asked)")
    ring = (
        "(() => { const [d, r] = document.querySelector('.js-plotly-plot')._fullData; return r.x[0] === d.x[%d]; })()"
    )
    both(f"() => {ring % asked}", "the ring around it")

    other.evaluate(
        f"() => {{ document.querySelector('[data-asked]').dataset.asked = '{first}'; }}"
    )  # as if it were slow
    press(other, "2")
    both(
        "() => document.querySelector('.mmx-status').innerText.includes('no answer was taken')",
        "a word on that in both",
    )
    given = "ex.annotations[['id', 'annotation']].values.tolist()"
    assert python(desk, f"{given} == [[ex.ids[{first}], ex.annotation_names[0]]]")

    other.evaluate(f"() => {{ document.querySelector('[data-asked]').dataset.asked = '{asked}'; }}")
    press(other, "2")
    both("() => document.querySelector('[data-left=\"18\"]')", "the answer of the other page")
    assert python(desk, "ex.annotations['annotation'].iloc[-1] == ex.annotation_names[1]")
    press(desk, "u")
    both("() => document.querySelector('[data-left=\"19\"]')", "undone by the first page")
    other.close()
    tools.run_code(desk, CLOSE)


def test_the_same_notebook_under_voila(page, notebooks, tmp_path):
    tools.chromium()
    tools.write(notebooks, "app.ipynb", [LOAD, OPEN])
    args = [str(notebooks / "app.ipynb"), "--no-browser", "--Voila.ip=127.0.0.1", "--port={port}"]
    with tools.server("voila", args, tmp_path) as url:
        page.goto(url)
        tools.until(page, tools.PLOT, what="the map")
        box = tools.settled(page)
        tools.drag(page, tools.loop(box))
        tools.until(page, "() => document.querySelector('.mmx-gallery img')", what="a gallery")
        page.screenshot(path=notebooks / "voila.png")
        assert 10 < int(page.get_attribute(".mmx-gallery", "data-n")) < 140


SHOWN = "document.querySelector('.js-plotly-plot')._fullData[0].x.filter(Number.isFinite).length"


def test_chips_and_fields_filter_the_map_in_both_tabs_and_the_full_window_holds_it(desk, lab, kernel, notebooks):
    page = desk
    price = "emb = mm.Embeddings(emb.vectors, items=emb.items.assign(price=np.arange(140.0), label=[f'<b>{v}' for v in emb.items['label']]), model=emb.model)"
    tools.write(
        notebooks,
        "filters.ipynb",
        [LOAD + "\n" + price, "ex = mm.explore(emb, y='label', projection=p)\ndisplay(ex, ex)"],
    )
    tools.run_all(page, lab, "filters.ipynb", kernel)
    tools.until(page, "() => document.querySelectorAll('.mmx-ready').length === 2", what="two views")
    tools.settled(page)

    page.locator("[data-mm=filter]").first.click()
    first = python(page, "ex.where['label']")
    n = python(page, "int((ex.y == ex.where['label']).sum())")
    tools.until(page, f"() => {SHOWN} === {n}", what="one class on the map")
    told = (
        "[...document.querySelectorAll('.mmx')].map(e => e.innerText).filter(t => t.includes('"
        + f"{n} of 140 items shown"
        + "')).length"
    )
    tools.until(page, f"() => {told} === 2", what="the same in the other view")
    assert first.startswith("<b>")

    page.locator("[data-mm=range][data-value$=':high']").first.fill("69")
    page.keyboard.press("Enter")
    n = python(page, "int(((ex.y == ex.where['label']) & (np.arange(140) <= 69)).sum())")
    tools.until(page, f"() => {SHOWN} === {n}", what="a range of the class on the map")
    assert python(page, "ex.where") == {"label": first, "price": [None, 69]}

    x, y, w, h = tools.settled(page).values()
    tools.drag(page, [(x + 2, y + 2), (x + w - 2, y + 2), (x + w - 2, y + h - 2), (x + 2, y + h - 2)])
    gallery_shows(page, n)
    page.locator("[data-mm=filter]").first.click()
    tools.until(page, f"() => {SHOWN} === 70", what="the class undone")
    assert python(page, "ex.where") == {"price": [None, 69]}

    page.locator("[data-mm=full]").first.click()
    whole = "(() => { const b = document.querySelector('.mmx').getBoundingClientRect(); return b.left === 0 && b.top === 0 && b.width >= innerWidth - 1; })()"
    tools.until(page, f"() => {whole}", what="the full window")
    assert page.evaluate("() => document.elementFromPoint(5, 300).closest('.mmx') !== null")
    page.screenshot(path=notebooks / "full.png")
    tools.settled(page)
    page.mouse.move(*page.evaluate(tools.PLACE, 7))
    tools.until(page, "() => document.querySelector('.mmx-tip:not([hidden])')", what="a picture at the mouse")
    page.locator("[data-mm=full]").first.click()
    tools.until(page, f"() => !{whole}", what="the cell")
    tools.run_code(page, CLOSE)


BAD = """n, rng = 1000, np.random.default_rng(0)
k = np.arange(n)
items = emb.items.iloc[k % 140].reset_index(drop=True).assign(id=[f"i{i}" for i in k], where=np.where(k % 2, "here", "there"),
  save=k % 3, review=[f"r{i % 4}" for i in k], selected=k % 2 == 0, score=k * 1.0, annotation=np.where(k % 5, "x", "y"))
ex = mm.explore(mm.Embeddings(rng.normal(size=(n, 16)), items=items), y=[f"class {i % 500:03}" for i in k], projection=rng.normal(size=(n, 2)))
ex"""


def test_500_classes_columns_named_like_methods_hidden_questions_and_contradictions(desk, lab, kernel, notebooks):
    page = desk
    tools.write(notebooks, "bad.ipynb", [LOAD, BAD])
    tools.run_all(page, lab, "bad.ipynb", kernel)
    tools.settled(page)

    def press(*keys):
        page.locator(".js-plotly-plot").focus()
        for key in keys:
            page.keyboard.press(key)

    def says(text):
        tools.until(page, f"() => document.querySelector('.mmx-right').innerText.includes({text!r})", what=text)

    page.locator('[data-mm="filter"][title="here"]').click()
    says("500 of 1,000 items shown")
    assert python(page, "ex.where") == {"where": "here"}
    assert python(page, "[*ex.selected.filter(like='annotation').columns]") == ["annotation (column)", "annotation"]
    page.locator("[data-mm=show-all]").click()
    says("all items shown")

    page.locator('button[data-mm="review"][data-value="label_issues"]').click()
    says("what the first look found stays")  # each class has two items
    assert page.locator(".mmx-looking").count() == 0
    suggested, asked = python(page, "ex.reviews.suggestion.annotation"), python(page, "int(ex.asked)")
    tools.run_code(page, f"ex.where = {{'where': 'there' if {asked} % 2 else 'here'}}")
    says("The filter hides this item on the map")
    press("Enter")
    says("the filter hides this item; the answer is kept")
    assert python(page, f"ex.annotated[{asked}]") == suggested
    page.screenshot(path=notebooks / "bad.png")

    tools.run_code(page, "ex.where = {'where': 'here'}")
    page.locator('button[data-mm="review"][data-value=""]').click()
    page.locator('button[data-mm="review"][data-value="learn"]').click()
    tools.until(page, "() => document.querySelector('.mmx-note-top[data-left]')", what="the first question")
    row = python(page, "int(ex.asked)")
    assert row % 2 == 1  # of what is shown
    press("c")
    page.keyboard.type("a class of mine")
    page.keyboard.press("Enter")
    says("annotated as a class of mine")
    assert page.input_value("[data-mm=new-label]") == ""

    tools.run_code(page, f"ex.review(None)\nex.select([{row}])")
    says("1 of 1,000 items selected")
    press("2")
    says("annotated as class 001")
    assert python(page, f"ex.annotated[{row}]") == "class 001"
    press("u")
    says("undone: 1 item")
    assert python(page, f"ex.annotated[{row}]") == "a class of mine"
    tools.run_code(page, CLOSE)
