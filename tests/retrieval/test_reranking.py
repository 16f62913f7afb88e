"""Searches whose nearest items are ordered again: the order, what it cost, whether it helped, and that it verifies."""

from __future__ import annotations

import json

import numpy as np
import pytest
from emulator.rerank import score

import mmtoolkit as mm
from mmtoolkit.retrieval.reranking import effect_of

VL = "qwen3-vl-rerank"


class Oracle(mm.Reranker):
    """Knows the right item: the one whose text ends like the query."""

    name, revision, leaves_machine = "oracle", "1.0", False

    def __init__(self, sign=1.0):
        self.sign, self.asked, self.revision = sign, 0, str(sign)

    def score(self, query, contents):
        self.asked += len(contents)
        return [self.sign * (c.text.split()[-1] == query.text.split()[-1]) for c in contents]


@pytest.fixture(autouse=True)
def _own_scores(tmp_path, monkeypatch):
    """Every test starts without scores."""
    monkeypatch.setenv("MMTOOLKIT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def emb(rng):
    """Sixty texts whose vectors say little, of a model that also takes queries."""
    table = rng.standard_normal((5000, 8))

    def vectors(texts):
        return table[[sum(map(ord, text)) for text in texts]]

    words = mm.FunctionProvider(vectors, name="poor", revision="1", dimension=8, leaves_machine=False)
    return mm.embed(mm.items({"text": [f"text n{i}" for i in range(60)]}), model=words)


@pytest.fixture
def registered(emb, monkeypatch):
    from mmtoolkit import models

    monkeypatch.setattr(models, "_TABLE", dict(models._TABLE))
    mm.register_model(emb._held.encoder.provider.spec, provider=emb._held.encoder.provider)


def test_the_order_is_that_of_the_served_scores(service, emb):
    found = mm.search(emb, "a text", k=7, rerank=VL, candidates=30)

    near = mm.search(emb, "a text", k=30)
    want = sorted(((score("a text", text), text) for text in near.table["text"]), reverse=True)[:7]
    assert list(zip(found.score, found.table["text"], strict=True)) == want
    cosine = dict(zip(near.id, near.score, strict=True))
    assert found.table["similarity"].tolist() == [cosine[i] for i in found.id]
    assert found.rank.tolist() == list(range(1, 8))
    assert found.usage.to_frame().loc[VL, "calls"] == 1
    assert "reranked by 'qwen3-vl-rerank'" in repr(found)


def test_the_second_run_asks_nothing_and_says_nothing(service, emb, capsys):
    first = mm.search(emb, ["one", "two"], rerank=VL, candidates=60)
    said = capsys.readouterr().out
    service.reset()

    again = mm.search(emb, ["one", "two"], rerank=VL, candidates=60)

    assert again.table.equals(first.table)
    assert not service.records
    assert "reranking with 'qwen3-vl-rerank'; 2 queries and 60 items are sent to the DashScope service" in said
    assert said.count("\n") == 1
    assert capsys.readouterr().out == ""


def test_equal_scores_keep_the_order_of_nearness(emb):
    found = mm.search(emb, "text nowhere", k=60, rerank=Oracle(), candidates=60)

    assert found.id.tolist() == mm.search(emb, "text nowhere", k=60).id.tolist()


def test_more_candidates_than_items_are_all_items(emb):
    mine = Oracle()

    found = mm.search(emb, "text n5", k=3, rerank=mine, mask=np.arange(60) < 10)

    assert len(found) == 3
    assert found.table["text"].iloc[0] == "text n5"
    assert mine.asked == 10


@pytest.mark.parametrize("k", [3, 59, 60])
def test_an_item_as_the_query_is_not_scored_against_itself(emb, k):
    mine = Oracle()

    found = mm.search(emb, item=["7", "8"], k=k, rerank=mine, candidates=60)

    assert not ((found.table["query"] == found.id) & (found.table["query"] == "7")).any()
    assert found.table.groupby("query").size().to_dict() == {"7": min(k, 59), "8": min(k, 59)}
    assert mine.asked == 2 * 59
    assert np.isfinite(found.score).all()


def test_an_item_outside_the_mask_is_the_query_of_all_others(emb):
    found = mm.search(emb, item=["7", "50"], k=20, rerank=Oracle(), mask=np.arange(60) < 20)

    assert found.table.groupby("query").size().to_dict() == {"7": 19, "50": 20}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"query": np.ones(8)}, "rerank= needs the query itself, .* and got vectors"),
        ({"query": "a", "k": 60}, "candidates=50 is fewer than k=60: .* candidates=60"),
        ({"query": "a", "candidates": 5}, "candidates=5 is fewer than k=10"),
        ({"query": "a", "candidates": 0}, "candidates must be an integer of at least 1, got 0"),
        ({"query": "a", "candidates": True}, "candidates must be an int"),
        ({"query": "a", "rerank": "qwen3-vl-rerankk"}, "did you mean 'qwen3-vl-rerank'"),
        ({"query": "a", "rerank": mm.DashScopeRerank("gte-rerank-v2"), "budget": -1}, "budget must be"),
    ],
)
def test_bad_arguments_are_named(service, emb, arguments, message):
    with pytest.raises(ValueError, match=message):
        mm.search(emb, **{"rerank": VL, **arguments})

    assert not service.records


def test_a_plain_array_and_items_without_content_are_refused(service):
    with pytest.raises(ValueError, match="a plain array has no items"):
        mm.search(np.eye(3), np.ones(3), rerank=VL, k=1)
    provider = mm.FunctionProvider(lambda texts: [[1.0, 2.0, 3.0]] * len(texts), name="f", revision="1", dimension=3)
    with pytest.raises(ValueError, match="3 of 3 items have no content"):
        mm.search(mm.Embeddings(np.eye(3), model=provider), "a", rerank=VL, k=1)

    assert not service.records


def test_failed_items_are_named_before_anything_is_sent(service, emb):
    X = emb.vectors.copy()
    X[4] = np.nan
    broken = mm.Embeddings(X, items=emb.items, model=emb._held.encoder.provider)

    with pytest.raises(ValueError, match="row 4"):
        mm.search(broken, "a", rerank=VL)

    assert not service.records
    assert len(mm.search(broken, "a", rerank=Oracle(), mask=broken.ok)) == 10


def test_the_evaluation_says_that_a_good_reranker_helped_and_a_bad_one_hurt(emb):
    queries, relevant = [f"find n{i}" for i in range(40)], [[str(i)] for i in range(40)]

    plain = mm.evaluate_search(emb, queries, relevant)
    good = mm.evaluate_search(emb, queries, relevant, rerank=Oracle(), candidates=60)
    bad = mm.evaluate_search(emb, queries, relevant, rerank=Oracle(-1.0), candidates=60)

    assert good.metrics.loc["found@1", "value"] == 1.0
    assert good.reranking["before"].tolist() == plain.metrics["value"].tolist()
    assert good.reranking["after"].tolist() == good.metrics["value"].tolist()
    assert set(good.reranking["verdict"]) == {"helped"}
    assert bad.reranking.loc["mrr@100", "verdict"] == "hurt"
    assert "reranking with 'oracle@1.0': helped (ndcg@10 from" in repr(good)
    assert "reranking" in good._repr_html_()
    assert plain.reranking is None


def test_with_few_different_queries_nothing_is_said(emb):
    queries, relevant = [f"find n{i % 29}" for i in range(60)], [[str(i % 29)] for i in range(60)]

    found = mm.evaluate_search(emb, queries, relevant, rerank=Oracle(), candidates=60)

    assert set(found.reranking["verdict"]) == {"cannot say"}
    assert found.reranking[["low", "high"]].isna().all(axis=None)
    assert "29 independent queries cannot say" in repr(found)


def test_what_lies_behind_the_candidates_keeps_its_place(emb):
    queries, relevant = [f"find n{i}" for i in range(40)], [[str(i)] for i in range(40)]

    plain = mm.evaluate_search(emb, queries, relevant)
    found = mm.evaluate_search(emb, queries, relevant, rerank=Oracle(), candidates=5)

    behind = plain.per_query["rank"] > 5
    assert found.per_query["rank"][behind].tolist() == plain.per_query["rank"][behind].tolist()
    assert (found.per_query["rank"][~behind] == 1).all()


def test_queries_that_are_vectors_cannot_be_reranked(emb):
    with pytest.raises(ValueError, match="and got vectors"):
        mm.evaluate_search(emb, emb.vectors[:3], [["0"], ["1"], ["2"]], rerank=Oracle())


@pytest.mark.parametrize("changed", [4, 40])
def test_no_effect_is_called_one_more_often_than_it_may(changed):
    """Under no effect every change is as likely for the better as for the worse; of 60 trials 3 may be called."""
    rng, calls = np.random.default_rng(3), 0
    import pandas as pd

    index = pd.Index(["ndcg@10"])
    for trial in range(60):
        before = np.zeros((40, 1))
        after = before.copy()
        after[:changed, 0] = rng.choice([-1.0, 1.0], changed) * rng.random(changed)
        verdict = effect_of(before, after, np.arange(40), index, trial)["verdict"].iloc[0]
        calls += verdict != "no clear difference"

    assert calls <= 9  # P(more | 5 %) < 0.002


def test_a_reranked_search_and_its_evaluation_verify_without_asking(service, emb, registered, tmp_path):
    queries, relevant = [f"find n{i}" for i in range(40)], [[str(i)] for i in range(40)]
    results = [
        mm.search(emb, "find n3", k=5, rerank=VL),
        mm.search(emb, item="3", k=5, rerank=Oracle()),
        mm.evaluate_search(emb, queries, relevant, rerank=VL, candidates=10),
    ]
    report = mm.report(*results)
    path = report.save(tmp_path / "report.json")
    service.reset()

    found = mm.verify(path, vectors=emb, items=emb.items)
    from_cache = mm.verify(path, items=emb.items)

    assert found.verdict == from_cache.verdict == "identical"
    assert set(found.checked) == {"search", "search_2", "evaluate_search"}
    assert not service.records
    steps = json.loads(path.read_text())["recipe"]["steps"]
    assert [step["params"]["rerank"] for step in steps] == [VL, "oracle@1.0", VL]
    assert 'rerank="qwen3-vl-rerank"' in report.save(tmp_path / "report.md").read_text("utf-8")
    assert "budget" not in steps[0]["params"]


def test_scores_of_your_own_reranker_answer_to_its_name_as_a_recipe_has_it(emb):
    first = mm.search(emb, "find n3", rerank=Oracle())

    assert mm.search(emb, "find n3", rerank="oracle@1.0").table.equals(first.table)
    with pytest.raises(mm.MMToolkitError, match=r"50 scores by 'oracle@1.0' are not in the cache.*pass the object"):
        mm.search(emb, "find n4", rerank="oracle@1.0")


def test_verify_says_when_scores_are_missing_and_asks_only_when_it_may(service, emb, registered, tmp_path):
    path = mm.report(mm.search(emb, "a", k=5, rerank=VL)).save(tmp_path / "report.json")
    service.reset()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MMTOOLKIT_CACHE", str(tmp_path / "empty"))
        blind = mm.verify(path, vectors=emb, items=emb.items)
        asked = len(service.records)
        seen = mm.verify(path, vectors=emb, items=emb.items, allow_fetch=True)

    assert not blind.ok
    assert "50 of 50 scores by 'qwen3-vl-rerank' are not in the cache" in " ".join(blind.notes)
    assert asked == 0
    assert seen.verdict == "identical"
    assert len(service.reranks) == 1


def test_other_scores_of_the_service_are_a_difference(service, emb, registered, tmp_path, monkeypatch):
    from emulator import rerank as endpoint

    path = mm.report(mm.search(emb, "a", k=5, rerank=VL)).save(tmp_path / "report.json")
    monkeypatch.setenv("MMTOOLKIT_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr(endpoint, "score", lambda query, item: 1.0 - score(query, item))

    found = mm.verify(path, vectors=emb, items=emb.items, allow_fetch=True)

    assert found.verdict.startswith("differs")
