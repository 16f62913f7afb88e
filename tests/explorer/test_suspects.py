"""Label issues: a first look at once, and a classifier behind that takes its place without losing an answer."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.explorer.suspects import held_out_scores
from mmtoolkit.words import speaking

ISSUES = [3, 25, 61]


@pytest.fixture
def doubtful(rng):
    """90 items of three classes, three of them mislabelled."""
    X = np.repeat(9 * np.eye(3, 12), 30, axis=0) + rng.normal(size=(90, 12))
    y = np.repeat(["plants", "food", "people"], 30).astype(object)
    y[ISSUES] = ["food", "people", "plants"]
    return mm.explore(X.astype(np.float32), y=y, projection=X[:, :2])


@pytest.fixture
def ready(monkeypatch):
    """Function that lets the classifier begin, which is held up until then."""
    from mmtoolkit import classification

    begin, train = threading.Event(), classification.classify
    monkeypatch.setattr(classification, "classify", lambda *a, **k: begin.wait(60) and train(*a, **k))
    yield begin.set
    begin.set()


def test_scores_without_an_item_are_those_of_a_ridge_fitted_without_it(rng):
    from sklearn.linear_model import Ridge

    X, codes = rng.normal(size=(60, 5)).astype(np.float32), rng.integers(0, 3, 60)

    found = held_out_scores(X, codes, 3)

    def error(penalty):
        spread = np.linalg.eigvalsh(np.cov(X.T, bias=True) * 60).mean()
        return np.abs(
            found[7]
            - Ridge(penalty * spread).fit(np.delete(X, 7, 0), np.eye(3)[np.delete(codes, 7)]).predict(X[7:8])[0]
        ).max()

    assert min(map(error, (0.01, 0.1, 1.0))) < 1e-2


def test_a_first_look_finds_what_is_wrong_and_what_it_may_be(doubtful, ready):
    first = doubtful.review("label_issues", wait=False)

    assert set(first["id"].astype(int)) >= set(ISSUES)
    assert doubtful.reviews.suggestion.annotation in ("plants", "food", "people")
    assert "first look" in doubtful.reviews.suggestion.evidence
    ready()
    assert doubtful.wait()
    assert "nearest" in doubtful.reviews.suggestion.evidence
    with speaking("zh"):
        assert "最近的" in str(doubtful.reviews.suggestion.evidence)
    assert set(doubtful.waiting["id"].astype(int)) >= set(ISSUES)


def test_answers_and_the_item_under_review_stay_when_the_classifier_is_ready(doubtful, ready):
    doubtful.review("label_issues", wait=False)
    answered = doubtful.asked
    doubtful.answer(True)
    asked = doubtful.asked
    n_answered = len(doubtful.queue.answers)

    ready()
    doubtful.wait()

    assert doubtful.asked == asked
    assert answered not in doubtful.waiting["id"].astype(int).tolist()
    assert len(doubtful.queue.answers) == n_answered == 1
    doubtful.undo()
    assert doubtful.asked == answered
    assert doubtful.annotated[answered] is None


def test_classes_too_small_to_train_on_leave_what_the_first_look_found(rng):
    X, y = rng.normal(size=(1000, 12)).astype(np.float32), [f"class {i % 500}" for i in range(1000)]
    ex = mm.explore(X, y=y, projection=X[:, :2])
    ex.review("label_issues", wait=False)
    asked = ex.asked

    with pytest.raises(mm.MMToolkitError, match=r"what the first look found stays.*ex\.review\(result=.*too few"):
        ex.wait()

    assert ex.asked == asked
    assert ex.reviews.suggestion.annotation in y
    assert ex.wait()


def test_one_class_is_not_offered_a_review_of_its_issues(rng):
    X = rng.normal(size=(20, 4))
    offered = [
        mm.explore(X, y=y, projection=X[:, :2]).widget.html["queue"].value for y in (["a"] * 20, list("ab") * 10)
    ]

    assert ["label_issues" in html for html in offered] == [False, True]


def test_another_review_meanwhile_is_left_alone_and_the_classifier_is_trained_once(doubtful, ready):
    doubtful.review("label_issues", wait=False)
    doubtful.review("outliers", n=5)

    ready()
    doubtful.state.suspects.result()

    assert not doubtful.reviews.poll()
    assert doubtful.queue.name == "outliers"
    again = doubtful.state.suspects.start()
    assert doubtful.review("label_issues", wait=False)["id"].astype(int).isin(range(90)).all()
    assert doubtful.state.suspects.start() is again
    assert doubtful.reviews.later is None  # what is known is shown at once


def test_the_page_begins_at_once_shows_what_is_done_and_takes_over(doubtful, ready):
    sent = []
    view = doubtful.widget
    view.bridge.send = lambda content, buffers=None: sent.append(content["kind"])

    def act(kind, **content):
        view.receive({"kind": kind, **content}, [])

    doubtful.select([1, 2])
    act("action", name="review", value="label_issues")
    assert sent == ["busy", "done"]
    assert 'role="progressbar"' in view.html["looking"].value
    assert view.bridge.waiting
    assert "mmx-suggested" in view.html["queue"].value
    assert "most like it" in view.html["body"].value  # the gallery of the selection has given way
    asked = doubtful.asked

    ready()
    end = time.monotonic() + 60
    while view.bridge.waiting and time.monotonic() < end:
        act("tick")
        time.sleep(0.05)

    assert view.html["looking"].value == ""
    assert doubtful.asked == asked
    doubtful.select([4])
    assert "most like it" not in view.html["body"].value


def test_nothing_is_shown_beside_an_item_whose_answer_counts(doubtful):
    view = doubtful.widget

    doubtful.audit_sample(5)

    assert view.html["body"].value == ""


@pytest.mark.parametrize("y", [["one"] * 6, [None] * 5 + ["one"]], ids=["one class", "one item"])
def test_one_class_has_nothing_to_doubt_and_that_is_said(y):
    ex = mm.explore(np.eye(6), y=y, projection=np.eye(6)[:, :2])
    view = ex.widget

    with pytest.raises(ValueError, match="label issues need at least two classes, y has 1"):
        ex.review("label_issues", wait=False)

    view.receive({"kind": "action", "name": "review", "value": "label_issues"}, [])
    assert "at least two classes" in view.html["status"].value
    assert not view.bridge.waiting
