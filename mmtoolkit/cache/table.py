"""The vector table: a Parquet file with the columns key and vector, and a manifest that says what they are.

Pure pyarrow; what the cache exports and imports, and what an embedding run on Spark writes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._files import replaced
from mmtoolkit._json import read_json
from mmtoolkit._sealed import open_sealed, write_sealed
from mmtoolkit.cache.records import KEY_BYTES
from mmtoolkit.errors import CacheError
from mmtoolkit.space import Space

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["MANIFEST", "manifest_of", "read_manifest", "read_rows", "table_files", "write_table"]

MANIFEST = b"mmtoolkit-vectors"  # in the schema: model, revision, dimension, params
_CHECK = b"mmtoolkit-check"  # at the end of the file: version, count, fingerprint
_VERSION = 1
_BATCH = 4096
_TYPES = {  # in Arrow's words
    "key": r"(large_|fixed_size_)?binary(\[\d+\])?",
    "vector": r"(large_|fixed_size_)?list<[^:<>]*: float( not null)?>(\[\d+\])?",
}


def manifest_of(space: Space) -> str:
    """Return the manifest of a vector table: the space of its vectors."""
    said = {name: value for name, value in space.to_dict().items() if name != "centers"}
    return json.dumps({**said, "params": space.params_json})


def write_table(path: Path, batches: Iterable[tuple[Sequence[bytes], NDArray[np.float32]]], space: Space) -> int:
    """Write keys and vectors to a Parquet file, whole or not at all.

    Parameters
    ----------
    path : Path
        Replaced in one step if it exists.
    batches : iterable of (keys, X)
        32-byte keys and float32 rows.
    space : Space
        Goes into the manifest; version, count and a fingerprint of all rows in order stand at the file's end.

    Returns
    -------
    int
        Rows written.
    """
    import pyarrow as pa

    columns = [("key", pa.binary(KEY_BYTES)), ("vector", pa.list_(pa.float32(), space.dimension))]
    schema = pa.schema(columns, metadata={MANIFEST: manifest_of(space)})
    count, state = 0, hashlib.sha256()

    def tables() -> Iterator[pa.Table]:
        nonlocal count
        for keys, X in batches:
            flat = np.ascontiguousarray(X, dtype=np.float32).ravel()
            vectors = pa.FixedSizeListArray.from_arrays(pa.array(flat), space.dimension)
            yield pa.table([pa.array(list(keys), pa.binary(KEY_BYTES)), vectors], schema=schema)
            _digest(state, keys, X)
            count += len(keys)

    def check() -> dict[bytes, str]:
        return {_CHECK: json.dumps({"version": _VERSION, "count": count, "fingerprint": state.hexdigest()})}

    with replaced(path) as part:
        write_sealed(part, schema, tables(), last=check, compression="none", use_dictionary=False)
    return count


def table_files(path: Path) -> list[Path]:
    """Return `path`, or the Parquet files of a folder, without hidden and half-written ones."""
    if not path.is_dir():
        return [path]
    files = sorted(p for p in path.iterdir() if p.suffix == ".parquet" and not p.name.startswith((".", "_")))
    if not files:
        msg = f"{os.fspath(path)!r} holds no Parquet files"
        raise CacheError(msg)
    return files


def read_manifest(path: Path) -> tuple[Space, dict[str, Any]]:
    """Return the space of a table's vectors, and its version, count and fingerprint where it has them.

    Raises
    ------
    CacheError
        If the file cannot be read, is no vector table, or is newer than this version.
    """
    name = repr(os.fspath(path))
    metadata = _opened(path, blocks=False).metadata.metadata or {}
    if MANIFEST not in metadata:
        msg = f"{name} has no manifest {MANIFEST.decode()!r}: it was not written by `mmtoolkit cache export`"
        raise CacheError(msg)
    try:
        space, check = Space.from_dict(read_json(metadata[MANIFEST])), read_json(metadata.get(_CHECK, b"{}"))
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{name} has a manifest that cannot be understood: {error!r}"
        raise CacheError(msg) from error
    if check.get("version", _VERSION) > _VERSION:
        msg = f"{name} has format {check['version']}, this version of mmtoolkit reads up to {_VERSION}"
        raise CacheError(msg)
    return space, check


def read_rows(path: Path) -> Iterator[tuple[list[bytes], NDArray[np.float32]]]:
    """Give a table's rows in batches, checked against its manifest.

    Raises
    ------
    CacheError
        If columns, types, widths, values, the count or the fingerprint are not what they should be; the message says
        which row.
    """
    space, check = read_manifest(path)
    name = repr(os.fspath(path))
    count, state = 0, hashlib.sha256()
    file = _opened(path)
    _check_columns(name, file.schema_arrow)
    batches = file.iter_batches(_BATCH, columns=["key", "vector"])
    while (batch := _next(batches, name)) is not None:
        keys, X = _keys(name, batch.column("key"), count), _vectors(name, batch.column("vector"), space, count)
        _digest(state, keys, X)
        count += len(keys)
        yield keys, X
    if check.get("count", count) != count:
        msg = f"{name} holds {count} rows, its manifest says {check['count']}"
        raise CacheError(msg)
    if check.get("fingerprint", state.hexdigest()) != state.hexdigest():
        msg = f"{name} was changed after it was written: its rows do not match the manifest's fingerprint"
        raise CacheError(msg)


def _opened(path: Path, *, blocks: bool = True) -> pq.ParquetFile:
    try:
        return open_sealed(path, blocks=blocks)
    except (ValueError, OSError) as error:
        said = f"not a readable Parquet file: {error}" if isinstance(error, OSError) else str(error).removeprefix("is ")
        msg = f"{os.fspath(path)!r} is {said}; take the file that was exported, or export it again"
        raise CacheError(msg) from error


def _next(batches: Iterator[pa.RecordBatch], name: str) -> pa.RecordBatch | None:
    try:
        return next(batches, None)
    except Exception as error:  # a table without checksums can raise anything in the decoder
        msg = f"{name} is not a readable Parquet file: {error}"
        raise CacheError(msg) from error


def _digest(state: Any, keys: Sequence[bytes], X: NDArray[np.float32]) -> None:
    for key, x in zip(keys, np.ascontiguousarray(X, dtype="<f4"), strict=True):
        state.update(key)
        state.update(x)


def _check_columns(name: str, schema: pa.Schema) -> None:
    for column, expected in (("key", "binary"), ("vector", "list<float>")):
        if schema.names.count(column) != 1:
            msg = f"{name} has columns {schema.names}, expected key and vector"
            raise CacheError(msg)
        kind = schema.field(column).type
        if not re.fullmatch(_TYPES[column], str(kind)):
            msg = f"{name}: column {column!r} has type {kind}, expected {expected}"
            raise CacheError(msg)


def _keys(name: str, column: pa.Array, start: int) -> list[bytes]:
    keys: list[bytes] = column.to_pylist()
    for row, key in enumerate(keys, start):
        if key is None or len(key) != KEY_BYTES:
            got = "nothing" if key is None else f"{len(key)} bytes"
            msg = f"{name}: row {row} has a key of {got}, expected {KEY_BYTES} bytes"
            raise CacheError(msg)
    return keys


def _vectors(name: str, column: pa.Array, space: Space, start: int) -> NDArray[np.float32]:
    import pyarrow.compute as pc

    widths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero(~(widths == space.dimension))
    if len(wrong):
        got = widths[wrong[0]]
        what = "no vector" if got != got else f"a vector of {int(got)} numbers"  # noqa: PLR0124 - NaN test
        msg = f"{name}: row {start + wrong[0]} has {what}, expected {space.dimension} (model {space.model!r})"
        raise CacheError(msg)
    flat = column.flatten().to_numpy(zero_copy_only=False).astype("<f4", copy=False)
    values: NDArray[np.float32] = flat.reshape(len(column), space.dimension)
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1) | ~values.any(axis=1))
    if len(bad):
        msg = f"{name}: row {start + bad[0]} is zero or holds values that are not finite numbers"
        raise CacheError(msg)
    return values
