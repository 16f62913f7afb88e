"""Two people who answer the same items: kept apart in one journal, compared, and settled where they differ."""

import csv
import multiprocessing

import numpy as np
import pandas as pd
import pytest

import mmtoolkit as mm

ANN = ["cat"] * 20 + ["dog"] * 20
BOB = ["cat"] * 17 + ["dog"] * 23


@pytest.fixture
def opened(emb, coords, tmp_path):
    """Function that opens the journal for an annotator."""
    return lambda name=None, **options: mm.explore(
        emb, projection=coords, journal=tmp_path / "labels.csv", annotator=name, **options
    )


@pytest.fixture
def both(opened):
    """The journal after Ann and Bob answered all items; Bob differs on three."""
    for name, answers in (("Ann", ANN), ("Bob", BOB)):
        ex = opened(name)
        for row, answer in enumerate(answers):
            ex.label(answer, items=[row])
    return ex


def test_kappa_and_its_interval_come_from_items_that_both_answered(both):
    both.label(None, items=range(30, 40))

    agreed = both.agreement()

    expected = (20 / 30) * (17 / 30) + (10 / 30) * (13 / 30)
    assert (agreed.annotators, agreed.n_items) == (("Ann", "Bob"), 30)
    assert agreed.agreement == pytest.approx(27 / 30)
    assert agreed.kappa == pytest.approx((27 / 30 - expected) / (1 - expected))
    assert agreed.low < agreed.kappa < agreed.high < 1
    assert agreed.counts.loc["cat"].tolist() == [17, 3]
    assert agreed.disagreements.to_dict("list") == {
        "id": ["item-17", "item-18", "item-19"], "Ann": ["cat"] * 3, "Bob": ["dog"] * 3
    }  # fmt: skip
    assert agreed.to_dict()["n_items"] == 30
    assert "item-17" in agreed._repr_html_()


def test_kappa_is_that_of_scikit_learn(both):
    from sklearn.metrics import cohen_kappa_score

    assert both.agreement().kappa == pytest.approx(cohen_kappa_score(ANN, BOB))


def test_interval_holds_where_the_bootstrap_does_not(rng):
    from mmtoolkit.explorer.agreement import agreement_of
    from mmtoolkit.explorer.annotations import Annotations

    ids, true, holds, n = np.arange(30).astype(str), 0.8, 0, 400
    for _ in range(n):
        a = rng.choice(["x", "y"], 30)
        notes = Annotations(ids)
        notes.said = {
            "a": dict(enumerate(a.tolist())),
            "b": dict(enumerate(np.where(rng.random(30) < true, a, rng.choice(["x", "y"], 30)).tolist())),
        }
        found = agreement_of(notes, None, ids)
        holds += found.low <= true <= found.high

    assert holds / n >= 0.92


def test_everybody_sees_their_own_answers_and_nobody_those_of_others(both, opened):
    assert opened("Ann").annotated.tolist() == ANN
    assert opened("Bob").annotated.tolist() == BOB
    assert opened("Eve").annotations.empty
    assert sorted(opened("Eve").annotation_names) == ["cat", "dog"]
    assert opened().annotated.tolist() == BOB  # the last answer of anybody
    assert set(opened().annotations["annotator"]) == {"Bob"}


def test_answers_without_a_name_are_seen_by_all_and_compared_with_nobody(opened):
    opened().label("cat", items=range(12))
    ann = opened("Ann")
    ann.label("dog", items=[0])

    assert opened("Bob").annotated.tolist()[:3] == ["cat"] * 3
    assert ann.annotated.tolist()[:3] == ["dog", "cat", "cat"]
    ann.undo()
    assert opened("Ann").annotations["annotator"].tolist() == [None] * 12
    with pytest.raises(ValueError, match="needs two annotators, and no answer has the name"):
        opened().agreement()


def test_reviews_ask_everybody_about_the_same_items(opened):
    for name in ("Ann", "Bob"):
        ex = opened(name)
        assert ex.audit_sample(12)["id"].tolist() == opened().audit_sample(12)["id"].tolist()
        ex = opened(name)
        ex.audit_sample(12)
        for row in range(12):
            assert not ex.reviews.card(ex.asked)
            ex.label("dog" if name == "Bob" and row == 5 else "cat" if row % 2 else "dog")

    assert ex.agreement().n_items == 12
    assert ex.score is not None
    assert ex.audited.sum() == 12


def test_disagreements_are_reviewed_and_settling_them_does_not_flatter_kappa(both, opened):
    before = both.agreement()
    ex = opened()

    assert ex.review("disagreements")["id"].tolist() == ["item-17", "item-18", "item-19"]
    assert ex.reviews.card(ex.asked)["answers"] == "Ann: cat; Bob: dog"
    assert ex.reviews.card(ex.asked)["annotation"] is None
    ex.label("cat")
    ex.label("bird")

    again = opened()
    assert again.annotated.tolist()[17:20] == ["cat", "bird", "dog"]
    assert again.agreement().kappa == before.kappa
    assert again.review("disagreements")["id"].tolist() == ["item-19"]
    ex.undo()
    assert opened().annotated.tolist()[17:20] == ["cat", "dog", "dog"]
    assert opened().annotations.set_index("id").loc["item-18", "annotator"] == "Bob"


def test_a_settled_item_of_the_audit_sample_counts_for_the_score(opened):
    for name in ("Ann", "Bob"):
        ex = opened(name)
        ex.audit_sample(10)
        for _ in range(10):
            ex.label("cat" if name == "Ann" else "dog")

    ex = opened()
    ex.review("disagreements")
    ex.label("bird")

    assert ex.audited.sum() == 10
    assert "bird" in ex.annotated[ex.audited].tolist()


def test_the_button_is_there_only_when_something_is_disputed(both, emb, coords):
    from mmtoolkit.explorer.kinds import KINDS

    assert KINDS["disagreements"].offered(both.state)
    assert not KINDS["disagreements"].offered(mm.explore(emb, projection=coords).state)


def test_last_answer_of_somebody_who_contradicts_themself_counts(both):
    both.label("cat", items=[17])
    both.label("cat", items=[18])
    both.undo()

    assert both.agreement().disagreements["id"].tolist() == ["item-18", "item-19"]


@pytest.mark.parametrize("question", [lambda ex: ex.agreement(), lambda ex: ex.review("disagreements")])
def test_one_annotator_alone_is_told_what_to_do(opened, question):
    ex = opened("Ann")
    ex.label("cat", items=[0])

    with pytest.raises(ValueError, match=r"only 'Ann' gave answers; give the second one the same journal"):
        question(ex)
    opened("Bob").label("cat", items=[1])
    with pytest.raises(ValueError, match=r"no item was answered by two annotators \(Ann: 1, Bob: 1\)"):
        question(opened("Ann"))


def test_too_few_items_and_one_answer_for_all_are_refused(opened):
    for name in ("Ann", "Bob"):
        opened(name).label("cat", items=range(9))
    with pytest.raises(ValueError, match="both answered 9 items; kappa needs at least 10"):
        opened().agreement()
    for name in ("Ann", "Bob"):
        opened(name).label("cat", items=range(12))
    with pytest.raises(ValueError, match="gave all 12 items the same answer, 'cat'"):
        opened().agreement()


def test_of_three_annotators_two_are_named(both, opened):
    eve = opened("Eve")
    for row in range(40):
        eve.label(ANN[row], items=[row])

    with pytest.raises(ValueError, match=r"there are 3 annotators \(Ann, Bob, Eve\); name two of them"):
        eve.agreement()
    assert eve.agreement(["Eve", "Ann"]).kappa == 1
    assert eve.agreement(["Eve", "Ann"]).low < 1
    for wrong in (["Eve"], ["Eve", "Eve"], ["Eve", "Zoe"], "Eve"):
        with pytest.raises(ValueError, match="annotators must be two of 'Ann', 'Bob', 'Eve'"):
            eve.agreement(wrong)


@pytest.mark.parametrize(
    ("name", "error"), [("", ValueError), (" \u200b", ValueError), ("a\nb", ValueError), (3, TypeError)]
)
def test_an_annotator_without_a_name_is_refused(emb, coords, name, error):
    with pytest.raises(error, match="annotator must be a"):
        mm.explore(emb, projection=coords, annotator=name)


def test_hostile_names_are_kept_and_escaped(emb, coords, tmp_path):
    names = ["=cmd|'/c'!A1", "<img src=x onerror=alert(1)>"]
    for name, answers in zip(names, (ANN, BOB), strict=True):
        ex = mm.explore(emb, projection=coords, journal=tmp_path / "x.csv", annotator=name)
        for row, answer in enumerate(answers):
            ex.label(answer, items=[row])

    agreed = mm.explore(emb, projection=coords, journal=tmp_path / "x.csv").agreement()

    assert agreed.annotators == tuple(names)
    assert "<img" not in agreed._repr_html_()
    assert "'=cmd" in (tmp_path / "x.csv").read_text("utf-8")


@pytest.mark.parametrize("heading", ["id,annotation,how,order,time", "id,annotation,how,order,time,check"])
def test_a_journal_of_before_is_read_and_gets_a_column_for_names(emb, coords, tmp_path, heading):
    path = tmp_path / "old.csv"
    end = "," if heading.endswith("check") else ""
    path.write_text(f"{heading}\r\nitem-3,bird,lasso,1,2026-11-22T10:00:00+00:00{end}\r\n", "utf-8-sig")

    ex = mm.explore(emb, projection=coords, journal=path, annotator="Ann")
    ex.label("fish", items=[4])

    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    assert [(line["id"], line["annotation"], line["annotator"]) for line in lines] == [
        ("item-3", "bird", ""), ("item-4", "fish", "Ann")
    ]  # fmt: skip
    assert path.read_bytes().startswith("\ufeff".encode())
    again = mm.explore(emb, projection=coords, journal=path)
    assert again.annotations[["id", "annotation", "annotator"]].to_numpy().tolist() == [
        ["item-3", "bird", None], ["item-4", "fish", "Ann"]
    ]  # fmt: skip


def _label(path, name, rows):
    X = np.eye(40, dtype=np.float32)
    ex = mm.explore(X, projection=X[:, :2], journal=path, annotator=name)
    for row in rows:
        ex.label("x", items=[row])


def test_two_processes_that_widen_one_journal_lose_no_answer(tmp_path):
    path = tmp_path / "old.csv"
    path.write_text("id,annotation,how,order,time\n0,bird,lasso,1,\n", "utf-8")
    context = multiprocessing.get_context("spawn")
    jobs = [context.Process(target=_label, args=(path, name, range(20))) for name in ("Ann", "Bob")]

    for job in jobs:
        job.start()
    for job in jobs:
        job.join(120)

    assert [job.exitcode for job in jobs] == [0, 0]
    assert pd.read_csv(path, dtype=str)["annotator"].value_counts().to_dict() == {"Ann": 20, "Bob": 20}


def test_a_changed_name_is_noticed(both, tmp_path, opened):
    text = (tmp_path / "labels.csv").read_text("utf-8")
    (tmp_path / "labels.csv").write_text(text.replace(",Bob,", ",Eve,", 1), "utf-8")

    with pytest.raises(ValueError, match="it was changed after it was written"):
        opened("Ann")
