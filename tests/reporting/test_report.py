"""What a report says of results, in words and figures."""

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.reporting.blocks import Drawing, Table, Words


def test_summary_says_in_words_what_the_scores_are(rep, results):
    value = results[0].metrics.loc["accuracy", "value"]

    words = " ".join(block.text for block in rep.sections[0].blocks if isinstance(block, Words))

    assert f"{100 * value:.1f} %" in words
    assert "14 classes" in words
    assert "95 % interval" in words
    assert "5 clusters" in words


def test_grouped_and_ungrouped_scores_stand_side_by_side(rng):
    X = rng.normal(size=(40, 6))
    made = mm.classify(np.concatenate([X, X]), np.tile(np.arange(40) % 2, 2), cv=3)

    words = " ".join(b.text for b in mm.report(made).sections[1].blocks if isinstance(b, Words))

    assert f"{100 * made.metrics.loc['accuracy', 'value']:.1f} %" in words
    assert f"{100 * made.ungrouped_accuracy:.1f} %" in words
    assert "80 items have an exact or near duplicate (40 groups)" in words


def test_every_figure_has_a_caption(rep):
    from mmtoolkit.figures import caption_of

    drawn = [b for section in rep.sections for b in section.blocks if isinstance(b, Drawing)]

    assert len(drawn) >= 7
    assert all(len(f"{b.caption}{caption_of(b.figure)}") > 20 for b in drawn)


def test_results_without_a_room_of_their_own_are_shown_too(stamps):
    found = mm.search(stamps, "a dog", k=3)
    rep = mm.report(found, mm.search(stamps, "a coin", k=3))

    assert [s.name for s in rep.sections][2:4] == ["search", "search_2"]
    assert found.table["id"].iloc[0] in rep.to_html()


def test_plain_vectors_make_a_whole_report_too(rng):
    X = rng.normal(size=(60, 8))
    rep = mm.report(mm.classify(X, np.arange(60) % 3, cv=3), mm.cluster(X, 3), mm.project(X, method="pca"))

    html = rep.to_html()

    assert "60 vectors" in html
    assert "your own 60 vectors" in html
    assert "predicted wrong" in html


def test_bad_arguments_are_named(rep, results, tmp_path):
    with pytest.raises(ValueError, match="nothing to report"):
        mm.report()
    with pytest.raises(TypeError, match=r"argument 1: expected a result .* got str"):
        mm.report(results[0], "x")
    with pytest.raises(ValueError, match=r"saved as .html, .md, .json; got 'report.pdf'"):
        rep.save(tmp_path / "report.pdf")


def test_repr_is_one_line_and_the_notebook_shows_the_summary(rep):
    assert "\n" not in repr(rep)
    assert len(rep._repr_html_()) < 60_000
    assert "<script" not in rep._repr_html_()


def test_one_plausible_number_of_clusters_is_no_range(rng):
    made = mm.cluster(rng.normal(size=(12, 6)), range(2, 5))

    shown = mm.report(made).to_html().partition("<body>")[2]

    assert made.plausible_n_clusters == (2, 2)
    assert "plausible" not in repr(made)
    assert "number chosen" in shown
    assert "2 to 2" not in shown
    assert "cannot tell 2" not in shown


def test_names_in_sentences_keep_their_own_quotation_marks(rng):
    X = np.repeat(np.eye(2), 10, axis=0) + rng.normal(size=(20, 2))
    name = 'it\'s "quoted"'
    made = mm.classify(X, [name, "b"] * 10, cv=3)

    words = " ".join(b.text for b in mm.report(made).sections[0].blocks if isinstance(b, Words))
    captions = " ".join(b.caption for b in mm.report(made).sections[1].blocks if isinstance(b, Table))

    assert f"“{name}”" in words
    assert "\\" not in words + captions
