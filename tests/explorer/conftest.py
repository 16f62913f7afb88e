"""A small map: four groups of real pictures, text items, a missing file and hostile captions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import mmtoolkit as mm

HOSTILE = "<img src=x onerror=alert(1)>&\"'"


@pytest.fixture
def items(tmp_path):
    """Frame of 40 items: pictures, texts, one missing file, one bytes picture, one hostile text of 10,000 characters."""
    rows = []
    for i in range(40):
        path = tmp_path / f"picture {i}.png"
        Image.new("RGB", (20, 12), (6 * i, 90, 200 - 4 * i)).save(path)
        rows.append({"id": f"item-{i}", "image": str(path), "text": f"number {i}", "modality": "image"})
    rows[1] |= {"image": str(tmp_path / "gone.png")}
    rows[2] |= {"image": (tmp_path / "picture 2.png").read_bytes()}
    rows[3] |= {"image": Image.new("RGB", (9, 9), "red")}
    rows[4] |= {"modality": "text", "image": None, "text": HOSTILE + "x" * 10_000}
    frame = pd.DataFrame(rows)
    return frame.assign(
        kind=[HOSTILE if i < 10 else "plain" for i in range(40)],
        size=np.linspace(0, 1, 40),
        flag=[i % 2 == 0 for i in range(40)],
    )


@pytest.fixture
def emb(items, rng):
    """Vectors of the items in four groups of ten."""
    X = np.repeat(np.eye(4, 8), 10, axis=0) + rng.normal(scale=0.1, size=(40, 8))
    return mm.Embeddings(X.astype(np.float32), items=items)


@pytest.fixture
def coords():
    """Places: group g stands around (4 g, 0), its items one tenth apart."""
    at = np.arange(40)
    return np.stack([at // 10 * 4.0 + at % 10 * 0.1, at % 10 * 0.1], axis=1)


@pytest.fixture
def ex(emb, coords):
    """An explorer with classes and clusters; group 0 is the hostile class."""
    y = np.repeat([HOSTILE, "b", "c", "d"], 10)
    return mm.explore(emb, y=y, clusters=np.repeat([0, 1, 2, 3], 10), projection=coords)


@pytest.fixture
def around():
    """Function that gives the corners of a box around a group."""
    return lambda group: [(4 * group - 1, -1), (4 * group + 2, -1), (4 * group + 2, 2), (4 * group - 1, 2)]


@pytest.fixture
def press(ex):
    """Function that presses a key on the page of the explorer."""
    assert ex.widget is not None
    return lambda key: ex.widget.receive({"kind": "key", "key": key}, [])
