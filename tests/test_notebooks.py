"""Every notebook runs from top to bottom, and is committed clean and thin."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.ipynb"))
WITH_FRAMES = ("06_", "09_", "13_")  # they open clips
KEPT = Path(__file__).resolve().parent.parent / "build" / "notebooks"


@pytest.fixture(params=NOTEBOOKS, ids=[p.stem for p in NOTEBOOKS])
def path(request):
    return request.param


def test_notebook_is_committed_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)

    nbformat.validate(notebook)
    assert all(not c.get("outputs") and c.get("execution_count") is None for c in notebook.cells)
    assert "widgets" not in notebook.metadata


def test_notebook_is_thin(path):
    code = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]

    assert max(len(source.strip().splitlines()) for source in code) <= 12
    assert not any(line.startswith(("def ", "class ")) for source in code for line in source.splitlines())


def execute(notebook, folder, **kernel):
    resources = {"metadata": {"path": os.fspath(folder)}}
    environment = os.environ | {"PYTHONWARNINGS": ""}  # a user's kernel, not ours, decides on warnings
    client = NotebookClient(notebook, timeout=300, resources=resources, store_widget_state=False, **kernel)
    try:
        client.execute(env=environment)
    finally:
        if client.kc is not None:  # it ends a kernel of its own by itself
            client.kc.stop_channels()


@pytest.fixture(scope="session")
def kernel():
    """A kernel for one notebook after another: starting it and importing takes longer than most of their cells."""
    manager = AsyncKernelManager(kernel_name="python3")
    yield manager
    if manager.has_kernel:
        run_sync(manager.shutdown_kernel)(now=True)


AS_NEW = "import os; os.chdir({folder!r}); get_ipython().reset(new_session=True)"


@pytest.fixture
def fresh(kernel, tmp_path):
    """That kernel in an empty folder, with no name of the notebook before."""
    cell = nbformat.v4.new_code_cell(AS_NEW.format(folder=os.fspath(tmp_path)))
    execute(nbformat.v4.new_notebook(cells=[cell]), tmp_path, km=kernel)
    return {"km": kernel}


@pytest.mark.notebook
@pytest.mark.timeout(400)
def test_notebook_runs(path, tmp_path, request, monkeypatch):
    if path.stem.startswith(WITH_FRAMES) and not find_spec("av"):
        pytest.skip("no PyAV")
    notebook, shared = nbformat.read(path, as_version=4), {}
    if path.stem.startswith("02_"):  # a kernel of its own, which finds these variables
        emulator = request.getfixturevalue("emulator")
        monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", emulator.base_url)
        monkeypatch.setenv("DASHSCOPE_API_KEY", emulator.api_key)
    elif path.stem.startswith("10_"):  # a kernel of its own, with which Spark's Java ends
        request.getfixturevalue("java")
    else:
        shared = request.getfixturevalue("fresh")

    execute(notebook, tmp_path, **shared)

    text = nbformat.writes(notebook)
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / path.name).write_text(text, "utf-8")  # for `make docs`
    assert any(c.get("outputs") for c in notebook.cells if c.cell_type == "code")
    assert len(text) <= 12_000_000
