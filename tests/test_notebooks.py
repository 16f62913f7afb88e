"""Every notebook runs from top to bottom, and is committed clean and thin."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.ipynb"))
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


@pytest.mark.notebook
@pytest.mark.timeout(400)
def test_notebook_runs(path, tmp_path, request, monkeypatch):
    from nbclient import NotebookClient

    if path.stem.startswith("02_"):
        emulator = request.getfixturevalue("emulator")
        monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", emulator.base_url)
        monkeypatch.setenv("DASHSCOPE_API_KEY", emulator.api_key)
    if path.stem.startswith("10_"):
        request.getfixturevalue("java")
    notebook = nbformat.read(path, as_version=4)
    monkeypatch.setenv("PYTHONWARNINGS", "")  # a user's kernel, not ours, decides on warnings
    client = NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": os.fspath(tmp_path)}}, store_widget_state=False
    )

    client.execute()

    text = nbformat.writes(notebook)
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / path.name).write_text(text, "utf-8")  # for `make docs`
    size = len(text)
    assert any(c.get("outputs") for c in notebook.cells if c.cell_type == "code")
    assert size <= 12_000_000
