"""Long lists of report.json, kept in a Parquet file beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from mmtoolkit._files import replaced
from mmtoolkit._sealed import open_sealed, write_sealed
from mmtoolkit.errors import VerifyError
from mmtoolkit.reporting.record import seal

__all__ = ["LONGEST", "join", "sidecar_path", "split"]

LONGEST = 20_000
_KEY = "in_sidecar"


def sidecar_path(report: Path) -> Path:
    """Return where the long lists of a report lie: ``report.json`` to ``report.items.parquet``."""
    return report.with_name(f"{report.stem}.items.parquet")


def split(data: Mapping[str, Any], report: Path) -> dict[str, Any]:
    """Return the document with lists longer than 20,000 moved to the Parquet file, which is written here if needed.

    Parameters
    ----------
    data : mapping
        The document.
    report : Path
        Where the JSON will lie.

    Returns
    -------
    dict
        In place of a long list stands its column, length and SHA-256.
    """
    columns: dict[str, list[Any]] = {}

    def walk(value: Any, name: str) -> Any:
        if isinstance(value, Mapping):
            return {key: walk(inner, f"{name}/{key}" if name else str(key)) for key, inner in value.items()}
        if isinstance(value, list) and len(value) > LONGEST:
            columns[name] = value
            return {_KEY: name, "length": len(value), "sha256": seal(value)}
        return value

    shortened: dict[str, Any] = walk(data, "")
    path = sidecar_path(report)
    if not columns:
        path.unlink(missing_ok=True)  # of an earlier, longer report of that name
        return shortened

    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({name: [value] for name, value in columns.items()})
    with replaced(path) as part:
        write_sealed(part, table.schema, [table])
    return shortened


def join(data: Mapping[str, Any], report: Path) -> dict[str, Any]:
    """Return the document with its long lists put back.

    Parameters
    ----------
    data : mapping
        From report.json.
    report : Path
        Where it lies.

    Returns
    -------
    dict
        As before `split`.

    Raises
    ------
    VerifyError
        If the Parquet file is missing or is not the one that was written with the report.
    """
    path, table = sidecar_path(report), None

    def walk(value: Any) -> Any:
        nonlocal table
        if isinstance(value, Mapping):
            if _KEY not in value:
                return {key: walk(inner) for key, inner in value.items()}
            table = _read(path) if table is None else table
            found = table.get(value[_KEY]) if isinstance(value[_KEY], str) else None
            if seal(found) != value.get("sha256"):
                msg = f"{path.name!r} does not hold the {value[_KEY]!r} that was written with the report"
                raise VerifyError(msg)
            return found
        return value

    joined: dict[str, Any] = walk(data)
    return joined


def _read(path: Path) -> dict[str, Any]:
    """Return the lists by name."""
    try:
        table = open_sealed(path).read()
        return {name: table[name].to_pylist()[0] for name in table.column_names}
    except Exception as error:  # older files have no checksums, so that their damage may raise anything in a decoder
        msg = f"the report keeps its long lists in {path.name!r}, which must lie beside it and cannot be read: {error}"
        raise VerifyError(msg) from error
