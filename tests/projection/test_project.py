"""The verb and its result, mostly by PCA: the same road at no cost."""

import json

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit import figures
from mmtoolkit.errors import SpaceError
from mmtoolkit.projection import layouts, neighbors, project


@pytest.fixture
def X(rng):
    return rng.normal(size=(90, 12)).astype(np.float32)


@pytest.fixture
def p(X):
    return project(X, method="pca")


def test_a_result_has_the_promised_shape(p):
    assert p.coords.shape == (90, 2)
    assert p.coords.dtype == np.float32
    assert p.trust.shape == (90,)
    assert 0 < p.trustworthiness < 1
    assert p.figures == ("map", "trust")
    assert len(repr(p).splitlines()) == 1
    assert json.dumps(p.to_dict())


def test_the_recipe_replays(X, p):
    again = project(X, **p.recipe["params"])

    assert np.array_equal(again.coords, p.coords)
    assert json.loads(json.dumps(dict(p.recipe))) == p.recipe


def test_evidence_is_plain_and_keeps_the_map_apart(p):
    evidence = json.loads(json.dumps(p.evidence()))

    assert evidence["exact"] == {"n_items": 90, "method": "pca"}
    assert len(evidence["map"]["coords"]) == 90


def test_pca_is_scikit_learns(rng):
    from sklearn.decomposition import PCA

    for shape in ((200, 30), (30, 200)):
        X = rng.normal(size=shape).astype(np.float32)

        coords = project(X, method="pca", normalize=False).coords

        expected = PCA(2, svd_solver="full").fit_transform(X.astype(np.float64))
        assert np.allclose(np.abs(coords), np.abs(expected), atol=1e-3)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("method", ["umap", "tsne", "pca"])
def test_too_few_items_for_a_map(rng, n, method):
    p = project(rng.normal(size=(n, 5)), method=method)

    assert np.isfinite(p.coords).all()
    assert p.note or method == "pca"
    assert p._repr_html_()
    for name in p.figures:
        assert figures.alt_of(p.figure(name))


@pytest.mark.parametrize("method", ["umap", "tsne", "pca"])
def test_equal_items_share_one_place(method):
    p = project(np.ones((50, 4)), method=method)

    assert (p.coords == 0).all()
    assert np.isnan(p.trust).all()
    assert "all items are equal" in repr(p)


def test_one_feature_gives_a_line():
    p = project(np.arange(20.0)[:, None], method="pca", normalize=False)

    assert (p.coords[:, 1] == 0).all()
    assert np.ptp(p.coords[:, 0]) == pytest.approx(19)


def test_nan_rows_are_named():
    X = np.ones((4, 3))
    X[2, 1] = np.nan

    with pytest.raises(ValueError, match="1 of 4 rows hold NaN or infinity, first: row 2"):
        project(X)


def test_failed_rows_of_embeddings_are_named_by_id():
    emb = mm.Embeddings([[1.0, 2], [np.nan, 1]], ids=["a", "b"])

    with pytest.raises(ValueError, match=r"id 'b'; use emb.drop_failed\(\)"):
        project(emb)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"method": "som"}, "method must be one of umap, pca, tsne, got 'som'"),
        ({"n_neighbors": 1}, "n_neighbors must be an integer of at least 2"),
        ({"min_dist": 2.0}, "min_dist must lie between 0 and 1, got 2.0"),
        ({"perplexity": 0.0}, "perplexity must be a positive number"),
        ({"random_state": -1}, "random_state must be an integer from 0"),
        ({"random_state": None}, "random_state must be an integer from 0"),
    ],
)
def test_settings_out_of_range_are_refused(X, setting, message):
    with pytest.raises(ValueError, match=message):
        project(X, **setting)


def test_one_row_adds_a_method(X, monkeypatch):
    def scaled(X, pca, neighbors, *, min_dist, random_state):
        return pca * np.float32(min_dist + random_state)

    monkeypatch.setitem(layouts.METHODS, "scaled", layouts.Method("Scaled PCA", ("min_dist",), scaled, everywhere=True))

    p = project(X, method="scaled", min_dist=0.5, random_state=1)

    np.testing.assert_allclose(p.coords, 1.5 * project(X, method="pca").coords, rtol=1e-6)
    assert "Scaled PCA" in repr(p)
    assert p.figure().layout.title.text == "<b>Scaled PCA map</b>"
    assert set(p.evidence()["rounded"]) == {"trustworthiness"}


def test_embeddings_of_another_model_are_not_placed(rng):
    X = rng.normal(size=(40, 4))
    one, two = (
        mm.Embeddings(X, model=mm.FunctionProvider(lambda texts: X, name=name, revision="1", dimension=4))
        for name in "ab"
    )
    p = project(one, method="pca")

    with pytest.raises(
        SpaceError, match="of the map and of the new items are of different spaces: model 'a' against 'b'"
    ):
        p.transform(two)
    with pytest.raises(SpaceError, match="not centered against centered"):
        p.transform(one.centered())
    assert np.array_equal(p.transform(one), p.coords)
    assert np.array_equal(p.transform(two.vectors), p.coords)


def test_no_items_are_refused():
    with pytest.raises(ValueError, match="there is nothing to work on"):
        project(np.empty((0, 3)))


def test_known_items_are_placed_where_they_are(X, p):
    assert np.array_equal(p.transform(X[:20]), p.coords[:20])


def test_new_items_stand_at_the_weighted_mean_of_their_neighbours(X, p, rng):
    from mmtoolkit.vectors import unit_rows

    new = rng.normal(size=(1, 12)).astype(np.float32)
    unit = unit_rows(X).astype(np.float64)

    dist = np.linalg.norm(unit - unit_rows(new), axis=1)
    nearest = np.argsort(dist)[:15]
    expected = np.average(p.coords[nearest], axis=0, weights=1 / dist[nearest])
    assert p.transform(new)[0] == pytest.approx(expected, abs=1e-5)


def test_a_place_does_not_depend_on_its_company(p, rng):
    new = rng.normal(size=(40, 12)).astype(np.float32)

    alone = np.concatenate([p.transform(row[None]) for row in new])

    assert np.array_equal(p.transform(new), alone)


def test_what_cannot_be_placed_is_refused(p):
    with pytest.raises(ValueError, match="new rows have 3 features, the map was made of 12"):
        p.transform(np.ones((2, 3)))
    with pytest.raises(TypeError, match="only vectors can be placed"):
        p.transform(["a bird"])
    with pytest.raises(ValueError, match="row 0"):
        p.transform(np.full((1, 12), np.nan))


def test_nothing_new_is_placed_nowhere(p):
    assert p.transform(np.empty((0, 12))).shape == (0, 2)


def test_texts_are_placed_among_pictures(stamps):
    p = project(stamps, method="pca")

    assert np.isfinite(p.transform(["a bird", "a ship"])).all()
    assert p.transform("a bird").shape == (1, 2)


def test_the_map_of_labelled_items_is_coloured_by_label(stamps):
    p = project(stamps, method="pca")

    fig = p.figure()

    assert len(fig.data) == 14
    assert len(p.draw(p.trust).data) == 1
    assert len(p.draw("label", names={"animals": "beasts"}).data) == 14


def test_an_unknown_column_is_named(p):
    with pytest.raises(ValueError, match="color='label' names no column"):
        p.draw("label")


def test_another_min_dist_finds_the_neighbours_again(X, monkeypatch):
    calls = []
    real = neighbors.exact
    monkeypatch.setattr(neighbors, "exact", lambda *a: calls.append(1) or real(*a))
    X = X + 1  # not met in another test

    first = project(X, method="umap", min_dist=0.1)
    second = project(X, method="umap", min_dist=0.6)
    project(X, method="pca")

    assert len(calls) == 1
    assert not np.array_equal(first.coords, second.coords)


def test_the_colours_of_trust_mean_the_same_on_every_map():
    X = np.repeat(np.eye(2), 12, axis=0) + np.random.default_rng(0).normal(scale=0.01, size=(24, 2))

    axis = mm.project(X, method="pca").figure("trust").layout.coloraxis

    assert (axis.cmin, axis.cmax) == (0, 1)
