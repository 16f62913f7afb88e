"""Near duplicates: groups are exact, and the cut can be judged."""

import math

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

import mmtoolkit as mm
from mmtoolkit.retrieval import pairs


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


def test_a_cut_by_modality_is_recorded_and_repeated(stamps, replayed):
    found = mm.near_duplicates(stamps, {"image": 0.9})

    again = mm.near_duplicates(stamps, **replayed(found))

    assert again.evidence() == found.evidence()
    assert mm.near_duplicates(stamps, np.float64(0.9)).recipe.params == {"threshold": 0.9}
    assert "cut" in {a.text for a in found.figure().layout.annotations}
