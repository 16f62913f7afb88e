"""The statistics of a cache, and ways to make it smaller."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import itertools
import math
import os
import re
import sqlite3
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._files import ENDING
from mmtoolkit._text import shorten
from mmtoolkit.cache.reading import intact
from mmtoolkit.cache.records import created_of, pack, spaces_of
from mmtoolkit.cache.segment import Segment, SegmentNote, is_stem, new_stem

if TYPE_CHECKING:
    import pandas as pd

    from mmtoolkit.cache.index import Index

__all__ = ["compact", "parse_age", "parse_size", "prune", "shrink", "stats"]

_BLOCK_BYTES = 16 * 1024 * 1024
_INDEX_BYTES = 120  # of a row, besides its vector: record and index entry
_POWERS = ("", "k", "m", "g", "t")
_UNITS = {
    f"{letter}{ending}": (1024 if ending.startswith("i") else 1000) ** power
    for power, letter in enumerate(_POWERS)
    for ending in ("", "b", *(("i", "ib") if letter else ()))
}
_AGES = {"": 86400, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_SPACE = ["model", "revision", "dimension", "params"]
_REST = ["vectors", "size_bytes", "oldest", "newest"]


def stats(index: Index) -> pd.DataFrame:
    """See `EmbeddingCache.stats`."""
    import pandas as pd

    rows = []
    with index.reading() as catalog:
        for segment in catalog.segments():
            model, dimension, spaces = segment.note
            records = segment.log.records[segment.log.latest()]
            for number, (revision, params) in spaces.items():
                created = created_of(records[spaces_of(records) == number])
                if len(created):
                    rows.append((model, revision, dimension, params, len(created), created.min(), created.max()))
    parts = pd.DataFrame(rows, columns=[*_SPACE, "vectors", "oldest", "newest"])
    frame = parts.groupby(["model", "dimension", "revision", "params"], as_index=False).agg(
        {"vectors": "sum", "oldest": "min", "newest": "max"}
    )
    times = {name: pd.to_datetime(frame[name].astype("int64"), unit="s", utc=True) for name in ("oldest", "newest")}
    return frame.assign(size_bytes=frame["vectors"] * frame["dimension"] * 4, **times)[[*_SPACE, *_REST]]


def parse_age(value: str | float | dt.timedelta) -> float:
    """Turn an age into seconds: a timedelta, days, or text such as ``"30d"``, ``"12h"``."""
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    return _measured(
        value, _AGES, "older_than must look like '30d' or '12h' (s, m, h, d, w), or be a number of days >= 0"
    )


def parse_size(value: str | int) -> int:
    """Turn a size into bytes: a number, or text such as ``"2 GB"``, ``"500MiB"``."""
    return int(_measured(value, _UNITS, "max_size must be bytes >= 0 or look like '500 MB' or '2GiB'"))


def _measured(value: str | float, units: Mapping[str, float], expected: str) -> float:
    text = str(value) if isinstance(value, str | int) else f"{value:f}"
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text.lower())
    found = float(match[1]) * units[match[2]] if match and match[2] in units else math.inf
    if math.isinf(found):
        msg = f"{expected}; got {shorten(repr(value))}"
        raise ValueError(msg)
    return found


def prune(
    index: Index,
    *,
    model: str | None,
    revision: str | None,
    older_than: str | float | dt.timedelta | None,
    max_size: str | int | None,
) -> int:
    """See `EmbeddingCache.prune`."""
    if model is None and revision is None and older_than is None and max_size is None:
        msg = "prune needs at least one of model=, revision=, older_than= and max_size="
        raise ValueError(msg)
    before = np.inf if older_than is None else time.time() - parse_age(older_than)
    limit = -1 if max_size is None else parse_size(max_size)
    with index.alone() as segments:
        kept: list[tuple[Segment, NDArray[np.bool_]]] = []
        fits: list[tuple[NDArray[Any], ...]] = [(np.zeros(0, dtype=np.int64),) * 4]
        for segment in segments:
            created = created_of(segment.log.records)
            latest = segment.log.latest()
            kept.append((segment, latest))
            fit = latest & (created < before) & (model in (None, segment.note.model))
            if revision is not None:
                numbers = [number for number, (one, _) in segment.note.spaces.items() if one == revision]
                fit &= np.isin(spaces_of(segment.log.records), numbers)
            rows = np.flatnonzero(fit)
            fits.append((created[rows], np.full(len(rows), len(kept)), rows, np.full(len(rows), segment.row_bytes)))
        created, number, rows, cost = (np.concatenate(column) for column in zip(*fits, strict=True))
        newest = np.lexsort((-rows, number, -created.astype(np.int64)))
        doomed = newest[np.cumsum(cost[newest] + _INDEX_BYTES) > limit]
        for i, (_, mask) in enumerate(kept, 1):
            mask[rows[doomed[number[doomed] == i]]] = False
        shrink(index, kept)
    return len(doomed)


def compact(index: Index) -> int:
    """See `EmbeddingCache.compact`."""
    size = _size(index.home)
    with index.alone() as segments:
        shrink(index, [(segment, segment.log.latest()) for segment in segments])
    return size - _size(index.home)


def _size(folder: Path) -> int:
    found = [path.stat() for path in folder.glob("*")]
    return sum(min(s.st_size, getattr(s, "st_blocks", s.st_size) * 512) for s in found)


def shrink(index: Index, kept: list[tuple[Segment, NDArray[np.bool_]]]) -> None:
    """Rewrite segments that hold other rows than those to keep, and delete unused files; inside `alone`.

    New records are written when all vectors are, old ones go afterwards: a process that dies in between leaves both, and
    rows that are there twice.
    """
    groups: dict[tuple[str, int], list[tuple[Segment, NDArray[np.bool_]]]] = {}
    for segment, mask in kept:
        spaces = set(spaces_of(segment.log.records[segment.log.alive]).tolist())
        if spaces <= segment.note.spaces.keys():  # else its note is an older one, and nobody may touch the rows
            groups.setdefault(segment.note[:2], []).append((segment, mask))
    changed = [group for group in groups.values() if len(group) > 1 or not group[0][1].all() or not len(group[0][1])]
    _remove_strangers(index)
    new: list[tuple[Segment, NDArray[np.uint64]]] = []
    full = False
    try:
        for group in changed:
            new += _copied(group)
        for segment, records in new:
            segment.replace_records(records)
    except BaseException as error:  # Ctrl-C too: half a copy must not stay
        for segment, _ in new:
            segment.remove()
        full = getattr(error, "errno", None) == errno.ENOSPC
        if not full:
            raise
    if full:  # and all that was copied is forgotten
        _make_room(index, changed)
    gone = [segment for group in changed for segment, _ in group if not full]
    try:
        if changed:
            index.rebuild("is repaired", gone)
    except (
        OSError,
        sqlite3.OperationalError,
    ):  # no room even for the index: what stays is on disk, the rest may go first
        for segment in gone:
            segment.remove()
        index.rebuild("is repaired")


def _remove_strangers(index: Index) -> None:
    """Delete files that dead processes left: parts of files, and vectors or notes without records."""
    stems = index.stems()
    for path in index.home.glob("*"):
        if path.suffix == ENDING or (
            path.suffix in (".f32", ".json") and is_stem(path.stem) and path.stem not in stems
        ):
            with contextlib.suppress(PermissionError):  # on Windows, while somebody still has it open
                path.unlink()


def _copied(group: list[tuple[Segment, NDArray[np.bool_]]]) -> list[tuple[Segment, NDArray[np.uint64]]]:
    """Copy the vectors to keep, without damaged ones, to one new segment, and return it with its records; [] where none is left."""
    model, dimension, _ = group[0][0].note
    new = Segment(group[0][0].folder, new_stem(model, dimension), SegmentNote(model, dimension, {}))
    numbers: dict[tuple[str, str], int] = {}
    parts: list[NDArray[np.uint64]] = []
    at, step = 0, max(_BLOCK_BYTES // new.row_bytes, 1)
    try:
        for segment, mask in group:
            records, (view, _), rows = segment.log.records, segment.map(), np.flatnonzero(mask)
            rows = rows[intact(records, view, rows)]
            for start in range(0, len(rows), step):
                block = rows[start : start + step]
                new.write(at, view[block])
                at += len(block)
            some = records[rows]
            names, where = np.unique(spaces_of(some), return_inverse=True)
            spaces = [numbers.setdefault(segment.note.spaces[n], len(numbers) + 1) for n in names.tolist()]
            parts.append(pack(some[:, :4], np.array(spaces, dtype=np.uint64)[where], created_of(some), some[:, 5]))
        if at == 0:
            return []
        new.note = new.note._replace(spaces={number: names for names, number in numbers.items()})
        new.describe()
    except BaseException:  # the same
        new.remove()
        raise
    return [(new, np.concatenate(parts))]


def _make_room(index: Index, changed: list[list[tuple[Segment, NDArray[np.bool_]]]]) -> None:
    """Free room on a full disk, where nothing can be copied; the index is deleted first, because it can be made anew."""
    index.path.unlink(missing_ok=True)
    for segment, mask in itertools.chain(*changed):
        if not mask.any():
            segment.remove()
        elif not mask.all():
            records = segment.log.records.copy()
            records[~mask] = 0
            segment.add(0, records)  # in place: a new file would need room
            if not segment.punch(np.flatnonzero(~mask)):
                msg = (
                    f"the disk is full and {os.fspath(segment.vectors)!r} is in use, so its room is not free yet: let go of "
                    "arrays that come from the cache (restart notebooks), free some space, and run `mmtoolkit cache compact`"
                )
                warnings.warn(msg, stacklevel=4)
