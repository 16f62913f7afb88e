"""Open a report.json and make sure that it is one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmtoolkit._json import read_json_file
from mmtoolkit.errors import VerifyError
from mmtoolkit.reporting.record import FORMAT, PARTS, VERSION, seal
from mmtoolkit.reporting.sidecar import join
from mmtoolkit.verification.structure import check_structure

__all__ = ["broken_seals", "read_report"]


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


def broken_seals(data: Mapping[str, Any]) -> list[str]:
    """Return the parts that were changed after the report was written."""
    return [part for part in PARTS if data["seals"].get(part) != seal(data[part])]
