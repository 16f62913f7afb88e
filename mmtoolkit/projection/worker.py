"""The helper process: reads X.npy and params.json, writes map.npz."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

__all__ = ["main"]


def _end_with_parent(folder: Path) -> None:
    os.read(0, 1)  # returns when the parent closes the pipe or is gone; sys.stdin would be locked at exit
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def main(path: str) -> None:
    """Compute the map described in a folder.

    Parameters
    ----------
    path : str
        Holds ``X.npy`` and ``params.json``; gets ``map.npz``.
    """
    import numpy as np

    folder = Path(path)
    threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(5)  # the kernel comes first
    from mmtoolkit._npz import write_npz
    from mmtoolkit.projection.engine import lay_out

    X = np.load(folder / "X.npy", allow_pickle=False)
    drawn = lay_out(X, json.loads((folder / "params.json").read_text()))
    names = ("coords", "trust", "trustworthiness", "method")
    with (folder / "map.npz").open("wb") as file:
        write_npz(file, {name: np.asarray(getattr(drawn, name)) for name in names})
