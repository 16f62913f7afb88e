"""Annotations and answers in a review: kept, taken back, scored, and never in the way of one another."""

from __future__ import annotations

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.errors import MMToolkitError

HOSTILE = "<img src=x onerror=alert(1)>&\"'"


def key(ex, name):
    """Press a key on the page."""
    ex.widget.receive({"kind": "key", "key": name}, [])


def click(ex, row, mode="replace"):
    """Click a dot on the page."""
    ex.widget.receive({"kind": "click", "row": row, "mode": mode}, [])


def on_the_card(ex):
    """Row that the card shows."""
    return int(ex.widget.html["card"].value.split('data-row="')[1].split('"')[0])


@pytest.fixture
def shown(ex):
    """The explorer with its widgets."""
    assert ex.widget is not None
    return ex


@pytest.mark.parametrize("kind", ["audit", "outliers"])
def test_the_card_shows_the_item_that_the_answer_goes_to(shown, kind):
    ex = shown
    ex.audit_sample(10) if kind == "audit" else ex.review(kind, n=10)
    other = next(row for row in range(40) if row != ex.asked)

    click(ex, other)
    asked = on_the_card(ex)
    assert "card and answers stay with the item under review" in ex.widget.html["status"].value
    key(ex, "1")

    assert ex.annotations["id"].tolist() == [ex.ids[asked]]
    assert on_the_card(ex) == ex.asked == ex.focus


@pytest.mark.parametrize("kind", ["outliers", "learn"])
def test_an_answer_to_an_item_that_another_page_has_answered_changes_nothing(shown, kind):
    ex = shown
    ex.review(kind, n=10)
    seen = str(ex.asked)
    assert f'data-asked="{seen}"' in ex.widget.html["queue"].value

    for name in ("1", "2", "Enter", "x"):
        ex.widget.receive({"kind": "key", "key": name, "asked": seen}, [])
    ex.widget.receive({"kind": "action", "name": "new-label", "value": "other", "asked": seen}, [])

    assert ex.annotations[["id", "annotation"]].values.tolist() == [[ex.ids[int(seen)], ex.annotation_names[0]]]
    assert "no answer was taken" in ex.widget.html["status"].value
    ex.widget.receive({"kind": "key", "key": "2", "asked": str(ex.asked)}, [])
    assert len(ex.annotations) == 2


def test_a_number_pressed_before_the_page_showed_the_review_is_no_answer(shown):
    ex = shown
    ex.select([1, 2])
    ex.review("outliers", n=3)

    ex.widget.receive({"kind": "key", "key": "1", "asked": ""}, [])

    assert len(ex.annotations) == 0


def test_status_says_that_a_review_leaves_the_selection_alone(shown):
    ex = shown
    ex.review("outliers", n=3)
    ex.lasso([(-1, -1), (2, -1), (2, 2), (-1, 2)])

    key(ex, "1")

    assert len(ex.annotations) == 1
    assert "selected items are not part of the review" in ex.status
    assert "2 items left" in ex.status


def test_undo_in_a_review_brings_the_item_back_to_the_card(shown):
    ex = shown
    ex.audit_sample(5)
    first = ex.asked
    ex.label("x")
    assert on_the_card(ex) != first

    ex.undo()

    assert on_the_card(ex) == ex.asked == ex.focus == first


def test_undo_of_a_yes_or_no_leaves_other_annotations(ex):
    ex.select([1, 2, 3])
    ex.label("keep")
    ex.review("outliers", n=5)
    first = ex.asked
    ex.answer(False)

    assert ex.undo() == 1

    assert ex.asked == first
    assert ex.reviewed.empty
    assert ex.annotations["annotation"].tolist() == ["keep"] * 3
    assert ex.undo() == 3
    assert ex.annotations.empty


def test_undo_of_a_label_given_elsewhere_does_not_ask_again(ex):
    ex.review("outliers", n=5)
    row = ex.asked
    ex.answer(True)
    ex.label("seen", items=[row])

    ex.undo()

    assert len(ex.waiting) == 4
    assert ex.reviewed["found"].tolist() == [True]


def test_yes_and_no_are_kept_in_a_frame_and_in_the_journal_and_not_asked_again(emb, coords, tmp_path):
    path = tmp_path / "labels.csv"
    ex = mm.explore(emb, projection=coords, journal=path)
    ex.review("outliers", n=3)
    asked = [ex.asked]
    ex.answer(True)
    asked.append(ex.asked)
    ex.answer(False)
    asked.append(ex.asked)
    ex.label("odd")
    ex.label("later", items=[asked[0]])

    again = mm.explore(emb, projection=coords, journal=path)

    for found in (ex, again):
        assert found.reviewed[["id", "queue"]].values.tolist() == [[f"item-{row}", "outliers"] for row in asked]
        assert found.reviewed["found"].tolist() == [True, False, None]
        assert dict(found.annotations[["id", "annotation"]].values) == {
            f"item-{asked[2]}": "odd",
            f"item-{asked[0]}": "later",
        }
        assert not set(found.review("outliers", n=40)["id"]) & {f"item-{row}" for row in asked}
    ex.review(None)
    ex.undo()  # later
    ex.undo()  # odd
    assert mm.explore(emb, projection=coords, journal=path).reviewed["found"].tolist() == [True, False]


def test_a_confirmed_class_is_not_asked_again(emb, coords):
    y = np.repeat(["a", "b", "c", "d"], 10)
    y[5], y[15] = "c", "d"
    ex = mm.explore(emb, y=y, projection=coords)
    result = mm.classify(emb, y=y, duplicates="ignore")
    first = ex.review("label_issues", result=result)["id"].iloc[0]

    ex.answer(False)

    assert first not in set(ex.review("label_issues", result=result)["id"])


def test_after_the_last_answer_labels_go_to_the_selection(shown):
    ex = shown
    ex.audit_sample(2)
    key(ex, "1")
    key(ex, "1")
    ex.select([20, 21])

    key(ex, "2")

    assert ex.annotations["how"].tolist() == ["audit", "audit", "code", "code"]
    key(ex, "n")  # nothing to skip
    assert "mmx-error" not in ex.widget.html["status"].value


def test_the_audit_button_draws_more_when_its_fifty_are_judged(rng):
    ex = mm.explore(rng.normal(size=(70, 4)), projection=rng.normal(size=(70, 2)))
    assert ex.widget is not None

    def press():
        ex.widget.receive({"kind": "action", "name": "review", "value": "audit"}, [])

    press()
    for left in range(50, 0, -1):
        assert len(ex.waiting) == left
        ex.label("x")
    press()
    assert len(ex.waiting) == 20
    for _ in range(20):
        ex.label("x")
    press()
    assert ex.queue is None
    assert ex.status == "nothing is left to review: random audit sample"


def test_failing_observer_does_not_hold_up_the_review(ex):
    ex.review("outliers", n=5)
    ex.observe(lambda event: 1 / 0, "annotations")

    with pytest.raises(ZeroDivisionError):
        ex.label("x")

    assert len(ex.annotations) == 1
    assert len(ex.waiting) == 4


def test_journal_that_cannot_be_written_does_not_hold_up_the_review(emb, coords, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    ex = mm.explore(emb, projection=coords, journal=folder / "labels.csv")
    ex.review("outliers", n=5)
    folder.rmdir()

    for act in (lambda: ex.label("x"), lambda: ex.answer(True), ex.undo):
        with pytest.raises(MMToolkitError, match="kept in memory"):
            act()

    assert len(ex.annotations) == 1
    assert len(ex.waiting) == 4


def test_annotation_in_a_review_of_outliers_is_neither_yes_nor_no(ex):
    waiting = ex.review("outliers", n=12)["id"].tolist()

    ex.label("b")

    assert ex.waiting["id"].tolist() == waiting[1:]
    assert ex.reviewed["found"].tolist() == [None]


def test_yes_to_an_audit_sample_says_what_it_asks(ex):
    ex.audit_sample(3)

    with pytest.raises(ValueError, match="asks what an item is, not yes or no"):
        ex.answer(True)


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (lambda ex: ex.label(3, [1]), TypeError, r"a str or None, got 3; items come second"),
        (lambda ex: ex.audit_sample(2.5), ValueError, r"n must be an integer of at least 1, got 2\.5"),
        (lambda ex: ex.review("outliers", n=-1), ValueError, "n must be an integer of at least 1, got -1"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(ex, act, error, words):
    with pytest.raises(error, match=words):
        act(ex)


def test_label_undo_and_diff(ex, around):
    ex.lasso(around(1))
    assert ex.label("b") == 10
    ex.select([0, 10], how="click")
    ex.label("z")

    diff = ex.annotations_diff()
    assert diff[["id", "before", "after"]].values.tolist() == [["item-0", HOSTILE, "z"], ["item-10", "b", "z"]]
    assert ex.undo() == 2
    assert ex.annotations_diff().empty
    assert len(ex.annotations) == 10
    assert ex.annotated[10] == "b"


def test_blank_annotation_is_refused(ex):
    with pytest.raises(ValueError, match="at least one visible character"):
        ex.label(" \u200b", items=[0])


def test_answers_without_a_queue_say_how_to_open_one(ex):
    with pytest.raises(ValueError, match=r"ex.review\(\.\.\.\) or ex.audit_sample\(\)"):
        ex.answer(True)


def test_score_needs_both_an_audit_sample_and_other_annotations(ex):
    with pytest.raises(ValueError, match="0 items were judged in the audit sample and 0 elsewhere"):
        ex.score()


def test_score_is_measured_on_the_audit_sample_only(emb, coords, around):
    ex = mm.explore(emb, projection=coords)
    truth = np.repeat(["a", "b", "c", "d"], 10)
    place = {name: row for row, name in enumerate(ex.ids)}
    ex.audit_sample(16)
    for _ in range(16):
        ex.label(truth[place[ex.waiting["id"].iloc[0]]])
    ex.review(None)
    for group, name in enumerate("abcd"):
        ex.lasso(around(group))
        ex.label(name)

    result = ex.score(duplicates="ignore")

    assert result.n_scored == 16
    assert ((result.fold >= 0) == ex.audited).all()
    assert result.metrics.loc["accuracy", "value"] == 1.0


def test_class_found_only_in_the_audit_sample_counts_as_errors(emb, coords, around):
    ex = mm.explore(emb, projection=coords)
    ex.audit_sample(16)
    names = np.repeat(["a", "b", "c", "rare"], 10)[ex.queue.waiting]
    for name in names:
        ex.label(name)
    ex.review(None)
    for group, name in enumerate("abc"):
        ex.lasso(around(group))
        ex.label(name)

    result = ex.score(duplicates="ignore")

    rare = int((names == "rare").sum())
    assert result.metrics.loc["accuracy", "value"] == 1 - rare / 16
    assert f"No training row is of class 'rare': its {rare} test items count as errors." in result.notes


def half_answered(emb, coords, around, journal=None):
    """A map whose audit sample of 20 has 8 answers, one wrong; all else is annotated by lasso, the sample included."""
    ex = mm.explore(emb, projection=coords, journal=journal)
    sample = ex.audit_sample(20)["id"].tolist()
    truth = dict(zip(ex.ids, np.repeat(["a", "b", "c", "d"], 10), strict=True))
    for item in sample[:7]:
        ex.label(truth[item])
    ex.label("a" if truth[sample[7]] != "a" else "b")
    ex.review(None)
    for group, name in enumerate("abcd"):
        ex.lasso(around(group))
        ex.label(name)
    return ex, sample


def test_a_half_answered_audit_sample_gives_bounds_for_whatever_the_others_are(emb, coords, around):
    ex, sample = half_answered(emb, coords, around)

    r = ex.score(duplicates="ignore")

    assert r.n_scored == 8
    assert r.metrics.loc["accuracy", "value"] == 7 / 8
    low, high = r.accuracy_bounds
    assert low < 7 / 20 < 19 / 20 < high
    assert any(
        note.startswith(
            "8 of the 20 test items have a class. Whatever the other 12 are, between 35.0 % and 95.0 % of all 20"
        )
        for note in r.notes
    )
    assert "whatever the test items without a class are" in repr(r)
    tested = set(r.ids[r.fold >= 0])
    assert tested == set(sample[:8])
    trained = {name for name, y in zip(r.ids, r.y_true, strict=True) if y is not None} - tested
    assert trained.isdisjoint(sample)  # those of the sample that were lassoed alone do not train either


def test_bounds_of_a_half_answered_sample_are_verified_with_their_report(emb, coords, around, tmp_path):
    r = half_answered(emb, coords, around)[0].score(duplicates="ignore")

    assert mm.verify(mm.report(r).save(tmp_path / "report.json"), vectors=emb).verdict == "identical"


def test_the_journal_keeps_which_items_were_drawn(emb, coords, around, tmp_path):
    ex, sample = half_answered(emb, coords, around, tmp_path / "journal.csv")

    again = mm.explore(emb, projection=coords, journal=tmp_path / "journal.csv")

    assert again.score(duplicates="ignore").evidence() == ex.score(duplicates="ignore").evidence()
    assert sorted(again.ids[again.notes.sample]) == sorted(sample)
    assert len(again.annotations) == len(ex.annotations)


def test_a_sample_that_is_answered_whole_has_no_bounds(emb, coords, around):
    ex = mm.explore(emb, projection=coords)
    ex.audit_sample(6)
    for _ in range(6):
        ex.label("ab"[ex.asked // 20])
    ex.label("a", items=[r for r in range(20) if not ex.audited[r]])
    ex.label("b", items=[r for r in range(20, 40) if not ex.audited[r]])

    r = ex.score(duplicates="ignore")

    assert r.accuracy_bounds is None
    assert "whatever" not in repr(r)
