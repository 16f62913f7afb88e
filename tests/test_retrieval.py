"""Search, near duplicates, similarity, evaluation: exact, repeatable, and clear about bad questions."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

import mmtoolkit as mm
from mmtoolkit._described import restored
from mmtoolkit.errors import SpaceError
from mmtoolkit.retrieval import exact, pairs
from mmtoolkit.vectors import unit_rows


@pytest.fixture
def X(rng):
    """500 unit rows with exact copies among them."""
    X = unit_rows(rng.standard_normal((500, 24)))
    X[100:110] = X[7]
    return X


def replayed(result):
    """Return a result's arguments as verify calls with them: through JSON and back."""
    return {name: restored(value) for name, value in json.loads(json.dumps(dict(result.recipe.params))).items()}


def brute(Q, X, k):
    S = Q.astype(np.float64) @ X.T.astype(np.float64)
    order = np.stack([np.lexsort((np.arange(len(X)), -np.round(s, 12))) for s in S])[:, :k]
    return order, np.take_along_axis(S, order, axis=1)


# search


@pytest.mark.parametrize("k", [1, 10, 499, 500])
def test_search_is_exact_with_equals_in_row_order(X, k, monkeypatch):
    monkeypatch.setattr(exact, "_CELLS", 640)
    monkeypatch.setattr(exact, "_ITEMS", 64)
    Q = np.concatenate([X[[7, 0]], -X[3:4]])

    rows, scores = exact.top_k(Q, X, k)

    expected, values = brute(Q, X, k)
    np.testing.assert_array_equal(rows, expected)
    np.testing.assert_allclose(scores, values, atol=1e-12)


def test_search_gives_the_same_bytes_whatever_the_blocks_and_threads(X, monkeypatch):
    with threadpool_limits(1):
        one = exact.top_k(X[:60], X, 9)
    monkeypatch.setattr(exact, "_CELLS", 640)
    monkeypatch.setattr(exact, "_ITEMS", 100)
    monkeypatch.setattr(exact, "_QUERIES", 7)
    with threadpool_limits(2):
        two = exact.top_k(X[:60], X, 9)

    assert [a.tobytes() for a in one] == [a.tobytes() for a in two]


def test_a_text_finds_pictures_and_the_items_columns_come_along(stamps):
    hits = mm.search(stamps, "a frog", k=5)

    assert list(hits.table.columns[:4]) == ["id", "score", "modality", "rank"]
    assert {"text", "image", "label", "text_zh"} <= set(hits.table.columns)
    assert "query" not in hits.table.columns
    assert set(hits.modality) == {"image"}
    assert hits.rank.tolist() == [1, 2, 3, 4, 5]
    assert (np.diff(hits.score) <= 0).all()
    assert hits.id.tolist() == hits.table["id"].tolist()
    assert hits.table["text"].str.contains("frog").any()


def test_pictures_texts_and_videos_find_each_other(stamps):
    clips = mm.load_dataset("clips").head(3)
    videos = mm.embed(clips, model="local", progress=False)
    texts = mm.embed_texts(["a dog", "an elephant", "a car"], model="local")

    by_picture = mm.search(texts, mm.Image(stamps.items["image"][0]), k=1)
    by_text = mm.search(videos, mm.Text("an elephant"), k=3)
    by_video = mm.search(texts, mm.Video(clips["video"][2]), k=3)
    by_both = mm.search(stamps, mm.Fused("a frog", stamps.items["image"][0]), k=1)

    assert set(by_picture.modality) == {"text"}
    assert set(by_text.modality) == {"video"}
    assert len(by_video) == 3
    assert by_both.id.tolist() == [stamps.ids[0]]


def test_several_queries_are_told_apart(stamps):
    hits = mm.search(stamps, ["a frog", "a car"], k=2)

    assert hits.table["query"].tolist() == ["a frog", "a frog", "a car", "a car"]
    assert hits.rank.tolist() == [1, 2, 1, 2]
    assert hits.queries == ("a frog", "a car")
    alone = mm.search(stamps, "a car", k=2)
    assert hits.table["id"].tolist()[2:] == alone.id.tolist()


def test_an_item_finds_its_like_but_not_itself(stamps):
    name = str(stamps.ids[0])

    hits = mm.search(stamps, item=name, k=3)
    both = mm.search(stamps, item=stamps.ids[:2].tolist(), k=200)

    assert name not in hits.id
    assert len(hits) == 3
    assert both.table.groupby("query").size().tolist() == [len(stamps) - 1] * 2


def test_a_copy_of_the_item_is_found(X):
    hits = mm.search(mm.Embeddings(X), item="7", k=3)

    assert hits.id.tolist() == ["100", "101", "102"]


def test_a_vector_searches_a_plain_array(X):
    hits = mm.search(X, X[3], k=2)
    several = mm.search(X, X[3:5], k=1)

    assert hits.id[0] == "3"
    assert hits.score[0] == pytest.approx(1)
    assert several.table["query"].tolist() == ["vector 0", "vector 1"]
    assert several.id.tolist() == ["3", "4"]


@pytest.mark.parametrize("mask", [np.arange(500) >= 450, np.arange(499, 449, -1), np.arange(-50, 0)])
def test_a_mask_bounds_the_search(X, mask):
    hits = mm.search(X, X[3], k=1000, mask=mask)

    assert len(hits) == 50
    assert min(int(i) for i in hits.id) == 450


def test_failed_items_are_named_or_masked(X):
    X[42] = np.nan
    emb = mm.Embeddings(X)

    with pytest.raises(
        ValueError, match=r"row 42 holds NaN or infinity; use emb.drop_failed\(\) first, or search with mask=emb.ok"
    ):
        mm.search(emb, X[0])
    assert len(mm.search(emb, X[0], k=500, mask=emb.ok)) == 499
    with pytest.raises(ValueError, match="item '42' has no vector: it failed to embed"):
        mm.search(emb, item="42")


def test_rows_as_they_are_when_asked(X):
    scaled = X * np.linspace(0.5, 3, len(X), dtype=np.float32)[:, None]

    hits = mm.search(scaled, X[3], k=5, normalize=False)

    expected = np.argsort(-(scaled.astype(np.float64) @ X[3]))[:5]
    assert hits.id.tolist() == [str(i) for i in expected]


@pytest.mark.parametrize(
    ("query", "options", "message"),
    [
        (None, {}, "the query is empty: give a text, a content, a vector, or item="),
        ("", {}, "query 0 is blank"),
        ([], {}, "the query is empty: expected at least one"),
        (["a", " \n"], {}, "query 1 is blank"),
        ("a", {"item": "x"}, "either a query or item=, and not both"),
        ("a", {"k": 0}, "k must be an int of at least 1, got 0"),
        ("a", {"k": 2.5}, "k must be an int of at least 1, got 2.5"),
        ("a", {"k": True}, "k must be an int of at least 1, got True"),
        ("a", {"mask": np.zeros(140, bool)}, "the mask excludes all 140 items"),
        ("a", {"mask": []}, "mask must be booleans"),
        ("a", {"mask": np.ones(3, bool)}, r"mask must be booleans of shape \(140,\) or row numbers below 140, got bool of shape \(3,\)"),
        ("a", {"mask": [140]}, "row numbers below 140"),
        (None, {"item": "no such id"}, "there is no item 'no such id'; ids look like"),
        (None, {"item": []}, "item= is empty"),
        (np.zeros(512), {}, "query 0 is all zeros"),
        (np.full(512, np.nan), {}, "query 0 holds NaN or infinity"),
        (np.ones(5), {}, r"the query has shape \(1, 5\), expected \(512,\) or \(n_queries, 512\)"),
        (np.ones((0, 512)), {}, r"the query has shape \(0, 512\)"),
        ([0.1, 0.2], {}, r"the query has shape \(1, 2\)"),
    ],
)  # fmt: skip
def test_bad_questions_are_explained(stamps, query, options, message):
    with pytest.raises(ValueError, match=message):
        mm.search(stamps, query, **options)


@pytest.mark.parametrize("query", [3, {"a": 1}, b"bytes", [None], ["a", 3]])
def test_what_can_be_no_query_is_refused(stamps, query):
    with pytest.raises((TypeError, ValueError), match=r"expected a str, mm.Text|expected \(512,\)"):
        mm.search(stamps, query)


def test_a_query_the_model_cannot_take_says_so(stamps):
    with pytest.raises(mm.MMToolkitError, match="opens no connection"):
        mm.search(stamps, mm.Image("https://example.org/a.png"))


def test_texts_need_a_model(X):
    with pytest.raises(SpaceError, match="came without a model"):
        mm.search(mm.Embeddings(X), "a")
    with pytest.raises(ValueError, match="a plain array has no model to embed the query with"):
        mm.search(X, "a")


def test_a_search_can_be_repeated_from_its_recipe(stamps):
    for hits in (
        mm.search(stamps, ["a", "b"], k=3),
        mm.search(stamps, item=str(stamps.ids[3]), k=2, mask=stamps.ok),
        mm.search(stamps, stamps.vectors[0]),
    ):
        again = mm.search(stamps, **replayed(hits))

        pd.testing.assert_frame_equal(again.table, hits.table)
        assert again.evidence() == hits.evidence()


def test_hits_show_thumbnails_and_escape_what_users_wrote(stamps):
    texts = mm.embed_texts(["<script>alert(1)</script>", "b"], model="local", cache=False)

    page = mm.search(stamps, ["a frog", "<b>"], k=2)._repr_html_()
    hostile = mm.search(texts, "<img src=x>", k=2)

    assert page.count("<img") == 4
    assert "&lt;b&gt;" in page
    assert "<script" not in hostile._repr_html_()
    assert "<img src=x" not in hostile._repr_html_()
    assert "hits for" in repr(hostile)


# near duplicates


def chains(X, threshold):
    """Label groups by walking the graph of all pairs."""
    S = X.astype(np.float64) @ X.T.astype(np.float64)
    seen, groups = set(), []
    for start in range(len(X)):
        if start in seen:
            continue
        group, todo = set(), [start]
        while todo:
            i = todo.pop()
            if i not in group:
                group.add(i)
                todo += [j for j in np.flatnonzero(S[i] >= threshold).tolist() if j != i]
        seen |= group
        groups += [sorted(group)] if len(group) > 1 else []
    return groups, int((np.triu(S, 1) >= threshold).sum())


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.95])
@pytest.mark.parametrize("block", [64, 2048])
def test_groups_are_exact(X, threshold, block, monkeypatch):
    monkeypatch.setattr(pairs, "_BLOCK", block)

    found = mm.near_duplicates(X, threshold)

    groups, n_pairs = chains(X, threshold)
    ours = [np.flatnonzero(found.labels == g).tolist() for g in range(found.n_groups)]
    assert sorted(ours) == sorted(groups)
    assert found.n_pairs == n_pairs
    assert [len(g) for g in ours] == sorted(map(len, ours), reverse=True)
    assert found.n_redundant == sum(len(g) - 1 for g in groups)
    assert found.keep.sum() == len(X) - found.n_redundant


def test_the_nearest_and_the_pairs_at_the_cut_are_right(X, monkeypatch):
    monkeypatch.setattr(pairs, "_BLOCK", 64)

    found = mm.near_duplicates(X, 0.6)

    S = X.astype(np.float64) @ X.T.astype(np.float64)
    np.fill_diagonal(S, -1)
    np.testing.assert_allclose(found.nearest, S.max(axis=1), atol=1e-6)
    upper = np.sort(S[np.triu_indices(len(X), 1)])
    above, below = upper[upper >= 0.6][:6], upper[upper < 0.6][-6:]
    table = found.pairs
    np.testing.assert_allclose(np.sort(table["similarity"][table["duplicate"]]), above, atol=1e-12)
    np.testing.assert_allclose(np.sort(table["similarity"][~table["duplicate"]]), below, atol=1e-12)
    assert all(
        S[int(a), int(b)] == pytest.approx(v)
        for a, b, v in zip(table["id_a"], table["id_b"], table["similarity"], strict=True)
    )


def test_the_cut_comes_from_the_models_row_or_is_suggested(stamps, X):
    assert mm.near_duplicates(stamps).origin == "the model's row"
    assert mm.near_duplicates(stamps).thresholds == {"image": mm.get_model("local").duplicate_thresholds["image"]}
    suggested = mm.near_duplicates(X)
    assert suggested.origin == "suggested"
    assert suggested.n_groups == 1
    assert np.flatnonzero(suggested.labels == 0).tolist() == [7, *range(100, 110)]


def test_modalities_may_have_cuts_of_their_own(stamps):
    texts = mm.embed_texts(["a", "b"], model="local")
    texts = mm.Embeddings(texts.vectors, ids=["t1", "t2"], items=texts.items.drop(columns="id"), model="local")
    both = mm.Embeddings(
        np.concatenate([stamps.vectors, texts.vectors]), items=pd.concat([stamps.items, texts.items], ignore_index=True)
    )

    found = mm.near_duplicates(both, {"image": 0.9, "text": -0.9})

    assert found.thresholds == {"image": 0.9, "text": -0.9}
    assert found.labels[-1] == found.labels[-2] >= 0
    with pytest.raises(ValueError, match="threshold has no value for modality 'text'; it has image"):
        mm.near_duplicates(both, {"image": 0.9})


def test_all_equal_items_are_one_group():
    found = mm.near_duplicates(np.ones((3000, 4)))

    assert found.n_groups == 1
    assert found.n_redundant == 2999
    assert found.n_pairs == math.comb(3000, 2)


def test_copies_are_duplicates_at_any_threshold(rng):
    X = rng.normal(size=(150, 37))
    X[[3, 90]] = 0.0

    found = mm.near_duplicates(np.concatenate([X, X]), threshold=1.0)

    np.testing.assert_array_equal(found.labels[:150], found.labels[150:])
    assert found.n_groups == 149  # the rows without a direction are one
    assert found.n_pairs == 148 + 6
    assert found.pairs["duplicate"].any()


def test_one_item_has_no_duplicate():
    found = mm.near_duplicates(np.ones((1, 4)), 0.9)

    assert found.n_groups == 0
    assert "no near duplicates among 1 items" in repr(found)
    assert found._repr_html_()


@pytest.mark.parametrize("threshold", [1.5, -1, 0 - 2, True, "high", float("nan")])
def test_a_wrong_threshold_is_refused(X, threshold):
    with pytest.raises(ValueError, match="threshold must be a cosine above -1 and at most 1, got"):
        mm.near_duplicates(X, threshold)


def test_nan_rows_are_named(X):
    X[3] = np.nan
    with pytest.raises(ValueError, match="first: row 3"):
        mm.near_duplicates(X)


def test_groups_do_not_depend_on_threads(X):
    cut = float(np.float64(X[1].astype(np.float64) @ X[2].astype(np.float64)))
    results = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            results.append(mm.near_duplicates(X, cut))

    assert results[0].evidence() == results[1].evidence()
    assert ((results[0].pairs["id_a"] == "1") & (results[0].pairs["id_b"] == "2") & results[0].pairs["duplicate"]).any()


def test_duplicates_can_be_looked_at(stamps):
    found = mm.near_duplicates(stamps, 0.8)

    figure = found.figure()
    page = found._repr_html_()

    assert found.figures == ("nearest",)
    assert sum(figure.data[0].y) == len(stamps)
    assert "<img" in page
    assert set(found.to_dict()) >= {"labels", "groups", "pairs", "threshold"}


# similarity


def test_similarity_is_the_cosine(X):
    found = mm.similarity(X[:5], X[5:8] * 3)

    np.testing.assert_allclose(found.values, X[:5] @ X[5:8].T, atol=1e-6)
    assert found.frame.shape == (5, 3)
    assert found.figure().data


def test_groups_are_compared_by_the_mean_over_different_items(X):
    groups = np.array(["a", "b", None, "c"] * 125, dtype=object)
    groups[3::4] = None
    groups[3] = "c"

    found = mm.similarity(X, by=groups)

    S = X.astype(np.float64) @ X.T
    np.fill_diagonal(S, np.nan)
    a, b = groups == "a", groups == "b"
    np.testing.assert_allclose(found.values[0, 1], np.nanmean(S[np.ix_(a, b)]), atol=1e-6)
    np.testing.assert_allclose(found.values[0, 0], np.nanmean(S[np.ix_(a, a)]), atol=1e-6)
    assert np.isnan(found.values[2, 2])  # one item has nothing to be compared with
    assert found.rows == found.columns == ("a", "b", "c")


def test_texts_are_embedded_by_the_model_of_the_first_set(stamps):
    found = mm.similarity(stamps, ["a frog", "a car"], by="label")

    assert found.columns == ("a frog", "a car")
    assert found.values.shape == (stamps.items["label"].nunique(), 2)


@pytest.mark.parametrize(
    ("b", "options", "message"),
    [
        (np.ones((2, 3)), {}, "the sets have 24 and 3 features"),
        (None, {"by": [None] * 500}, "by= holds no value for any item"),
        (None, {"by": "label"}, "names no column"),
        ([], {}, "the query is empty"),
    ],
)
def test_sets_that_do_not_fit_are_refused(X, b, options, message):
    with pytest.raises(ValueError, match=message):
        mm.similarity(X, b, **options)


def test_too_many_pairs_are_refused():
    wide = np.ones((10_001, 1), dtype=np.float32)
    with pytest.raises(ValueError, match="10,001 x 10,001 pairs are too many to hold; use by= for groups"):
        mm.similarity(wide)


# evaluation


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

    missing = stamps.items["text_zh"].isna().sum()
    assert found.n_queries == len(stamps) - missing
    assert found.per_query["n_relevant"].min() >= 1
    assert found.metrics.loc["found@10", "value"] > 5 * found.metrics.loc["found@10", "baseline"]
    assert found.figure().data
    assert "found@10" in repr(found)


def test_queries_without_a_right_item_are_left_out_and_counted(X):
    found = mm.evaluate_search(X, X[:3], [["0"], [], ["2"]])

    assert (found.n_queries, found.n_left_out) == (2, 1)
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
