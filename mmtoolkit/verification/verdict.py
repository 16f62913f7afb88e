"""Make one verdict and its causes from the differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from mmtoolkit.reporting.record import DIGITS
from mmtoolkit.results import Sentences
from mmtoolkit.verification.differences import Difference
from mmtoolkit.verification.reading import broken_seals
from mmtoolkit.verification.result import EQUAL, IDENTICAL, Verification
from mmtoolkit.words import listed, say

__all__ = ["TOLERANCE", "changed_versions", "judge"]

TOLERANCE = 10.0**-DIGITS
_MOST = 100


def judge(
    data: Mapping[str, Any],
    results: Sequence[Difference],
    others: Sequence[Difference],
    *,
    causes: Sequence[str],
    notes: Sequence[str],
    skipped: Mapping[str, str],
    page: Sequence[str],
    here: Mapping[str, Any],
) -> Verification:
    """Return the verdict.

    Parameters
    ----------
    data : mapping
        The report.
    results, others : sequence of Difference
        Between figures, where the tolerance holds; and between items, vectors and rules, where none does.
    causes, notes : sequence of str
        What is known so far.
    skipped : mapping of str to str
        Results that were not computed again, and why.
    page : sequence of str
        Places of report.html that are not as they were sealed.
    here : mapping
        The environment.

    Returns
    -------
    Verification
        A tolerance wider than that of mmtoolkit counts as that of mmtoolkit. None excuses an edit: what is stored must be as
        it was sealed, however small the difference.
    """
    allowed = {kind: min(float(value), TOLERANCE) for kind, value in data["tolerance"].items()}
    beyond = [d for d in results if not d.within(allowed.get(d.kind, 0.0))]
    parts = broken_seals(data)
    edits = [_edit(name, [*results, *others]) for name in [*parts, *page]]
    named = {edit.where for edit in edits}
    serious = [*edits, *(d for d in [*beyond, *others] if d.where not in named)]
    words = [say("{name!r} of the report was edited after it was written", name=name) for name in parts]
    words += [say("the page is not as it was written: {name}", name=name) for name in page]
    causes = [*words, *causes]
    if serious and not causes:
        versions = [
            say("{name} {a} became {b}", name=name, a=a, b=b)
            for name, a, b in changed_versions(data["environment"], here)
        ]
        causes = [say("versions differ: {versions}", versions=listed(versions))] if versions and beyond else []
        causes = causes or [say("unknown: items, vectors, parameters and versions are those of the report")]
    verdict: str
    if serious:
        place = serious[0].where
        verdict = say("edited at {place}", place=place) if edits else say("differs at {place}", place=place)
    elif skipped:
        verdict = _not_checked(skipped)
    else:
        verdict = EQUAL if results else IDENTICAL
    checked = tuple(name for name in data["results"] if name not in skipped)
    return Verification(verdict, tuple(causes[:_MOST]), _table(serious or results), Sentences(notes), checked)


def _not_checked(skipped: Mapping[str, str]) -> str:
    name, why = next(iter(skipped.items()))
    if len(skipped) > 1:
        return say("not checked: {name!r} and {n} more, because {why}", name=name, n=len(skipped) - 1, why=why)
    return say("not checked: {name!r}, because {why}", name=name, why=why)


def _edit(name: str, differences: Sequence[Difference]) -> Difference:
    """Return a sentence about an edited part of the report, with its first value that differs, where one is known."""
    inside = (d for d in differences if d.where == name or d.where.startswith((f"{name}.", f"{name} ", f"{name}[")))
    at = next(inside, None)
    return (
        Difference(name, "(edited)", "(sealed)", "seal")
        if at is None
        else Difference(at.where, at.report, at.now, "seal")
    )


def changed_versions(stored: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield name, version in the report and version here of everything with another version.

    Parameters
    ----------
    stored, here : mapping
        Two environments.
    """
    old = {**stored, **stored["libraries"]}
    new = {**here, **here["libraries"]}
    for name in sorted({*old, *new} - {"libraries"}):
        if old.get(name) != new.get(name):
            yield name, str(old.get(name, "(absent)")), str(new.get(name, "(absent)"))


def _table(differences: Sequence[Difference]) -> pd.DataFrame:
    top = differences[:_MOST]
    columns = {name: pd.Series([getattr(d, name) for d in top], dtype=object) for name in ("report", "now", "kind")}
    return pd.DataFrame(columns).set_axis(pd.Index([d.where for d in top], name="where", dtype=object), axis=0)
