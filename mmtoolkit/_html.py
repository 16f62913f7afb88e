"""Build HTML: every text that is not of the class `Html` is escaped, in the body and in attributes."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mmtoolkit._text import shorten

__all__ = ["Html", "escape", "in_script", "notebook", "table", "tag", "verbatim", "void"]


class Html(str):
    """Text that is HTML already; all other text is escaped, because a stranger may have written it."""

    __slots__ = ()


def escape(text: object, limit: int = 200) -> Html:
    """Return `text` shortened and safe inside HTML, attribute values and Plotly's hover text."""
    return Html(html.escape(shorten(text, limit), quote=True))


def verbatim(text: str) -> Html:
    """Return `text` whole and with its lines, safe inside HTML; for code."""
    return Html(html.escape(text, quote=True))


def in_script(value: Any) -> Html:
    """Return plain data as JSON that cannot end the ``<script>`` around it."""
    return Html(json.dumps(value, ensure_ascii=True, separators=(",", ":")).replace("<", "\\u003c"))


def tag(name: str, *inner: object, limit: int = 200, **attributes: object) -> Html:
    """Return an element.

    Parameters
    ----------
    name : str
        Such as "p".
    *inner : object
        Put after one another; what is not `Html` is escaped and shortened to `limit` characters.
    limit : int, default=200
        Longest text.
    **attributes : object
        Escaped; ``class_`` is class, ``aria_label`` is aria-label. None leaves one out.

    Returns
    -------
    Html
        ``<name ...>inner</name>``.

    Examples
    --------
    >>> from mmtoolkit._html import tag
    >>> tag("p", tag("b", "cats & dogs"), " <script>", title='"')
    '<p title="&quot;"><b>cats &amp; dogs</b>&lt;script&gt;</p>'
    """
    return Html(f"<{name}{_said(attributes, limit)}>{''.join(_safe(part, limit) for part in inner)}</{name}>")


def void(name: str, **attributes: object) -> Html:
    """Return an element without content, such as a picture."""
    return Html(f"<{name}{_said(attributes, 200)}>")


def _said(attributes: Mapping[str, object], limit: int) -> str:
    return "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_safe(value, limit)}"'
        for key, value in attributes.items()
        if value is not None
    )


def _safe(value: object, limit: int) -> str:
    return value if isinstance(value, Html) else escape(value, limit)


def table(
    head: Sequence[object],
    rows: Iterable[tuple[object, Sequence[object]]],
    *,
    caption: str = "",
    kind: str | None = None,
) -> Html:
    """Return a table whose first column names its rows.

    Parameters
    ----------
    head : sequence
        Names of the columns, that of the first one included.
    rows : iterable of (name, cells)
        A cell that starts with ``<td`` stands for itself.
    caption : str, default=""
        Shown above.
    kind : str or None, default=None
        Class of the table.
    """
    names = Html("".join(tag("th", name, scope="col") for name in head))
    lines = Html("".join(tag("tr", tag("th", name, scope="row"), *map(_cell, cells)) for name, cells in rows))
    title = tag("caption", caption) if caption else Html()
    return tag("table", title, tag("thead", tag("tr", names)), tag("tbody", lines), class_=kind)


def _cell(value: object) -> Html:
    return value if isinstance(value, Html) and value.startswith("<td") else tag("td", value)


def notebook(name: str, summary: str, *parts: Html) -> str:
    """Return the HTML of a result for a notebook: its name, one line, and its parts."""
    words = Html(f": {escape(summary, 400)}") if summary else Html()
    return str(tag("div", tag("p", tag("b", name), words), *parts, class_="mmtoolkit"))
