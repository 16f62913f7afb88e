"""Any frame in any verb: the same items, the same classes, the same numbers."""

from __future__ import annotations

import functools
import time

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image as PILImage
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import datasets
import mmtoolkit as mm

KINDS = ["tea", "boat", "owl"]
WHAT = ("small", "broken", "expensive", "green", "wooden", "famous", "wet", "forgotten")
UNION = pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1]), pa.array(["x"])])
COLUMNS = {
    "text": [f"{WHAT[row // 3]} {KINDS[row % 3]}" for row in range(24)],
    "label": [KINDS[row % 3] for row in range(24)],
    "page": [row // 2 for row in range(24)],
}


class Stream:
    """Something of another library that has the Arrow C stream and nothing else."""

    def __init__(self, data):
        self.table = pa.table(data)

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


def rows(data):
    return pd.DataFrame(data).to_dict("records")


FRAMES = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "polars, lazy": lambda data: pl.DataFrame(data).lazy(),
    "Arrow": pa.table,
    "record batch": lambda data: pa.table(data).to_batches()[0],
    "stream": Stream,
    "dict": dict,
    "list of dicts": rows,
    "Hugging Face": datasets.Dataset.from_dict,
    "record array": lambda data: pd.DataFrame({k: np.array(v) for k, v in data.items()}).to_records(index=False),
}
SERIES = {
    "pandas": pd.Series,
    "polars": pl.Series,
    "Arrow": lambda values: pa.chunked_array([pa.array(values)]),
    "Hugging Face": lambda values: datasets.Dataset.from_dict({"y": values})["y"],
    "list": list,
    "array": np.array,
    "column vector": lambda values: np.array(values)[:, None],
    "masked": np.ma.array,
    "categorical": pd.Categorical,
    "one-column frame": lambda values: pd.DataFrame({"y": values}),
    "one-column polars frame": lambda values: pl.DataFrame({"y": values}),
    "one-column dict": lambda values: {"y": values},
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def expected(cache):
    return mm.embed(pd.DataFrame(COLUMNS), model="local", cache=cache, progress=False)


@pytest.mark.parametrize("kind", FRAMES)
def test_any_frame_becomes_the_same_items(kind):
    frame = mm.items(FRAMES[kind](COLUMNS))

    pd.testing.assert_frame_equal(frame, mm.items(pd.DataFrame(COLUMNS)), check_dtype=False)


@pytest.mark.parametrize("kind", FRAMES)
def test_any_frame_is_embedded_and_classified_alike(kind, cache, expected):
    data = FRAMES[kind](COLUMNS)

    emb = mm.embed(data, model="local", cache=cache, progress=False)
    by_name = mm.classify(emb, "label", groups="page", cv=2)

    assert emb.fingerprint == expected.fingerprint
    pd.testing.assert_frame_equal(by_name.metrics, mm.classify(expected, "label", groups="page", cv=2).metrics)


@pytest.mark.parametrize("kind", SERIES)
def test_classes_and_groups_of_any_library_are_the_same(kind, expected):
    y, page = SERIES[kind](COLUMNS["label"]), SERIES[kind](COLUMNS["page"])

    r = mm.classify(expected, y, groups=page, cv=2)

    pd.testing.assert_frame_equal(r.metrics, mm.classify(expected, "label", groups="page", cv=2).metrics)


@pytest.mark.parametrize("kind", ["pandas", "polars", "dict"])
def test_frames_of_numbers_work_where_arrays_do(kind, expected, tmp_path):
    X = expected.unit[:, :6].astype(np.float64)
    data = FRAMES[kind]({f"x{i}": X[:, i].tolist() for i in range(6)})
    new = FRAMES[kind]({f"x{i}": X[:4, i].tolist() for i in range(6)})
    y = COLUMNS["label"]

    r, c, p = mm.classify(data, y, cv=2), mm.cluster(data, 3), mm.project(data, method="pca")

    pd.testing.assert_frame_equal(r.metrics, mm.classify(X, y, cv=2).metrics)
    assert r.predict(new).tolist() == r.predict(X[:4]).tolist()
    assert c.assign(new).tolist() == c.labels[:4].tolist()
    np.testing.assert_allclose(p.transform(new), p.coords[:4])
    assert mm.search(data, new, k=1).table["id"].tolist() == ["0", "1", "2", "3"]
    assert mm.similarity(data, new).values.shape == (24, 4)
    assert "24 vectors" in mm.report(r, c, p).save(tmp_path / "r.md").read_text("utf-8")


@pytest.mark.parametrize("make", [pd.Series, lambda v: pl.Series([list(map(float, x)) for x in v]), lambda v: v])
def test_a_column_of_vectors_is_a_table_of_numbers(make, expected):
    X = expected.unit

    c = mm.cluster(make(list(X)), 3)

    assert c.labels.tolist() == mm.cluster(X, 3).labels.tolist()


@pytest.mark.parametrize("backend", ["pandas", "polars", "pyarrow"])
def test_vectors_are_handed_on_as_a_frame_of_another_library(backend, cache, expected):
    frame = expected.to_frame(backend=backend)

    assert type(frame).__module__.startswith(backend)
    again = mm.embed(
        frame[["id", "modality", "text", "image", "video", "label"]] if backend == "pandas" else frame,
        model="local",
        cache=cache,
        progress=False,
    )
    assert again.fingerprint == expected.fingerprint


def test_pictures_cannot_be_handed_on_to_arrow(expected):
    one = mm.Embeddings([[1.0, 2.0]], items=pd.DataFrame({"image": [object()]}))

    with pytest.raises(TypeError, match="column 'image' holds objects that only pandas can hold"):
        one.to_frame("pyarrow")
    with pytest.raises(ValueError, match="backend must be one of pandas, polars, pyarrow, got 'dask'"):
        expected.to_frame("dask")


def test_classes_of_a_hugging_face_data_set_have_names_and_its_order_counts():
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])})
    data = datasets.Dataset.from_dict({"text": ["a", "b", "c"], "label": [1, 0, 1]}, features=features)

    frame = mm.items(data.select([2, 1]))

    assert frame["text"].tolist() == ["c", "b"]
    assert frame["label"].tolist() == ["yes", "no"]


def test_whole_numbers_beside_missing_ones_stay_exact():
    big = 2**60 + 1

    frame = mm.items(pl.DataFrame({"text": ["a", "b"], "code": [big, None]}))

    assert frame["code"].tolist() == [big, None]


def test_python_objects_in_polars_are_pictures(cache):
    from PIL import Image

    pictures = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    frame = pl.DataFrame({"image": pl.Series(pictures, dtype=pl.Object), "label": ["r", "b"]})

    emb = mm.embed(frame, model="local", cache=cache, progress=False)

    assert emb.modality.tolist() == ["image", "image"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (datasets.DatasetDict(train=datasets.Dataset.from_dict(COLUMNS)), r"choose one, such as data\['train'\]"),
        (datasets.Dataset.from_dict(COLUMNS).to_iterable_dataset(), r"list\(data.take\(1000\)\)"),
        ({"text": "a cat"}, "the column 'text' is one str"),
        ({"text": ["a", "b"], "label": ["x"]}, "'text': 2, 'label': 1"),
        (pl.Series(["a"]), "got Series of polars"),
        (pa.table([pa.array(["a"]), pa.array(["b"])], names=["text", "text"]), "column 'text' occurs more than once"),
        (pa.table({"text": ["a"], "u": UNION}), r"the column 'u' of the Arrow type sparse_union<.*> cannot be read"),
        (
            pa.table({"text": ["a"], "day": pa.array([6_000_000], pa.date32())}),
            "the column 'day' of the Arrow type date32",
        ),
        (pd.DataFrame({"text": []}), "there are no rows"),
        (pl.DataFrame({"text": []}), "there are no rows"),
        (pd.DataFrame([["a"]], columns=pd.MultiIndex.from_tuples([("text", "en")])), "the columns have 2 levels"),
        ({"text": pd.Series(["a", "b"]), "label": pd.Series(["x", "y"], index=[1, 0])}, "Series whose indexes differ"),
    ],
)
def test_what_is_no_single_table_is_named_with_the_way_out(data, message):
    with pytest.raises((TypeError, ValueError), match=message):
        mm.items(data)


@pytest.mark.parametrize("wide", [pd.DataFrame, pl.DataFrame, dict, datasets.Dataset.from_dict])
def test_a_table_where_one_column_is_wanted_is_refused_by_name(wide, expected, cache):
    data = wide(COLUMNS)

    with pytest.raises(ValueError, match=r"y is a table of 3 columns \(text, label, page\); .* y\['label'\]"):
        mm.classify(expected, data)
    unnamed = wide({{"label": "kind"}.get(name, name): values for name, values in COLUMNS.items()})
    with pytest.raises(ValueError, match=r"columns \(text, kind, page\); pass one of them, such as y\['kind'\]"):
        mm.classify(expected, unnamed)
    with pytest.raises(ValueError, match="a table of 3 columns"):
        mm.embed_texts(data, model="local", cache=cache)
    with pytest.raises(ValueError, match="a table of 3 columns"):
        mm.Embedder(model="local", cache=False).fit_transform(data)


@pytest.mark.parametrize(
    "column",
    [
        lambda t: t,
        pd.Series,
        pl.Series,
        lambda t: pd.DataFrame({"t": t}),
        lambda t: pl.DataFrame({"t": t}),
        lambda t: np.array(t, dtype=object)[:, None],
        lambda t: np.array(t),
        lambda t: pa.table({"t": t}),
    ],
)
def test_embedder_and_embed_texts_take_a_column_of_any_library(column, cache):
    texts = COLUMNS["text"]

    X = mm.Embedder(model="local", cache=cache).fit_transform(column(texts))
    emb = mm.embed_texts(column(texts), model="local", cache=cache, progress=False)

    assert X.shape == (24, 512)
    np.testing.assert_array_equal(X, emb.unit)


def test_embedder_stands_behind_an_imputer_and_in_a_column_transformer(cache):
    data = pd.DataFrame({**COLUMNS, "size": np.arange(24.0)})
    data.loc[3, "text"] = np.nan
    text = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="none"),
        mm.Embedder(model="local", cache=cache),
    )
    both = ColumnTransformer([("words", text, ["text"]), ("size", "passthrough", ["size"])])
    pipeline = make_pipeline(both, LogisticRegression(max_iter=500)).fit(data, data["label"])

    assert pipeline.predict(data.head(3)).tolist() == KINDS


@pytest.mark.parametrize("backend", ["pandas", "polars"])
@pytest.mark.parametrize("fitted", [True, False])
def test_embedder_gives_frames_fitted_or_not(backend, fitted, cache):
    embedder = mm.Embedder(model="local", cache=cache).set_output(transform=backend)
    if fitted:
        embedder.fit(COLUMNS["text"])

    out = embedder.transform(COLUMNS["text"][:2])

    assert type(out).__module__.startswith(backend)
    assert list(out.columns)[:2] == ["embedder0", "embedder1"]
    assert out.shape == (2, 512)


def test_embedder_keeps_the_index_of_the_frame_in_a_column_transformer(cache):
    data = pd.DataFrame({"text": ["an owl", "a boat"]}, index=["x", "y"])
    both = ColumnTransformer([("words", mm.Embedder(model="local", cache=cache), ["text"])]).set_output(
        transform="pandas"
    )

    assert both.fit_transform(data).index.tolist() == ["x", "y"]


def test_embedder_is_shown_cloned_and_searched_unfitted(cache):
    embedder = mm.Embedder(model="local", cache=str(cache))
    pipeline = make_pipeline(embedder, LogisticRegression())
    search = GridSearchCV(pipeline, {"embedder__normalize": [True, False]}, cv=2)

    assert "Embedder(" in repr(clone(embedder))
    assert "Embedder" in pipeline._repr_html_()
    assert set(search.fit(pd.DataFrame({"t": COLUMNS["text"]}), COLUMNS["label"]).best_params_) == {
        "embedder__normalize"
    }


def test_vectors_in_a_frame_are_imported_as_those_of_a_file(tmp_path):
    here = mm.EmbeddingCache(tmp_path / "here")
    mm.embed_texts(["an owl", "a boat"], model="local", cache=here, progress=False)
    here.export(tmp_path / "some.parquet")
    table = pa.parquet.read_table(tmp_path / "some.parquet")

    for number, (data, model) in enumerate(
        [(table, None), (pl.from_arrow(table), "local"), (table.to_pandas(), "local")]
    ):
        there = mm.EmbeddingCache(tmp_path / f"there{number}")
        if model is not None:  # only Arrow keeps the words about the space
            mm.embed_texts(["a cup"], model="local", cache=there, progress=False)
        assert there.import_(data, model=model) == 2
        assert mm.embed_texts(["an owl"], model="local", cache=there, progress=False).usage["cached"] == 1
    with pytest.raises(ValueError, match="does not say which space its vectors are of"):
        here.import_(table.to_pandas())
    with pytest.raises(ValueError, match="no column 'key'"):
        here.import_({"vector": [[1.0]]}, model="local")


def test_many_rows_are_looked_at_a_column_at_a_time():
    n = 200_000
    data = pl.DataFrame({"text": ["a cat"] * n, "label": np.arange(n) % 7})

    start = time.process_time()
    frame = mm.items(data)

    assert len(frame) == n
    assert time.process_time() - start < 5  # about 0.6 s; cell by cell it was 6 s


@pytest.fixture(scope="module")
def measured():
    """Four named measurements of two kinds."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(80, 4)), columns=list("abcd"))
    y = np.array(["left", "right"])[np.arange(80) % 2]
    return X.assign(a=X["a"] + 4 * (y == "left")), y


def loaded(X, y, folder):
    mm.classify(X, y, inference=False, duplicates="ignore").save(folder)
    return mm.load_classifier(folder).predict


def kept(X, folder):
    mm.Embeddings(X).save(folder / "x.parquet")
    return mm.Embeddings.load(folder / "x.parquet")


@pytest.mark.parametrize(
    "after",
    [
        lambda X, y, _: mm.classify(X, y, inference=False, duplicates="ignore").predict,
        loaded,
        lambda X, _, __: mm.cluster(X, 2).assign,
        lambda X, _, __: mm.project(X, method="pca").transform,
        lambda X, y, _: functools.partial(mm.check_new, mm.classify(X, y, inference=False, duplicates="ignore")),
        lambda X, y, _: mm.classify(mm.Embeddings(X), y, inference=False, duplicates="ignore").predict,
        lambda X, y, _: lambda new: mm.classify(X, y, inference=False, duplicates="ignore").predict(mm.Embeddings(new)),
        lambda X, _, folder: mm.cluster(kept(X, folder), 2).assign,
        lambda X, _, __: functools.partial(mm.search, mm.Embeddings(X)),
        lambda X, _, __: functools.partial(mm.similarity, X),
        lambda X, _, __: (
            lambda new: mm.concat([mm.Embeddings(X), mm.Embeddings(new, ids=[f"new {i}" for i in range(80)])])
        ),
    ],
    ids=[
        "predict",
        "load_classifier",
        "assign",
        "transform",
        "check_new",
        "predict of Embeddings",
        "predict with Embeddings",
        "assign of saved Embeddings",
        "search",
        "similarity",
        "concat",
    ],
)
def test_columns_keep_their_names_and_order(measured, tmp_path, after):
    X, y = measured
    work = after(X, y, tmp_path)

    work(X)
    work(X.to_numpy())
    with pytest.raises(ValueError, match="in another order than before: column 0 was 'a' and is 'd'"):
        work(X[list("dcba")])
    with pytest.raises(ValueError, match="others than before: column 3 was 'd' and is 'e'"):
        work(X.rename(columns={"d": "e"}))


def test_numbers_are_names_of_columns_too_and_pandas_counting_is_none(measured):
    X, y = measured
    numbered = X.set_axis([3, 1, 4, 2], axis="columns")
    counted = X.set_axis(range(4), axis="columns")
    fit = functools.partial(mm.classify, y=y, inference=False, duplicates="ignore")

    for named in (numbered, counted):
        with pytest.raises(ValueError, match="in another order than before: column 0 was"):
            fit(named).predict(named[named.columns[::-1]])
    fit(numbered).predict(X.set_axis(["3", "1", "4", "2"], axis="columns"))
    fit(X).predict(counted)
    fit(counted).predict(X)


@pytest.mark.parametrize("name", ["id", "label", "Unnamed: 0"])
@pytest.mark.parametrize("use", [mm.Embeddings, lambda X: mm.cluster(X, 2), lambda X: mm.search(np.eye(5), X)])
def test_what_says_which_row_it_is_is_no_feature(measured, name, use):
    X, _ = measured

    with pytest.raises(
        TypeError, match=rf"column '{name}' says what a row is, .*; drop it, or make it the index .X.set_index\('"
    ):
        use(X.assign(**{name: np.arange(len(X))}))


@pytest.mark.parametrize("make", [lambda X: X, mm.Embeddings])
def test_classes_that_are_a_column_of_the_table_itself_are_refused(measured, make):
    X, y = measured
    X = X.assign(target=np.unique(y, return_inverse=True)[1])

    with pytest.raises(
        ValueError, match=r"y is the column 'target' of the table itself, .* X.drop\(columns='target'\)"
    ):
        mm.classify(make(X), X["target"])
    mm.classify(make(X.drop(columns="target")), X["target"], inference=False, duplicates="ignore")
    mm.classify(make(X[["a", "b"]]), pd.Series(y, name="a"), inference=False, duplicates="ignore")


def test_pictures_in_a_table_of_one_column_are_embedded_each():
    frame = pd.DataFrame({"image": [PILImage.new("RGB", (8, 8), color) for color in ("red", "blue")]})

    assert len(mm.embed_images(frame, model="local", cache=False, progress=False)) == 2


def test_a_table_of_numbers_with_a_name_that_stands_twice_is_rows_in_its_order(rng):
    X = pd.DataFrame(rng.normal(size=(20, 2)) + np.arange(20)[:, None] % 2 * 9, columns=["a", "a"])

    r = mm.classify(X, np.arange(20) % 2, cv=2, inference=False, duplicates="ignore")

    assert r.predict(X).tolist() == r.predict(X.to_numpy()).tolist()
