"""A table in a file as a pandas frame."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmtoolkit._values import code_columns

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_table"]


def read_table(path: Path, strings: list[str]) -> pd.DataFrame:
    """Read a CSV, TSV or Parquet file; columns of codes and those named in `strings` stay text."""
    import pandas as pd

    if not path.is_file():
        msg = f"there is no file {os.fspath(path)!r}"
        raise ValueError(msg)
    if path.suffix.lower() == ".parquet":
        return pd.read_parquet(path)
    if path.suffix.lower() in {".csv", ".tsv"}:
        try:
            how: Any = {
                "sep": "\t" if path.suffix.lower() == ".tsv" else ",",
                "keep_default_na": False,
                "na_values": [""],
            }
            codes = code_columns(pd.read_csv(path, dtype=str, **how))  # "007" is no number
            table: pd.DataFrame = pd.read_csv(path, dtype=dict.fromkeys([*strings, *codes], str), **how)
            return table
        except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
            msg = f"{os.fspath(path)!r} cannot be read as a table: {error}"
            raise ValueError(msg) from error
    msg = f"expected a .csv, .tsv or .parquet file, got {path.name!r}"
    raise ValueError(msg)
