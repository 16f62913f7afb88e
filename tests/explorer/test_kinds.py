"""The kinds of review: which items each queues, what an answer means, and a kind of one's own."""

from __future__ import annotations

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.explorer import kinds


def test_review_of_outliers_ranks_and_moves_on(ex):
    waiting = ex.review("outliers", n=8)
    first = waiting["id"].iloc[0]

    ex.answer(False)

    assert len(ex.waiting) == 7
    assert first not in set(ex.waiting["id"])
    assert ex.annotations.empty  # "no" leaves an outlier as it is
    before = ex.waiting["id"].iloc[0]
    ex.skip()
    assert ex.waiting["id"].iloc[-1] == before


def test_review_of_label_issues_finds_the_planted_one_and_no_confirms(emb, coords):
    y = np.repeat(["a", "b", "c", "d"], 10)
    y[5] = "c"
    ex = mm.explore(emb, y=y, projection=coords)

    waiting = ex.review("label_issues")
    assert waiting["id"].iloc[0] == "item-5"
    ex.label("a")

    assert ex.annotations_diff()[["id", "before", "after", "how"]].values.tolist() == [
        ["item-5", "c", "a", "review: label_issues"]
    ]
    ex.undo()
    assert ex.waiting["id"].iloc[0] == "item-5"
    ex.answer(False)
    assert ex.annotations["annotation"].tolist() == ["c"]
    assert ex.annotations_diff().empty


def test_review_of_boundary_items_and_of_a_frame(emb, coords):
    c = mm.cluster(emb, 4)
    ex = mm.explore(emb, clusters=c, projection=coords)

    waiting = ex.review("boundary", n=5)
    assert waiting["id"].iloc[0] == c.per_item["silhouette"].idxmin()
    ex.review(ex.items.iloc[[8, 3]])
    assert ex.waiting["id"].tolist() == ["item-8", "item-3"]


@pytest.mark.parametrize(
    ("what", "words"), [("nonsense", "label_issues, outliers, boundary"), ("boundary", "need a clustering")]
)
def test_review_says_what_it_needs(ex, what, words):
    with pytest.raises(ValueError, match=words):
        ex.review(what)


def test_audit_sample_is_random_over_all_items_repeats_and_is_protected(ex):
    sample = ex.audit_sample(10, random_state=3)

    groups = {int(name.split("-")[1]) // 10 for name in sample["id"]}
    assert len(sample) == 10
    assert len(groups) > 2
    for _ in range(10):
        ex.label("judged")
    assert ex.audited.sum() == 10
    assert ex.waiting.empty
    ex.review(None)
    ex.select(np.arange(40), how="lasso")
    assert ex.label("lassoed") == 30
    assert ex.audited.sum() == 10
    assert ex.audit_sample(10, random_state=3)["id"].tolist() == sample["id"].tolist()
    assert ex.waiting.empty  # judged items are not asked again


def test_audit_is_a_kind_like_the_others(ex):
    waiting = ex.review("audit", n=5)

    assert waiting["id"].tolist() == ex.audit_sample(5)["id"].tolist()
    ex.label("judged")
    assert ex.audited.sum() == 1
    assert ex.reviewed.empty


@pytest.fixture
def longest(monkeypatch):
    """A kind of one's own: the longest texts first."""

    def queue(state, n, *, answered, **_):
        length = state.items["text"].str.len().to_numpy()
        rows = np.argsort(-length, kind="stable")
        return rows[: n + int(answered.sum())], length[rows].astype(float)[: n + int(answered.sum())]

    kind = kinds.Kind(
        "longest",
        "long texts",
        "the longest texts",
        "Is <this> too long?",
        queue,
        says=lambda given, annotation: annotation == "too long",
        card=lambda state, row: {"letters": len(state.items["text"].iloc[row])},
        offered=lambda state: "text" in state.items,
    )
    monkeypatch.setitem(kinds.KINDS, "longest", kind)
    return kind


def test_a_kind_is_one_row(longest, ex, press):
    page = ex.widget.html
    assert ">long texts<" in page["queue"].value
    ex.annotation_names[:] = ["fine", "too long"]

    ex.widget.receive({"kind": "action", "name": "review", "value": "longest"}, [])
    assert ex.asked == 4  # the text of ten thousand letters
    assert "Is &lt;this&gt; too long? 40 of 40 left." in page["queue"].value
    assert f"letters</i> {len(ex.items['text'][4])}</span></span>" in page["card"].value  # and no class
    press("2")
    press("n")
    press("1")
    ex.answer(True)

    assert ex.reviewed["queue"].tolist() == ["longest"] * 3
    assert ex.reviewed["found"].tolist() == [True, False, True]
    assert not ex.audited.any()
    press("u")
    assert ex.reviewed["found"].tolist() == [True, False]
    assert not set(ex.reviewed["id"]) & set(ex.review("longest", n=40)["id"])


def test_a_kind_whose_answers_count_makes_a_score(emb, coords, monkeypatch):
    rows = np.arange(0, 40, 3)
    every_third = kinds.Kind(
        "every third", "", "", "What is it?", lambda state, n, **_: (rows[:n], None), says=None, counts=True
    )
    monkeypatch.setitem(kinds.KINDS, "every third", every_third)
    ex = mm.explore(emb, projection=coords)
    truth = np.repeat(list("abcd"), 10)

    ex.review("every third")
    for row in rows:
        assert ex.asked == row  # such a queue keeps its order
        ex.label(truth[row])
    for group, name in enumerate("abcd"):
        ex.label(name, items=range(10 * group, 10 * group + 10))

    result = ex.score(duplicates="ignore")
    assert result.n_scored == len(rows)
    ex.review("every third")
    assert ex.queue is None  # all were judged


def test_no_confirms_a_class_as_it_is_written(emb, coords):
    y = np.repeat(["a ", "b", "c", "d"], 10)
    y[25] = "a "
    ex = mm.explore(emb, y=y, projection=coords)
    ex.review("label_issues", result=mm.classify(emb, y=y, duplicates="ignore"))
    assert ex.asked == 25

    ex.answer(False)

    assert ex.annotations["annotation"].tolist() == ["a "]
    assert ex.annotations_diff().empty
    assert ex.reviewed["found"].tolist() == [False]
