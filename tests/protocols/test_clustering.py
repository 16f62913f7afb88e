"""MTEB's clustering protocols against golden values."""

import json
import random

import numpy as np
import pytest
from sklearn.cluster import MiniBatchKMeans
from sklearn.datasets import load_digits
from sklearn.metrics import normalized_mutual_info_score, v_measure_score

import mmtoolkit as mm

X, y = load_digits(return_X_y=True)
X = X.astype(np.float32)
MTEB = {"batch_size": 512, "init": "k-means++", "n_init": 1, "random_state": 42}


def test_current_protocol_on_digits():
    found = mm.protocols.mteb_clustering(X, y)

    draws = random.Random(42)
    drawn = [draws.choices(range(len(y)), k=16_384) for _ in range(10)]
    plain = [v_measure_score(y[rows], MiniBatchKMeans(10, **MTEB).fit_predict(X[rows])) for rows in drawn]
    np.testing.assert_allclose(found.scores["v_measure"], plain, atol=0.002)
    assert found.mean["v_measure"] == pytest.approx(0.718968, abs=0.002)
    assert found.std["v_measure"] == pytest.approx(np.std(plain), abs=0.002)  # 0.0221, of scikit-learn 1.8 0.0166
    assert found.n_items == 1797
    assert f"v_measure {found.mean['v_measure']:.4f}" in repr(found)


def test_legacy_protocol_is_one_fit():
    found = mm.protocols.mteb_clustering(X, y, legacy=True)

    labels = MiniBatchKMeans(10, batch_size=500, n_init="auto", random_state=42).fit_predict(X)
    assert found.main == "nmi"
    assert found.mean["nmi"] == pytest.approx(normalized_mutual_info_score(y, labels), abs=0.002)


def test_legacy_sets_are_clustered_alone():
    sets = np.repeat(["a", "b"], [900, 897])

    found = mm.protocols.mteb_clustering(X, y, legacy=True, sets=sets)

    first = MiniBatchKMeans(10, batch_size=500, n_init="auto", random_state=42).fit_predict(X[:900])
    assert found.main == "v_measure"
    assert len(found.scores) == 2
    assert found.scores.loc[0, "v_measure"] == pytest.approx(v_measure_score(y[:900], first), abs=0.002)


def test_levels_samples_and_replay():
    levels = np.stack([y, y % 2], axis=1).astype(object)
    levels[:50, 1] = None

    found = mm.protocols.mteb_clustering(X, levels, max_items=300, n_experiments=1)
    again = mm.protocols.mteb_clustering(X, **json.loads(json.dumps(found.recipe["params"])))

    assert found.n_items == 300
    assert len(found.scores) == 2
    assert again.evidence() == found.evidence()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y": np.zeros(1797)}, "level 0 of y has 1 classes"),
        ({"y": y, "legacy": True, "max_items": 9}, "the legacy protocol uses all rows"),
        ({"y": y, "sets": y}, "pass legacy=True"),
        ({"y": y, "sample_fraction": 0.5, "max_items": 9}, "not both"),
        ({"y": y, "sample_fraction": 0.0001}, "would draw 0 of 1797 rows"),
        ({"y": y, "n_experiments": 0}, "n_experiments must be an integer of at least 1, got 0"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        mm.protocols.mteb_clustering(X, **options)
