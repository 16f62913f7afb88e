"""The picture that a page shows without a kernel."""

from __future__ import annotations

import base64
import io
import warnings

import numpy as np
from PIL import Image

import mmtoolkit as mm


def test_mimebundle_has_the_widget_and_a_still_picture(ex):
    bundle = ex._repr_mimebundle_()

    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == ex.widget.model_id
    picture = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert picture.size == (720, 480)
    assert len(picture.convert("RGB").getcolors(100_000)) > 4
    assert 'alt="Map of 40 items' in bundle["text/html"]


def test_still_picture_of_numbers_with_gaps_does_not_warn(emb, coords):
    values = np.linspace(0, 1, 40)
    values[::3] = np.nan
    ex = mm.explore(mm.Embeddings(emb.vectors, items=emb.items.assign(size=values)), projection=coords)
    ex.color_by = "size"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(ex._repr_mimebundle_()["image/png"]) < 60_000
