"""The explorer in Notebook 7, and on a page that imitates a host such as VS Code or Colab: a frame that loads nothing."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__)


def _module(path):
    spec = importlib.util.spec_from_file_location(f"hosts_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tools, hosted = _module(HERE.with_name("conftest.py")), _module(HERE.parents[1] / "explorer" / "hosted.py")
pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

# what a host does: boxes and HTML of its own, anywidget's modules from their text, messages as a queue
HOST = """<!doctype html><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; style-src 'unsafe-inline'; img-src data: blob:">
<body><script type="application/json" id="widgets">@@WIDGETS@@</script><script>
const widgets = JSON.parse(document.getElementById("widgets").textContent), sent = [];
const bytes = text => new DataView(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);
const ref = name => widgets[name.replace("IPY_MODEL_", "")];
for (const w of Object.values(widgets)) for (const b of w.buffers ?? []) {
  let at = w.state; for (const key of b.path.slice(0, -1)) at = at[key]; at[b.path.at(-1)] = bytes(b.data);
}
const modelOf = w => w.model ??= { heard: {}, get: name => w.state[name], set(name, value) { w.state[name] = value; this.fire("change:" + name, value); }, save_changes() {},
  on(name, does) { (this.heard[name] ??= []).push(does); }, off() {}, fire(name, ...args) { for (const does of this.heard[name] ?? []) does(...args); },
  send: (content, _, buffers) => sent.push({ ...content, data: buffers?.map(b => [...new Float64Array(b)]) }),
  widget_manager: { get_model: async () => ({}) } };
const show = async (w, into) => {
  const el = document.createElement("div");
  el.classList.add(...(w.state._dom_classes ?? [])); into.append(el);
  if (w.model_name === "HTMLModel") el.innerHTML = w.state.value;
  for (const child of w.state.children ?? []) await show(ref(child), el);
  if (w.model_name !== "AnyModel") return;
  let module = (await import(URL.createObjectURL(new Blob([w.state._esm], { type: "text/javascript" })))).default;
  if (typeof module === "function") module = await module();
  await module.initialize?.({ model: modelOf(w) });
  await module.render({ model: modelOf(w), el });
};
show(ref("@@ROOT@@"), document.body).catch(e => { document.title = "failed: " + e.stack; });
</script>"""


def test_a_page_that_loads_nothing_shows_the_map_and_sends_lassos(page, tmp_path):
    (output,), widgets = hosted.run([hosted.HOSTED], tmp_path)
    root = output["data"]["application/vnd.jupyter.widget-view+json"]["model_id"]
    asked = []
    page.on("request", lambda r: asked.append(r.url))
    data = json.dumps(widgets).replace("<", "\\u003c")

    (tmp_path / "host.html").write_text(HOST.replace("@@WIDGETS@@", data).replace("@@ROOT@@", root), "utf-8")
    page.goto((tmp_path / "host.html").as_uri())
    tools.until(page, "() => document.title || document.querySelector('.mmx-ready')", what="the map")
    assert page.title() == ""

    tools.until(page, "() => sent.some(m => m.kind === 'ready')", what="the first message")
    box = tools.settled(page)
    x, y = page.evaluate(tools.PLACE, 5)
    page.mouse.move(x - 20, y)
    page.mouse.move(x, y)
    tools.until(page, "() => sent.some(m => m.kind === 'hover' && m.row === 5)", what="a hover")
    tools.drag(page, tools.loop(box))
    tools.until(page, "() => sent.some(m => m.kind === 'lasso')", what="a lasso")
    lasso = next(m for m in page.evaluate("sent") if m["kind"] == "lasso")
    assert lasso["mode"] == "replace"
    assert np.isfinite(lasso["data"][0]).all()
    assert len(lasso["data"][0]) >= 10
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def test_notebook_7_hears_hover_lasso_and_keys(page, tmp_path):
    tools.chromium()
    tools.write(tmp_path, "seven.ipynb", [hosted.HOSTED])
    home = tmp_path / "home"
    home.mkdir()
    args = ["--no-browser", "--allow-root", "--ip=127.0.0.1", "--port={port}", "--ServerApp.port_retries=0"]
    args += [
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={tmp_path}",
        "--JupyterNotebookApp.expose_app_in_browser=True",
    ]
    with tools.server("notebook", args, home) as url:
        page.goto(f"{url}/notebooks/seven.ipynb")
        tools.until(page, tools.READY, what="a kernel")
        page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        tools.until(page, tools.PLOT, what="the map")
        box = tools.settled(page)
        x, y = page.evaluate(tools.PLACE, 5)
        page.mouse.move(x - 20, y)
        page.mouse.move(x, y)
        tools.until(
            page, "() => document.querySelector('.mmx-tip:not([hidden]) img')?.complete", what="a picture at the mouse"
        )
        tools.drag(page, tools.loop(box, ((0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99))))
        tools.until(page, "() => document.querySelector('.mmx-gallery')", what="a gallery")
        n = int(page.get_attribute(".mmx-gallery", "data-n"))
        assert n >= 10
        page.keyboard.press("1")
        tools.until(
            page,
            "() => document.querySelector('.mmx-status').innerText.includes('annotated as')",
            what="the annotation",
        )
        assert tools.run_code(page, "print(len(ex.annotations))") == str(n)
        page.screenshot(path=tmp_path / "seven.png")
