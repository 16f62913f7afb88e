"""Saved vectors: one Parquet file with vectors, keys, ids and the columns of the items frame; no pickle."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from mmtoolkit._files import replaced
from mmtoolkit._json import read_json
from mmtoolkit._rows import absolute, is_local, is_missing
from mmtoolkit._sealed import is_sealed, open_sealed, write_sealed
from mmtoolkit.embedding.columns import from_json, read_column, to_json, write_column
from mmtoolkit.errors import VerifyError
from mmtoolkit.frames import COLUMNS
from mmtoolkit.space import Space

if TYPE_CHECKING:
    import pyarrow.parquet as pq

__all__ = ["changed_paths", "read", "write"]

_FORMAT = "mmtoolkit-embeddings"
_VERSION = 3  # since 2 paths are relative to the file, since 3 it has checksums and columns may have marks
_SEALED = 3
_BLOCK = 16_384  # rows under one checksum
_EXPANSION, _SMALL = 1000, 256 * 1024**2  # equal vectors are stored once; nobody minds less
_MEDIA = ("image", "video")
_INDEX = "mmtoolkit_index"  # old row numbers, by which classes are aligned


def write(
    path: str | os.PathLike[str],
    items: pd.DataFrame,
    vectors: NDArray[np.float32],
    keys: NDArray[np.str_],
    space: Space,
    names: tuple[str, ...] = (),
    index: pd.Index | None = None,
) -> None:
    """Write a file, whole or not at all.

    Parameters
    ----------
    path : path
        Replaced if it exists.
    items : DataFrame
        Pictures and videos in memory are left out, and so is a column that cannot be kept: a warning names them.
    vectors : ndarray of shape (n_items, n_features), float32
        Rows.
    keys : ndarray of shape (n_items,), str
        Content keys.
    space : Space
        Of the vectors.
    names : tuple of str
        Of their columns, where they came in a frame.
    index : Index or None, default=None
        Labels of the rows in the frame that they came in. Only numbers are kept: texts are the ids, and without either
        the labels are 0..n-1.
    """
    folder, root = os.path.dirname(os.path.realpath(path)), str(items.attrs.get("root") or "")
    seen = None if not root else _seen_from(folder, root)
    if seen is not None:
        items = items.assign(**changed_paths(items, lambda cell: _seen(folder, root, cell)))
    columns, marks = _written(items)
    table = pa.table(columns)
    flat = pa.array(np.ascontiguousarray(vectors).ravel())
    table = table.append_column("vector", pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]))
    table = table.append_column("content_key", pa.array(keys.tolist()))
    if index is not None and pd.api.types.is_integer_dtype(index) and not index.equals(pd.RangeIndex(len(index))):
        table = table.append_column(_INDEX, pa.array(index.to_numpy()))
    paths = {"root": root} if seen is None else {"root": seen, "relative": True}
    head = {"format": _FORMAT, "version": _VERSION, **space.to_dict(), **paths, "columns": marks}
    head |= {"feature_names": list(names)} if names else {}
    table = table.replace_schema_metadata({_FORMAT: json.dumps(head)})
    blocks = (table.slice(start, _BLOCK) for start in range(0, len(table), _BLOCK))
    with replaced(path) as part:
        write_sealed(part, table.schema, blocks)


def changed_paths(items: pd.DataFrame, change: Callable[[Any], Any]) -> dict[str, pd.Series]:
    """Return the columns of pictures and videos after a change of every cell."""
    names = [name for name in _MEDIA if name in items.columns]
    return {name: pd.Series(list(map(change, items[name])), dtype=object, index=items.index) for name in names}


def _seen_from(folder: str, path: str) -> str | None:
    """Return a path as it is seen from a folder, None from another drive."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return None


def _seen(folder: str, root: str, cell: Any) -> Any:
    """Return the cell of a picture or video, if it is a path, as it is seen from a folder."""
    if not is_local(cell):
        return cell
    parent, name = os.path.split(absolute(cell, Path(root)))
    path = os.path.join(os.path.realpath(parent), name)
    return _seen_from(folder, path) or path


def _written(items: pd.DataFrame) -> tuple[dict[str, list[Any]], dict[str, dict[str, Any]]]:
    """Return the columns as Parquet can hold them and the marks of those that need one; names what is not kept."""
    columns: dict[str, list[Any]] = {}
    marks: dict[str, dict[str, Any]] = {}
    taken = sorted({"vector", "content_key", _INDEX} & set(map(str, items.columns)))
    if taken:
        msg = f"the items have a column {taken[0]!r}, which is the file's own; rename it before saving"
        raise ValueError(msg)
    lost = []
    for name in items.columns:
        field, column = str(name), items[name]
        if field in columns:
            msg = f"two columns of the items are both written {field!r}; rename one of them before saving"
            raise ValueError(msg)
        if field in _MEDIA and (n := int(column.map(_in_memory).sum())):
            lost.append(f"{n} of {field!r} (pictures and videos in memory; save them as files, and embed their paths)")
            column = column.where(~column.map(_in_memory).astype(bool), None)
        if field in _MEDIA:
            cells = [os.fspath(cell) if isinstance(cell, os.PathLike) else cell for cell in column]
            column = pd.Series(cells, dtype=object, index=column.index)
        if field in COLUMNS:
            column = column.astype(object)  # as in every items frame
        try:
            mark: dict[str, Any] = {} if isinstance(name, str) else {"name": to_json(name)}
            columns[field], how = write_column(column)
        except (TypeError, ValueError, RecursionError) as error:
            lost.append(f"all of {field!r} ({str(error) or type(error).__name__})")
            continue
        marks.update({field: mark | how} if mark or how else {})
    if lost:
        msg = f"cells of the items were not saved: {'; '.join(lost)}. The vectors and all others were"
        warnings.warn(msg, stacklevel=4)
    return columns, marks


def _in_memory(cell: Any) -> bool:
    """Return whether a cell holds a picture or video itself, not a path or an address."""
    return not (is_missing(cell) or isinstance(cell, str | os.PathLike))


def read(
    path: str | os.PathLike[str],
) -> tuple[pd.DataFrame, NDArray[np.float32], NDArray[np.str_], Space, tuple[str, ...], pd.Index | None]:
    """Read what `write` wrote.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    items, vectors, keys : DataFrame, ndarray, ndarray
        As they were handed to `write`.
    space : Space
        What the manifest says.
    names : tuple of str
        Of the columns of the vectors.
    index : Index or None
        Old row numbers; None where they are 0..n-1, texts, or were not kept.

    Raises
    ------
    VerifyError
        If the file is no such file, is damaged, or of a newer version.
    """
    advice = "take the file that was saved, or save the vectors again"
    try:
        file = open_sealed(os.fspath(path))
    except (ValueError, OSError) as error:
        msg = f"{os.fspath(path)!r} is {str(error).removeprefix('is ')}; {advice}"
        if isinstance(error, OSError):
            msg = f"{os.fspath(path)!r} is not a readable Parquet file: {error.strerror}"
        raise VerifyError(msg) from error
    raw = (file.metadata.metadata or {}).get(_FORMAT.encode())
    if raw is None:
        msg = f"{os.fspath(path)!r} was not written by Embeddings.save; for your own vectors use mm.Embeddings(X, ids=...)"
        raise VerifyError(msg)
    try:
        return _taken_apart(file, read_json(raw), path)
    except VerifyError:
        raise
    except Exception as error:  # an older file has no checksums, so that its damage may raise anything in a decoder
        said = f"{error} is missing" if isinstance(error, KeyError) else error
        msg = f"{os.fspath(path)!r} is damaged: {said}; {advice}"
        raise VerifyError(msg) from error


def _taken_apart(
    file: pq.ParquetFile, manifest: dict[str, Any], path: str | os.PathLike[str]
) -> tuple[pd.DataFrame, NDArray[np.float32], NDArray[np.str_], Space, tuple[str, ...], pd.Index | None]:
    """Return what a file holds; whatever does not fit together raises."""
    import pyarrow.compute as pc

    if manifest["version"] > _VERSION:
        msg = f"{os.fspath(path)!r} was written by a newer version of mmtoolkit (format {manifest['version']}); upgrade to read it"
        raise VerifyError(msg)
    if manifest["version"] >= _SEALED and not is_sealed(file.metadata.metadata):
        msg = "it has no checksums, so another program wrote it again"
        raise ValueError(msg)
    space = Space.from_dict(manifest)
    n, size = file.metadata.num_rows, os.path.getsize(path)
    if n * space.dimension * 4 > _EXPANSION * size + _SMALL:
        msg = f"its {size:,} bytes cannot hold {n:,} rows of {space.dimension:,} numbers"
        raise ValueError(msg)
    table = file.read()
    rows = table["vector"].combine_chunks()
    widths = set(pc.list_value_length(rows).unique().to_pylist())
    if widths - {space.dimension}:
        msg = f"vectors have {sorted(map(str, widths))[0]} numbers, the manifest says {space.dimension}"
        raise ValueError(msg)
    flat = rows.flatten().to_numpy(zero_copy_only=False)
    index = pd.Index(table[_INDEX].to_numpy()) if _INDEX in table.column_names else None
    own = ["vector", "content_key", *([] if index is None else [_INDEX])]
    frame = table.drop_columns(own).to_pandas(integer_object_nulls=True)
    frame = frame.astype(object).where(frame.notna(), None)
    names = {}
    for field, mark in manifest.get("columns", {}).items():
        frame[field] = read_column(table[field].to_pylist(), mark)
        names.update({field: from_json(mark["name"])} if "name" in mark else {})
    frame = frame.rename(columns=names)
    frame.attrs["root"] = manifest["root"]
    if manifest.get("relative"):
        home = Path(os.path.realpath(path)).parent
        frame.attrs["root"] = absolute(manifest["root"], home)
        frame = frame.assign(**changed_paths(frame, lambda cell: absolute(cell, home)))
    keys = np.array(table["content_key"].to_pylist(), dtype="U64")
    features = tuple(map(str, manifest.get("feature_names", ())))
    return frame, flat.reshape(len(frame), space.dimension), keys, space, features, index
