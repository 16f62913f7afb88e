"""A notebook run in a real kernel, and what a host gets of it: outputs, and the state of every widget."""

from __future__ import annotations

import nbformat
from nbclient import NotebookClient

HOSTED = """
import numpy as np, pandas as pd
from PIL import Image
import mmtoolkit as mm
items = pd.DataFrame({"id": [f"i{i}" for i in range(12)], "modality": "image", "text": [f"number {i}" for i in range(12)],
                      "image": [Image.new("RGB", (20, 20), (20 * i, 90, 200)) for i in range(12)]})
ex = mm.explore(mm.Embeddings(np.eye(12, dtype="f"), items=items), y=["a", "b"] * 6, projection=np.random.default_rng(0).normal(size=(12, 2)))
ex
"""


def run(cells, folder):
    """Return the outputs of the last cell, and all widgets by model id: model_name, model_module, state, buffers."""
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(nb, timeout=200, resources={"metadata": {"path": str(folder)}}).execute()
    return nb.cells[-1].outputs, nb.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
