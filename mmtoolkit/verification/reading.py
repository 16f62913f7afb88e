"""Open a report.json and make sure that it is one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmtoolkit._json import read_json_file, utf_8
from mmtoolkit._opening import read_whole
from mmtoolkit.errors import VerifyError
from mmtoolkit.reporting.page_seals import broken_on_page, seals_of_page
from mmtoolkit.reporting.record import FORMAT, PARTS, SEALED, VERSION, figures, seal
from mmtoolkit.reporting.sidecar import join
from mmtoolkit.verification.structure import check_structure

__all__ = ["broken_seals", "read_page", "read_report"]

_SAVED_FROM = "<!-- saved from url="


def read_report(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the content of a report, long lists put back.

    Parameters
    ----------
    path : path
        Of report.json.

    Returns
    -------
    dict
        As `document` made it, with ``run``.

    Raises
    ------
    VerifyError
        If it cannot be read, is no report, is damaged, or was written by a newer version.
    """
    target = Path(path).expanduser()
    try:
        data = read_json_file(target)
    except OSError as error:
        msg = f"the report {os.fspath(path)!r} cannot be read: {error.strerror}"
        raise VerifyError(msg) from error
    except ValueError as error:  # also UnicodeDecodeError
        msg = f"{target.name!r} is not a report.json: {error}"
        raise VerifyError(msg) from error
    if not isinstance(data, Mapping) or data.get("format") != FORMAT:
        msg = f"{target.name!r} is not a report: expected a JSON file written by mm.report(...).save('report.json')"
        raise VerifyError(msg)
    if not isinstance(data.get("version"), int) or data["version"] > VERSION:
        msg = f"{target.name!r} has version {data.get('version')!r}, this mmtoolkit reads up to {VERSION}; update mmtoolkit"
        raise VerifyError(msg)
    missing = [part for part in (*PARTS, "seals", "tolerance") if not isinstance(data.get(part), Mapping)]
    if missing:
        msg = f"{target.name!r} is damaged: it has no {missing[0]!r}"
        raise VerifyError(msg)
    data = join(data, target)
    check_structure(data, target.name)
    return data


def read_page(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the report.json beside a page that the page was made from, and the parts of the page that were changed.

    Parameters
    ----------
    path : Path
        Of report.html; report.json is in the same folder.

    Returns
    -------
    data : dict
        As `read_report` returns it.
    places : list of str
        Such as "page.summary"; "page (of another report.json)" where the page does not belong to that report.

    Raises
    ------
    VerifyError
        If the page has no seals, a browser wrote it, or there is no report beside it.
    """
    beside = path.with_suffix(".json")
    try:
        html = utf_8(read_whole(path))
    except (OSError, ValueError) as error:
        msg = f"the page {path.name!r} cannot be read: {error}"
        raise VerifyError(msg) from error
    seals = seals_of_page(html)
    if seals is None:
        msg = (
            f"{path.name!r} carries no seals: it was not saved by mm.report, or by a version before they came; "
            f"verify {beside.name!r} instead"
        )
        raise VerifyError(msg)
    if not beside.is_file():
        msg = f"the figures of {path.name!r} are checked by {beside.name!r}, which must lie beside it; save both"
        raise VerifyError(msg)
    data = read_report(beside)
    whole = {name: part for name, part in data.items() if name != "run"}
    other = [] if seal(whole) == seals["report"] or broken_seals(data) else ["page (of another report.json)"]
    broken = broken_on_page(html, seals)
    if broken and _SAVED_FROM in html:
        msg = (
            f"{path.name!r} was written anew by a browser ('Save page as'), which changes a page; verify the file that mm.report "
            f"wrote, or {beside.name!r}"
        )
        raise VerifyError(msg)
    if broken:  # git on Windows, mail and editors write other ends of lines and of files; nobody sees them
        broken = broken_on_page(html.replace("\r\n", "\n").rstrip() + "\n", seals)
    return data, [*broken, *other]


def broken_seals(data: Mapping[str, Any]) -> list[str]:
    """Return the parts that were changed after the report was written; tables of results by name where possible."""
    seals = data["seals"]
    parts = [part for part in SEALED if (part in PARTS or part in seals) and seals.get(part) != seal(data.get(part))]
    if "results" not in parts or "title" not in seals:
        return parts
    now = figures(data["results"])
    stored = [name for name in seals if name not in SEALED]
    tables = [
        name for name in {**now, **dict.fromkeys(stored)} if name not in now or seals.get(name) != seal(now[name])
    ]
    at = parts.index("results")
    return [*parts[:at], *(tables or ["results"]), *parts[at + 1 :]]
