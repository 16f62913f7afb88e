"""The review that learns: what it asks, what it learns from, the score that may be looked at at any time, proposals."""

from __future__ import annotations

import time

import numpy as np
import pytest

import mmtoolkit as mm

N = 240
CLASSES = np.array(["bird", "cat", "dog"])


@pytest.fixture
def truth():
    return CLASSES[np.arange(N) % 3]


@pytest.fixture
def blobs(truth):
    X = np.random.default_rng(0).normal(size=(N, 16)).astype(np.float32)
    X[np.arange(N), np.arange(N) % 3] += 5
    return X


@pytest.fixture
def ex(blobs, tmp_path):
    return mm.explore(blobs, projection=blobs[:, :2], journal=tmp_path / "answers.csv")


def answered(ex, truth, n):
    """Answer what is asked `n` times and return the rows."""
    rows = []
    for _ in range(n):
        rows.append(ex.asked)
        ex.label(truth[ex.asked])
    return rows


def test_one_answer_in_six_is_random_and_never_trains(ex, truth):
    ex.review("learn")
    rows = answered(ex, truth, 60)

    how = ex.annotations.set_index("id")["how"]
    assert len(set(rows)) == 60
    assert (how == "audit").sum() == 10
    assert how[[str(row) for row in rows[:5]]].tolist() == ["review: learn"] * 5
    assert how[str(rows[5])] == "audit"
    learner = ex.queue.learner
    assert not learner.trains[ex.audited].any()
    assert learner.trains.sum() == 50


def test_the_first_answers_name_every_class_and_what_it_learns_is_right(ex, truth):
    ex.review("learn")
    first = answered(ex, truth, 5)

    assert set(truth[first]) == set(CLASSES)
    answered(ex, truth, 15)
    predictions = ex.state.predictions
    assert (predictions["predicted class"] == truth).mean() > 0.95
    assert {"predicted class", "confidence"} <= set(ex.color_choices)
    suggested = ex.reviews.suggestion
    assert suggested.annotation == truth[ex.asked]
    ex.answer(True)
    assert ex.annotations["annotation"].iloc[-1] == suggested.annotation


def test_a_random_item_shows_no_suggestion_and_no_facts(blobs, truth):
    ex = mm.explore(blobs, y=truth, projection=blobs[:, :2])
    ex.review("learn")
    answered(ex, truth, 5)

    assert ex.queue.counts(ex.asked)
    assert ex.reviews.suggestion is None
    assert ex.reviews.card(ex.asked) == {}
    with pytest.raises(ValueError, match="asks what an item is"):
        ex.answer(True)


def test_undo_asks_the_same_item_again_and_forgets_what_it_taught(ex, truth):
    ex.review("learn")
    answered(ex, truth, 12)
    before, asked = ex.queue.learner.proba.copy(), ex.asked
    ex.label("a new class")
    assert "a new class" in ex.queue.learner.classes

    ex.undo()

    assert ex.asked == asked
    np.testing.assert_array_equal(ex.queue.learner.proba, before)
    ex.skip()
    assert ex.asked != asked


def test_a_restart_goes_on_where_the_journal_ends(ex, blobs, truth, tmp_path):
    ex.review("learn")
    answered(ex, truth, 61)
    again = mm.explore(blobs, projection=blobs[:, :2], journal=tmp_path / "answers.csv")
    again.review("learn")

    assert again.asked == ex.asked
    assert again.learned.equals(ex.learned)
    np.testing.assert_array_equal(again.notes.sample, ex.notes.sample)


def test_scores_are_looked_at_at_ten_fifteen_and_so_on_and_later_ones_are_stricter(ex, truth):
    ex.review("learn")
    answered(ex, truth, 59)
    assert ex.learned.empty
    answered(ex, truth, 62)

    curve = ex.learned
    assert curve["random"].tolist() == [10, 15, 20]
    assert curve["labels"].tolist() == [50, 75, 100]
    assert (curve["accuracy"] == 1).all()
    assert curve["low"].iloc[0] == pytest.approx(0.0125 ** (1 / 10), abs=1e-9)
    assert curve["low"].iloc[2] == pytest.approx((0.05 / 12 / 2) ** (1 / 20), abs=1e-9)


def test_proposals_are_marked_teach_nothing_and_give_way_to_a_person(ex, truth):
    ex.review("learn")
    answered(ex, truth, 66)
    taught, scored = ex.queue.learner.trains.copy(), ex.classifier.metrics

    proposed = ex.propose(0.5)

    assert (ex.annotations["how"] == "proposed").sum() == len(proposed) > 100
    assert set(proposed.columns) == {"id", "annotation", "confidence"}
    assert (proposed["annotation"] == truth[proposed["id"].astype(int)]).mean() > 0.95
    np.testing.assert_array_equal(ex.queue.learner.trains, taught)
    assert ex.score().metrics.equals(scored)
    row = ex.asked
    ex.label("fox")
    assert ex.annotations.set_index("id").loc[str(row), ["annotation", "how"]].tolist() == ["fox", "review: learn"]
    ex.undo()
    ex.undo()
    assert "proposed" not in set(ex.annotations["how"])


def test_the_classifier_is_made_anew_when_an_item_enters_the_random_sample(ex, truth):
    ex.review("learn")
    answered(ex, truth, 66)
    before = ex.classifier
    assert ex.classifier is before
    taught = ex.queue.learner.trains
    ex.audit_sample(30, random_state=1)
    while not taught[ex.asked]:
        ex.skip()
    ex.label(truth[ex.asked])  # the same class, but for the score now

    assert ex.classifier.n_scored == before.n_scored + 1


def test_one_class_only_asks_on_and_scores_nothing(ex):
    ex.review("learn")
    for _ in range(70):
        ex.label("thing")

    assert ex.learned.empty
    assert ex.reviews.suggestion is None
    assert ex.state.predictions == {}
    assert "No score yet: it takes answers of two classes" in ex.widget.html["queue"].value


def test_as_many_classes_as_answers(ex):
    ex.review("learn")
    for number in range(70):
        ex.label(f"class {number}")

    assert ex.learned["accuracy"].tolist() == [0.0]
    assert len(ex.queue.learner.classes) == 59


def test_all_items_answered_ends_the_review(blobs, truth):
    ex = mm.explore(blobs[:30], projection=blobs[:30, :2])
    ex.review("learn")
    assert len(ex.queue) == ex.queue.total == 30
    answered(ex, truth, 30)

    assert ex.asked is None
    assert len(ex.queue) == 0
    with pytest.raises(ValueError, match="no item under review"):
        ex.answer(True)


def test_annotations_by_lasso_teach_too(ex, truth):
    ex.select(np.arange(40), how="lasso")
    ex.label("bird")
    ex.review("learn")

    drawn = ex.queue.learner.apart
    assert ex.queue.learner.trains.sum() == (~drawn[:40]).sum()
    assert ex.asked >= 40


def test_an_answer_among_many_items_takes_little_time():
    X = np.random.default_rng(1).normal(size=(20_000, 64)).astype(np.float32)
    ex = mm.explore(X, projection=X[:, :2])
    ex.review("learn")
    for number in range(12):
        ex.label(f"{number % 4}")

    start = time.process_time()
    ex.label("0")
    assert time.process_time() - start < 5  # a hang, not a speed: benchmarks/explorer.py has the times
