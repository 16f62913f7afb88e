"""Classes given as a Series: in the order of the items, brought into it, or refused; never silently wrong."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_array

import mmtoolkit as mm
from mmtoolkit._aligned import column

WORDS = ["ash", "bay", "cup", "den", "elk"]


@pytest.fixture
def frame():
    return pd.DataFrame({"text": WORDS, "label": list("VWXYZ")})


def embedded(frame):
    return mm.Embeddings(np.eye(len(frame)), items=frame)


def shuffled(series, seed=3):
    return series.sample(frac=1, random_state=seed)


@pytest.mark.parametrize(
    "make",
    [embedded, lambda f: embedded(mm.items(f)), lambda f: mm.embed(f, model="local", cache=False, progress=False)],
)
@pytest.mark.parametrize("index", [range(5), range(10, 15), [7, 3, 9, 1, 0], list("abcde")])
def test_a_series_with_the_index_of_the_frame_is_aligned_in_any_order(frame, make, index):
    data = frame.set_axis(index)
    emb = make(data)

    for y in (data["label"], shuffled(data["label"]), shuffled(data[["label"]]), data["label"].to_dict()):
        assert column(emb, y).tolist() == list("VWXYZ")


def test_a_series_counted_from_0_is_taken_in_its_order(frame):
    emb = embedded(frame.set_axis(range(10, 15)))

    assert column(emb, frame["label"]).tolist() == list("VWXYZ")


def test_a_unique_index_of_texts_is_the_id_and_numbers_are_not(frame):
    assert mm.items(frame.set_axis(list("abcde")))["id"].tolist() == list("abcde")
    assert mm.items(frame.set_axis([9, 8, 7, 6, 5]))["id"].tolist() == list("01234")
    assert mm.items(frame.set_axis(list("aabcd")))["id"].tolist() == list("01234")
    assert mm.items(frame.assign(id=list("vwxyz")).set_axis(list("abcde")))["id"].tolist() == list("vwxyz")
    assert mm.items(frame.set_axis(pd.Index([9, 8, 7, 6, 5], name="sku")), id="sku")["id"].tolist() == list("98765")


def test_ids_align_a_series_that_is_indexed_by_them(frame):
    emb = embedded(frame.assign(id=[30, 10, 20, 50, 40]))
    y = pd.Series(list("VWXYZ"), index=[30, 10, 20, 50, 40])

    assert column(emb, shuffled(y)).tolist() == list("VWXYZ")
    assert column(emb, shuffled(y.set_axis(y.index.astype(str)))).tolist() == list("VWXYZ")


def test_selected_and_joined_items_keep_their_labels(frame):
    data = frame.set_axis(range(10, 15))
    a, b = embedded(data.assign(id=list("abcde"))), embedded(data.set_axis(range(20, 25)).assign(id=list("fghij")))
    both = pd.concat([data["label"], data["label"].set_axis(range(20, 25))])

    assert column(a[[3, 1]], data["label"].loc[[11, 13]]).tolist() == ["Y", "W"]
    assert column(mm.concat([a, b]), shuffled(both)).tolist() == list("VWXYZ") * 2
    assert column(mm.Embeddings(np.eye(5))[[3, 1]], frame["label"].iloc[[3, 1]]).tolist() == ["Y", "W"]


def test_a_filtered_items_frame_is_aligned_by_its_own_index(frame):
    items = mm.items(frame.set_axis(range(10, 15)))

    emb = embedded(items[items["label"].isin(["W", "Y"])])

    assert column(emb, pd.Series(["y", "w"], index=[3, 1])).tolist() == ["w", "y"]


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ([100, 101, 102, 103, 104], "is not that of the items: it has 100, ids look like '0'"),
        ([0, 0, 1, 2, 3], "names 0 more than once"),
        (list("abcde"), "is not that of the items: it has 'a'"),
    ],
)
def test_an_index_of_other_items_is_refused_with_the_way_out(frame, index, message):
    with pytest.raises(ValueError, match=rf"index of y {message}.*y.to_numpy\(\) to take the values in their order"):
        mm.classify(embedded(frame), frame["label"].set_axis(index))


def test_an_index_that_fits_in_two_ways_is_refused(frame):
    emb = embedded(frame.set_axis([2, 0, 1, 4, 3]))

    with pytest.raises(ValueError, match="fits the items by position and by the index, with different values"):
        column(emb, frame["label"])
    assert column(emb, pd.Series(["same"] * 5)).tolist() == ["same"] * 5


def test_a_sorted_column_of_selected_items_takes_no_guess(frame):
    """Its index are rows of ``emb.items`` of the selection, and may be labels of the frame before."""
    emb = embedded(frame)[[3, 1, 0, 2, 4]]
    by_text = emb.items.sort_values("text", ascending=False)

    with pytest.raises(
        ValueError, match=r"y fits the items by the index and .*by the rows of emb.items, with different"
    ):
        column(emb, by_text["label"])
    with pytest.raises(
        ValueError, match=r"mask fits the items by the index and .*by the rows of emb.items, with different"
    ):
        emb[by_text["label"] > "W"]
    assert emb[emb.items["label"] > "W"].items["label"].tolist() == ["Y", "X", "Z"]
    whole = embedded(frame)
    assert whole[shuffled(whole.items["label"] > "W")].items["label"].tolist() == ["X", "Y", "Z"]


def test_items_without_an_index_take_no_guess(frame):
    emb = mm.embed_texts(WORDS, model="local", cache=False, progress=False)

    assert column(emb, frame["label"]).tolist() == list("VWXYZ")
    with pytest.raises(ValueError, match=r"holds 0..n-1 in another order, and the items came without an index"):
        column(emb, shuffled(frame["label"]))
    assert column(np.eye(5), frame["label"].set_axis(range(40, 45))).tolist() == list("VWXYZ")  # as scikit-learn does


def test_a_table_of_numbers_has_an_index_too(frame):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 3)), index=np.arange(100, 130))
    y = pd.Series(["a", "b", "c"] * 10, index=X.index)

    r, same = mm.classify(X, shuffled(y), cv=2), mm.classify(X.to_numpy(), y.to_numpy(), cv=2)

    assert r.y_true.tolist() == same.y_true.tolist()
    with pytest.raises(ValueError, match="is not that of the items"):
        mm.classify(X, y.set_axis(range(1, 31)), cv=2)


def test_groups_splits_and_masks_are_aligned_as_classes_are(frame):
    data = pd.concat([frame] * 6, ignore_index=True).assign(label=list("ab") * 15, page=np.arange(30) // 3)
    emb = mm.Embeddings(np.random.default_rng(0).normal(size=(30, 4)), items=data)
    mask = data["page"] < 3

    by_name = mm.classify(emb, groups="page", duplicates="ignore", cv=2)

    assert (mm.classify(emb, groups=shuffled(data["page"]), duplicates="ignore", cv=2).fold == by_name.fold).all()
    assert (mm.classify(emb, test=shuffled(mask), duplicates="ignore").fold >= 0).tolist() == mask.tolist()


def test_masked_values_are_missing(frame):
    y = np.ma.array(list("VWXYZ"), mask=[False, True, False, False, True])

    assert column(embedded(frame), y).tolist() == ["V", None, "X", "Y", None]
    assert column(embedded(frame), pl.Series(["V", None, "X", "Y", None])).tolist() == ["V", None, "X", "Y", None]


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        (csr_array(np.ones((5, 1))), TypeError, r"y is sparse; .* y.toarray\(\).ravel\(\)"),
        (np.ones((5, 2)), ValueError, r"got shape \(5, 2\); the class of a row with one 1 is y.argmax\(axis=1\)"),
        (np.ones((5, 1, 1)), ValueError, r"got shape \(5, 1, 1\)"),
        (set("VWXYZ"), TypeError, "y must hold one value per item in their order, got set"),
        (7, TypeError, "y must be one value per item, got int"),
        ({"0": "V"}, ValueError, "y has 1 values for 5 items; item '1' has none"),
        (list("VWX"), ValueError, "y has 3 values for 5 items"),
        (["V", "a\udcff", "X", "Y", "Z"], ValueError, "y of row 1, id '1', is 'a.udcff', which is not valid Unicode"),
        (["V", "a\0", "a", "Y", "Z"], ValueError, r"y of row 1, id '1', is .a.x00., which ends in NUL"),
        ("lable", ValueError, r"y='lable' names no column \(did you mean 'label'\?\); the columns are id, "),
    ],
)
def test_what_is_no_column_is_named(frame, y, error, message):
    with pytest.raises(error, match=message):
        mm.classify(embedded(frame), y)


class Tensor:
    """Has neither rows to iterate nor a shape; numpy can read it."""

    def __init__(self, values):
        self.values = np.array(values)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype=dtype)

    def __len__(self):
        return len(self.values)


@pytest.mark.parametrize("values", [list("VWXYZ"), [5, 4, 3, 2, 1], [True, False, True, True, False]])
def test_what_numpy_can_read_is_a_column(frame, values):
    emb = embedded(mm.items({"text": WORDS, "n": Tensor(values)}))

    assert column(emb, Tensor(values)).tolist() == values
    assert column(emb, "n").tolist() == values


@pytest.fixture
def named():
    """Twelve vectors with the index of their frame, and a mask of the first six in another order."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(12, 3)), index=[f"i{k}" for k in range(12)])
    mask = pd.Series(np.arange(12) < 6, index=X.index).sample(frac=1, random_state=1)
    return X, mm.Embeddings(X), mask


def test_a_mask_with_an_index_is_brought_into_the_order_of_the_items(named):
    X, emb, mask = named
    ex = mm.explore(emb, projection=X.to_numpy()[:, :2])
    wanted = [f"i{k}" for k in range(6)]

    assert emb[mask].ids.tolist() == wanted
    assert sorted(mm.search(emb, X.iloc[0].to_numpy(), mask=mask, k=6).id) == wanted
    assert mm.search(X, X.iloc[0].to_numpy(), mask=mask, k=6).table["score"].iloc[0] == pytest.approx(1)
    ex.select(mask)
    assert ex.selected["id"].tolist() == wanted
    ex.where = mask
    assert ex.where.tolist() == [True] * 6 + [False] * 6
    with pytest.raises(ValueError, match=r"the index of mask is not that of the items: it has 'j0'"):
        emb[mask.set_axis([f"j{k}" for k in range(12)])]


def test_a_mask_of_the_items_of_mixed_vectors_stays_in_its_order():
    frame = pd.DataFrame({"id": [f"n{k}" for k in range(6)], "kind": list("aabbcc")})
    emb = mm.Embeddings(np.eye(6), items=frame)[np.array([5, 3, 1, 0, 2, 4])]

    assert emb[emb.items["kind"] == "c"].ids.tolist() == ["n5", "n4"]


def test_frames_with_the_same_labels_in_another_order_are_refused(named):
    X, emb, _ = named
    other, y = X[::-1], np.arange(12) % 2
    said = "is in another order than the vectors: row 0 is 'i11', the vectors have 'i0'"

    with pytest.raises(ValueError, match=f"^items {said}"):
        mm.Embeddings(X, items=pd.DataFrame({"label": list("abcdefghijkl")}, index=other.index))
    with pytest.raises(ValueError, match=f"^ids {said}"):
        mm.Embeddings(X, ids=pd.Series(list("abcdefghijkl"), index=other.index))
    with pytest.raises(ValueError, match=f"^'b' {said}"):
        mm.compare({"a": X, "b": other}, y)
    with pytest.raises(ValueError, match=f"^projection {said}"):
        mm.explore(emb, projection=other.iloc[:, :2])
    clusters = pd.Series(np.arange(12) // 4, index=X.index)
    assert mm.explore(emb, clusters=clusters[::-1]).labels.tolist() == clusters.tolist()


@pytest.mark.parametrize(
    "use",
    [
        lambda emb, mask: emb[mask],
        lambda emb, mask: mm.search(emb, emb.vectors[0], mask=mask),
        lambda emb, mask: mm.explore(emb, projection=emb.vectors[:, :2]).select(mask),
        lambda emb, mask: mm.classify(emb, np.arange(12) % 2, test=mask),
    ],
)
def test_zeros_and_ones_are_no_mask(named, use):
    _, emb, _ = named

    for mask in (np.arange(12) % 2, pd.Series([1, 0] * 6), [0, 1] * 6):
        with pytest.raises(ValueError, match="holds 12 zeros and ones, which would be row numbers; pass a mask as"):
            use(emb, mask)


def test_rows_and_their_classes_are_no_test_rows(named):
    X, emb, _ = named

    with pytest.raises(ValueError, match="test must be a mask of 12 rows or row numbers from 0 to 11, got "):
        mm.classify(emb, np.arange(12) % 2, test=(X, np.arange(12) % 2))


@pytest.mark.parametrize(
    "kind", [list, pd.Series, pl.Series, lambda v: np.array(v, dtype=object), lambda v: pd.array(v, "boolean")]
)
def test_a_mask_of_any_booleans_is_one_and_a_gap_in_it_is_named(named, kind):
    _, emb, _ = named
    wanted = [True, False, False] * 4

    assert emb[kind(wanted)].ids.tolist() == emb.ids[::3].tolist()
    assert set(mm.search(emb, emb.vectors[0], mask=kind(wanted), k=12).id) == set(emb.ids[::3])
    for use in (emb.__getitem__, lambda mask: mm.search(emb, emb.vectors[0], mask=mask)):
        with pytest.raises(
            ValueError, match=rf"mask says neither True nor False of row 1, id '{emb.ids[1]}', but .*fillna"
        ):
            use(kind([True, None, False] * 4))


def test_saved_vectors_keep_the_labels_by_which_classes_are_aligned(frame, tmp_path):
    data = frame.sample(frac=1, random_state=1)
    for name, table in (("shuffled", data), ("selected", data.set_axis(data.index + 10))):
        embedded(table).save(tmp_path / f"{name}.parquet")

    emb, selected = (mm.Embeddings.load(tmp_path / f"{name}.parquet") for name in ("shuffled", "selected"))

    with pytest.raises(ValueError, match="fits the items by position and by the index"):
        column(emb, frame["label"])
    assert column(selected, frame["label"].set_axis(range(10, 15))).tolist() == data["label"].tolist()
    assert list(emb.items.columns) == list(embedded(data).items.columns)


@pytest.mark.parametrize(
    "use",
    [
        lambda X, items: mm.Embeddings(X, items=items),
        lambda X, items: mm.Embeddings(X, ids=items["id"].tolist()),
        lambda X, items: mm.compare(
            {"a": mm.Embeddings(X.to_numpy(), items=items), "b": X}, y=items["label"].to_numpy()
        ),
        lambda X, items: mm.compare(
            {"a": X, "b": mm.Embeddings(X.to_numpy(), items=items)}, y=items["label"].to_numpy()
        ),
        lambda X, items: mm.explore(mm.Embeddings(X.to_numpy(), items=items), projection=X),
    ],
)
@pytest.mark.parametrize("name", ["i{}".format, lambda k: 100 + k])
def test_a_frame_with_the_ids_in_another_order_is_refused_beside_the_items(use, name):
    items = pd.DataFrame({"id": [name(k) for k in range(40)], "label": list("ab") * 20})
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2)), index=items["id"])

    use(X, items)
    with pytest.raises(ValueError, match="in another order than the vectors: row 0 is '"):
        use(X.sample(frac=1, random_state=0), items)


def test_row_numbers_are_no_ids(frame):
    data = frame.sample(frac=1, random_state=0)
    X = pd.DataFrame(np.eye(5), index=data.index)

    for vectors, items in (
        (X, mm.items(data)),
        (X.reset_index(drop=True), data.reset_index(drop=True).assign(id=[4, 2, 0, 1, 3])),
        (X, data.assign(id=data.index)),
    ):
        assert mm.Embeddings(vectors, items=items).items["label"].tolist() == data["label"].tolist()
