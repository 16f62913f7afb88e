"""Search: what finds what, masks, bad questions, and what a notebook shows."""

from pathlib import Path

import numpy as np
import pandas as pd
import PIL.Image
import polars as pl
import pyarrow as pa
import pytest

import mmtoolkit as mm
from mmtoolkit.errors import SpaceError


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


@pytest.mark.video
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
    assert mm.search(X, pd.DataFrame(X).iloc[3], k=2).id.tolist() == hits.id.tolist()
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
        ("a", {"k": 0}, "k must be an integer of at least 1, got 0"),
        ("a", {"k": 2.5}, "k must be an integer of at least 1, got 2.5"),
        ("a", {"k": True}, "k must be an integer of at least 1, got True"),
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


def test_paths_and_opened_pictures_are_queries_like_their_contents(stamps):
    path = Path(stamps.items["image"][7])
    wanted = mm.search(stamps, mm.Image(path), k=3)

    with PIL.Image.open(path) as picture:
        found = mm.search(stamps, [path, picture], k=3).table

    assert found["id"].tolist() == wanted.id.tolist() * 2
    assert wanted.id[0] == stamps.ids[7]
    with pytest.raises(TypeError, match=r"'notes\.pdf' is no picture or video by its ending"):
        mm.search(stamps, Path("notes.pdf"))


def test_a_query_the_model_cannot_take_says_so(stamps):
    with pytest.raises(mm.MMToolkitError, match="opens no connection"):
        mm.search(stamps, mm.Image("https://example.org/a.png"))


def test_texts_need_a_model(X):
    with pytest.raises(SpaceError, match="came without a model"):
        mm.search(mm.Embeddings(X), "a")
    with pytest.raises(ValueError, match="a plain array has no model to embed the query with"):
        mm.search(X, "a")


def test_a_search_can_be_repeated_from_its_recipe(stamps, replayed):
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


def test_embeddings_of_another_model_are_refused(rng):
    X = rng.standard_normal((6, 4))
    emb = mm.Embeddings(X, model=mm.FunctionProvider(lambda texts: X, name="one", revision="1", dimension=4))
    other = mm.Embeddings(X, model=mm.FunctionProvider(lambda texts: X, name="two", revision="1", dimension=4))

    with pytest.raises(
        SpaceError, match=r"of the items and of the query are of different spaces: model 'one' against 'two'"
    ):
        mm.search(emb, other)
    with pytest.raises(SpaceError, match="not centered against centered by vector"):
        mm.search(emb, emb.centered())
    assert mm.search(emb, emb, k=1).id.tolist() == emb.ids.tolist()
    assert mm.search(emb, mm.Embeddings(X), k=1).id.tolist() == emb.ids.tolist()  # nobody knows of another space
    assert mm.search(emb, other.vectors, k=1).id.tolist() == emb.ids.tolist()


def test_questions_may_be_embedded_with_parameters_of_their_own(service):
    texts = ["a red bird", "a blue car"]
    documents = mm.embed_texts(texts, model="text-embedding-v4", cache=False)
    questions = mm.embed_texts(texts, model="text-embedding-v4", params={"text_type": "query"}, cache=False)

    assert len(mm.search(documents, questions, k=1)) == 2


def test_what_was_asked_is_recorded(stamps, X):
    texts, by_item, by_vector = mm.search(stamps, "a"), mm.search(X, item="3", mask=X[:, 0] > 0), mm.search(X, X[:2])

    assert (texts.recipe.verb, texts.recipe.params["query"], texts.recipe.params["k"]) == ("search", ["a"], 10)
    assert by_item.recipe.params["item"] == ["3"]
    assert by_item.recipe.params["mask"] == (X[:, 0] > 0).tolist()
    assert by_vector.recipe.params["query"] == X[:2].tolist()
    assert by_vector.source is X


def test_many_queries_are_counted_in_the_notebook(stamps):
    hits = mm.search(stamps, stamps.vectors[:9], k=1)

    assert "… and 3 more queries" in hits._repr_html_()
    assert "9 hits for 9 queries" in repr(hits)


def test_columns_named_like_those_of_the_table_stay_beside_them():
    items = pd.DataFrame({"id": ["a", "b"], "text": ["one", "two"], "score": [7, 8], "rank": ["x", "y"]})
    emb = mm.Embeddings(np.eye(2, dtype=np.float32), items=items)

    table = mm.search(emb, np.array([1.0, 0.0]), k=2).table

    assert table[["score", "rank", "score (column)", "rank (column)"]].values.tolist() == [
        [1, 1, 7, "x"],
        [0, 2, 8, "y"],
    ]


@pytest.mark.parametrize(
    "several",
    [
        np.array(["cat", "car"]),
        pa.array(["cat", "car"]),
        pl.Series(["cat", "car"]),
        pd.DataFrame({"q": ["cat", "car"]}),
    ],
)
def test_texts_in_a_column_of_any_library_are_queries(several):
    emb = mm.embed_texts(["a car", "a cat"], model="local", cache=False, progress=False)

    assert mm.search(emb, several, k=1).table["id"].tolist() == ["1", "0"]
