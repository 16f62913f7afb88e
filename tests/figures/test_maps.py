"""Maps: rows of points, limits, names, colours by number."""

import numpy as np
import pytest

from mmtoolkit import figures
from mmtoolkit._text import width_of
from mmtoolkit.figures.groups import groups_of
from mmtoolkit.figures.maps import GL_ABOVE, view_limits


def test_rows_of_points_are_their_custom_data(rng):
    xy = rng.normal(size=(60, 2)).astype(np.float32)
    y = np.array(["a", "b", "c"] * 20, dtype=object)

    fig = figures.scatter_map(xy, color=y)

    rows = np.concatenate([t.customdata for t in fig.data])
    assert sorted(rows.tolist()) == list(range(60))
    for trace in fig.data:
        assert np.array_equal(trace.x, xy[trace.customdata, 0])
        assert len(set(y[trace.customdata])) == 1


def test_ready_groups_keep_their_colours(rng):
    y = np.array([f"g{i % 60}" for i in range(240)] + [None] * 300, dtype=object)
    groups = groups_of(y)

    fig = figures.scatter_map(rng.normal(size=(540, 2)), groups=groups)

    assert {t.name: t.marker.color for t in fig.data} == {g.name: g.color for g in groups}
    assert not {"(none)", "13 smaller groups"} & {name.text for name in fig.layout.annotations}


@pytest.mark.parametrize(("n", "kind"), [(GL_ABOVE, "scatter"), (GL_ABOVE + 1, "scattergl")])
def test_webgl_above_five_thousand_points(rng, n, kind):
    assert figures.scatter_map(rng.normal(size=(n, 2))).data[0].type == kind


def test_one_outlier_does_not_squeeze_the_rest(rng):
    xy = rng.normal(size=(100_000, 2))
    xy[17] = 1e6

    fig = figures.scatter_map(xy)

    assert fig.layout.xaxis.range[1] < 10
    assert "1 of 100,000 points lies outside" in figures.caption_of(fig)


@pytest.mark.parametrize("n", [1, 2, 5, 50, 5000])
def test_limits_hold_every_point_when_none_is_far(rng, n):
    values = rng.normal(size=n)

    low, high = view_limits(values)

    assert low < values.min()
    assert high > values.max()


def test_a_small_far_group_is_not_cut_off(rng):
    values = np.append(rng.normal(size=980), rng.normal(size=20) + 1000)

    assert view_limits(values)[1] > values.max()


def test_equal_and_missing_places_can_be_drawn():
    xy = np.zeros((5, 2))
    xy[3] = np.nan

    fig = figures.scatter_map(xy)

    assert len(fig.data[0].x) == 4
    assert "1 point has no place" in figures.caption_of(fig)
    assert np.isfinite(fig.layout.xaxis.range).all()


def test_no_points_at_all():
    assert len(figures.scatter_map(np.empty((0, 2))).data) == 1


def test_numbers_without_value_are_grey_and_counted(rng):
    color = np.append(rng.normal(size=5), np.nan)

    fig = figures.scatter_map(rng.normal(size=(6, 2)), color=color)

    assert [t.name for t in fig.data] == ["no value (1)", ""]


def test_names_stand_on_the_map_as_far_as_they_do_not_overlap(rng):
    xy = rng.uniform(size=(260, 2)) * 100

    one = figures.scatter_map(xy, color=["g"] * 260)
    few = figures.scatter_map(np.repeat([[0, 0], [0, 50], [0.1, 50]], [4, 6, 5], axis=0), color=list("aaaabbbbbbccccc"))
    many = figures.scatter_map(xy, color=[f"g{i % 13}" for i in range(260)])

    assert len(one.layout.annotations) == 0
    assert [name.text for name in few.layout.annotations] == ["b", "a"]
    assert 1 <= len(many.layout.annotations) <= 13


@pytest.mark.parametrize("coords", [np.zeros(4), np.zeros((4, 3))])
def test_coords_of_another_shape_are_refused(coords):
    with pytest.raises(ValueError, match=r"coords must have shape \(n_items, 2\)"):
        figures.scatter_map(coords)


def test_colours_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"color has shape \(3,\) for 4 points"):
        figures.scatter_map(np.zeros((4, 2)), color=["a", "b", "c"])


@pytest.mark.parametrize(
    "name", ["a long class name that goes on and on", "A CLASS IN CAPITALS THAT GOES ON", "很" * 40]
)
def test_a_long_name_fits_its_legend_entry_together_with_its_count(name):
    fig = figures.scatter_map(np.eye(3, 2), color=[name, name, "short"])

    shown = {trace.name for trace in fig.data}
    assert "short (1)" in shown
    assert all(width_of(text) * 6.3 <= fig.layout.legend.entrywidth <= 170 for text in shown)
    assert any("…" in text and text.startswith(name[:6]) and text.endswith(f"{name[-3:]} (2)") for text in shown)


def test_names_that_differ_at_their_ends_stay_apart_in_the_legend_and_on_the_map(rng):
    kinds = np.array([f"A rather long name that goes on and on, number {k}" for k in range(3)])[np.arange(30) % 3]
    places = 10 * np.eye(3)[np.arange(30) % 3][:, :2] + rng.normal(size=(30, 2))

    fig = figures.scatter_map(places, color=kinds)

    assert len({trace.name for trace in fig.data}) == 3
    assert len({a.text for a in fig.layout.annotations}) == len(fig.layout.annotations) >= 2
