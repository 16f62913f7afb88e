"""JupyterLab and Chromium for the browser tests: real ones, on this machine only."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-unsafe-swiftshader",
]
SIZE = {"width": 1280, "height": 900}
PATIENCE_S = 90  # a busy machine may take its time; a hang still ends
READY = """async () => { const a = window.jupyterapp; if (!a) return false; await a.restored;
  const w = [...a.shell.widgets('main')].find(x => x.context && x.sessionContext); if (!w) return false;
  await w.context.ready; await w.sessionContext.ready; const k = w.sessionContext.session?.kernel;
  if (!k) return false; await k.info; return k.connectionStatus === 'connected' && k.status === 'idle'; }"""
INSTEAD = """async name => { const a = window.jupyterapp, open = [...a.shell.widgets('main')];
  for (const w of open) { if (w.context) w.context.model.dirty = false; w.close(); }
  while (open.some(w => !w.isDisposed)) await new Promise(r => setTimeout(r, 20));
  await a.commands.execute('docmanager:open', { path: name }); }"""
PLOT = """() => { const e = document.querySelector('[data-mime-type="application/vnd.jupyter.stderr"]');
  if (e?.innerText.includes('Traceback')) throw Error('cell failed: ' + e.innerText.slice(-400));
  const g = document.querySelector('.mmx-ready .js-plotly-plot');
  return !!(g && g._fullData?.length && g._fullData[0].x.length && g.querySelector('.nsewdrag')); }"""


STATE = """() => { const q = s => document.querySelector(s), g = q('.js-plotly-plot');
  return { root: q('.mmx')?.className, plots: document.querySelectorAll('.js-plotly-plot').length, traces: g?._fullData?.length,
    points: g?._fullData?.[0]?.x?.length, on: !!g?.on, axes: !!g?._fullLayout?.xaxis, drag: !!g?.querySelector('.nsewdrag'),
    output: q('.jp-OutputArea')?.innerText.slice(0, 300) }; }"""
PLACE = """row => { const g = document.querySelector('.mmx-ready .js-plotly-plot'), f = g._fullLayout, d = g._fullData[0];
  const b = g.getBoundingClientRect();
  return [b.left + f.xaxis._offset + f.xaxis.d2p(d.x[row]), b.top + f.yaxis._offset + f.yaxis.d2p(d.y[row])]; }"""


def chromium():
    """Path of an installed Chromium, or a skip (a failure where the browser is required)."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if path := shutil.which(name):
            return path
    reason = "no Chromium on PATH: apt-get install chromium"
    if os.environ.get("MMTOOLKIT_REQUIRE_BROWSER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
    return None


def until(page, script, *, what="", timeout_s=PATIENCE_S):
    """Wait until a script is true; errors while the page moves count as "not yet"."""
    from playwright.sync_api import Error

    end, last = time.monotonic() + timeout_s, None
    while time.monotonic() < end:
        try:
            last = page.evaluate(script)
            if last:
                return last
        except Error as error:
            if "cell failed" in str(error):
                raise
            last = error
        time.sleep(0.05)
    msg = f"not within {timeout_s} s: {what or script}; last: {last}"
    raise AssertionError(msg)


@contextlib.contextmanager
def server(module, args, home, *, python=sys.executable):
    """A Jupyter application on a free port of 127.0.0.1, with its own settings folders."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    folders = (
        "JUPYTER_CONFIG_DIR",
        "JUPYTER_DATA_DIR",
        "JUPYTER_RUNTIME_DIR",
        "IPYTHONDIR",
        "JUPYTERLAB_WORKSPACES_DIR",
    )
    env = os.environ | {name: str(home) for name in folders}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [python, "-m", module, *(a.format(port=port) for a in args)], env=env, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        end = time.monotonic() + PATIENCE_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, (home / "log").read_text("utf-8", "replace")[-2000:]
            assert time.monotonic() < end, "the server did not open its port"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def lab_server(root, home, *, theme="JupyterLab Light", **options):
    """JupyterLab on a folder, without news."""
    for plugin, settings in (
        ("notification", {"fetchNews": "false", "checkForUpdates": False}),
        ("themes", {"theme": theme}),
    ):
        path = home / "lab/user-settings/@jupyterlab/apputils-extension" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
    args = ["--no-browser", "--allow-root", "--ip=127.0.0.1", "--port={port}", "--ServerApp.port_retries=0"]
    args += ["--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={root}"]
    args += ["--LabApp.expose_app_in_browser=True"]
    return server("jupyterlab", args, home, **options)


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    """Folder that JupyterLab serves."""
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="session")
def lab(root, tmp_path_factory):
    """Address of a running JupyterLab."""
    chromium()
    with lab_server(root, tmp_path_factory.mktemp("lab")) as url:
        yield url


def post(url, **content):
    """Ask the server to make something."""
    request = urllib.request.Request(url, json.dumps(content).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


@pytest.fixture(scope="session")
def kernel(lab):
    """A kernel that all notebooks use, one after another: starting and importing is not what the tests are about."""
    return post(f"{lab}/api/kernels", name="python3", path="")["id"]


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium that reaches this machine only; Playwright's event loop ends with the file that used it."""
    from playwright.sync_api import sync_playwright

    path = chromium()
    with sync_playwright() as p:
        chrome = p.chromium.launch(executable_path=path, args=FLAGS)
        yield chrome
        chrome.close()


@contextlib.contextmanager
def _page(browser):
    page = browser.new_page(viewport=SIZE)
    outside = []
    page.on(
        "request", lambda r: outside.append(r.url) if r.url.startswith("http") and "//127.0.0.1:" not in r.url else None
    )
    page.set_default_timeout(PATIENCE_S * 1000)
    yield page
    page.close()
    allowed = [url for url in outside if "voila" in url or url.endswith(".css")]
    assert [url for url in outside if url not in allowed] == []


@pytest.fixture
def page(browser):
    """A page 1,280 pixels wide; the test fails when it asks for anything outside 127.0.0.1."""
    with _page(browser) as page:
        yield page


@pytest.fixture(scope="module")
def desk(browser):
    """A page like that for one notebook after another: loading JupyterLab is not what the tests are about."""
    with _page(browser) as page:
        yield page


def write(root, name, cells):
    """Write a notebook of code cells, each with an id."""
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(nb, Path(root) / name)


def run_all(page, url, name, kernel=None, *, ready=PLOT):
    """Open a notebook in JupyterLab, on a kernel of its own or a running one, run all cells and wait for the map."""
    if kernel is not None:
        post(f"{url}/api/sessions", path=name, name=name, type="notebook", kernel={"id": kernel})
    if page.url.startswith(url):
        page.set_viewport_size(SIZE)
        page.evaluate(INSTEAD, name)
    else:
        page.goto(f"{url}/lab/tree/{name}?reset")
        until(page, READY, what="a kernel")
        page.evaluate("() => { window.jupyterapp.commands.execute('application:toggle-left-area').catch(() => {}); }")
    until(page, READY, what="a kernel")
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    try:
        until(page, ready, what="the map")
    except AssertionError as error:
        msg = f"{error}; on the page: {page.evaluate(STATE)}"
        raise AssertionError(msg) from error


def run_code(page, code):
    """Run code in the notebook's kernel and return what it prints."""
    return page.evaluate(
        """async code => { const w = [...window.jupyterapp.shell.widgets('main')].find(x => x.context && x.sessionContext);
        const future = w.sessionContext.session.kernel.requestExecute({ code, store_history: false }); let out = '';
        future.onIOPub = m => { if (m.header.msg_type === 'stream') out += m.content.text;
          if (m.header.msg_type === 'error') out += 'ERROR ' + m.content.evalue; };
        await future.done; return out.trim(); }""",
        code,
    )


def settled(page, selector=".mmx-ready .js-plotly-plot .nsewdrag"):
    """Bounding box of an element, once it has stopped moving; scrolled into view."""
    page.evaluate(
        "s => document.querySelector(s).closest('.js-plotly-plot').scrollIntoView({ block: 'center' })", selector
    )
    box, end = None, time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        now = page.locator(selector).first.bounding_box()
        if now is not None and now == box:
            return now
        box = now
        time.sleep(0.2)
    msg = f"{selector} does not stand still: {box}"
    raise AssertionError(msg)


def drag(page, points):
    """Press at the first point, move through the others, release at the last (pixels)."""
    page.mouse.move(*points[0])
    page.mouse.down()
    for x, y in points[1:]:
        page.mouse.move(x, y, steps=3)
    page.mouse.up()


def loop(box, corners=((0.2, 0.1), (0.8, 0.1), (0.9, 0.5), (0.7, 0.9), (0.25, 0.85))):
    """Corners of a loop inside a box, from fractions."""
    return [(box["x"] + u * box["width"], box["y"] + v * box["height"]) for u, v in corners]
