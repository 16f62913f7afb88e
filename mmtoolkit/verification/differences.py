"""Compare a report with the recomputed values, leaf by leaf; each place is named in a readable way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmtoolkit._text import shorten

__all__ = ["Difference", "compare"]


@dataclass(frozen=True)
class Difference:
    """One place where report and recomputation differ.

    Parameters
    ----------
    where : str
        Such as ``classify.metrics.value of 'accuracy'``.
    report, now : object
        Both values.
    kind : {"recipe", "items", "exact", "rounded", "map", "seal"}
        What class of value it is; "rounded" and "map" allow the stored tolerance.
    """

    where: str
    report: Any
    now: Any
    kind: str

    def within(self, tolerance: float) -> bool:
        """Return whether both are numbers that differ by no more than `tolerance`."""
        if self.kind not in ("rounded", "map") or not all(_is_number(v) for v in (self.report, self.now)):
            return False
        return bool(abs(self.report - self.now) <= tolerance * (1 + 1e-6))  # a last digit is not exact in binary


def compare(where: str, report: Any, now: Any, kind: str, ids: Sequence[str]) -> Iterator[Difference]:
    """Yield every difference between two trees of plain data, in order.

    Parameters
    ----------
    where : str
        Name of the place so far.
    report, now : object
        Plain data.
    kind : str
        For the differences.
    ids : sequence of str
        Item ids: a list of this length is one value per item, and the item is named.
    """
    if isinstance(report, Mapping) and isinstance(now, Mapping):
        rows = _row_names(report)
        for key in [*report, *(k for k in now if k not in report)]:
            place = f"{where}.{key}"
            if key not in report or key not in now:
                yield Difference(place, report.get(key, "(absent)"), now.get(key, "(absent)"), kind)
            elif rows is not None and isinstance(now[key], list):
                yield from _compare_lists(place, report[key], now[key], kind, rows)
            else:
                yield from compare(place, report[key], now[key], kind, ids)
    elif isinstance(report, list) and isinstance(now, list):
        yield from _compare_lists(where, report, now, kind, ids if len(report) == len(ids) else None)
    elif not _same(report, now):
        yield Difference(where, report, now, kind)


def _compare_lists(
    where: str, report: list[Any], now: list[Any], kind: str, names: Sequence[Any] | None
) -> Iterator[Difference]:
    if len(report) != len(now):
        yield Difference(f"{where} (length)", len(report), len(now), kind)
        return
    for i, (a, b) in enumerate(zip(report, now, strict=True)):
        if isinstance(a, list | dict) or not _same(a, b):
            name = f"[{i}]" if names is None else f" of {shorten(names[i], 60)!r}"
            yield from compare(f"{where}{name}", a, b, kind, ())


def _same(a: Any, b: Any) -> bool:
    """Return whether two leaves are equal: 1 is 1.0, but True is not 1."""
    return bool(a == b) and (type(a) is type(b) or (_is_number(a) and _is_number(b)))


def _row_names(table: Mapping[str, Any]) -> list[Any] | None:
    """Return the first column of what was a frame (lists of one length), to name its rows."""
    values = list(table.values())
    if len(values) < 2 or not all(isinstance(v, list) and len(v) == len(values[0]) for v in values):
        return None
    first = values[0]
    return first if all(isinstance(v, str | int) for v in first) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
