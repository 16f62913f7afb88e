"""The base of all results: a short repr, tables, figures, plain data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, Self

from mmtoolkit._html import Html, escape, notebook, table, tag
from mmtoolkit.words import Language, say, speaking, title

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from mmtoolkit.steps import Step

__all__ = ["Result", "Sentences", "plain", "table_html"]

_MAX_ROWS = 12
_CHANCES, _LEAST = ("p_value", "p_holm", "q_value"), 5e-4  # what three decimals would show as 0


def plain(value: Any) -> Any:
    """Turn arrays, frames and numpy scalars into what ``json`` can write.

    Parameters
    ----------
    value : object
        Anything found in a result.

    Returns
    -------
    object
        Nested dicts and lists of str, int, float, bool and None; NaN and infinities become None. Names that are written
        alike, such as 1 and "1", stay apart: all but one say their type.
    """
    import numpy as np
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        index = value.index
        default = "index" if index.nlevels == 1 else "level_{}"
        names = [default.format(level) if name is None else name for level, name in enumerate(index.names)]
        columns = [plain(index.get_level_values(level)) for level in range(index.nlevels)]
        columns += [plain(column) for _, column in value.items()]
        return dict(zip(_apart([*names, *value.columns]), columns, strict=True))
    if isinstance(value, pd.Series | pd.Index | np.ndarray):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return dict(zip(_apart(list(value)), map(plain, value.values()), strict=True))
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, str):
        return str.__str__(value)  # as it was made, whatever is spoken now
    return value if isinstance(value, int | bool) or value is None else str(value)


def _apart(names: Sequence[Any]) -> list[str]:
    """Return names as different texts: of equal ones the first text, else the first name, stays as it is."""
    texts = list(map(str, names))
    if len(set(texts)) == len(texts):
        return texts
    kept: dict[str, int] = {}
    for place, (name, text) in enumerate(zip(names, texts, strict=True)):
        if text not in kept or (isinstance(name, str) and not isinstance(names[kept[text]], str)):
            kept[text] = place
    taken = set(kept)
    for place, (name, text) in enumerate(zip(names, texts, strict=True)):
        if kept[text] != place:
            tries = (f"{text} ({type(name).__name__}{f' {n}' if n else ''})" for n in count())
            texts[place] = next(one for one in tries if one not in taken)
            taken.add(texts[place])
    return texts


def table_html(frame: pd.DataFrame, caption: str = "", *, max_rows: int = _MAX_ROWS) -> Html:
    """Render the head of a frame as an escaped HTML table.

    Parameters
    ----------
    frame : DataFrame
        Any frame; cells and names are escaped and shortened, floats get three decimals; a p-value
        that these would show as 0 is "< 0.001".
    caption : str, default=""
        Shown above the table.
    max_rows : int, default=12
        Further rows are counted, not shown.

    Returns
    -------
    Html
        A ``<table>`` element.
    """

    def cell(value: object, name: str = "") -> Html:
        if isinstance(value, float):
            if name in _CHANCES and value < _LEAST:
                return escape("< 0.001", 80)  # never 0
            return Html("" if value != value else f"{value:.3f}")  # noqa: PLR0124 - NaN test without importing numpy
        return escape(value, 80)

    names = [str(frame.index.name or ""), *map(str, frame.columns)]
    head = frame.head(max_rows)
    cells = (list(map(cell, row, names[1:])) for row in head.itertuples(index=False))
    rows = zip(map(cell, head.index), cells, strict=True)
    left = len(frame) - max_rows
    more = tag("p", say("… and {n} more row", "… and {n} more rows", n=left)) if left > 0 else ""
    return Html(f"{table(names, rows, caption=caption)}{more}")


class Sentences(tuple[str, ...]):
    """A tuple of sentences that is shown with one sentence in each line."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(map(str, self)) or "()"

    def _repr_html_(self) -> str:
        return str(tag("ul", *(tag("li", sentence, limit=2000) for sentence in self), class_="mmtoolkit"))


class Result:
    """Base of the frozen result dataclasses.

    A subclass is a ``@dataclass(frozen=True, eq=False, repr=False)``; it gives `_summary` (one line), `_tables`
    (what a notebook shows), `_readings` (what their numbers mean) and `_figures` (name -> method that draws it).

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> mm.cluster(np.repeat(np.eye(3), 4, axis=0), 3).figures
    ('sizes',)
    """

    def _summary(self) -> str:
        raise NotImplementedError

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        return {}

    def _figures(self) -> Mapping[str, Any]:
        return {}

    def _readings(self) -> Mapping[str, str]:
        """Return what the numbers of tables mean, by the table's name: sentences for the reader of a report."""
        return {}

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what a report stores and ``verify`` compares.

        Returns
        -------
        mapping
            Keys "exact" (must be equal: labels, folds, counts), "rounded" (scores, compared at four decimals) and
            "map" (coordinates, compared only in an equal environment); each maps a name to plain data.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> mm.similarity(np.eye(2), np.eye(2)).evidence()
        {'rounded': {'values': [[1.0, 0.0], [0.0, 1.0]]}}
        """
        return {}

    def _recorded(self, step: Step, source: Any) -> Self:
        """Return the same result with the step and the vectors that it was made from; called by `verb`."""
        return dataclasses.replace(self, recipe=step, source=source)  # type: ignore[type-var]  # every subclass is a dataclass

    @property
    def figures(self) -> tuple[str, ...]:
        """Names that `figure` takes, the main one first."""
        return tuple(self._figures())

    def figure(self, name: str | None = None, *, language: Language | None = None) -> go.Figure:
        """Draw one of the result's figures.

        Parameters
        ----------
        name : str or None, default=None
            One of `figures`; None means the first.
        language : {"en", "zh"} or None, default=None
            Of its words; None means MMTOOLKIT_LANGUAGE, else English.

        Returns
        -------
        plotly.graph_objects.Figure
            A new figure.

        Raises
        ------
        ValueError
            If there is no figure of that name, or no such language.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> c = mm.cluster(np.repeat(np.eye(3), 4, axis=0), 3)
        >>> c.figures
        ('sizes',)
        >>> type(c.figure("sizes")).__name__
        'Figure'
        """
        drawings = self._figures()
        chosen = next(iter(drawings), "") if name is None else name
        if chosen not in drawings:
            msg = f"no figure {chosen!r}; choose one of {', '.join(drawings) or '(this result has none)'}"
            raise ValueError(msg)
        with speaking(language):
            drawn: go.Figure = drawings[chosen]()
        return drawn

    def to_dict(self) -> dict[str, Any]:
        """Return the public fields as plain data, the same numbers as the tables show.

        Returns
        -------
        dict
            What ``json`` can write; private fields (leading underscore) and models are left out.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> mm.similarity(np.eye(2), np.eye(2)).to_dict()["values"]
        [[1.0, 0.0], [0.0, 1.0]]
        """
        fields = dataclasses.fields(self)  # type: ignore[arg-type]  # every subclass is a dataclass
        return {f.name: plain(getattr(self, f.name)) for f in fields if f.repr and not f.name.startswith("_")}

    def __repr__(self) -> str:
        """One cheap line."""
        return f"<{type(self).__name__}: {self._summary()}>"

    def _repr_html_(self) -> str:
        tables = (table_html(frame, title(caption)) for caption, frame in self._tables().items())
        return notebook(type(self).__name__, self._summary(), *tables)
