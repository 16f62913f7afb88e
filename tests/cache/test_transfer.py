"""Parquet out and in: bit for bit, with a manifest, never over what is there."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmtoolkit.cache import EmbeddingCache, Space
from mmtoolkit.cache.table import MANIFEST
from mmtoolkit.errors import CacheError


@pytest.fixture
def exported(cache, space, make, tmp_path):
    keys, X = make(0, 5000)
    cache.put(keys, X, space)
    path = tmp_path / "x.parquet"
    assert cache.export(path) == 5000
    return path, keys, X


def rewritten(path, columns=None, manifest=None):
    """The same file with other columns or another manifest, as somebody else's program might write it."""
    table = pq.read_table(path)
    metadata = {k: v for k, v in pq.read_metadata(path).metadata.items() if k.startswith(b"mmtoolkit")}
    if manifest is not None:
        metadata[MANIFEST] = json.dumps({**json.loads(metadata[MANIFEST]), **manifest}).encode()
    for name, values in (columns or {}).items():
        table = table.set_column(table.schema.get_field_index(name), name, values)
    other = path.with_name("other.parquet")
    pq.write_table(table.replace_schema_metadata(metadata), other)
    return other


def test_export_and_import_are_the_same_bit_for_bit(exported, space, tmp_path, caplog):
    path, keys, X = exported
    other = EmbeddingCache(tmp_path / "other")

    assert other.import_(path, model=space.model) == 5000
    assert other.import_(path) == 0

    assert np.array_equal(other.get(keys, space)[1], X)
    assert other.verify().ok
    assert not caplog.records  # an empty store is no damaged one


def test_the_file_says_what_it_is(exported, space):
    path, _, _ = exported
    schema = pq.read_schema(path)

    assert json.loads(schema.metadata[MANIFEST]) == {
        "model": space.model,
        "revision": "r1",
        "dimension": 8,
        "params": '{"a": [true, null], "z": 1}',
    }
    assert schema.field("key").type == pa.binary(32)
    assert schema.field("vector").type == pa.list_(pa.float32(), 8)


def test_one_space_at_a_time(exported, cache, space, make, tmp_path):
    cache.put(*make(0, 2), Space("other", "", 8))

    with pytest.raises(ValueError, match=r"2 fit, name one with model=.*other"):
        cache.export(tmp_path / "y.parquet")
    with pytest.raises(ValueError, match="none fits"):
        cache.export(tmp_path / "y.parquet", model="unknown")
    assert cache.export(tmp_path / "y.parquet", model="other", params={}) == 2
    assert list(tmp_path.glob("*.part")) == []


def test_lists_and_folders_of_parts_are_read_as_well(exported, space, tmp_path):
    path, keys, X = exported
    table = pq.read_table(path)
    lists = table.set_column(1, "vector", table["vector"].cast(pa.list_(pa.float32())))
    lists = lists.set_column(0, "key", table["key"].cast(pa.binary()))
    folder = tmp_path / "parts"
    folder.mkdir()
    for number, start in enumerate((0, 3000)):
        pq.write_table(lists.slice(start, 3000), folder / f"part-{number}.parquet")
    (folder / ".part-9.parquet").write_text("half written")
    (folder / "_SUCCESS").write_text("")
    other = EmbeddingCache(tmp_path / "other")

    assert other.import_(folder) == 5000

    assert np.array_equal(other.get(keys, space)[1], X)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"manifest": {"dimension": 9}}, "row 0 has a vector of 8 numbers, expected 9"),
        ({"manifest": {"dimension": "wide"}}, "manifest that cannot be understood"),
        ({"columns": {"vector": "nan"}}, "row 4321 is zero or holds values that are not finite"),
        ({"columns": {"vector": "null"}}, "row 4321 has no vector"),
        ({"columns": {"vector": "double"}}, r"column 'vector' has type .*double.*, expected list<float>"),
        ({"columns": {"key": "text"}}, "column 'key' has type string, expected binary"),
        ({"columns": {"key": "short"}}, "row 0 has a key of 5 bytes, expected 32"),
        ({"columns": {"vector": "flipped"}}, "changed after it was written"),
    ],
)
def test_a_wrong_file_is_refused_whole(exported, change, match, tmp_path):
    path, keys, X = exported
    values = X.copy()
    lists = pa.list_(pa.float32(), 8)
    made = {
        "nan": lambda: pa.array([*values[:4321], np.full(8, np.nan, np.float32), *values[4322:]], lists),
        "null": lambda: pa.array([*values[:4321].tolist(), None, *values[4322:].tolist()], pa.list_(pa.float32())),
        "double": lambda: pa.array(list(values.astype(np.float64)), pa.list_(pa.float64(), 8)),
        "flipped": lambda: pa.array([*values[:4321], -values[4321], *values[4322:]], lists),
        "text": lambda: pa.array([key.hex() for key in keys]),
        "short": lambda: pa.array([b"short"] * 5000),
    }
    columns = {name: made[what]() for name, what in change.get("columns", {}).items()}
    other = EmbeddingCache(tmp_path / "other")

    with pytest.raises(CacheError, match=match):
        other.import_(rewritten(path, columns, change.get("manifest")))

    assert not other.path.exists()


def test_files_that_are_no_vector_tables(cache, tmp_path, exported):
    (tmp_path / "text.parquet").write_text("hello")
    pq.write_table(pa.table({"key": [b"x"], "vector": [[1.0]]}), tmp_path / "plain.parquet")
    (tmp_path / "empty").mkdir()

    for name, match in (
        ("text.parquet", "not a readable Parquet file"),
        ("none.parquet", "not a readable Parquet file"),
        ("plain.parquet", "has no manifest"),
        ("empty", "holds no Parquet files"),
    ):
        with pytest.raises(CacheError, match=match):
            cache.import_(tmp_path / name)
    with pytest.raises(CacheError, match="expected 'something-else'"):
        cache.import_(exported[0], model="something-else")


def test_an_import_never_changes_a_vector_that_is_there(exported, space, make, tmp_path):
    path, keys, X = exported
    other = EmbeddingCache(tmp_path / "other")
    other.put(keys[4000:4002], -X[4000:4002], space)

    with pytest.raises(CacheError, match="has other vectors than the cache for 2 keys"):
        other.import_(path)

    assert other.stats()["vectors"].tolist() == [2]
    assert np.array_equal(other.get(keys[4000:4002], space)[1], -X[4000:4002])


def test_a_newer_table_and_a_place_that_cannot_be_written(exported, cache, tmp_path):
    path, _, _ = exported
    table = pq.read_table(path)
    newer = tmp_path / "newer.parquet"
    pq.write_table(
        table.replace_schema_metadata({**table.schema.metadata, b"mmtoolkit-check": b'{"version": 9}'}), newer
    )

    with pytest.raises(CacheError, match="has format 9"):
        cache.import_(newer)
    with pytest.raises(CacheError, match=r"the file .*folder\.parquet' cannot be written: No such"):
        cache.export(tmp_path / "no" / "such" / "folder.parquet")
