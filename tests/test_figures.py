"""Figures: one look, safe text, honest limits, colours that stay apart."""

import json

import numpy as np
import pytest

from mmtoolkit import figures
from mmtoolkit._text import width_of
from mmtoolkit.figures.groups import groups_of
from mmtoolkit.figures.maps import GL_ABOVE, view_limits

HOSTILE = "<img src=x onerror=alert(1)>&$x$"


def every_figure(rng, text=HOSTILE):
    xy = rng.normal(size=(40, 2))
    words = {"title": text, "caption": text}
    return {
        "plain map": figures.scatter_map(xy, **words),
        "groups": figures.scatter_map(xy, color=[text, "b"] * 20, hover=[text] * 40, color_title=text, **words),
        "many groups": figures.scatter_map(xy, color=[f"{text}{i % 20}" for i in range(40)], **words),
        "numbers": figures.scatter_map(xy, color=rng.normal(size=40), color_title=text, **words),
        "heatmap": figures.heatmap(np.eye(2), [text, "b"], [text, "b"], x_title=text, y_title=text, **words),
        "bars": figures.bars([text, "b"], [1, 2], x_title=text, baseline=1.5, baseline_name=text, **words),
        "curve": figures.curve(
            [1, 2], {text: ([1, 2], [0, 1], [2, 3])}, x_title=text, y_title=text, marks=[(1, text)], **words
        ),
        "histogram": figures.histogram({text: [1.0, 2.0]}, x_title=text, y_title=text, marks=[(1.5, text)], **words),
    }


def test_every_figure_has_the_look_and_no_share_button(rng):
    for name, fig in every_figure(rng).items():
        assert "sendChartToCloud" in fig.layout.modebar.remove, name
        assert fig.layout.template.layout.paper_bgcolor == "rgba(0,0,0,0)", name
        assert "sendChartToCloud" in fig.layout.template.layout.modebar.remove, name
        assert fig.layout.width is None, name


def test_no_user_text_reaches_plotly_as_markup_or_tex(rng):
    for name, fig in every_figure(rng).items():
        drawn = fig.to_plotly_json()
        del drawn["layout"]["meta"], drawn["layout"]["template"]
        text = json.dumps(drawn, default=lambda a: np.asarray(a).tolist())
        assert "&lt;img" in text, name
        assert "<img" not in text, name
        assert "$x$" not in text, name


def test_caption_and_alternative_are_kept_as_plain_text(rng):
    for name, fig in every_figure(rng, "birds & <fish>").items():
        assert figures.caption_of(fig).startswith("birds & <fish>"), name
        assert "birds & <fish>" in figures.alt_of(fig), name


def test_caption_of_a_foreign_figure_is_empty():
    import plotly.graph_objects as go

    assert figures.caption_of(go.Figure()) == ""


def test_long_captions_are_shortened_on_the_figure(rng):
    fig = figures.scatter_map(rng.normal(size=(3, 2)), title="t" * 10_000, caption="c " * 5_000)

    assert len(fig.layout.title.text) < 120
    assert fig.layout.title.subtitle.text.count("<br>") <= 4
    assert len(figures.caption_of(fig)) == 2000


def test_fragment_tells_what_it_shows_and_connects_to_nowhere(rng):
    html = figures.figure_html(figures.scatter_map(rng.normal(size=(3, 2)), title='a "quoted" <title>'))

    assert 'aria-label="a &quot;quoted&quot; &lt;title&gt;: 3 points."' in html
    assert "src=" not in html
    assert "cdn" not in html


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
    assert "1 of 100,000 points lie outside" in figures.caption_of(fig)


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
    assert "1 points have no place" in figures.caption_of(fig)
    assert np.isfinite(fig.layout.xaxis.range).all()


def test_no_points_at_all():
    assert len(figures.scatter_map(np.empty((0, 2))).data) == 1


def test_groups_beyond_the_looks_become_one_grey_group():
    y = [f"c{i % 200}" for i in range(2000)]

    groups = groups_of(y)

    assert len(groups) == 48
    assert len({(g.color, g.symbol) for g in groups}) == 48
    assert groups[-1].name == "153 smaller groups (1,530)"
    assert sorted(np.concatenate([g.rows for g in groups]).tolist()) == list(range(2000))


def test_cluster_numbers_keep_their_order_and_noise_is_last():
    groups = groups_of(np.array([2, -1, 0, 2, 1, 0]), {0: "birds"})

    assert [g.name for g in groups] == ["birds (2)", "1 (1)", "2 (2)", "noise (1)"]


def test_missing_values_are_a_group_of_their_own():
    assert [g.name for g in groups_of(np.array(["a", None, "a", np.nan], dtype=object))] == ["a (2)", "(none) (2)"]


def test_numbers_without_value_are_grey_and_counted(rng):
    color = np.append(rng.normal(size=5), np.nan)

    fig = figures.scatter_map(rng.normal(size=(6, 2)), color=color)

    assert [t.name for t in fig.data] == ["no value (1)", ""]


def test_names_stand_on_the_map_only_when_colours_run_out(rng):
    xy = rng.uniform(size=(260, 2)) * 100

    few = figures.scatter_map(xy, color=[f"g{i % 12}" for i in range(260)])
    many = figures.scatter_map(xy, color=[f"g{i % 13}" for i in range(260)])

    assert len(few.layout.annotations) == 0
    assert 1 <= len(many.layout.annotations) <= 13


@pytest.mark.parametrize("coords", [np.zeros(4), np.zeros((4, 3))])
def test_coords_of_another_shape_are_refused(coords):
    with pytest.raises(ValueError, match=r"coords must have shape \(n_items, 2\)"):
        figures.scatter_map(coords)


def test_colours_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"color has shape \(3,\) for 4 points"):
        figures.scatter_map(np.zeros((4, 2)), color=["a", "b", "c"])


def test_equal_names_keep_their_own_rows_and_bars():
    heat = figures.heatmap(np.eye(2), ["1", "1"], ["1", "1"])
    bars = figures.bars(["x", "x"], [1, 2])

    assert heat.layout.xaxis.ticktext == ("1", "1")
    assert bars.data[0].y.tolist() == [0, 1]


def test_heatmap_names_must_fit():
    with pytest.raises(ValueError, match=r"values has shape \(2, 2\)"):
        figures.heatmap(np.eye(2), ["a"], ["a", "b"])


def test_heatmap_of_nothing_but_missing_values():
    fig = figures.heatmap(np.full((2, 2), np.nan), "ab", "ab")

    assert set(fig.data[1].text) == {""}


def test_bars_and_curves_check_lengths():
    with pytest.raises(ValueError, match="for 1 names"):
        figures.bars(["a"], [1, 2])
    with pytest.raises(ValueError, match="series 'a' has shape"):
        figures.curve([1, 2], {"a": ([1], None, None)})


def test_whiskers_end_at_the_interval():
    error = figures.bars(["a"], [0.5], low=[0.2], high=[0.6]).data[0].error_x

    assert error.array == pytest.approx([0.1])
    assert error.arrayminus == pytest.approx([0.3])


def test_histogram_counts_every_value_and_says_what_is_missing(rng):
    fig = figures.histogram(np.append(rng.normal(size=99), np.nan))

    assert sum(fig.data[0].y) == 99
    assert figures.caption_of(fig) == "1 values are missing."


@pytest.mark.parametrize("values", [[], [np.nan], [3.0, 3.0]])
def test_histogram_of_nothing_or_of_one_value(values):
    assert sum(figures.histogram(values).data[0].y) == np.isfinite(values).sum()


# What a colour-blind eye sees: Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def linear(colors):
    s = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colors])
    return np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)


def oklab(rgb):
    to_lms = [[0.41222, 0.53633, 0.05145], [0.2119, 0.6807, 0.1074], [0.0883, 0.28172, 0.62998]]
    to_lab = [[0.21045, 0.79362, -0.00407], [1.978, -2.42859, 0.45059], [0.0259, 0.78277, -0.80868]]
    return np.cbrt(np.clip(rgb, 0, 1) @ np.array(to_lms).T) @ np.array(to_lab).T


@pytest.mark.parametrize("sight", SIGHT)
def test_any_two_colours_stay_apart(sight):
    lab = oklab(linear(figures.PALETTE) @ np.array(SIGHT[sight]).T)

    distance = np.linalg.norm(lab[:, None] - lab[None], axis=2)[np.triu_indices(12, 1)]

    assert len(figures.PALETTE) == 12
    assert distance.min() > 0.07


def test_colours_stand_out_from_white_and_near_black():
    luminance = linear(figures.PALETTE) @ [0.2126, 0.7152, 0.0722]
    dark = (linear(["#111111"]) @ [0.2126, 0.7152, 0.0722])[0]

    assert (1.05 / (luminance + 0.05)).min() > 1.9
    assert ((luminance + 0.05) / (dark + 0.05)).min() > 2.4


@pytest.mark.parametrize(
    "name", ["a long class name that goes on and on", "A CLASS IN CAPITALS THAT GOES ON", "很" * 40]
)
def test_a_long_name_fits_its_legend_entry_together_with_its_count(name):
    fig = figures.scatter_map(np.eye(3, 2), color=[name, name, "short"])

    shown = {trace.name for trace in fig.data}
    assert "short (1)" in shown
    assert all(width_of(text) * 6.3 <= fig.layout.legend.entrywidth <= 170 for text in shown)
    assert any(text.startswith(name[:8]) and text.endswith("… (2)") for text in shown)
