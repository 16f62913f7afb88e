"""Damaged tables of users, CSV, TSV, Parquet and Excel: read, or one clear error.

Nothing guards what such a table says, so that another content is no fault of the reader.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

import mmtoolkit as mm

from .damage import damage
from .tally import Tally

TRIALS = 1000


def attack(trials: int = TRIALS, seed: int = 0) -> dict[str, Any]:
    """Damage a table of each kind in turn."""
    tally, rng = Tally(), random.Random(seed)
    frame = pd.DataFrame(
        {
            "id": [f"i{i}" for i in range(50)],
            "text": [f'text, "{i % 9}"\nä' for i in range(50)],
            "label": ["a", "b"] * 25,
        }
    )
    with tempfile.TemporaryDirectory() as name:
        files = {ending: Path(name, f"table.{ending}") for ending in ("csv", "tsv", "parquet", "xlsx")}
        frame.to_csv(files["csv"], index=False)
        frame.to_csv(files["tsv"], index=False, sep="\t")
        frame.to_parquet(files["parquet"])
        try:
            frame.to_excel(files["xlsx"], index=False)
        except ImportError:  # no package that writes it here
            del files["xlsx"]
        for ending, path in files.items():
            content = path.read_bytes()
            for _ in range(trials // len(files)):
                what, damaged = damage(content, rng)
                path.write_bytes(damaged)
                tally.trial(f"{ending}, {what}", lambda path=path: mm.items(path))
    return tally.done()
