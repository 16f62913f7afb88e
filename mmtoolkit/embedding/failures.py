"""The small tables beside the vectors: what failed, what was changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["failed_frame", "notes_frame"]


def failed_frame(errors: Mapping[int, Any]) -> pd.DataFrame:
    """Return one row per failed item: row, id, name, reason, and what the service said."""
    import pandas as pd

    names = ["row", "id", "name", "reason", "status_code", "code", "request_id"]
    rows = [
        (row, e.item_id, e.name, e.reason, e.status_code, e.code, e.request_id) for row, e in sorted(errors.items())
    ]
    return pd.DataFrame(rows, columns=names)


def notes_frame(notes: Mapping[int, str], ids: Sequence[str]) -> pd.DataFrame:
    """Return one row per item that was changed before it was embedded."""
    import pandas as pd

    return pd.DataFrame([(row, ids[row], note) for row, note in sorted(notes.items())], columns=["row", "id", "note"])
