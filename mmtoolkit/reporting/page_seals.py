"""Seals of a page: they show that its visible parts are unchanged, and from which report.json it was made."""

from __future__ import annotations

import hashlib
import html
import json
import re
from typing import Any

from mmtoolkit._html import verbatim

__all__ = ["broken_on_page", "seal_page", "seals_of_page"]

_META = re.compile(r'<meta name="mmtoolkit-seals" content="([^"]*)">')
_PLACES = re.compile(r'<header>.*?</header>|<section id="([^"]*)">.*?</section>', re.DOTALL)


def seal_page(page: str, report: str) -> str:
    """Return a page with its seals.

    Parameters
    ----------
    page : str
        From `as_html.page`, with a place for them.
    report : str
        Seal of what report.json holds outside ``run``.

    Returns
    -------
    str
        The same page; the heading and every section have a seal, and the whole has one.
    """
    seals = {"report": report, **_seals(page)}
    return _META.sub(lambda _: f'<meta name="mmtoolkit-seals" content="{verbatim(json.dumps(seals))}">', page, count=1)


def seals_of_page(page: str) -> dict[str, str] | None:
    """Return the seals that a page carries, None where it has none that can be read."""
    found = _META.search(page)
    try:
        seals: Any = None if found is None else json.loads(html.unescape(found.group(1)))
    except ValueError:
        return None
    sound = isinstance(seals, dict) and "report" in seals and all(isinstance(value, str) for value in seals.values())
    return seals if sound else None


def broken_on_page(page: str, seals: dict[str, str]) -> list[str]:
    """Return the places of a page that were changed: "page.title", "page.summary", ..., or "page" for any other."""
    now = _seals(page)
    places = [name for name in {**seals, **now} if name not in ("report", "page") and seals.get(name) != now.get(name)]
    return places or ([] if seals.get("page") == now["page"] else ["page"])


def _seals(page: str) -> dict[str, str]:
    """Return the seals of the places of a page, and of the whole without the seals it carries."""
    bare = _META.sub("", page, count=1)
    places = {f"page.{found.group(1) or 'title'}": found.group() for found in _PLACES.finditer(bare)}
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in {**places, "page": bare}.items()}
