"""The polygon test and the arrow keys, in plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmtoolkit.explorer.geometry import inside, nearest, toward

SQUARE = [(-1, -1), (1, -1), (1, 1), (-1, 1)]


def test_square_holds_what_lies_between_its_sides(rng):
    coords = rng.uniform(-2, 2, size=(500, 2))

    found = inside(SQUARE, coords)

    np.testing.assert_array_equal(found, (np.abs(coords) < 1).all(axis=1))


def test_direction_of_drawing_does_not_matter(rng):
    coords = rng.uniform(-2, 2, size=(500, 2))
    loop = rng.uniform(-2, 2, size=(9, 2))

    np.testing.assert_array_equal(inside(loop, coords), inside(loop[::-1], coords))


def test_concave_loop_leaves_its_bay_out():
    arrow = [(0, 0), (2, 2), (0, 1), (-2, 2)]  # the bay is above (0, 1)

    assert inside(arrow, np.array([[0.0, 1.5], [0.0, 0.5]])).tolist() == [False, True]


def test_loop_that_crosses_itself_counts_as_one_region():
    twice = [(0, 0), (4, 0), (4, 4), (0, 4), (0, 0), (3, 0), (3, 3), (0, 3)]

    assert inside(twice, np.array([[1.0, 1.0], [3.5, 3.5], [5.0, 5.0]])).tolist() == [True, True, False]


def test_nan_rows_are_outside_and_do_not_warn():
    assert inside(SQUARE, np.array([[np.nan, 0.0], [0.0, 0.0]])).tolist() == [False, True]


@pytest.mark.parametrize("corners", [[], [(0, 0)], [(0, 0), (1, 1)]])
def test_fewer_than_three_corners_hold_nothing(corners):
    assert not inside(np.reshape(corners, (-1, 2)), np.zeros((3, 2))).any()


@pytest.mark.parametrize("bad", [[(0, 0, 0)], [(np.nan, 0), (1, 1), (2, 0)], [1, 2, 3]])
def test_what_is_no_polygon_is_refused(bad):
    with pytest.raises(ValueError, match="a lasso must be a finite array"):
        inside(bad, np.zeros((3, 2)))


def test_lasso_with_a_gap_says_which_corner():
    with pytest.raises(ValueError, match=r"corner 1 is \(1\.0, nan\)"):
        inside([(0, 0), (1, np.nan), (2, 2)], np.zeros((3, 2)))


@given(st.integers(0, 2**32 - 1), st.integers(3, 30))
def test_agrees_with_a_winding_angle_summed_point_by_point(seed, n_corners):
    rng = np.random.default_rng(seed)
    loop, coords = rng.normal(size=(n_corners, 2)), rng.normal(size=(40, 2))

    turns = []
    for point in coords:
        angles = np.arctan2(*(loop - point).T[::-1])
        steps = (np.diff(angles, append=angles[:1]) + np.pi) % (2 * np.pi) - np.pi
        turns.append(round(steps.sum() / (2 * np.pi)))

    np.testing.assert_array_equal(inside(loop, coords), np.array(turns) != 0)


def test_arrow_keys_walk_to_the_nearest_point_of_a_direction():
    coords = np.array([[0.0, 0.0], [1.0, 0.1], [3.0, 0.0], [0.0, 2.0], [-1.0, -5.0]])

    assert toward(coords, 0, "right") == 1
    assert toward(coords, 1, "right") == 2
    assert toward(coords, 0, "up") == 3
    assert toward(coords, 2, "right") == 2  # nothing further right
    assert toward(coords, None, "left") == 0  # starts in the middle


def test_arrow_keys_pass_over_items_without_a_place():
    coords = np.array([[0.0, 0.0], [np.nan, np.nan], [2.0, 0.0]])

    assert toward(coords, 0, "right") == 2
    assert toward(coords, None, "up") in (0, 2)
    assert toward(coords, 1, "up") in (0, 2)  # from nowhere to the middle


@pytest.mark.parametrize("row", [None, 0])
def test_unknown_direction_is_refused(row):
    with pytest.raises(ValueError, match="direction must be one of left, right, up, down, got 'nowhere'"):
        toward(np.zeros((2, 2)), row, "nowhere")


def test_nearest_point_must_be_within_reach():
    coords = np.array([[0.0, 0.0], [np.nan, np.nan], [2.0, 0.0]])

    assert nearest(coords, (1.8, 0.1), 0.5) == 2
    assert nearest(coords, (1.0, 1.0), 0.5) is None
    assert nearest(np.full((2, 2), np.nan), (0, 0), 1.0) is None
