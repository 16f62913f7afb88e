"""From one clustering to the next: split, merge, parent."""

import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering

import mmtoolkit as mm


def _unit(X):
    return X / np.linalg.norm(X, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def c():
    """Six clusters of 300 rows in twelve groups."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((12, 16))[np.arange(300) % 12] + 0.1 * rng.standard_normal((300, 16))
    return mm.cluster(X, 6).named(["a", "b", "c", "d", "e", "f"])


def test_a_number_means_the_same_items_all_along(c):
    steps = [c]
    for move in (("split", 3), ("merge", [1, 4]), ("split", 8, 3), ("parent",), ("parent", 3)):
        steps.append(getattr(steps[-1], move[0])(*move[1:]))

    meaning = {}
    for step in steps:
        assert step.n_clusters == len(step.names) == len(step.centers) == len(set(step.labels.tolist()))
        assert sorted(set(step.labels.tolist())) == step.names.index.tolist() == step.sizes.index.tolist()
        for cluster in step.names.index:
            rows = np.flatnonzero(step.labels == cluster).tolist()
            assert meaning.setdefault(cluster, rows) == rows
    assert [len(step.names) for step in steps] == [6, 7, 6, 8, 7, 3]


def test_a_split_divides_one_cluster_and_leaves_the_others(c):
    parts = c.split(2, 3)

    assert parts.names.index.tolist() == [0, 1, 3, 4, 5, 6, 7, 8]
    assert set(parts.labels[c.labels == 2].tolist()) == {6, 7, 8}
    assert np.array_equal(parts.labels[c.labels != 2], c.labels[c.labels != 2])
    assert parts.sizes["size"].loc[[6, 7, 8]].is_monotonic_decreasing
    assert parts.sweep.empty
    assert parts.plausible_n_clusters is None
    assert parts.names["name"].tolist() == ["a", "b", "d", "e", "f", "cluster 6", "cluster 7", "cluster 8"]


def test_a_merge_makes_one_of_several(c):
    one = c.merge([1, np.int64(4)])

    assert np.array_equal(one.labels == 6, np.isin(c.labels, [1, 4]))
    np.testing.assert_allclose(one.centers[-1], _unit(c.source)[one.labels == 6].mean(axis=0), atol=1e-6)
    assert one.names["name"].tolist() == ["a", "c", "d", "f", "cluster 6"]


def test_all_clusters_become_one(c):
    one = c.merge(range(6))

    assert one.n_clusters == 1
    assert set(one.labels.tolist()) == {6}
    assert one.assign(np.ones((2, 16))).tolist() == [6, 6]
    assert one.split(6, 4).n_clusters == 4
    with pytest.raises(ValueError, match="a parent has fewer clusters, and this clustering has 1"):
        one.parent()


def test_the_parent_joins_the_two_whose_union_costs_least(c):
    def inertia(step):
        return step.scores["value"]["inertia"]

    up = c.parent()
    pairs = [c.merge([a, b]) for a in range(6) for b in range(a)]

    assert inertia(up) == pytest.approx(min(map(inertia, pairs)))
    assert np.array_equal(c.parent(4).labels, c.parent(4).labels)
    assert c.parent(3).n_clusters == 3
    by_steps = c.parent().parent().parent()
    assert mm.cluster(c.source, 2).compare(c.parent(3).labels).n_without == 0
    assert len(set(zip(by_steps.labels.tolist(), c.parent(3).labels.tolist(), strict=True))) == 3


@pytest.mark.parametrize(
    "algorithm", ["kmeans", "hdbscan", AgglomerativeClustering(5)], ids=["kmeans", "hdbscan", "agglomerative"]
)
def test_assign_gives_the_items_their_labels_and_new_ones_a_number_that_is_there(noisy, algorithm, rng):
    given = {"n_clusters": 4} if algorithm == "kmeans" else {}
    start = mm.cluster(noisy, algorithm=algorithm, **given)
    for step in (start.split(0), start.merge([0, 2]), start.parent(), start.split(1, 3).parent().split(0)):
        assert np.array_equal(step.assign(noisy), step.labels)
        assert set(step.assign(8 * rng.standard_normal((50, 8))).tolist()) <= {-1, *step.names.index}


def test_all_questions_can_be_asked_of_it(c):
    step = c.split(3).merge([0, 1])

    assert step.representatives(3).table["cluster"].unique().tolist() == step.names.index.tolist()
    assert step.per_item["label"].tolist() == step.labels.tolist()
    assert step.per_item["name"].iloc[int(np.flatnonzero(step.labels == 2)[0])] == "c"
    assert step.compare(c.labels).metrics["value"]["homogeneity"] < 1
    assert list(step.compare(c.labels).contingency) == [f"{k}: {name}" for k, name in step.names["name"].items()]
    assert step.figure("sizes").data
    assert str(step).startswith("<Clustering: 6 clusters of 300 items")
    with pytest.raises(ValueError, match="call it on the clustering that this one was made from"):
        step.stability(2)


def test_names_are_given_anew_and_stay(stamps):
    named = mm.cluster(stamps, 6).with_names(texts="text")
    step = named.split(0)
    again = step.with_names(texts="text")

    assert step.names.drop(index=[6, 7]).equals(named.names.drop(index=0))
    assert again.names.index.tolist() == step.names.index.tolist()
    assert again.names["majority"].notna().all()
    assert again.recipe.of is step.recipe.of
    assert again.recipe.params["names"] == again.names["name"].tolist()


def test_new_clusters_are_named_as_the_others_were(stamps):
    named = mm.cluster(stamps, 6).with_names(texts="text")
    step = named.split(0).parent()
    by_function = mm.cluster(stamps, 6).with_names(function=lambda frame: "mine").parent()

    fresh = step.with_names(texts="text").names
    new = step.names.index.difference(named.names.index)
    assert step.names.loc[new].equals(fresh.loc[new])
    assert step.names["words"].notna().all()
    assert step.recipe.params["names"] == step.names["name"].tolist()
    assert by_function.names["name"].tolist() == ["mine"] * 4 + ["cluster 6"]  # nobody is asked again


def test_one_step_finer_splits_the_cluster_of_largest_inertia(c):
    finer = c.split()
    (gone,) = set(c.names.index) - set(finer.names.index)

    X = _unit(c.source)
    inertia = [np.square(X[c.labels == k] - X[c.labels == k].mean(axis=0)).sum() for k in range(6)]
    assert gone == int(np.argmax(inertia))
    assert finer.recipe.params["cluster"] == gone


def test_many_steps_up_at_once_have_the_numbers_of_one_after_another(c):
    assert np.array_equal(c.parent(2).labels, c.parent().parent().parent().parent().labels)


def test_numbers_can_begin_where_others_end(c):
    assert c.merge([0, 1], numbers_from=20).names.index.tolist() == [2, 3, 4, 5, 20]
    assert c.split(0, numbers_from=30).names.index.tolist() == [1, 2, 3, 4, 5, 30, 31]
    with pytest.raises(ValueError, match=r"numbers_from must be .*6"):
        c.parent(numbers_from=3)


def test_the_report_of_a_walk_verifies(c, tmp_path):
    step = c.split(3, names=list("pqrstuv")).merge([1, 4])
    path = mm.report(step, c, step.compare(np.arange(300) % 3), step.representatives(2)).save(tmp_path / "r.json")
    page = mm.report(step).save(tmp_path / "r.html").read_text("utf-8")

    found = mm.verify(path, vectors=c.source)

    assert found.verdict == "identical", found
    assert len(found.checked) == 4
    assert "with kmeans" in page
    assert "split(" in page


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda c: c.split(9), "there is no cluster 9; the clusters are 0, 1, 2, 3, 4, 5"),
        (lambda c: c.split(-1), "there is no cluster -1"),
        (lambda c: c.split("a"), "there is no cluster 'a'"),
        (lambda c: c.split(True), "there is no cluster True"),
        (lambda c: c.split(0, 1), "n_clusters must be an integer of at least 2, got 1"),
        (
            lambda c: c.split(0, 500),
            r"cluster 0 holds \d+ items with \d+ different vectors, so it cannot be split into 500",
        ),
        (lambda c: c.split(0, names=["one"]), "expected 7 names, one per cluster, got 1"),
        (lambda c: c.merge([1]), r"at least two different clusters, got \[1\]"),
        (lambda c: c.merge([1, 1]), r"at least two different clusters, got \[1, 1\]"),
        (lambda c: c.merge([]), r"at least two different clusters, got \[\]"),
        (lambda c: c.merge(2), r"at least two different clusters, got \[2\]"),
        (lambda c: c.merge("ab"), "there is no cluster 'ab'"),
        (lambda c: c.merge([1, 1.5]), "there is no cluster 1.5"),
        (lambda c: c.merge([0, 1]).split(1), "there is no cluster 1; the clusters are 2, 3, 4, 5, 6"),
        (lambda c: c.parent(6), "n_clusters=6 is not fewer than the 6 clusters there are"),
        (lambda c: c.parent(0), "n_clusters must be an integer of at least 1, got 0"),
    ],
)
def test_what_cannot_be_asked_is_said(c, ask, message):
    with pytest.raises(ValueError, match=message):
        ask(c)


def test_a_cluster_of_one_item_or_of_equal_ones_cannot_be_split():
    c = mm.cluster(np.array([[0.0, 1], [1, 0], [1, 0], [1, 0]]), 2)

    with pytest.raises(ValueError, match="cluster 1 holds 1 item, so it cannot be split into 2"):
        c.split(1)
    with pytest.raises(
        ValueError, match="cluster 0 holds 3 items with 1 different vector, so it cannot be split into 2"
    ):
        c.split(0)


def test_without_clusters_there_is_nothing_to_walk(rng):
    c = mm.cluster(rng.standard_normal((40, 30)), algorithm="hdbscan")
    assert c.n_clusters == 0

    with pytest.raises(ValueError, match="the clusters are none: all items are noise"):
        c.split(0)
    with pytest.raises(ValueError, match="this clustering has 0"):
        c.parent()


def test_the_explorer_shows_a_walk(c):
    emb = mm.Embeddings(c.source, ids=[str(i) for i in range(300)])
    step = mm.cluster(emb, 6).split(3)

    ex = mm.explore(emb, clusters=step, projection=mm.project(emb, method="pca"))

    assert ex.n_clusters == 7
    assert ex.cluster_names == step.titles


def test_words_of_a_vocabulary_are_embedded_once_for_all_steps(monkeypatch, stamps):
    named = mm.cluster(stamps, 6).with_names(vocabulary=["bird", "coin", "car", "flower", "drum"])
    monkeypatch.setattr(type(stamps), "encode", lambda *_: pytest.fail("asked again"))

    assert named.split(0).parent().names["words"].str.contains(", ").all()
