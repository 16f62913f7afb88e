"""The vector table: a folder of Parquet files that every worker writes to as vectors arrive."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._json import read_json
from mmtoolkit.cache.table import MANIFEST, manifest_of
from mmtoolkit.errors import SpaceError
from mmtoolkit.space import Space
from mmtoolkit.spark.frames import from_array, to_array

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["PartWriter", "VectorTable"]


class VectorTable:
    """A folder of Parquet files with columns key (binary) and vector (list<float>).

    Parameters
    ----------
    uri : str
        A path or URI that every machine sees.

    Examples
    --------
    >>> VectorTable("no/such/folder").files()
    []
    """

    def __init__(self, uri: str) -> None:
        from pyarrow import fs

        self.uri = uri if "://" in uri else os.path.abspath(uri)
        local = fs.LocalFileSystem(), self.uri
        found: tuple[fs.FileSystem, str] = fs.FileSystem.from_uri(uri) if "://" in uri else local
        self._system, self._root = found

    def files(self, prefix: str = "") -> list[str]:
        """Return the finished files whose name starts with `prefix`, sorted."""
        from pyarrow import fs

        found = self._system.get_file_info(fs.FileSelector(self._root, allow_not_found=True))
        return sorted(
            f.path
            for f in found
            if f.type == fs.FileType.File
            and f.base_name.startswith(prefix)
            and f.base_name.endswith(".parquet")
            and not f.base_name.startswith((".", "_"))
        )

    def read(self, path: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Return one file's rows."""
        import pyarrow.parquet as pq

        return pq.read_table(path, columns=columns, filesystem=self._system)

    def check(self, space: Space) -> None:
        """Raise unless the table is empty or holds vectors of `space`.

        Raises
        ------
        SpaceError
            If it holds another space's, or files that are no vectors of ours.
        """
        import pyarrow.parquet as pq

        for path in self.files()[:1]:
            metadata = pq.read_schema(path, filesystem=self._system).metadata or {}
            if MANIFEST not in metadata:
                msg = f"{self.uri!r} holds Parquet files that are no vector table; name an empty or new folder"
                raise SpaceError(msg)
            held = Space.from_dict(read_json(metadata[MANIFEST]))
            held.refuse(space, f"the vectors in {self.uri!r} and those that this run makes", "name another folder")

    def write(self, name: str, keys: Sequence[bytes], X: NDArray[np.float32], space: Space) -> str:
        """Write one file, whole or not at all, and return its path."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._system.create_dir(self._root, recursive=True)
        table = pa.table({"key": pa.array(list(keys), pa.binary()), "vector": from_array(X)})
        table = table.replace_schema_metadata({MANIFEST: manifest_of(space).encode()})
        part, final = f"{self._root}/.{name}-{uuid.uuid4().hex}", f"{self._root}/{name}.parquet"
        with self._system.open_output_stream(part) as stream:
            pq.write_table(table, stream)
        self._system.move(part, final)
        return final

    def remove(self, paths: Iterable[str]) -> None:
        """Delete files."""
        for path in paths:
            self._system.delete_file(path)


class PartWriter:
    """Writes one Spark partition's vectors, a small file a batch, and joins them at the end.

    An attempt that follows a killed one finds what that one had written.

    Parameters
    ----------
    table : VectorTable
        Where to.
    space : Space
        Space of the vectors.
    name : str
        Unique to run and partition, the same for every attempt.
    batch : int
        Rows a file.
    """

    def __init__(self, table: VectorTable, space: Space, name: str, batch: int) -> None:
        self._table, self._space, self._name, self._batch = table, space, name, batch
        self._lock = threading.RLock()
        self._pending: list[tuple[bytes, NDArray[np.float32]]] = []
        self._files = table.files(name)
        self.done: set[bytes] = {
            key for path in self._files for key in table.read(path, ["key"]).column("key").to_pylist()
        }

    def add(self, rows: Iterable[tuple[bytes, NDArray[np.float32]]]) -> None:
        """Take vectors, from any thread; a full batch goes to disk at once."""
        with self._lock:
            self._pending += rows
            if len(self._pending) >= self._batch:
                self.flush()

    def flush(self) -> None:
        """Write the pending vectors."""
        with self._lock:
            if self._pending:
                keys, vectors = zip(*self._pending, strict=True)
                name = f"{self._name}-{uuid.uuid4().hex[:12]}"
                self._files.append(self._table.write(name, keys, np.stack(vectors), self._space))
                self.done.update(keys)
                self._pending = []

    def close(self) -> None:
        """Write the pending vectors and join the partition's files into one."""
        import pyarrow as pa

        self.flush()
        if len(self._files) > 1:
            whole = pa.concat_tables([self._table.read(path) for path in self._files]).combine_chunks()
            first = {key: row for row, key in reversed(list(enumerate(whole.column("key").to_pylist())))}
            rows = dict(sorted(first.items(), key=lambda held: held[1]))
            X = to_array(whole.column("vector").combine_chunks())
            self._table.write(f"{self._name}-all", list(rows), X[list(rows.values())], self._space)
            self._table.remove(self._files)
