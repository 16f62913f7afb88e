"""The look of every figure: safe text, captions, alternatives, colours that stay apart."""

import json

import numpy as np
import pytest

from mmtoolkit import figures
from mmtoolkit.figures.style import plot_config
from mmtoolkit.words import speaking

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
    assert fig.layout.title.subtitle.text.count("<br>") <= 16
    assert len(figures.caption_of(fig)) == 2000


def test_fragment_tells_what_it_shows_and_connects_to_nowhere(rng):
    html = figures.figure_html(figures.scatter_map(rng.normal(size=(3, 2)), title='a "quoted" <title>'))

    assert 'aria-label="a &quot;quoted&quot; &lt;title&gt;: 3 points."' in html
    assert "src=" not in html
    assert "cdn" not in html


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


def test_plotly_gets_its_own_words_in_the_language_that_is_spoken():
    assert plot_config() == {"displaylogo": False, "responsive": True}

    with speaking("zh"):
        config = plot_config()

    assert config["locales"][config["locale"]]["dictionary"]["Zoom in"] == "放大"
