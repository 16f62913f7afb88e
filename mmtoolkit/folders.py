"""A folder as the items frame."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mmtoolkit._filekinds import kind_of_file
from mmtoolkit._formats import IMAGE_ENDINGS, VIDEO_ENDINGS
from mmtoolkit.frames import items, made_by

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_folder"]


def read_folder(folder: str | os.PathLike[str], *, label: Callable[[Path], object] | None = None) -> pd.DataFrame:
    """List the pictures, videos and text files of a folder and its sub-folders.

    Parameters
    ----------
    folder : path
        Searched in full; hidden files and other kinds of files are left out.
    label : callable or None, default=None
        Function from a file's path to its class. None takes the name of the first sub-folder; files that lie in the
        folder itself have no label.

    Returns
    -------
    DataFrame
        The items frame, sorted by path; the id is the path below `folder`. A ``.txt`` file is one text.

    Raises
    ------
    ValueError
        If it is no folder or holds nothing to embed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import mmtoolkit as mm
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "praise").mkdir()
    >>> _ = (folder / "praise" / "one.txt").write_text("well done")
    >>> mm.read_folder(folder)[["id", "text", "label"]].values.tolist()
    [['praise/one.txt', 'well done', 'praise']]
    """
    import pandas as pd

    root = Path(folder).expanduser().resolve()
    if not root.is_dir():
        msg = f"{os.fspath(folder)!r} is not a folder"
        raise ValueError(msg)
    rows = []
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        below = path.relative_to(root)
        if any(part.startswith(".") for part in below.parts):
            continue
        kind = kind_of_file(path)
        if kind is None:
            continue
        value = path.read_text("utf-8", errors="replace") if kind == "text" else os.fspath(path)
        group = below.parts[0] if len(below.parts) > 1 else None
        name = os.fsencode(below.as_posix()).decode("utf-8", "backslashreplace")
        rows.append({"id": name, "modality": kind, kind: value, "label": group if label is None else label(path)})
    if not rows:
        msg = (
            f"no pictures, videos or texts in {os.fspath(root)!r}; looked for {', '.join(sorted(IMAGE_ENDINGS))}, "
            f"{', '.join(sorted(VIDEO_ENDINGS))} and .txt"
        )
        raise ValueError(msg)
    frame = items(pd.DataFrame(rows, dtype=object))  # plain objects: a name need not be valid UTF-8
    frame.attrs["root"] = os.fspath(root)
    made_with = {} if label is None else {"label": "a function"}
    return made_by(frame, "read_folder", root.name, made_with)
