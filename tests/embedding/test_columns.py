"""Columns of any kind survive saving, or are named: nothing is dropped in silence."""

import datetime
import decimal
import os
import uuid
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image as PILImage

import mmtoolkit as mm


def cells(*values):
    """Return a column of Python objects, which pandas does not look into."""
    made = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        made[row] = value
    return pd.Series(made, dtype=object)


COLUMNS = {
    "tags": cells(["red", "big"], []),
    "nested": cells([["a", [1, None]], {"x": [float("inf")]}], ["b"]),
    "boxes": cells(np.arange(4), np.array([0.5, np.nan], dtype=np.float32)),
    "masks": cells(np.zeros((2, 3, 1), dtype=np.uint8), np.zeros((0, 3))),
    "words": cells(np.array(["a", "bcd"]), np.array(["a", None, 3], dtype=object)),
    "dicts": cells({"a": 1, 2: (3, 4)}, {}),
    "sets": cells({1, "x"}, frozenset({(1, 2)})),
    "tuples": cells((1, "x"), ()),
    "mixed": cells(1, "a"),
    "large": cells(2**70, -(10**60)),
    "unsigned": pd.Series([2**63 + 5, 1], dtype="uint64"),
    "bytes": cells(b"\x00\xff", None),
    "paths": cells(Path("/a/b c"), Path("d")),
    "scalars": cells(np.float32(1.1), np.datetime64("2026-01-02")),
    "decimals": cells(decimal.Decimal("1.10"), None),
    "uuids": cells(uuid.UUID(int=7), None),
    "complex": pd.Series([1 + 2j, 0]),
    "months": cells(pd.Period("2026-01", "M"), pd.Period("2026Q1", "Q")),
    "periods": pd.Series(pd.period_range("2026-01-01", periods=2, freq="D")),
    "zoned": pd.to_datetime(pd.Series(["2026-01-01", "2026-06-01"])).dt.tz_localize("Asia/Shanghai"),
    "zones": cells(pd.Timestamp("2026-06-01", tz="Europe/Berlin"), pd.Timestamp("2026-06-01 12:00:00.123456789")),
    "naive": pd.to_datetime(pd.Series(["2026-01-01", None])),
    "dates": cells(datetime.date(2026, 1, 1), datetime.datetime(2026, 1, 1, 3, tzinfo=datetime.UTC)),
    "times": cells(datetime.time(1, 2, 3), datetime.timedelta(days=-1, microseconds=5)),
    "spans": pd.Series(pd.to_timedelta(["1D", None])),
    "ranges": pd.Series(pd.interval_range(0, 2)),
    "category": pd.Series(["b", "a"], dtype="category"),
    "ordered": pd.Series(pd.Categorical([3, None], categories=[3, 1], ordered=True)),
    "gaps": pd.Series([1, None], dtype="Int64"),
    "halves": pd.Series([1.5, np.nan], dtype="float32"),
    "flags": pd.Series([True, None], dtype="boolean"),
    "strings": pd.Series(["a", None], dtype="string"),
    "cut": cells("a red bird \ud83d", "b"),  # half of an emoji
    "names": cells(["\udce9"], Path("caf\udce9")),
    7: pd.Series([1, 2]),
}


def same(a, b):
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and all(map(same, a.ravel().tolist(), b.ravel().tolist()))
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(value, b[name]) for name, value in a.items())
    missing = a is None or a is pd.NA or a != a  # noqa: PLR0124
    return (b is None or b is pd.NA or b != b) if missing else type(a) is type(b) and a == b  # noqa: PLR0124


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_comes_back_as_it_was(tmp_path, name):
    column = COLUMNS[name]
    emb = mm.Embeddings(np.eye(2), items=pd.DataFrame({name: column}))

    emb.save(tmp_path / "x.parquet")
    back = mm.Embeddings.load(tmp_path / "x.parquet").items[name]

    assert back.dtype == column.dtype
    assert all(map(same, column.tolist(), back.tolist())), back.tolist()


class Own:
    """A kind of cell that no file knows."""


def test_a_column_that_cannot_be_kept_is_named_and_the_rest_is_saved(tmp_path):
    items = pd.DataFrame({"size": [1, 2], "own": cells(Own(), None), "deep": cells([{"x": Own()}], [])})
    nested: list[object] = []
    for _ in range(99):
        nested = [nested]
    items["nested"] = cells(nested, None)
    emb = mm.Embeddings(np.eye(2), items=items)

    with pytest.warns(
        UserWarning, match=r"were not saved: all of 'own' \(.*Own is not kept\); all of 'deep' \(.*Own is"
    ) as seen:
        emb.save(tmp_path / "x.parquet")
    back = mm.Embeddings.load(tmp_path / "x.parquet")

    assert Path(seen[0].filename).name == "test_columns.py"
    assert back.items["size"].tolist() == [1, 2]
    assert not {"own", "deep", "nested"} & set(back.items.columns)
    assert back.vectors.tobytes() == emb.vectors.tobytes()


def test_pictures_in_memory_are_left_out_by_name_and_paths_beside_them_are_kept(tmp_path):
    PILImage.new("RGB", (32, 32), "red").save(tmp_path / "a.png")
    pixels = np.zeros((32, 32, 3), np.uint8)
    emb = mm.embed_images([pixels, tmp_path / "a.png", PILImage.new("RGB", (32, 32))], model="local", cache=False)

    with pytest.warns(UserWarning, match=r"2 of 'image' \(pictures and videos in memory; save them as files"):
        emb.save(tmp_path / "x.parquet")

    back = mm.Embeddings.load(tmp_path / "x.parquet")
    assert back.vectors.tobytes() == emb.vectors.tobytes()
    assert back.items["image"].tolist() == [None, str(tmp_path / "a.png"), None]


def test_two_names_that_are_written_alike_are_refused(tmp_path):
    emb = mm.Embeddings(np.eye(2), items=pd.DataFrame({7: [1, 2], "7": [3, 4]}))

    with pytest.raises(ValueError, match="two columns of the items are both written '7'"):
        emb.save(tmp_path / "x.parquet")


def test_reports_draw_items_with_arrays_in_their_columns(tmp_path, rng):
    pictures = cells(*(np.full((8, 8, 3), 9 * n, np.uint8) for n in range(12)))
    columns = {name: pd.concat([COLUMNS[name]] * 6, ignore_index=True) for name in ("boxes", "tags", "dicts", "sets")}
    items = pd.DataFrame({"image": pictures, "modality": "image", "label": ["a", "b"] * 6, **columns})
    emb = mm.Embeddings(rng.normal(size=(12, 4)), items=items)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rep = mm.report(mm.classify(emb, "label", cv=2), mm.cluster(emb, 2), mm.project(emb, method="pca"))
        path = rep.save(tmp_path / "report.json")
        html = rep.save(tmp_path / "report.html").read_text("utf-8")
        mm.explore(emb).save(tmp_path / "map.html")

    assert "data:image" in html
    assert mm.verify(path, vectors=emb).verdict == "identical"


@pytest.mark.skipif(os.name == "nt", reason="names of files are Unicode there")
def test_a_file_name_that_is_no_valid_unicode_is_found_again(tmp_path):
    path = tmp_path / "caf\udce9.png"
    PILImage.new("RGB", (8, 8), "red").save(path)
    emb = mm.embed(mm.read_folder(tmp_path), model="local", cache=False, progress=False)

    emb.save(tmp_path / "e.parquet")

    assert mm.Embeddings.load(tmp_path / "e.parquet").items["image"].tolist() == [str(path)]
    with pytest.raises(TypeError, match=r"the column 'image' holds .* not valid Unicode; .*backend='pandas'"):
        emb.to_frame(backend="pyarrow")
