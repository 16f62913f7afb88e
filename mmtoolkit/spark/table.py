"""The vector table: a folder of Parquet files that every worker writes to as vectors arrive."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.cache.table import MANIFEST, manifest_of
from mmtoolkit.errors import SpaceError
from mmtoolkit.space import Space
from mmtoolkit.spark.frames import from_array

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray
    from pyarrow.fs import FileSystem

__all__ = ["PartWriter", "VectorTable"]


class VectorTable:
    """A folder of Parquet files with columns key (binary) and vector (list<float>).

    Parameters
    ----------
    uri : str
        A path or URI that every machine sees.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def _open(self) -> tuple[FileSystem, str]:
        import os

        from pyarrow import fs

        if "://" in self.uri:
            found: tuple[FileSystem, str] = fs.FileSystem.from_uri(self.uri)
            return found
        return fs.LocalFileSystem(), os.path.abspath(self.uri)

    def files(self, prefix: str = "") -> list[str]:
        """Return the finished files whose name starts with `prefix`, sorted."""
        from pyarrow import fs

        system, root = self._open()
        found = system.get_file_info(fs.FileSelector(root, allow_not_found=True))
        names = [f.path for f in found if f.type == fs.FileType.File and f.base_name.endswith(".parquet")]
        return sorted(
            p
            for p in names
            if p.rsplit("/", 1)[-1].startswith(prefix) and not p.rsplit("/", 1)[-1].startswith((".", "_"))
        )

    @property
    def system(self) -> FileSystem:
        """Where the files lie."""
        return self._open()[0]

    def read(self, path: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Return one file's rows."""
        import pyarrow.parquet as pq

        return pq.read_table(path, columns=columns, filesystem=self.system)

    def check(self, space: Space) -> None:
        """Raise unless the table is empty or holds vectors of `space`.

        Raises
        ------
        SpaceError
            If it holds another space's, or files that are no vectors of ours.
        """
        import pyarrow.parquet as pq

        for path in self.files()[:1]:
            metadata = pq.read_schema(path, filesystem=self.system).metadata or {}
            if MANIFEST not in metadata:
                msg = f"{self.uri!r} holds Parquet files that are no vector table; name an empty or new folder"
                raise SpaceError(msg)
            held = Space.from_dict(json.loads(metadata[MANIFEST]))
            held.refuse(space, f"the vectors in {self.uri!r} and those that this run makes", "name another folder")

    def write(self, name: str, keys: Sequence[bytes], X: NDArray[np.float32], space: Space) -> str:
        """Write one file, whole or not at all, and return its path."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        system, root = self._open()
        system.create_dir(root, recursive=True)
        table = pa.table({"key": pa.array(list(keys), pa.binary()), "vector": from_array(X)})
        table = table.replace_schema_metadata({MANIFEST: manifest_of(space).encode()})
        part, final = f"{root}/.{name}-{uuid.uuid4().hex}", f"{root}/{name}.parquet"
        with system.open_output_stream(part) as stream:
            pq.write_table(table, stream)
        system.move(part, final)
        return final

    def remove(self, paths: Iterable[str]) -> None:
        """Delete files."""
        system = self.system
        for path in paths:
            system.delete_file(path)


class PartWriter:
    """Writes one Spark partition's vectors, a small file a batch, and joins them at the end.

    An attempt that follows a killed one finds what that one had written.

    Parameters
    ----------
    table : VectorTable
        Where to.
    space : Space
        Whose vectors.
    name : str
        Unique to run and partition, the same for every attempt.
    batch : int
        Rows a file.
    """

    def __init__(self, table: VectorTable, space: Space, name: str, batch: int) -> None:
        self._table, self._space, self._name, self._batch = table, space, name, batch
        self._lock = threading.Lock()
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
                self._flush()

    def flush(self) -> None:
        """Write what is pending."""
        with self._lock:
            self._flush()

    def _flush(self) -> None:
        if self._pending:
            keys, vectors = zip(*self._pending, strict=True)
            self._files.append(
                self._table.write(f"{self._name}-{uuid.uuid4().hex[:12]}", keys, np.stack(vectors), self._space)
            )
            self.done.update(keys)
            self._pending = []

    def close(self) -> None:
        """Write what is pending and join the partition's files into one."""
        import pyarrow as pa

        self.flush()
        if len(self._files) > 1:
            whole = pa.concat_tables([self._table.read(path) for path in self._files]).combine_chunks()
            from mmtoolkit.spark.frames import to_array

            keys = whole.column("key").to_pylist()
            first = {key: row for row, key in reversed(list(enumerate(keys)))}
            rows = sorted(first.values())
            X = to_array(whole.column("vector").combine_chunks())
            self._table.write(f"{self._name}-all", [keys[r] for r in rows], X[rows], self._space)
            self._table.remove(self._files)


def rows_of(columns: dict[str, list[Any]]) -> Iterable[dict[str, Any]]:
    """Turn columns into rows."""
    names = list(columns)
    return (dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True))
