"""What a person said about items: every answer with how its item was chosen, undo, and a journal on disk."""

from __future__ import annotations

import csv
import datetime
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.errors import MMToolkitError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["AUDIT", "Annotations", "change_of"]

AUDIT = "audit"
_FIELDS = ("annotation", "how", "order", "time")


class Annotations:
    """The annotations of one map.

    An item of the random audit sample that was judged there keeps that answer: what a lasso or a search says later
    about the same item is not taken, because scores come from the audit sample only.

    Parameters
    ----------
    ids : ndarray of shape (n_items,), str
        Ids of all items.
    journal : path or None, default=None
        A CSV file to which every answer is appended, and from which earlier answers are read: they survive a restart
        of the kernel.
    """

    def __init__(self, ids: NDArray[np.str_], journal: str | os.PathLike[str] | None = None) -> None:
        n = len(ids)
        self._ids = ids
        self.annotation: NDArray[np.object_] = np.full(n, None, dtype=object)
        self.how: NDArray[np.object_] = np.full(n, None, dtype=object)
        self.order: NDArray[np.int64] = np.zeros(n, dtype=np.int64)
        self.time: NDArray[np.object_] = np.full(n, None, dtype=object)
        self._undo: list[tuple[NDArray[np.intp], tuple[NDArray[Any], ...]]] = []
        self._count = 0
        self._journal = None if journal is None else Path(journal)
        if self._journal is not None and self._journal.exists():
            self._read(self._journal)

    @property
    def given(self) -> NDArray[np.bool_]:
        """Which items have an annotation, (n_items,)."""
        return np.array([value is not None for value in self.annotation], dtype=bool)

    @property
    def audited(self) -> NDArray[np.bool_]:
        """Which items were annotated in the random audit sample, (n_items,)."""
        return np.asarray(self.given & (self.how == AUDIT), dtype=bool)

    def give(self, rows: NDArray[np.intp], annotation: str | None, how: NDArray[np.object_]) -> int:
        """Annotate items; one call is one step for `undo`.

        Parameters
        ----------
        rows : ndarray of int
            Which items.
        annotation : str or None
            None takes annotations away.
        how : ndarray of object
            How each of the items was chosen.

        Returns
        -------
        int
            How many items were annotated; items judged in the audit sample are left out unless `how` is "audit".
        """
        free = ~self.audited[rows] | (how == AUDIT)
        rows, how = rows[free], how[free]
        if not len(rows):
            return 0
        self._undo.append((rows, tuple(getattr(self, name)[rows] for name in _FIELDS)))
        self._count += 1
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        self._set(rows, (np.full(len(rows), annotation, dtype=object), how, self._count, now))
        return len(rows)

    def undo(self) -> NDArray[np.intp]:
        """Take the last step back and return its rows; none when there is nothing to undo."""
        if not self._undo:
            return np.empty(0, dtype=np.intp)
        rows, before = self._undo.pop()
        self._set(rows, before)
        return rows

    def frame(self) -> pd.DataFrame:
        """Return one row per annotated item: id, annotation, how, order, time; in the order they were given."""
        import pandas as pd

        rows = np.flatnonzero(self.given)
        rows = rows[np.argsort(self.order[rows], kind="stable")]
        columns = {"id": self._ids[rows].astype(object), **{name: getattr(self, name)[rows] for name in _FIELDS}}
        return pd.DataFrame(columns).assign(time=pd.to_datetime(columns["time"], utc=True))

    def diff(self, y: NDArray[np.object_] | None) -> pd.DataFrame:
        """Return what differs from `y`: id, before, after, change ("new" or "changed"), how."""
        import pandas as pd

        rows = np.flatnonzero(self.given)
        before = np.full(len(rows), None, dtype=object) if y is None else y[rows]
        after = self.annotation[rows]
        change = [change_of(old, new) for old, new in zip(before, after, strict=True)]
        frame = pd.DataFrame(
            {
                "id": self._ids[rows].astype(object),
                "before": pd.Series(before, dtype=object),
                "after": pd.Series(after, dtype=object),
                "change": pd.Series(change, dtype=object),
                "how": self.how[rows],
            }
        )
        return frame[frame["change"] != "same"].reset_index(drop=True)

    def _set(self, rows: NDArray[np.intp], values: tuple[Any, ...]) -> None:
        for name, value in zip(_FIELDS, values, strict=True):
            getattr(self, name)[rows] = value
        if self._journal is not None:
            self._write(self._journal, rows)

    def _write(self, path: Path, rows: NDArray[np.intp]) -> None:
        new = not path.exists()
        try:
            with path.open("a", newline="", encoding="utf-8") as file:
                table = csv.writer(file)
                table.writerows([["id", *_FIELDS]] if new else [])
                table.writerows([self._ids[row], *("" if v is None else v for v in self._line(row))] for row in rows)
        except OSError as error:
            msg = f"annotations cannot be written to {os.fspath(path)!r} ({error.strerror}); they are kept in memory: ex.annotations"
            raise MMToolkitError(msg) from error

    def _line(self, row: int) -> tuple[Any, ...]:
        return tuple(getattr(self, name)[row] for name in _FIELDS)

    def _read(self, path: Path) -> None:
        place = {name: row for row, name in enumerate(self._ids.tolist())}
        with path.open(newline="", encoding="utf-8") as file:
            for line, entry in enumerate(csv.DictReader(file), start=2):
                row = place.get(entry.get("id") or "")
                if row is None or None in (entry.get(name) for name in _FIELDS) or not entry["order"].isdigit():
                    msg = f"{os.fspath(path)!r}, line {line}: expected {', '.join(('id', *_FIELDS))} of an item of this map, got {entry!r}"
                    raise ValueError(msg)
                order = int(entry["order"])
                self.annotation[row], self.how[row] = entry["annotation"] or None, entry["how"] or None
                self.order[row], self.time[row] = order, entry["time"] or None
                self._count = max(self._count, order)


def change_of(before: object, after: object) -> str:
    """Say what an annotation does to a class: "new", "changed" or "same"."""
    if before is None:
        return "new"
    return "same" if str(before) == str(after) else "changed"
