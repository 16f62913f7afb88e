"""Parquet files with checksums: saved vectors, exports, and the long lists of reports."""

from __future__ import annotations

import hashlib
import json
import os
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mmtoolkit as mm
from mmtoolkit.cache import EmbeddingCache, Space
from mmtoolkit.cli import main
from mmtoolkit.errors import MMToolkitError, VerifyError


@pytest.fixture
def vectors(rng, tmp_path):
    """Saved vectors with a caption and a class."""
    items = {"id": [f"i{i}" for i in range(40)], "text": [f"text {i % 7}" for i in range(40)], "label": list("ab") * 20}
    path = tmp_path / "x.parquet"
    emb = mm.Embeddings(rng.standard_normal((40, 5)), items=mm.items(pa.table(items).to_pandas()), model="mine")
    emb.save(path)
    return path


def told(path):
    emb = mm.Embeddings.load(path)
    return emb.fingerprint, emb.items.to_json(), emb.content_keys.tolist(), emb.model, emb.revision, dict(emb.params)


def flipped(content, bit):
    damaged = bytearray(content)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def test_no_flipped_bit_gives_other_vectors_or_items(vectors, rng):
    content, sound = vectors.read_bytes(), told(vectors)
    refused = 0
    for bit in rng.integers(8 * len(content), size=150).tolist():
        vectors.write_bytes(flipped(content, bit))
        try:
            assert told(vectors) == sound
        except MMToolkitError:
            refused += 1
    assert refused > 100


def test_the_damaged_part_is_named(vectors):
    content = vectors.read_bytes()
    at = content.index(mm.Embeddings.load(vectors).vectors[3].tobytes())

    vectors.write_bytes(flipped(content, 8 * at))
    with pytest.raises(
        VerifyError, match=r"x.parquet' is damaged: rows 0 to 39 were changed .*; take the file that was"
    ):
        mm.Embeddings.load(vectors)
    vectors.write_bytes(flipped(content, 8 * content.index(b'"version": ')))
    with pytest.raises(VerifyError, match="is damaged: its end, with what the file says of itself, was changed"):
        mm.Embeddings.load(vectors)
    for cut in (0, 3, 500, len(content) - 1):
        vectors.write_bytes(content[:cut])
        with pytest.raises(VerifyError, match="is not a readable Parquet file"):
            mm.Embeddings.load(vectors)


def test_the_damaged_block_of_many_is_named(rng, tmp_path):
    path = tmp_path / "x.parquet"
    X = rng.standard_normal((40_000, 2)).astype(np.float32)
    mm.Embeddings(X).save(path)
    content = path.read_bytes()

    path.write_bytes(flipped(content, 8 * content.index(X[20_000].tobytes())))

    with pytest.raises(VerifyError, match="rows 16,384 to 32,767 were changed"):
        mm.Embeddings.load(path)


def test_a_file_that_another_program_shortened_is_refused(vectors):
    table = pq.read_table(vectors)

    pq.write_table(table.slice(0, 5), vectors)

    with pytest.raises(VerifyError, match="is damaged: it has no checksums, so another program wrote it again"):
        mm.Embeddings.load(vectors)


def test_a_file_that_says_it_is_much_larger_is_refused(tmp_path):
    head = {
        "format": "mmtoolkit-embeddings",
        "version": 2,
        "model": "",
        "revision": "",
        "dimension": 4096,
        "params": {},
        "root": "",
    }
    values = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(4096 * 20_000, dtype=np.float32)), 4096)
    table = pa.table({"vector": values}).replace_schema_metadata({"mmtoolkit-embeddings": json.dumps(head)})
    pq.write_table(table, tmp_path / "x.parquet")

    with pytest.raises(VerifyError, match=r"cannot hold 20,000 rows of 4,096 numbers"):
        mm.Embeddings.load(tmp_path / "x.parquet")


def test_the_end_of_a_file_is_the_same_whenever_it_is_written(vectors, tmp_path):
    emb = mm.Embeddings.load(vectors)

    emb.save(tmp_path / "y.parquet")
    first = (tmp_path / "y.parquet").read_bytes()
    emb.save(tmp_path / "y.parquet")

    assert (tmp_path / "y.parquet").read_bytes() == first


def test_no_flipped_bit_of_an_export_is_imported(rng, tmp_path):
    X, space = rng.standard_normal((30, 4)).astype(np.float32), Space("m", "r", 4, {"a": 1})
    keys = [hashlib.sha256(b"%d" % i).digest() for i in range(30)]
    store, path = EmbeddingCache(tmp_path / "store"), tmp_path / "x.parquet"
    store.put(keys, X, space)
    store.export(path)
    content = path.read_bytes()
    other = EmbeddingCache(tmp_path / "other")

    for bit in [*rng.integers(8 * len(content), size=60).tolist(), 8 * content.index(b'"model": "m"') + 81]:
        path.write_bytes(flipped(content, bit))
        try:
            other.import_(path)
        except MMToolkitError:
            continue

    assert set(other.stats()["model"]) <= {"m"}
    found, there = other.get(keys, space)
    np.testing.assert_array_equal(there[found], X[found])


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names of files are Unicode here")
def test_vectors_and_tables_lie_in_folders_of_any_name(tmp_path, capsys):
    folder = os.path.join(str(tmp_path), os.fsdecode("红色".encode("gbk")))
    os.mkdir(folder)
    emb = mm.Embeddings(np.eye(3), items=mm.items({"text": ["a", "b", "c"]}))

    emb.save(os.path.join(folder, "v.parquet"))
    emb.save(os.path.join(folder, "v.parquet"))  # in place of what is there

    assert np.array_equal(mm.Embeddings.load(os.path.join(folder, "v.parquet")).vectors, emb.vectors)
    assert mm.items(os.path.join(folder, "v.parquet"))["text"].tolist() == ["a", "b", "c"]
    assert main(["cluster", os.path.join(folder, "v.parquet"), "--n-clusters", "2"]) == 0
    assert "2 clusters of 3 items" in capsys.readouterr().out
