import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import KFold

import mmtoolkit as mm


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X.astype(np.float32), y


def test_mteb_classification_on_digits_is_the_published_number(digits):
    X, y = digits

    p = mm.protocols.mteb_classification(X, y, test=np.arange(1000, 1797))

    assert p.draws[0][:12].tolist() == [521, 737, 740, 660, 411, 678, 626, 513, 859, 136, 811, 76]
    assert len(np.unique(np.concatenate(p.draws))) == 571
    assert p.mean["accuracy"] == pytest.approx(0.873024, abs=0.002)
    assert p.mean["f1"] == pytest.approx(0.872462, abs=0.002)
    assert p.scores["accuracy"].iloc[0] == pytest.approx(0.8808, abs=0.005)
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
