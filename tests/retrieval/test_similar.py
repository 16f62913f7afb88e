"""Similarity of two sets of items, and of groups."""

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.errors import SpaceError


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


def test_dot_products_when_rows_are_taken_as_they_are(X, replayed):
    long = X * np.linspace(0.5, 3, len(X), dtype=np.float32)[:, None]

    found = mm.similarity(long, long[:4], normalize=False)
    grouped = mm.similarity(long, by=["a", "b"] * 250, normalize=False)

    S = long.astype(np.float64) @ long.T
    np.testing.assert_allclose(found.values, S[:, :4], atol=1e-5)
    assert "500 x 4 dot products" in repr(found)
    assert "dot product" in [note.text for note in found.figure().layout.annotations]
    np.testing.assert_allclose(grouped.values[0, 1], S[::2, 1::2].mean(), atol=1e-5)
    assert np.array_equal(mm.similarity(long, **replayed(grouped)).values, grouped.values)


def test_both_sets_of_vectors_are_sources_and_words_are_recorded(stamps, X, replayed):
    two, words = mm.similarity(X, X[:2]), mm.similarity(stamps, "a frog", by="label")

    assert list(two.source) == ["a", "b"]
    assert two.recipe.params == {"by": None, "normalize": True}
    assert words.source is stamps
    assert words.recipe.params == {"b": ["a frog"], "by": "label", "normalize": True}
    assert np.array_equal(mm.similarity(stamps, **replayed(words)).values, words.values)


def test_sets_of_two_models_are_refused(rng):
    X = rng.standard_normal((6, 4))
    one, two = (
        mm.Embeddings(X, model=mm.FunctionProvider(lambda texts: X, name=name, revision="1", dimension=4))
        for name in "ab"
    )

    with pytest.raises(SpaceError, match="the vectors of a and b are of different spaces: model 'a' against 'b'"):
        mm.similarity(one, two)
    assert mm.similarity(one, X).values.shape == (6, 6)


def test_values_are_shown_and_kept_for_reports(X):
    found = mm.similarity(X[:2], X[:3])

    assert found.evidence() == {"rounded": {"values": found.values.tolist()}}
    assert "<caption>similarity</caption>" in found._repr_html_()
