"""How often the right items come first: metrics, intervals, chance."""

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest

import mmtoolkit as mm
from mmtoolkit.errors import SpaceError
from mmtoolkit.figures import caption_of
from mmtoolkit.retrieval import evaluation
from mmtoolkit.vectors import unit_rows


def by_hand(Q, X, right, k):
    """Return found, recall, reciprocal rank and nDCG@10 of each query, the plain way."""
    rows = []
    for q, good in zip(Q, right, strict=True):
        order = np.argsort(-(X.astype(np.float64) @ q), kind="stable").tolist()
        ranks = sorted(order.index(g) + 1 for g in good)
        gain = sum(1 / math.log2(r + 1) for r in ranks if r <= 10)
        ideal = sum(1 / math.log2(r + 1) for r in range(1, min(10, len(good)) + 1))
        rows.append(
            (
                ranks[0] <= k,
                sum(r <= k for r in ranks) / len(good),
                1 / ranks[0] if ranks[0] <= 100 else 0,
                gain / ideal,
            )
        )
    return np.mean(rows, axis=0)


def test_metrics_are_those_of_the_textbook(rng):
    X = unit_rows(rng.standard_normal((300, 8)))
    Q = unit_rows(X[:40] + 0.4 * rng.standard_normal((40, 8)))
    right = [sorted({i, i + 40, 200}) if i % 3 else [i] for i in range(40)]

    found = mm.evaluate_search(X, Q, [[str(i) for i in rows] for rows in right], ks=(5,))

    names = ["found@5", "recall@5", "mrr@100", "ndcg@10"]
    np.testing.assert_allclose(found.metrics.loc[names, "value"], by_hand(Q, X, right, 5), atol=1e-9)
    table = found.metrics.loc[names]
    assert (table["low"] < table["value"]).all()
    assert (table["value"] < table["high"]).all()


def test_the_baseline_is_what_random_orders_give(rng):
    X, Q = unit_rows(rng.standard_normal((60, 400))), unit_rows(rng.standard_normal((600, 400)))
    right = rng.random((600, 60)) < 0.05
    right[:, 0] = True

    found = mm.evaluate_search(X, Q, right, ks=(1, 5))

    np.testing.assert_allclose(found.metrics["value"], found.metrics["baseline"], atol=0.06)


def test_columns_can_name_queries_and_what_is_right(stamps):
    found = mm.evaluate_search(stamps, "text_zh", "text_zh")

    assert found.n_queries == stamps.items["text_zh"].nunique()
    again = stamps.items["text_zh"].notna().sum() - found.n_queries
    assert found.remarks == (f"equal queries that were not counted again: {again}",)
    assert found.per_query["n_relevant"].min() >= 1
    assert found.metrics.loc["found@10", "value"] > 5 * found.metrics.loc["found@10", "baseline"]
    assert found.figure().data
    assert "found@10" in repr(found)


def test_queries_without_a_right_item_are_left_out_and_counted(X, replayed):
    found = mm.evaluate_search(X, X[:3], [["0"], [], ["2"]])
    same = mm.evaluate_search(X, X[:3], pd.Series(["0", None, "2"]))

    assert (found.n_queries, found.n_left_out) == (same.n_queries, same.n_left_out) == (2, 1)
    assert found.metrics.loc["found@1", "value"] == 1
    again = mm.evaluate_search(X, **replayed(found))
    pd.testing.assert_frame_equal(again.metrics, found.metrics)


def test_a_few_queries_that_all_find_are_no_certainty():
    found = mm.evaluate_search(np.eye(12), np.eye(12)[:3], [["0"], ["1"], ["2"]]).metrics

    assert found["value"].eq(1).drop(["recall@5", "recall@10"]).all()
    assert (found["low"] < 0.5).all()
    assert (found["high"] == 1).all()
    assert found.loc["found@1", "low"] == pytest.approx(0.4385, abs=1e-4)  # Wilson, 3 of 3


def test_repeated_queries_do_not_narrow_the_interval(rng):
    X = unit_rows(rng.standard_normal((50, 5)))
    emb = mm.embed_texts([f"word {i}" for i in range(30)], model="local")
    texts = [f"word {i % 10}" for i in range(30)]

    once = mm.evaluate_search(emb, texts[:10], [[str(i + 3)] for i in range(10)])
    thrice = mm.evaluate_search(emb, texts, [[str(i % 10 + 3)] for i in range(30)])

    np.testing.assert_allclose(once.metrics[["low", "high"]], thrice.metrics[["low", "high"]])
    assert len(X) == 50


@pytest.mark.parametrize(
    ("relevant", "options", "message"),
    [
        ([["0"]], {}, "relevant has 1 entries for 3 queries"),
        ([["0"], ["nope"], []], {}, "relevant names 'nope', which is no id of the items"),
        ([[], [], []], {}, "none of the 3 queries has a relevant item"),
        (np.ones((3, 4), bool), {}, r"relevant has shape \(3, 4\), expected \(3, 500\)"),
        ([["0"]] * 3, {"ks": ()}, "ks must be ints of at least 1"),
        ([["0"]] * 3, {"ks": (0,)}, "ks must be ints of at least 1"),
    ],
)  # fmt: skip
def test_wrong_answers_sheets_are_refused(X, relevant, options, message):
    with pytest.raises(ValueError, match=message):
        mm.evaluate_search(X, X[:3], relevant, **options)


def test_the_order_is_by_dot_product_when_asked(rng, replayed):
    X = unit_rows(rng.standard_normal((200, 8))) * rng.uniform(0.2, 5, (200, 1)).astype(np.float32)
    Q = X[:20] + 0.2
    right = [[(i * 7) % 200] for i in range(20)]

    found = mm.evaluate_search(X, Q, [[str(i) for i in rows] for rows in right], ks=(5, 50), normalize=False)

    names = ["found@50", "recall@50", "mrr@100", "ndcg@10"]
    np.testing.assert_allclose(found.metrics.loc[names, "value"], by_hand(Q, X, right, 50), atol=1e-6)
    assert mm.evaluate_search(X, **replayed(found)).evidence() == found.evidence()


def test_queries_of_another_model_are_refused(rng):
    X = rng.standard_normal((6, 4))
    one, two = (
        mm.Embeddings(X, model=mm.FunctionProvider(lambda texts: X, name=name, revision="1", dimension=4))
        for name in "ab"
    )

    with pytest.raises(SpaceError, match="model 'a' against 'b'"):
        mm.evaluate_search(one, two, one.ids.tolist())


def test_one_row_adds_a_metric(X, monkeypatch):
    precision = evaluation.SearchMetric(
        "precision@{k}",
        lambda gains, _, k: gains[:, :k].mean(axis=1),
        lambda n_right, n, k: float(n_right.mean() / n),
        k=4,
    )
    monkeypatch.setattr(evaluation, "METRICS", [*evaluation.METRICS, precision])

    table = mm.evaluate_search(X, X[:3], [["0"], ["1"], ["2", "3"]]).metrics

    assert table.index[-1] == "precision@4"
    assert table.loc["precision@4", "value"] == pytest.approx(0.25, abs=0.1)
    assert table.loc["precision@4", "baseline"] == pytest.approx(4 / 3 / 500)


def test_the_caption_tells_what_a_random_order_gives(X):
    found = mm.evaluate_search(X, X[:3], [["0"], ["1"], ["2"]], ks=[1, 3])

    assert "A random order gives found@3 of 0.006." in caption_of(found.figure())


def test_the_hardest_queries_come_first_in_the_notebook(X):
    page = mm.evaluate_search(X, X[:2], [["0"], ["450"]])._repr_html_()

    assert "hardest queries" in page
    assert page.index("vector 1") < page.index("vector 0")


def words(texts, **columns):
    """Texts whose vectors differ only where the texts do."""
    vectors = dict(zip(dict.fromkeys(texts), np.eye(16) + 0.1, strict=False))
    model = mm.FunctionProvider(
        lambda asked: np.array([vectors[t] for t in asked]), name="words", revision="1", dimension=16
    )
    frame = mm.items({"text": texts, **columns})
    return mm.embed(frame, model=model, cache=False)


def test_an_item_does_not_find_itself():
    emb = words([f"word {i}" for i in range(8)])

    with pytest.raises(
        ValueError, match=r"none of the 8 queries has a relevant item other than itself, .*; name another column"
    ):
        mm.evaluate_search(emb, "text", "text")


def test_items_of_the_same_text_are_the_query_too_and_others_of_its_kind_are_found(replayed):
    emb = words(["a", "b", "c", "d", "a", "e"], kind=["x", "x", "y", "y", "x", "z"])

    found = mm.evaluate_search(emb, "text", [["0", "1", "4"], ["0"], ["3"], ["2"], ["1"], ["5"]], ks=[1])

    assert (found.n_queries, found.n_left_out) == (4, 1)  # "e" has itself alone; "a" is asked twice
    assert found.per_query["n_relevant"].tolist() == [1, 1, 1, 1]
    assert found.per_query.loc[0, "best"] == "1"
    assert found.remarks == (
        "equal queries that were not counted again: 1",
        "queries that are the text of an item, which was not searched for them: 4",
    )
    assert mm.evaluate_search(emb, **replayed(found)).evidence() == found.evidence()


def test_chance_is_over_the_items_that_were_searched():
    emb = words([f"word {i}" for i in range(5)])

    found = mm.evaluate_search(emb, "text", [["1"], ["0"], ["3"], ["2"], ["0"]], ks=[1])

    assert found.metrics.loc["found@1", "baseline"] == pytest.approx(1 / 4)


def test_queries_that_equal_an_item_are_said_to(X):
    found = mm.evaluate_search(X, X[:3], [["0"], ["1"], ["7"]])

    assert found.remarks == ("queries with the vector of an item, which they find at once: 3",)
    assert found.remarks[0] in repr(found)


def test_equal_queries_count_once_and_share_what_is_relevant(X):
    Q = X[[0, 1, 0]] + 0.01

    found = mm.evaluate_search(X, Q, [["0"], ["400"], ["3"]], ks=[1])

    assert found.n_queries == 2
    assert found.per_query["n_relevant"].tolist() == [2, 1]
    assert found.metrics.loc["found@1", "value"] == 0.5


def test_the_interval_is_over_groups_of_queries(rng, replayed):
    X = unit_rows(rng.standard_normal((300, 6)))
    topics = np.arange(60) // 6
    Q, right = unit_rows(X[:60] + rng.standard_normal((60, 6)) * (topics % 2)[:, None]), [[str(i)] for i in range(60)]

    alone, grouped = mm.evaluate_search(X, Q, right), mm.evaluate_search(X, Q, right, groups=topics)

    pd.testing.assert_series_equal(alone.metrics["value"], grouped.metrics["value"])
    width = [(table["high"] - table["low"]).mean() for table in (alone.metrics, grouped.metrics)]
    assert width[1] > 1.2 * width[0]
    assert mm.evaluate_search(X, **replayed(grouped)).evidence() == grouped.evidence()


def test_groups_of_queries_may_be_a_column_of_their_items():
    emb = words(list("abcdefgh"), user=[1, 1, 2, 2, 3, 3, 4, 4])
    right = [[str((i + 1) % 8)] for i in range(8)]

    by_name = mm.evaluate_search(emb, "text", right, groups="user")
    by_value = mm.evaluate_search(emb, "text", right, groups=[1, 1, 2, 2, 3, 3, 4, 4])

    pd.testing.assert_frame_equal(by_name.metrics, by_value.metrics)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([1, 2], r"groups has shape \(2,\) for 3 queries; pass one group per query"),
        ("user", "groups='user' names a column of the items, but the queries are none"),
    ],
)
def test_groups_that_are_not_of_the_queries_are_refused(X, groups, message):
    with pytest.raises(ValueError, match=message):
        mm.evaluate_search(X, X[:3], [["0"], ["1"], ["2"]], groups=groups)


def test_queries_without_a_group_are_alone(X):
    right = [[str(i)] for i in range(6)]

    some, named = (
        mm.evaluate_search(X, X[:6] + 0.3, right, groups=groups).metrics
        for groups in ([None, None, "a", "a", float("nan"), None], [1, 2, 3, 3, 4, 5])
    )

    pd.testing.assert_frame_equal(some, named)


def test_among_few_items_every_other_one_is_reached():
    emb = words(["a", "a", "a", "b", "c"])

    found = mm.evaluate_search(emb, "text", [["3", "4"]] * 3 + [["0", "1", "2", "4"], ["0", "1", "2", "3"]], ks=[5])

    assert found.metrics.loc["recall@5", "value"] == 1
    assert found.metrics.loc["recall@5", "baseline"] == 1


RIGHT = {"a red bird": ["1"], "a blue car": ["0"]}


@pytest.mark.parametrize(
    ("queries", "relevant"),
    [
        (list(RIGHT), RIGHT),
        (list(RIGHT), dict(reversed(RIGHT.items()))),
        (list(RIGHT), pd.DataFrame([[False, True, False], [True, False, False]])),
        (pd.DataFrame({"query": list(RIGHT)}), pl.DataFrame({"id": list(RIGHT.values())})),
        (pd.Series(list(RIGHT), index=["p", "q"]), pd.Series([["0"], ["1"]], index=["q", "p"])),
        (pd.Series(list(RIGHT), index=["p", "q"]), pd.Series([["1"], ["0"]])),
        (np.array(list(RIGHT)), np.array([1, 0])),
    ],
)
def test_what_is_right_belongs_to_its_query_in_whatever_table(queries, relevant):
    emb = mm.embed_texts(["a blue car", "a red bird", "a tree"], model="local", cache=False, progress=False)

    scored = mm.evaluate_search(emb, queries, relevant, ks=[1])

    assert scored.per_query[["query", "rank"]].values.tolist() == [["a red bird", 1.0], ["a blue car", 1.0]]


@pytest.mark.parametrize(
    ("queries", "relevant", "message"),
    [
        (["car"], {"cat": ["0"]}, "relevant names the query 'cat', which is not among the queries"),
        (
            pd.Series(["car", "owl"], index=["p", "q"]),
            pd.Series(["0", "1"], index=["q", "r"]),
            "the index of relevant is not that of the queries",
        ),
        (pd.Series(["car", "owl"], index=[1, 0]), pd.Series(["0", "1"]), "the index of relevant is not that of the queries"),
    ],
)  # fmt: skip
def test_answers_to_other_queries_are_refused(queries, relevant, message):
    emb = mm.embed_texts(["a blue car", "an owl"], model="local", cache=False, progress=False)

    with pytest.raises(ValueError, match=message):
        mm.evaluate_search(emb, queries, relevant)


def test_intervals_of_five_queries_hold_the_truth():
    rng, truth = np.random.default_rng(0), float(np.mean(1 / np.arange(1, 5)))
    X, held = np.eye(8), 0
    for _ in range(60):
        place = rng.integers(4, size=5)  # the right item is the first, second, third or fourth hit
        asked = np.arange(8, 0, -1) + rng.random((5, 8)) / 9

        row = mm.evaluate_search(X, asked, [[str(i)] for i in place]).metrics.loc["mrr@100"]
        held += row["low"] <= truth <= row["high"]

    assert held >= 57
