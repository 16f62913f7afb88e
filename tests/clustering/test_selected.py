"""Items that show what a cluster is about."""

import numpy as np
import pandas as pd
import pytest

import mmtoolkit as mm


@pytest.mark.parametrize("how", ["medoid", "diverse", "boundary", "far"])
def test_representatives_come_from_their_clusters(clustered, how):
    found = clustered.representatives(3, how=how)

    assert (clustered.labels[found.rows] == found.table["cluster"]).all()
    assert found.table.groupby("cluster").size().max() == 3
    assert len(set(found.rows.tolist())) == len(found.rows)
    assert "data:image/webp;base64," in found._repr_html_()


def test_medoids_are_near_and_far_items_are_far(clustered):
    near, far = (clustered.representatives(1, how=how).table["score"].to_numpy() for how in ("medoid", "far"))

    distance = clustered.per_item["distance"].to_numpy()
    for cluster in range(8):
        rows = clustered.labels == cluster
        assert near[cluster] == pytest.approx(distance[rows].min(), abs=1e-3)
        assert far[cluster] == pytest.approx(distance[rows].max(), abs=1e-3)


def test_boundary_items_lie_between_two_clusters(clustered):
    medoid, boundary = (clustered.representatives(2, how=how) for how in ("medoid", "boundary"))

    width = clustered.per_item["silhouette"].to_numpy()
    assert width[boundary.rows].mean() < width[medoid.rows].mean()


def test_representatives_of_plain_vectors_and_bad_arguments(rng):
    c = mm.cluster(rng.standard_normal((20, 4)), 2)

    assert c.representatives(50).table["cluster"].value_counts().sum() == 20
    assert "<table>" in c.representatives(2)._repr_html_()
    with pytest.raises(ValueError, match="medoid, diverse, boundary, far, got 'central'"):
        c.representatives(how="central")
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        c.representatives(0)


def test_texts_shown_are_escaped():
    X = np.eye(4)
    frame = pd.DataFrame({"text": ["<img src=x onerror=alert(1)>"] * 4, "modality": "text"})
    c = mm.cluster(mm.Embeddings(X, items=frame), 2)

    assert "<img src=x" not in c.representatives(2)._repr_html_()
