"""Parquet files with checksums: the end of the file holds its own digest, and a CRC-32 of every block before it.

Checksums find accidents. They do not prove who wrote a file, because anybody who changes it can write new checksums.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import secrets
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmtoolkit._json import read_json
from mmtoolkit._opening import opened

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["is_sealed", "open_sealed", "write_sealed"]

# in the file's metadata: rows, end and crc32 of every block, and SHA-256 of what follows the blocks
_SEAL = b"checksums"
_HOLE = b"0" * 64  # stands for the digest while it is computed
_START = 4  # bytes before the first block
_EXPANSION, _SMALL = 64, 64 * 1024**2  # what our files are compressed to at most; nobody minds less


def write_sealed(
    part: Path,
    schema: pa.Schema,
    tables: Iterable[pa.Table],
    *,
    last: Callable[[], Mapping[bytes, str]] = dict,
    **options: Any,
) -> None:
    """Write a Parquet file with a block per table.

    Parameters
    ----------
    part : Path
        From `replaced`.
    schema : pyarrow.Schema
        Of all tables, with the metadata of the file.
    tables : iterable of pyarrow.Table
        Each at most a million rows.
    last : callable
        Called at the end; returns further metadata.
    **options : object
        Of ``pyarrow.parquet.ParquetWriter``.
    """
    import pyarrow.parquet as pq

    blocks: list[tuple[int, int, int]] = []
    end, place = _START, secrets.token_hex(32)  # nothing else in the file has these letters
    with (  # an open file, because Arrow takes no name that is not valid Unicode
        part.open("wb") as sink,
        part.open("rb") as written,
        pq.ParquetWriter(sink, schema, **options) as writer,
    ):
        for table in tables:
            writer.write_table(table)
            sink.flush()
            written.seek(end)
            block = written.read()
            end += len(block)
            blocks.append((len(table), end, zlib.crc32(block)))
        writer.add_key_value_metadata({**last(), _SEAL: json.dumps({"blocks": blocks, "sha256": place})})
    with part.open("r+b") as file:
        file.seek(end)
        tail = file.read()
        at = tail.index(place.encode())
        file.seek(end + at)
        file.write(_digest(tail, at).encode())


def is_sealed(metadata: Mapping[bytes, bytes]) -> bool:
    """Return whether a file with this metadata has checksums."""
    return _SEAL in metadata


def open_sealed(path: str | Path, *, blocks: bool = True) -> pq.ParquetFile:
    """Check a Parquet file and open it; a file without checksums is opened unchecked.

    Parameters
    ----------
    path : path
        The file.
    blocks : bool, default=True
        False checks only the end of the file, for one who reads nothing but metadata.

    Returns
    -------
    pyarrow.parquet.ParquetFile
        To be closed.

    Raises
    ------
    ValueError
        If it is no Parquet file, is damaged, or says that it is much larger than it can be; the message names the part.
    OSError
        If there is no file or it may not be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    raw, status = opened(path)  # whoever may not read it hears the system's own words
    with raw:
        content = pa.py_buffer(mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) if status.st_size else b"")
    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        metadata = file.metadata.metadata or {}
    except Exception as error:  # whatever a decoder raises: the file cannot be read
        msg = f"not a readable Parquet file: {error}"
        raise ValueError(msg) from error
    if _SEAL in metadata:
        _check(memoryview(content), metadata[_SEAL], blocks=blocks)
    groups = (file.metadata.row_group(i) for i in range(file.metadata.num_row_groups))
    told = sum(group.total_byte_size for group in groups)
    if told > _EXPANSION * content.size + _SMALL:
        msg = f"not a sound Parquet file: it says that its {content.size:,} bytes become {told:,}"
        raise ValueError(msg)
    return file


def _digest(tail: bytes, at: int) -> str:
    """Return SHA-256 of the end of a file, which holds its own digest at `at`."""
    return hashlib.sha256(tail[:at] + _HOLE + tail[at + len(_HOLE) :]).hexdigest()


def _check(content: memoryview, seal: bytes, *, blocks: bool) -> None:
    """Compare the checksums: first that of the end of the file, which holds those of the blocks."""
    try:
        said = read_json(seal)
        parts, digest = [tuple(map(int, block)) for block in said["blocks"]], str(said["sha256"])
        end = parts[-1][1] if parts else _START
        tail = bytes(content[end:])
        sound = _digest(tail, tail.index(digest.encode())) == digest
    except (ValueError, TypeError, KeyError, IndexError):
        sound = False
    if not sound:
        msg = "is damaged: its end, with what the file says of itself, was changed after it was written"
        raise ValueError(msg)
    row, start = 0, _START
    for n, end, crc in parts if blocks else ():
        if zlib.crc32(content[start:end]) != crc:
            msg = f"is damaged: rows {row:,} to {row + n - 1:,} were changed after they were written"
            raise ValueError(msg)
        row, start = row + n, end
