"""A figure that becomes a picture names the font that it lacks."""

import plotly.graph_objects as go
import pytest

import mmtoolkit as mm
from mmtoolkit.figures import bars, heatmap, scatter_map
from mmtoolkit.figures.fonts import chinese_font


@pytest.fixture
def fonts(tmp_path, monkeypatch):
    """Function that makes a machine with these fonts; None is one that does not say which it has."""
    monkeypatch.setattr(go.Figure, "to_image", lambda *_, **__: b"a picture")

    def machine(names):
        if names is not None:
            tool = tmp_path / "fc-list"
            tool.write_text(f"#!/bin/sh\n[ \"$1\" = :lang=zh ] && /usr/bin/printf '{names}'\n")
            tool.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))

    return machine


@pytest.mark.parametrize("draw", [lambda w: bars([w], [1.0]), lambda w: heatmap([[1.0]], x=[w], y=["a"]),
                                  lambda w: scatter_map([[0.0, 0.0]], title=w)])  # fmt: skip
def test_chinese_without_a_font_is_warned_of_with_the_way_out(fonts, draw):
    fonts("")

    with pytest.warns(UserWarning, match=r"Chinese letters and no font .* apt-get install fonts-noto-cjk"):
        assert draw("鸟").to_image("png") == b"a picture"
    assert draw("bird").to_image("png") == b"a picture"  # a warning would fail


@pytest.mark.parametrize(("names", "found"), [("Noto Sans CJK SC,other\\nMore\\n", "Noto Sans CJK SC"), (None, None)])
def test_with_a_font_or_where_nothing_says_nothing_is_said(fonts, names, found):
    fonts(names)

    assert chinese_font() == found
    assert bars(["鸟"], [1.0]).to_image("png") == b"a picture"


def test_figures_of_results_are_such_figures(rng):
    c = mm.cluster(rng.normal(size=(40, 4)), 3)

    assert all(type(c.figure(name)).__module__ == "mmtoolkit.figures.drawn" for name in c.figures)
