"""The verb: labels, assignment, repeatability, bad input."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, v_measure_score

import mmtoolkit as mm
from mmtoolkit.clustering import partition as kmeans_module
from mmtoolkit.clustering.partition import kmeans
from mmtoolkit.clustering.silhouettes import inertia
from mmtoolkit.derived import bypass


def groups(k=6, per=30, d=24, spread=0.15, seed=0):
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((k, d))
    y = np.repeat(np.arange(k), per)
    X = centers[y] + spread * rng.standard_normal((k * per, d)) * np.sqrt(8)
    order = rng.permutation(len(y))
    return X[order].astype(np.float32), y[order]


def test_finds_groups_that_are_there():
    X, y = groups()

    c = mm.cluster(X)

    assert c.n_clusters == 6
    assert adjusted_rand_score(y, c.labels) == 1.0
    assert c.chosen_by == "elbow"
    low, high = c.plausible_n_clusters
    assert low <= 6 <= high


def test_choosing_and_giving_the_number_end_in_the_same_clusters():
    X, _ = groups()

    chosen = mm.cluster(X, range(2, 12))
    given_ = mm.cluster(X, chosen.n_clusters)

    assert np.array_equal(chosen.labels, given_.labels)
    assert given_.plausible_n_clusters is None
    assert given_.sweep.empty
    assert given_.chosen_by == "given"


def test_another_number_does_not_compute_the_sweep_again(monkeypatch):
    X, _ = groups(seed=5)
    mm.cluster(X)
    monkeypatch.setattr("mmtoolkit.clustering.grouping.sweep", lambda *_a, **_k: pytest.fail("swept again"))

    mm.cluster(X, 7)
    mm.cluster(X)


def test_clusters_are_numbered_by_size():
    X, _ = groups()

    sizes = mm.cluster(X, 9).sizes["size"].to_numpy()

    assert (np.diff(sizes) <= 0).all()
    assert sizes.sum() == len(X)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 9), st.integers(1, 60))
def test_assigning_training_rows_gives_their_labels_in_any_batch(seed, k, batch):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((60, 7)).astype(np.float32)
    X[30:] = X[:30]  # equal rows lie on the same side of every border

    with bypass():
        c = mm.cluster(X, k)

    parts = np.concatenate([c.assign(X[i : i + batch]) for i in range(0, 60, batch)])
    assert np.array_equal(parts, c.labels)
    assert np.array_equal(c.labels[30:], c.labels[:30])


def test_exact_is_plain_scikit_learn(rng):
    X = rng.standard_normal((300, 12)).astype(np.float32)

    ours = mm.cluster(X, 7, exact=True, normalize=False, n_init=3)

    theirs = KMeans(7, n_init=3, random_state=0).fit(X)
    assert adjusted_rand_score(theirs.labels_, ours.labels) == 1.0
    assert ours.scores.loc["inertia", "value"] == pytest.approx(theirs.inertia_, rel=1e-5)


def test_the_large_recipe_is_as_good_as_scikit_learn(monkeypatch):
    X, _ = groups(k=12, per=150, d=100, spread=0.3)
    monkeypatch.setattr(kmeans_module, "LARGE", 500)

    ours = kmeans(X, 12, random_state=1)

    theirs = KMeans(12, n_init=1, random_state=1).fit(X)
    assert inertia(X, ours.labels) <= theirs.inertia_ * 1.001


def test_no_cluster_is_empty_when_rows_repeat(rng):
    X = np.repeat(rng.standard_normal((6, 5)), 20, axis=0).astype(np.float32)

    c = mm.cluster(X, 6)

    assert c.sizes["size"].tolist() == [20] * 6


_SCRIPT = """
import hashlib, sys, numpy as np, mmtoolkit as mm
from mmtoolkit.derived import bypass
rng = np.random.default_rng(3)
X = rng.standard_normal((900, 130)).astype(np.float32)
with bypass():
    c = mm.cluster(X, range(2, 9))
    s = c.stability(3)
    p = mm.pick(X, 5)
parts = [c.labels, c.centers, c.sweep.to_numpy(), c.scores.to_numpy(), s.ari, p.rows, c.representatives(2).rows]
print(hashlib.sha256(b"".join(np.ascontiguousarray(x).tobytes() for x in parts)).hexdigest())
"""


def test_bytes_do_not_depend_on_the_number_of_threads():
    found = set()
    for threads in ("1", "2"):
        env = {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads, "PATH": "/usr/bin:/bin"}
        done = subprocess.run([sys.executable, "-c", _SCRIPT], env=env, capture_output=True, text=True, check=True)
        found.add(done.stdout.strip())

    assert len(found) == 1


def test_replays_from_its_recipe():
    X, _ = groups()
    c = mm.cluster(X, range(2, 10)).named([f"group {i}" for i in range(6)])

    again = mm.cluster(X, **json.loads(json.dumps(c.recipe["params"])))

    assert again.evidence() == c.evidence()
    assert again.names["name"].tolist() == c.names["name"].tolist()


def test_seeds_are_recorded_and_used(rng):
    X = rng.standard_normal((200, 10)).astype(np.float32)

    runs = [mm.cluster(X, 9, random_state=s, n_init=1, exact=True) for s in (0, 0, 1)]

    assert np.array_equal(runs[0].labels, runs[1].labels)
    assert not np.array_equal(runs[0].labels, runs[2].labels)
    assert runs[2].recipe["params"]["random_state"] == 1


def test_the_result_is_frozen_and_plain_data_agrees_with_the_tables():
    X, _ = groups()
    c = mm.cluster(X, range(2, 10))

    data = json.loads(json.dumps(c.to_dict()))

    assert data["labels"] == c.labels.tolist()
    assert data["plausible_n_clusters"] == list(c.plausible_n_clusters)
    assert data["sizes"]["size"] == c.sizes["size"].tolist()
    assert repr(c).startswith("<Clustering: 6 clusters of 180 items, plausible ")
    with pytest.raises(dataclasses.FrozenInstanceError):
        c.n_clusters = 3


def test_user_text_is_escaped_in_html_and_figures():
    X, _ = groups()
    c = mm.cluster(X, range(2, 10)).named(["<script>alert(1)</script>", *"abcde"])

    assert "<script>" not in c._repr_html_()
    assert c.figures == ("sweep", "sizes")
    for name in c.figures:
        assert "<script>" not in c.figure(name).to_json()


def test_per_item_scores_say_who_is_far_out():
    X, _ = groups(k=3)
    far = np.argmax(mm.cluster(X, 3).per_item["distance"].to_numpy())

    c = mm.cluster(X, 3)

    table = c.per_item
    assert table["outlier"].iloc[far] > 1
    assert table["silhouette"].between(-1, 1).all()
    assert c.sizes["cohesion"].between(0, 1.0001).all()


def test_stamps_are_as_good_as_promised(stamps):
    c = mm.cluster(stamps, 14)

    assert v_measure_score(stamps.items["label"], c.labels) > 0.43


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mm.cluster(np.eye(5, dtype=np.float32), 6), ValueError, "n_clusters=6 is more than the 5 distinct"),
        (lambda: mm.cluster(np.repeat(np.eye(2), 9, axis=0), 3), ValueError, "the 2 distinct vectors among 18 items"),
        (lambda: mm.cluster(np.ones((9, 3))), ValueError, "one distinct vector among 9 items"),
        (lambda: mm.cluster(np.ones((1, 3))), ValueError, "one distinct vector among 1 items"),
        (lambda: mm.cluster(np.full((4, 2), np.nan), 2), ValueError, "4 of 4 rows hold NaN or infinity, first: row 0"),
        (lambda: mm.cluster(np.eye(4), 0), ValueError, "at least 1, got 0"),
        (lambda: mm.cluster(np.eye(4), 2.5), TypeError, r"an int, a range or None, got 2\.5"),
        (lambda: mm.cluster(np.eye(4), "14"), TypeError, "got '14'"),
        (lambda: mm.cluster(np.eye(4), True), TypeError, "got True"),
        (lambda: mm.cluster(np.eye(4), []), ValueError, "holds no number"),
        (lambda: mm.cluster(np.eye(4), range(1, 4)), ValueError, "start n_clusters at 2"),
        (lambda: mm.cluster(np.eye(4), range(2, 9)), ValueError, "n_clusters=8 is more than the 4"),
        (lambda: mm.cluster(np.eye(4), 2, n_init=0), ValueError, "n_init must be at least 1, got 0"),
        (lambda: mm.cluster(np.eye(4), 2, algorithm="spectral"), ValueError, "'kmeans' or 'hdbscan', got 'spectral'"),
        (lambda: mm.cluster(np.eye(4), 2, max_noise=0.1), ValueError, "belong to algorithm='hdbscan'"),
        (lambda: mm.cluster(np.eye(4), 2, names=["a"]), ValueError, "expected 2 names, one per cluster, got 1"),
        (lambda: mm.cluster(np.eye(4), 2).assign(np.eye(3)), ValueError, "expected 4 features, got 3"),
        (lambda: mm.cluster(np.eye(4), 2).assign("a dog"), TypeError, "plain vectors can assign vectors only"),
        (lambda: mm.cluster(["a", "b"], 2), TypeError, "numeric array"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_one_cluster_is_allowed():
    c = mm.cluster(np.ones((4, 3)), 1)

    assert c.labels.tolist() == [0] * 4
    assert "silhouette" not in repr(c)


def test_new_items_are_encoded(glosses):
    c = mm.cluster(glosses, 5)

    text = glosses.items["text"].iloc[7]
    assert c.assign([text]).tolist() == [c.labels[7]]


@pytest.fixture(scope="module")
def mixed():
    """Thirty emoji as pictures and their names as texts."""
    frame = mm.load_dataset("emoji").head(400).iloc[::8].reset_index(drop=True)
    texts = frame.assign(id="t" + frame["id"], modality="text", image=None)
    return mm.embed(pd.concat([frame, texts], ignore_index=True), model="local", progress=False)


def test_mixed_modalities_warn_and_centering_helps(mixed):
    with pytest.warns(UserWarning, match=r"follow the modality of the items \(AMI .*centered\(by='modality'\)"):
        raw = mm.cluster(mixed, 8)

    centered = mm.cluster(mixed.centered(by="modality"), 8)
    assert centered.scores.loc["ami_modality", "value"] < 0.2 < raw.scores.loc["ami_modality", "value"]


def test_the_warning_points_at_the_line_that_called(mixed):
    with pytest.warns(UserWarning, match="follow the modality") as caught:
        mm.cluster(mixed, 8)

    assert caught[0].filename == __file__
