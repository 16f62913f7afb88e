"""A map as one HTML file that needs no kernel and no network: what an explorer does, but search and annotations."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._arguments import as_path
from mmtoolkit._files import replaced
from mmtoolkit._html import escape, in_script
from mmtoolkit._text import shorten
from mmtoolkit.errors import MMToolkitError
from mmtoolkit.explorer.colours import look_of
from mmtoolkit.explorer.state import State
from mmtoolkit.figures import view_limits
from mmtoolkit.figures.style import GREY, SEQUENTIAL
from mmtoolkit.thumbnails import item_name, picture_cell, pictures_of
from mmtoolkit.words import PAGE_TAGS, joined, language, say, word

__all__ = ["map_page", "save_map"]

_PAGE_BYTES = 4_700_000  # the whole file of some thousand items; texts come first
_LEAST = 400_000  # bytes that pictures may take however long the texts are
_MOST_COLOURS = 30
_STEPS = 32  # of the scale of numbers
_ENDINGS = ("", ".html", ".htm")
_POLICY = (
    "default-src 'none'; script-src {script}; style-src {style}; img-src data:; base-uri 'none'; form-action 'none'"
)


def save_map(
    path: str | os.PathLike[str], state: State, *, title: str | None = None, picture_bytes: int | None = None
) -> None:
    """Write what an explorer shows to one file.

    Parameters
    ----------
    path : path
        Such as ``"map.html"``; replaced in one step.
    state : State
        Items, places, colours and selection.
    title : str or None, default=None
        Heading of the page.
    picture_bytes : int or None, default=None
        See `pictures_of`. None is what a page of 4.7 MB has left.

    Raises
    ------
    ValueError
        If `path` is a folder or has the ending of another kind of file, or its folder does not exist.
    MMToolkitError
        If the file cannot be written; nothing is left behind.
    """
    target = as_path(path, "path")
    wrong = (
        "is a folder"
        if os.path.isdir(target)
        else f"lies in {os.fspath(target.parent)!r}, which is no folder"
        if not target.parent.is_dir()
        else f"ends with {target.suffix!r}"
        if target.suffix.lower() not in _ENDINGS
        else ""
    )
    if wrong:
        msg = f"a map is saved as one file such as 'map.html'; {os.fspath(path)!r} {wrong}"
        raise ValueError(msg)
    page = map_page(state, title=title, picture_bytes=picture_bytes)
    try:
        with replaced(target) as part:
            part.write_text(page, encoding="utf-8")
    except OSError as error:
        msg = f"the map cannot be written to {os.fspath(path)!r} ({error.strerror})"
        raise MMToolkitError(msg) from error


def map_page(state: State, *, title: str | None = None, picture_bytes: int | None = None) -> str:
    """Return the whole page.

    Parameters
    ----------
    state, title, picture_bytes
        As `save_map` takes them.

    Returns
    -------
    str
        HTML; its own policy forbids every connection and runs its own script alone, and all text is data, never markup.
    """
    n = len(state)
    rows = [state.item(row) for row in range(n)]
    colours, left_out = _colours(state)
    names = [colour["name"] for colour in colours]
    heading = title if title is not None else say("Map of {n:,} items", n=n)
    data: dict[str, Any] = {
        "title": shorten(heading, 200),
        "words": {name: str(text) for name, text in _WORDS.items()} | {"helpLines": list(map(str, _HELP))},
        "items": {
            "ids": state.ids.tolist(),
            "captions": [_caption(row) for row in rows],
            "films": [i for i, row in enumerate(rows) if row.get("modality") == "video"],
            "x": _numbers(state.coords[:, 0]),
            "y": _numbers(state.coords[:, 1]),
        },
        "range": [limit for axis in (0, 1) for limit in view_limits(state.coords[:, axis])],
        "colours": colours,
        "ramp": _ramp(),
        "start": {
            "colour": names.index(state.color) if state.color in names else 0,
            "selected": state.selection.rows.tolist(),
        },
    }
    room = max(_LEAST, _PAGE_BYTES - len(in_script(data))) if picture_bytes is None else picture_bytes
    data["items"]["pictures"] = pictures_of(rows, picture_bytes=room)
    lost = int((~np.isfinite(state.coords).all(axis=1)).sum())
    notes = [
        str(state.layout.note),
        _picture_note(rows, data["items"]["pictures"]),
        say("{n:,} point has no place and is not drawn.", "{n:,} points have no place and are not drawn.", n=lost) if lost else "",
        say("{n} more column is not in this file.", "{n} more columns are not in this file.", n=left_out) if left_out else "",
    ]  # fmt: skip
    script, style = _text("lasso.js") + _text("names.js") + _text("mapfile.js"), _text("mapfile.css")
    script = f"(() => {{\n{script}\n}})();"
    parts = {
        "LANG": PAGE_TAGS[language()],
        "POLICY": escape(_POLICY.format(script=_digest(script), style=_digest(style)), 1000),
        "TITLE": escape(heading),
        "NOSCRIPT": escape(say("This page needs JavaScript.")),
        "NOTE": escape(joined(*map(_sentence, notes)), 1000),
        "STYLE": style,
        "SCRIPT": script,
        "DATA": in_script(data),
    }
    return re.sub(r"@@([A-Z]+)@@", lambda found: parts[found[1]], _text("mapfile.html"))


def _caption(row: Mapping[str, Any]) -> str:
    """Return the words of an item, or the name of its file; "" where only the id is left."""
    name = item_name(row)
    return "" if name == str(row.get("id", "")) else shorten(name, 200)


def _colours(state: State) -> tuple[list[dict[str, Any]], int]:
    """Return the columns for colours and filters, "no colour" first, and how many columns are left out."""
    known = {name: values for name, values in state.colors.items() if name != "annotation" or state.notes.given.any()}
    chosen = dict(list(known.items())[:_MOST_COLOURS])
    if state.color in known:
        chosen[state.color] = known[state.color]
    names = {"cluster": state.cluster_names}
    found = [_colour(name, values, names.get(name)) for name, values in chosen.items()]
    titled = [
        {"name": colour["name"], "title": shorten(state.color_title(colour["name"]), 60)} | colour for colour in found
    ]
    nothing: dict[str, Any] = {
        "name": "nothing",
        "title": str(state.color_title("nothing")),
        "groups": [],
        "codes": [-1] * len(state),
    }
    return [nothing, *titled], len(known) - len(chosen)


def _colour(name: str, values: Any, names: Mapping[Any, str] | None) -> dict[str, Any]:
    look = look_of(name, values, names)
    if look.values is not None:
        known = look.values[np.isfinite(look.values)]
        low, high = (float(f"{end:.4g}") for end in (known.min(), known.max())) if len(known) else (0.0, 1.0)
        return {"name": name, "values": _numbers(look.values), "low": low, "high": high}
    codes = np.full(len(values), -1)
    groups: list[dict[str, Any]] = []
    values = np.asarray(values, dtype=object)
    for group in look.groups:
        inner, members = pd.factorize(values[group.rows])
        codes[group.rows] = np.where(inner < 0, 0, inner) + len(groups)
        grey = group.color == GREY
        # small groups that share one look have their names here all the same
        titles = (
            [(names or {}).get(member, member) for member in members]
            if len(members) > 1
            else [group.name.rsplit(" (", 1)[0]]
        )
        groups += [
            {"name": shorten(t, 60, tail=20), "color": group.color, "symbol": group.symbol, "named": not grey}
            for t in titles
        ]
    return {"name": name, "groups": groups, "codes": codes.tolist()}


def _numbers(values: NDArray[Any]) -> list[float | None]:
    """Return numbers as they are written into the page: five digits, None where there is none."""
    return [float(f"{value:.5g}") if np.isfinite(value) else None for value in values.tolist()]


def _ramp() -> list[str]:
    """Return the colours of the scale of numbers, low to high."""
    known = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in SEQUENTIAL], dtype=float)
    at = np.linspace(0, len(known) - 1, _STEPS)
    mixed = np.stack([np.interp(at, np.arange(len(known)), channel) for channel in known.T], axis=1)
    return ["#" + "".join(f"{round(part):02x}" for part in color) for color in mixed.tolist()]


def _picture_note(rows: Sequence[Mapping[str, Any]], pictures: Sequence[str | None]) -> str:
    """Say how many items have no picture here although they have one."""
    have, shown = sum(picture_cell(row) is not None for row in rows), sum(p is not None for p in pictures)
    return say("{shown:,} of {n:,} items have a picture here.", shown=shown, n=len(rows)) if shown < have else ""


def _sentence(text: str) -> str:
    return say("{note}.", note=text) if text and text[-1] not in ".。!?！？" else text


def _text(name: str) -> str:
    return resources.files("mmtoolkit.explorer").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """Return the digest by which a content policy allows a script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_WORDS = {
    "lasso": word("lasso"),
    "box": word("box"),
    "move": word("move"),
    "drawLasso": word("draw a loop around items"),
    "drawBox": word("drag a box"),
    "drag": word("drag the map"),
    "tool": word("Tool"),
    "zoom": word("Zoom"),
    "zoomIn": word("closer"),
    "zoomOut": word("farther"),
    "whole": word("whole map"),
    "colourBy": word("colour by"),
    "names": word("names on the map"),
    "scheme": word("light or dark"),
    "filter": word("Show items with these words in caption or id"),
    "filterHint": word("filter by words"),
    "fact": word("{what}: {told}"),
    "filters": word("Filters"),
    "filterOff": word("take the filter away: {name}"),
    "onlyThis": word("show only {name}; press again to undo"),
    "from": word("at least"),
    "to": word("at most"),
    "told": word("{selected} selected; {shown} of {n} items shown."),
    "selectShown": word("select all that is shown"),
    "clear": word("clear"),
    "select": word("select"),
    "unselect": word("unselect"),
    "copy": word("copy ids"),
    "copied": word("{n} ids are copied."),
    "byHand": word("The browser does not allow copying here. The ids are marked below: press Ctrl+C."),
    "idsLabel": word("Ids of the selection"),
    "nothing": word("Nothing is selected. Draw a lasso, use the arrow keys, or filter and select all that is shown."),
    "noneShown": word("No item passes the filters."),
    "more": word("and {n} more"),
    "help": word("Mouse and keys"),
    "map": word("Map of {n} items. Arrow keys go from item to item, Enter selects."),
}
_HELP = (
    word("Drag: lasso or box. Shift adds, Alt removes."),
    word("A click on a dot shows its card. A double click shows the whole map."),
    word("Mouse wheel: zoom, once the map was clicked. Two fingers zoom and move the map."),
    word("With the map in focus: arrow keys go from item to item, Enter or Space selects, l lasso, b box, m move, + and − zoom, 0 whole map, Esc clears."),
    word("A legend entry shows its items only; press it again to undo. Filters of several columns and of words work together."),
)  # fmt: skip
