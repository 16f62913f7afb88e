import json

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold

import mmtoolkit as mm
from mmtoolkit.figures import caption_of


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X.astype(np.float32), y


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")  # the protocol ends after 100 steps
def test_mteb_classification_on_digits_is_the_published_number(digits):
    X, y = digits

    p = mm.protocols.mteb_classification(X, y, test=np.arange(1000, 1797))

    assert p.draws[0][:12].tolist() == [521, 737, 740, 660, 411, 678, 626, 513, 859, 136, 811, 76]
    assert len(np.unique(np.concatenate(p.draws))) == 571
    assert p.mean["accuracy"] == pytest.approx(0.873024, abs=0.002)
    assert p.mean["f1"] == pytest.approx(0.872462, abs=0.002)
    plain = LogisticRegression(max_iter=100, random_state=42).fit(X[p.draws[0]], y[p.draws[0]])
    assert p.scores["accuracy"].iloc[0] == pytest.approx(plain.score(X[1000:], y[1000:]), abs=0.002)  # 0.8808
    assert p.name == "MTEB-v2 classification protocol (8x10)"


def test_sixteen_by_five_draws_sixteen_of_each(digits):
    X, y = digits

    p = mm.protocols.mteb_classification(X, y, test=np.arange(1000, 1797), samples_per_label=16, n_experiments=5)

    assert len(p.scores) == 5
    for draw in p.draws:
        assert (np.bincount(y[draw]) == 16).all()


def test_cross_validation_draws_inside_each_fold_and_never_its_last_long_row(digits):
    X, y = digits
    X, y = X[:102], y[:102] % 2  # 102 rows: two folds train on 81, three on 82

    p = mm.protocols.mteb_classification(X, y, cross_validation=True)

    splits = list(KFold(5, shuffle=True, random_state=42).split(X))
    assert len(p.draws) == 5
    for draw, (train, _) in zip(p.draws, splits, strict=True):
        assert set(draw) <= set(train)
        if len(train) > len(splits[0][0]):
            assert train[-1] not in draw
    assert "ap" in p.scores


def test_recipe_replays(digits):
    X, y = digits
    X, y = X[:300], y[:300]

    p = mm.protocols.mteb_classification(X, y, test=np.arange(200, 300), n_experiments=2)

    again = mm.protocols.mteb_classification(X, **p.recipe["params"])
    assert again.evidence() == p.evidence()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give either test= or cross_validation=True"),
        ({"test": [1], "cross_validation": True}, "give either test="),
        ({"test": [1], "samples_per_label": 0}, "samples_per_label must be an integer of at least 1, got 0"),
    ],
)
def test_bad_arguments_are_named(digits, options, message):
    with pytest.raises(ValueError, match=message):
        mm.protocols.mteb_classification(*digits, **options)


def test_every_row_needs_a_class(digits):
    X, y = digits
    with pytest.raises(ValueError, match="row 3 has no class"):
        mm.protocols.mteb_classification(X, [None if i == 3 else str(v) for i, v in enumerate(y)], test=[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"samples_per_label": 2.5}, "samples_per_label must be an integer of at least 1, got 2.5"),
        ({"n_experiments": 0}, "n_experiments must be an integer of at least 1, got 0"),
        ({"test": slice(1, None)}, "experiment 0 would train on one class only, 0"),
    ],
)
def test_experiments_that_cannot_be_made_are_named(digits, change, message):
    X, y = digits
    test = np.arange(300)[change.pop("test", slice(200, None))]

    with pytest.raises(ValueError, match=message):
        mm.protocols.mteb_classification(X[:300], y[:300], test=test, **change)


@pytest.mark.parametrize(
    ("options", "n"),
    [
        ({"n_experiments": 2, "max_items": 400}, 2),
        ({"n_experiments": 1, "sample_fraction": 0.5}, 1),
        ({"legacy": True, "sets": np.arange(500) % 2}, 2),
        ({"legacy": True}, 1),
    ],
)
def test_clustering_protocols_repeat_and_replay(digits, options, n):
    X, y = digits[0][:500], [None, *digits[1][1:500].tolist()]

    p = mm.protocols.mteb_clustering(X, y, **options)

    params = json.loads(json.dumps(dict(p.recipe.params), allow_nan=False))
    assert params["y"][:2] == [None, 1]
    assert p.recipe.verb == "protocols.mteb_clustering"
    assert mm.protocols.mteb_clustering(X, **params).evidence() == p.evidence()
    assert len(p.scores) == n
    assert p.main == ("nmi" if options == {"legacy": True} else "v_measure")
    assert 0.3 < p.mean[p.main] < 1
    assert p.name in repr(p)
    assert "experiments" in p._repr_html_()


def test_every_level_of_classes_is_scored(digits):
    X, y = digits[0][:300], digits[1][:300]

    p = mm.protocols.mteb_clustering(X, np.stack([y, y % 2], axis=1), n_experiments=2)

    assert len(p.scores) == 4
    assert p.recipe.params["y"][:2] == [[0, 0], [1, 1]]
    assert mm.protocols.mteb_clustering(X, **p.recipe.params).evidence() == p.evidence()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y": ["a"] * 300}, "level 0 of y has 1 classes"),
        ({"legacy": True, "max_items": 5}, "the legacy protocol uses all rows"),
        ({"sets": ["a"] * 300}, "sets belong to the legacy protocol"),
        ({"max_items": 5, "sample_fraction": 0.5}, "pass sample_fraction or max_items, not both"),
        ({"max_items": 1}, "would draw 1 of 300 rows"),
        ({"n_experiments": 0}, "n_experiments must be an integer of at least 1"),
    ],
)
def test_clusterings_that_no_protocol_knows_are_named(digits, options, message):
    with pytest.raises(ValueError, match=message):
        mm.protocols.mteb_clustering(digits[0][:300], **({"y": digits[1][:300]} | options))


def test_sets_without_a_class_are_left_out(digits):
    y = np.array(digits[1][:300], dtype=object)
    y[:100] = None

    p = mm.protocols.mteb_clustering(digits[0][:300], y, legacy=True, sets=np.arange(300) // 100)

    assert len(p.scores) == 2


def test_draws_are_shown_and_the_figure_tells_their_range(digits):
    p = mm.protocols.mteb_classification(digits[0][:300], digits[1][:300], test=np.arange(200, 300), n_experiments=3)

    assert "Mean accuracy" in caption_of(p.figure())
    assert "macro-F1" in repr(p)
    assert "mean" in p._repr_html_()
    assert p.recipe.params["test"] == list(range(200, 300))
