"""Maps on Spark: the sample's, and the place of every row."""

from __future__ import annotations

import numpy as np
import pytest

import mmtoolkit as mm

pytestmark = pytest.mark.spark


def test_map_places_every_row_and_keeps_the_sample(vectors, small):
    p = mm.spark.project(vectors, sample=60, method="pca")

    rows = {row["id"]: (row["x"], row["y"]) for row in p.rows.collect()}

    assert len(rows) == len(small)
    assert np.array_equal(np.array([rows[i] for i in p.source.ids], dtype=np.float32), p.coords)


def test_raw_rows_are_taken_as_they_are(vectors, small):
    c = mm.spark.cluster(vectors, 3, n_init=1, max_iter=4, normalize=False)
    p = mm.spark.project(vectors, sample=50, method="pca", normalize=False)

    labels = {row["id"]: row["label"] for row in c.rows.collect()}
    inertia = sum(((x - c.centers[labels[i]]) ** 2).sum() for i, x in zip(small.ids, small.vectors, strict=True))
    assert c.scores.loc["inertia", "value"] == pytest.approx(inertia, rel=1e-4)
    assert c.sizes["cohesion"].isna().all()
    places = {row["id"]: (row["x"], row["y"]) for row in p.rows.collect()}
    local = p.transform(small)
    assert np.allclose([places[i] for i in small.ids], local, atol=1e-4)
