from mmtoolkit.figures import caption_of


def test_figures_carry_captions_from_the_data(result):
    assert result.figures[0] == "confusion"
    for name in result.figures:
        assert len(caption_of(result.figure(name))) > 30, name
    assert f"{100 * result.metrics.loc['accuracy', 'value']:.1f} %" in caption_of(result.figure("metrics"))
