"""The verb `cluster`: labels, repeatability, bad input."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, v_measure_score

import mmtoolkit as mm


def test_finds_groups_that_are_there(groups):
    X, y = groups()

    c = mm.cluster(X)

    assert c.n_clusters == 6
    assert adjusted_rand_score(y, c.labels) == 1.0
    assert c.chosen_by == "elbow"
    low, high = c.plausible_n_clusters
    assert low <= 6 <= high


def test_choosing_and_giving_the_number_end_in_the_same_clusters(groups):
    X, _ = groups()

    chosen = mm.cluster(X, range(2, 12))
    given_ = mm.cluster(X, chosen.n_clusters)

    assert np.array_equal(chosen.labels, given_.labels)
    assert given_.plausible_n_clusters is None
    assert given_.sweep.empty
    assert given_.chosen_by == "given"


def test_another_number_does_not_compute_the_sweep_again(monkeypatch, groups):
    X, _ = groups(seed=5)
    first = mm.cluster(X)
    monkeypatch.setattr("mmtoolkit.clustering.grouping.sweep", lambda *_a, **_k: pytest.fail("swept again"))

    mm.cluster(X, 7)
    again = mm.cluster(X)

    assert again.sweep.equals(first.sweep)


def test_exact_is_plain_scikit_learn(rng):
    X = rng.standard_normal((300, 12)).astype(np.float32)

    ours = mm.cluster(X, 7, exact=True, normalize=False, n_init=3)

    theirs = KMeans(7, n_init=3, random_state=0).fit(X)
    assert adjusted_rand_score(theirs.labels_, ours.labels) == 1.0
    assert ours.scores.loc["inertia", "value"] == pytest.approx(theirs.inertia_, rel=1e-5)


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


def test_replays_from_its_recipe(groups):
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


def test_stamps_are_as_good_as_promised(stamps):
    c = mm.cluster(stamps, 14)

    assert v_measure_score(stamps.items["label"], c.labels) > 0.43


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mm.cluster(np.eye(5, dtype=np.float32), 6), ValueError, "n_clusters=6 is more than the 5 distinct"),
        (lambda: mm.cluster(np.repeat(np.eye(2), 9, axis=0), 3), ValueError, "the 2 distinct vectors among 18 items"),
        (lambda: mm.cluster(np.ones((9, 3))), ValueError, "one distinct vector among 9 items"),
        (lambda: mm.cluster(np.ones((1, 3))), ValueError, "there is one item, so"),
        (lambda: mm.cluster(np.full((4, 2), np.nan), 2), ValueError, "4 of 4 rows hold NaN or infinity, first: row 0"),
        (
            lambda: mm.cluster([[1, 0], [0, 1], [1]], 2),
            ValueError,
            "row 2 holds 1 numbers, row 0 a vector of 2 numbers",
        ),
        (lambda: mm.cluster(pd.Series(["[1, 0]"]), 1), TypeError, r"the first is '\[1, 0\]'; .* X.map\(json.loads\)"),
        (lambda: mm.Embeddings(pd.Series(["[1, 0]"])), TypeError, r"the first is '\[1, 0\]'; .* X.map\(json.loads\)"),
        (lambda: mm.cluster(np.eye(4), 0), ValueError, "at least 1, got 0"),
        (lambda: mm.cluster(np.eye(4), 2.5), TypeError, r"an int, a range or None, got 2\.5"),
        (lambda: mm.cluster(np.eye(4), "14"), TypeError, "got '14'"),
        (lambda: mm.cluster(np.eye(4), True), TypeError, "got True"),
        (lambda: mm.cluster(np.eye(4), []), ValueError, "holds no number"),
        (lambda: mm.cluster(np.eye(4), range(1, 4)), ValueError, "start n_clusters at 2"),
        (lambda: mm.cluster(np.eye(4), range(2, 9)), ValueError, "n_clusters=8 is more than the 4"),
        (lambda: mm.cluster(np.eye(4), range(2, 10**40)), ValueError, "n_clusters=9{40} is more than the 4"),
        (lambda: mm.cluster(np.eye(4), range(-(10**40), 3)), ValueError, "n_clusters"),
        (lambda: mm.cluster(np.eye(4), 2, n_init=0), ValueError, "n_init must be at least 1, got 0"),
        (lambda: mm.cluster(np.eye(4), 2, algorithm="spectral"), ValueError, "'kmeans' or 'hdbscan', got 'spectral'"),
        (lambda: mm.cluster(np.eye(4), 2, max_noise=0.1), ValueError, "belong to algorithm='hdbscan'"),
        (lambda: mm.cluster(np.eye(4), 2, names={1: "a", 0: "b"}), ValueError, "one per cluster, got a dict"),
        (lambda: mm.cluster(np.eye(4), 2, names={"a", "b"}), ValueError, "one per cluster, got a set"),
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
