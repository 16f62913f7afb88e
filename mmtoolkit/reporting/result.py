"""``mm.report`` and its result."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmtoolkit._arguments import as_path
from mmtoolkit._files import replaced
from mmtoolkit._text import writable
from mmtoolkit.reporting.record import document, name_results, seal
from mmtoolkit.results import Result
from mmtoolkit.vectors import items_of
from mmtoolkit.words import Language, chosen_language, say, speaking, word

if TYPE_CHECKING:
    from mmtoolkit.reporting.blocks import Section

__all__ = ["Report", "report"]

_ENDINGS = (".html", ".md", ".json")
_UNTITLED = word("Report")


@dataclass(frozen=True, eq=False, repr=False)
class Report(Result):
    """Results brought together: to read, to hand on, and to check.

    Parameters
    ----------
    title : str
        Heading.
    results : tuple of Result
        What is reported, in order.
    data : mapping
        What report.json holds outside ``run``: recipe, items, results, environment, seals.
    seconds : float
        How long the report itself took to put together.
    language : {"en", "zh"}
        Of page and Markdown; report.json is the same in every language.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> rep = mm.report(mm.cluster(np.repeat(np.eye(3), 4, axis=0), 3), title="Three groups")
    >>> rep.facts, [section.title for section in rep.sections]
    (['12 vectors', 'model your own vectors, 3 features', 'mmtoolkit 0.1.0'], ['Summary', 'Clusters', 'How to repeat it', 'Environment'])
    """

    title: str
    results: tuple[Result, ...] = field(repr=False)
    data: Mapping[str, Any]
    seconds: float = 0.0
    language: Language = "en"

    @cached_property
    def _named(self) -> Any:
        return name_results(self.results)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The parts of the page, summary first."""
        from mmtoolkit.reporting.contents import sections

        with speaking(self.language):
            return sections(self._named, self.data, self.title)

    @property
    def facts(self) -> list[str]:
        """A few words on what was analysed."""
        from mmtoolkit.reporting.contents import facts

        with speaking(self.language):
            return facts(self._named, self.data)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report to a file, replacing it in one step.

        Parameters
        ----------
        path : path
            Ending in ``.html`` (one file, needs no network), ``.md``, or ``.json`` (what `verify` checks; lists longer
            than 20,000 go to a Parquet file beside it, ``report.json`` to ``report.items.parquet``).

        Returns
        -------
        Path
            Where it was written, absolute.

        Raises
        ------
        ValueError
            If the ending is another.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> rep = mm.report(mm.cluster(np.repeat(np.eye(3), 4, axis=0), 3), title="Three groups")
        >>> rep.save(Path(tempfile.mkdtemp()) / "report.md").name
        'report.md'
        """
        target = as_path(path, "path").resolve()
        if target.suffix not in _ENDINGS:
            msg = f"a report is saved as {', '.join(_ENDINGS)}; got {target.name!r}"
            raise ValueError(msg)
        if target.suffix == ".json":
            from mmtoolkit.reporting.sidecar import split

            data = split(self.data, target)
            whole = {**data, "run": self._run(target.parent)}
            text = writable(json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)) + "\n"
        elif target.suffix == ".md":
            text = self.to_markdown()
        else:
            text = self.to_html()
        target.parent.mkdir(parents=True, exist_ok=True)
        with replaced(target) as part:
            part.write_text(text, "utf-8", newline="\n")
        return target

    def to_html(self) -> str:
        """Return the page: one document that loads nothing from anywhere.

        Returns
        -------
        str
            HTML; about 2 MB of it is Plotly, packed. It carries the digest of its report.json and seals of what a reader sees, so
            that ``verify("report.html")`` can tell whether it was changed.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> mm.report(mm.cluster(np.repeat(np.eye(3), 4, axis=0), 3), title="Three groups").to_html()[:15]
        '<!DOCTYPE html>'
        """
        from mmtoolkit.reporting.as_html import page
        from mmtoolkit.reporting.page_seals import seal_page

        with speaking(self.language):
            return seal_page(writable(page(self.title, self.facts, self.sections)), seal(self.data))

    def to_markdown(self) -> str:
        """Return the page as Markdown: the same words and numbers, without the pictures.

        Returns
        -------
        str
            GitHub-flavoured Markdown, as ``save("report.md")`` writes it.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> mm.report(mm.cluster(np.repeat(np.eye(3), 4, axis=0), 3), title="Three groups").to_markdown()[:14]
        '# Three groups'
        """
        from mmtoolkit.reporting.as_markdown import markdown

        with speaking(self.language):
            return writable(markdown(self.title, self.facts, self.sections))

    def _run(self, folder: Path) -> dict[str, Any]:
        """Return what differs from run to run and is never compared."""
        usage = {name: dict(getattr(source, "usage", {})) for name, source in self._named.sources.items()}
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        roots = {name: _near(source, folder) for name, source in self._named.sources.items()}
        return {"time": now, "seconds": round(self.seconds, 2), "usage": usage, "items_folder": roots}

    def to_dict(self) -> dict[str, Any]:
        """Return what report.json holds outside ``run``.

        Returns
        -------
        dict
            Plain data.
        """
        return dict(self.data)

    def _summary(self) -> str:
        return say(
            "{title!r}: {results}; save it as .html, .md or .json",
            title=str(self.title),
            results=", ".join(type(r).__name__ for r in self.results),
        )

    def _repr_html_(self) -> str:
        from mmtoolkit.reporting.as_html import summary_html

        with speaking(self.language):
            return summary_html(self.title, self.facts, self.sections)


def _near(source: Any, folder: Path) -> str | None:
    """Return the path of the items relative to the report, unless they are far away; absolute paths are never written."""
    frame = getattr(source, "items", None)
    root = frame.attrs.get("root") if frame is not None else None
    if not root:
        return None
    try:
        relative = Path(os.path.relpath(root, folder)).as_posix()
    except ValueError:  # another drive
        return None
    return relative if relative.count("..") <= 2 else None


def _with_slices(result: Any, results: Sequence[Result]) -> list[Any]:
    """Return a classification and where it fails, unless that is there; other results alone."""
    asked = [other.recipe.of for other in results if other.recipe["verb"] == "classify.slices"]  # type: ignore[attr-defined]
    if result.recipe["verb"] != "classify" or result.recipe in asked or items_of(result.source) is None:
        return [result]
    found = result.slices()
    return [result] if found.table.empty else [result, found]


def report(*results: Result, title: str = _UNTITLED, language: Language | None = None) -> Report:
    """Bring results together into one report that another person can read and check.

    Parameters
    ----------
    *results : Result
        What `classify`, `cluster`, `project`, `zero_shot`, `search` and the others return, in reading order. Behind a classification
        of items comes where it fails, ``r.slices()``, unless slices of it are given.
    title : str, default="Report"
        Heading.
    language : {"en", "zh"} or None, default=None
        Of page and Markdown; None means MMTOOLKIT_LANGUAGE, else English. report.json is the same in every language.

    Returns
    -------
    Report
        Save it with ``save("report.html")``, ``save("report.md")`` and ``save("report.json")``.

    Raises
    ------
    ValueError
        If there is no result, or no such language.
    TypeError
        If something is not a result with a recipe.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> X = np.repeat(np.eye(3), 4, axis=0) + np.arange(12)[:, None] * 0.01
    >>> rep = mm.report(mm.cluster(X, 3), title="Three groups")
    >>> rep.data["results"]["cluster"]["exact"]["n_clusters"]
    3
    """
    started = time.perf_counter()
    spoken = chosen_language(language)
    if not results:
        msg = "there is nothing to report; pass the results of classify, cluster, project, ..."
        raise ValueError(msg)
    for position, result in enumerate(results):
        if not isinstance(result, Result) or not hasattr(result, "recipe") or not hasattr(result, "source"):
            msg = f"argument {position}: expected a result of classify, cluster, project, ..., got {type(result).__name__}"
            raise TypeError(msg)
    with speaking("en"):
        heading = title if title is _UNTITLED else str(title)
        results = tuple(one for result in results for one in _with_slices(result, results))
        data = document(name_results(results), title=str(title))
    made = Report(title=heading, results=results, data=data, language=spoken)
    return dataclasses.replace(made, seconds=time.perf_counter() - started)
