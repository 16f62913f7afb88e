"""Costs of wrong answers and of silence: which threshold is cheapest, and what it costs where it was not chosen."""

import json

import numpy as np
import pytest

import mmtoolkit as mm


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    y = np.array(["ham", "spam"])[np.arange(300) % 2]
    return (rng.normal(size=(300, 6)) + 1.5 * np.outer(np.arange(300) % 2, np.eye(6)[0])).astype(np.float32), y


@pytest.fixture(scope="module")
def result(data):
    return mm.classify(*data, normalize=False, inference=False, duplicates="ignore")


def cost_of(r, least, spam_as_ham=1.0, ham_as_spam=1.0, silence=1.0):
    sure = r.y_proba.max(axis=1) >= least
    cost = np.where(r.y_pred == r.y_true, 0.0, np.where(r.y_true == "spam", spam_as_ham, ham_as_spam))
    return float(np.where(sure, cost, silence).mean())


def test_the_threshold_has_the_least_cost_of_all(result):
    t = result.thresholds(costs={("spam", "ham"): 5, None: 0.4})

    every = [cost_of(result, least, 5, 1, 0.4) for least in [*np.unique(result.y_proba.max(axis=1)), np.inf]]
    assert cost_of(result, t.min_confidence, 5, 1, 0.4) == pytest.approx(min(every))
    sure, wrong = result.y_proba.max(axis=1), result.y_pred != result.y_true
    cost = np.where(wrong, np.where(result.y_true == "spam", 5.0, 1.0), 0.0)
    parts = []
    for fold in range(5):  # each threshold is chosen on the other folds
        others, own = result.fold != fold, result.fold == fold
        tries = [*np.unique(sure[others]), np.inf]
        best = min(tries, key=lambda c, rest=others: np.where(sure >= c, cost, 0.4)[rest].mean().round(9))
        parts.append(np.where(sure[own] >= best, cost[own], 0.4))
    assert t.cost == pytest.approx(np.concatenate(parts).mean())
    assert 0 < t.coverage < 1
    answered = result.y_proba.max(axis=1) >= t.min_confidence
    assert (t.n_answers, t.n_wrong) == (answered.sum(), (answered & (result.y_pred != result.y_true)).sum())
    assert "per item on held-out items" in repr(t)


def test_the_table_has_ten_shares_with_error_limit_and_cost(result):
    table = result.thresholds(costs={None: 0.3}).costs

    assert table["coverage"].tolist() == pytest.approx(np.arange(1, 11) / 10, abs=0.02)
    assert (table["upper"] >= table["risk"]).all()
    assert table["cost"].tolist() == pytest.approx([cost_of(result, c, silence=0.3) for c in table["confidence"]])
    assert result.answering.to_numpy() == pytest.approx(table.drop(columns="cost").to_numpy())


@pytest.mark.parametrize(("costs", "answered"), [({None: 0}, 0.0), ({None: 100}, 1.0)])
def test_free_silence_says_little_and_dear_silence_answers_all(result, costs, answered):
    t = result.thresholds(costs=costs)

    assert abs(t.coverage - answered) < 0.75 if answered == 0 else t.coverage == 1.0
    assert t.n_wrong == 0 or answered


def test_where_no_answer_is_worth_it_there_is_none(result):
    costs = {("spam", "ham"): 1e6, ("ham", "spam"): 1e6, None: 0.001}
    random = mm.classify(
        np.random.default_rng(0).normal(size=(200, 4)), np.array(["ham", "spam"])[np.arange(200) % 2], inference=False
    )

    t = random.thresholds(costs=costs)

    assert t.min_confidence == np.inf
    assert t.reason == "no answer is worth its risk where silence costs 0.001"


def test_a_fixed_split_has_parts_of_its_own(data):
    r = mm.classify(*data, test=np.arange(300) >= 150, normalize=False, inference=False)

    t = r.thresholds(costs={None: 0.3})

    assert 0 < t.cost < 0.3 + 1e-9
    assert t.n_scored == 150


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "give either max_risk"),
        ({"max_risk": 0.1, "costs": {None: 1}}, "give either max_risk"),
        ({"costs": {("spam", "egg"): 2, None: 1}}, "costs name 'egg', which is none of the classes ham, spam"),
        ({"costs": {("spam", "ham"): 2}}, "costs lack None"),
        ({"costs": {("spam", "spam"): 2, None: 1}}, "a right answer costs nothing"),
        ({"costs": {("spam", "ham"): -1, None: 1}}, "must be a number from 0 on, got -1"),
        ({"costs": {"spam": 1, None: 1}}, r"costs have pairs \(true, predicted\) or None"),
        ({"costs": 5}, "costs must be a mapping"),
    ],
)
def test_bad_costs_are_refused(result, options, match):
    with pytest.raises(ValueError, match=match):
        result.thresholds(**options)


def test_costs_are_kept_with_the_classifier_and_in_reports(result, data, tmp_path):
    t = result.thresholds(costs={("spam", "ham"): 5, None: 0.4})
    result.save(tmp_path / "c", thresholds=t)
    rep = mm.report(result, t)
    path = rep.save(tmp_path / "report.json")

    assert mm.load_classifier(tmp_path / "c").min_confidence == t.min_confidence
    assert mm.verify(path, vectors=data[0]).verdict == "identical"
    page, stored = rep.to_html(), json.loads(path.read_text("utf-8"))["results"]["classify"]["rounded"]
    assert "At these costs it pays to answer" in page
    assert "Answer alone, or show to a person" in page
    assert "1 - 2a" in page
    assert len(stored["answering"]["risk"]) == 10
    assert stored["set_sizes"]["asked"] == [0.8, 0.9, 0.95]
    assert '("spam", "ham")' in page.replace("&quot;", '"').replace("tuple([", "(").replace("])", ")")
