"""What to look at or label next."""

import json

import numpy as np
import pytest

import mmtoolkit as mm


@pytest.mark.parametrize("how", ["typical", "diverse", "outlier"])
def test_picks_are_different_items_and_respect_exclude(stamps, how):
    first = mm.pick(stamps, 10, how)
    barred = np.zeros(len(stamps), dtype=bool)
    barred[first.rows] = True

    second = mm.pick(stamps, 10, how, exclude=barred)

    assert len(set(first.rows.tolist())) == 10
    assert not set(first.rows.tolist()) & set(second.rows.tolist())
    assert first.table.index.tolist() == stamps.ids[first.rows].tolist()
    again = mm.pick(stamps, **json.loads(json.dumps(second.recipe["params"])))
    assert again.evidence() == second.evidence()


def test_outliers_and_diverse_items_are_what_they_say(rng):
    X = np.concatenate([rng.standard_normal((60, 5)) * 0.05 + 3, -np.eye(5)[:1] * 40]).astype(np.float32)

    assert mm.pick(X, 1, "outlier", normalize=False).rows.tolist() == [60]
    assert mm.pick(X, 2, "diverse", normalize=False).rows[1] == 60


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "n must be between 1 and the 6 items to choose from, got 0"),
        ({"n": 7}, "n must be between 1 and the 6 items to choose from, got 7"),
        ({"n": 4}, "n=4 is more than the 3 distinct vectors"),
        ({"n": 2, "how": "best"}, "how must be one of typical, diverse, outlier, got 'best'"),
        ({"n": 2, "exclude": [1, 2]}, "exclude must be a boolean mask of 6 items"),
        ({"n": 1, "exclude": [True] * 6}, "the 0 items to choose from"),
    ],
)
def test_bad_picks_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        mm.pick(np.repeat(np.eye(3), 2, axis=0), **options)


def test_one_item_has_no_neighbour_to_be_far_from():
    assert mm.pick(np.ones((1, 3)), 1, "outlier").table["score"].tolist() == [0.0]
