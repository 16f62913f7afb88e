"""Blocks as HTML and Markdown: nothing from users leaves its place."""

import numpy as np
import pandas as pd
import pytest
from reporting.strangers import EVIL

import mmtoolkit as mm
from mmtoolkit.reporting.as_html import block_html, page
from mmtoolkit.reporting.as_markdown import block_markdown
from mmtoolkit.reporting.blocks import Code, Gallery, Groups, Key, Keys, Note, Remarks, Section, Table, Words

BLOCKS = [
    Words(EVIL),
    Note(EVIL),
    Remarks([EVIL]),
    Keys([Key(EVIL, EVIL, EVIL)]),
    Table(pd.DataFrame({EVIL: [EVIL, None], "n": [0.5, np.nan]}, index=[EVIL, "b"]), EVIL, shares=("n",)),
    Code(EVIL),
]


def test_confident_errors_come_with_pictures_surest_first(rep, results):
    gallery = next(b for b in rep.sections[2].blocks if isinstance(b, Gallery))
    made = results[0]
    wrong = np.array([a != b for a, b in zip(made.y_true, made.y_pred, strict=True)])

    assert gallery.frame["id"].iloc[0] == made.ids[wrong][made.y_proba[wrong].max(axis=1).argmax()]
    assert block_html(gallery).count("data:image/webp") == len(gallery.frame)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: type(b).__name__)
def test_user_text_stays_text_in_html_and_markdown(block):
    shown, markdown = block_html(block), block_markdown(block)

    assert "<script" not in shown
    assert "<img" not in shown
    if not isinstance(block, Code):
        assert "<script" not in markdown.replace("\\<", "")
        assert "[link](" not in markdown


def test_the_mark_of_a_negative_baseline_stays_on_its_bar():
    frame = pd.DataFrame({"value": [0.5], "baseline": [-0.06]}, index=["matthews correlation"])

    shown = block_html(Table(frame, shares=("value",), marks={"value": "baseline"}))

    assert 'class="tick" style="left:0.0%"' in shown


def test_texts_are_shown_as_lines(glosses):
    made = mm.cluster(glosses, 4)
    groups = next(b for b in mm.report(made).sections[2].blocks if isinstance(b, Groups))

    assert block_html(groups).count("<li>") == 4 * 7
    assert "<img" not in block_html(groups)


def test_a_page_without_figures_carries_no_plotly():
    assert len(page("t", ["a"], [Section("s", "S", [Words("w")])])) < 30_000
