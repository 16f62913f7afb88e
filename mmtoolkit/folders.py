"""A folder as the items frame."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd

from mmtoolkit._arguments import as_path
from mmtoolkit._encodings import decoded
from mmtoolkit._filekinds import kind_of_file
from mmtoolkit._formats import IMAGE_ENDINGS, VIDEO_ENDINGS
from mmtoolkit._opening import read_whole
from mmtoolkit._text import is_unicode
from mmtoolkit._values import role_of
from mmtoolkit.frames import items, made_by
from mmtoolkit.words import listed, say, word

__all__ = ["read_folder"]

_SYSTEM = frozenset(
    {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "#recycle", "$recycle.bin"}
    | {"system volume information", "lost+found"}
)

_MOST_KINDS = 8  # named in one line
_MOST_BYTES = 64 * 1024 * 1024  # of a text


def read_folder(
    folder: str | os.PathLike[str],
    *,
    label: Callable[[Path], object] | None = None,
    texts: bool | None = None,
) -> pd.DataFrame:
    """List the pictures, videos and text files of a folder and its sub-folders.

    Parameters
    ----------
    folder : path
        Searched in full. Links to folders are followed, each folder once. Hidden files, those of the system
        (``Thumbs.db``, ``__MACOSX`` and such) and other kinds of files are left out.
    label : callable or None, default=None
        Function from a file's path to its class. None takes the name of the first sub-folder; files that lie in the
        folder itself have no label.
    texts : bool or None, default=None
        Whether ``.txt`` files are items, one text each. None takes them where there are no pictures and videos; beside
        these they are mostly captions and licences. Texts may be UTF-8, UTF-16, GB18030 or Latin-1; another encoding
        fails by name when it is embedded.

    Returns
    -------
    DataFrame
        The items frame, sorted by path; the id is the path below `folder`. ``attrs["left_out"]`` counts what was left
        out by kind, ``attrs["notes"]`` says it in words, as reports do.

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
    given: object = label
    if given is not None and not callable(given):
        msg = f"label must be a function from the path of a file to its class, got {given!r}"
        raise TypeError(msg)
    root = as_path(folder, "folder").resolve()
    if not root.is_dir():
        msg = f"{os.fspath(folder)!r} is not a folder"
        raise ValueError(msg)
    left_out: Counter[str] = Counter()
    files = {below: kind for below in _files(root, left_out) if (kind := _kind(below, left_out))}
    if texts is False or (texts is None and len(set(files.values()) - {"text"})):
        left_out.update(".txt" for kind in files.values() if kind == "text")
        files = {below: kind for below, kind in files.items() if kind != "text"}
    said = _said(root.name, left_out, advise=texts is None)
    if not files:
        msg = (
            f"no pictures, videos or texts in {os.fspath(root)!r}; looked for {', '.join(sorted(IMAGE_ENDINGS))}, "
            f"{', '.join(sorted(VIDEO_ENDINGS))} and .txt{''.join(f'; {note}' for note in said)}"
        )
        raise ValueError(msg)
    rows, notes, unreadable = [], {}, {}
    for below in sorted(files, key=lambda path: path.split("/")):
        kind = files[below]
        name = os.fsencode(below).decode("utf-8", "backslashreplace")
        value: str | None = os.path.join(root, below)
        if kind == "text":
            try:
                value, encoding = decoded(read_whole(root / below, _MOST_BYTES))
            except (OSError, ValueError) as error:
                value, unreadable[name] = None, getattr(error, "strerror", None) or str(error)
            else:
                notes.update({name: say("read as {encoding}", encoding=encoding)} if encoding else {})
        group = _readable(below.split("/")[0]) if "/" in below else None
        rows.append(
            {"id": name, "modality": kind, kind: value, "label": group if label is None else label(root / below)}
        )
    frame = items(pd.DataFrame(rows, dtype=object))  # plain objects: a name need not be valid UTF-8
    for note, n in Counter(notes.values()).items():
        said.append(say("{n:,} of the text files was {how}", "{n:,} of the text files were {how}", n=n, how=note))
    if label is None and (split := _split_of(frame["label"])):
        said.append(split)
        warnings.warn(split, UserWarning, stacklevel=2)
    told = {"notes": said, "left_out": dict(left_out), "item_notes": notes, "unreadable": unreadable}
    frame.attrs.update(root=os.fspath(root), **{name: what for name, what in told.items() if what})
    asked = {"label": None if label is None else "a function", "texts": texts}
    return made_by(frame, "read_folder", root.name, {name: value for name, value in asked.items() if value is not None})


def _split_of(labels: pd.Series) -> str:
    """Return a sentence where the sub-folders are called as parts of a split, which are no classes; "" otherwise."""
    names = sorted(set(labels.dropna()))
    if len(names) < 2 or any(role_of(name) not in ("train", "test", "validation") for name in names):
        return ""
    return say(
        "the labels {names} look like the parts of a split; label=lambda path: path.parent.name takes the folder of each file",
        names=listed(map(repr, names)),
    )


def _readable(folder: str) -> str:
    """Return the name of a folder as text; where it is not Unicode, as an archive from Windows leaves it, in the encoding it is in."""
    if is_unicode(folder):
        return folder
    name = os.fsencode(folder)
    try:
        return decoded(name)[0]
    except ValueError:
        return name.decode("utf-8", "backslashreplace")


def _files(root: Path, left_out: Counter[str]) -> Iterator[str]:
    """Yield the paths of all files below a folder; real folders come before links, so no file comes twice."""
    seen = {_identity(path) for path in (root, *root.parents)}  # a link to a folder above would lead here again
    folders: list[str] = [""]
    links: list[str] = []
    while folders or links:
        if not folders:
            link = links.pop(0)
            if (target := _identity(root / link)) in seen:
                left_out[word("links to folders that are read already")] += 1
                continue
            seen.add(target)
            folders.append(link)
        folder = folders.pop()
        try:
            entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
        except OSError:
            left_out[word("folders that cannot be read")] += 1
            continue
        for entry in entries:
            below = f"{folder}/{entry.name}" if folder else entry.name
            if entry.name.startswith(".") or entry.name.lower() in _SYSTEM:
                left_out[word("hidden or of the system")] += 1
                continue
            try:
                is_folder, is_file = entry.is_dir(), entry.is_file()
            except OSError:  # a link that leads to itself
                is_folder = is_file = False
            if is_folder:
                if not entry.is_symlink():
                    seen.add(_identity(entry.path))
                (links if entry.is_symlink() else folders).append(below)
            elif is_file:
                yield below
            else:
                left_out[word("broken links") if entry.is_symlink() else word("no files")] += 1


def _identity(path: str | os.PathLike[str]) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino


def _kind(below: str, left_out: Counter[str]) -> str | None:
    """Return the modality of a file; a file of another kind is counted by its ending."""
    kind = kind_of_file(below)
    if kind is None:
        left_out[os.path.splitext(below)[1].lower() or word("without an ending")] += 1
    return kind


def _said(name: str, left_out: Counter[str], *, advise: bool) -> list[str]:
    """Return one line on the files that were left out; "" where there are none."""
    counts = sorted(((n, kind) for kind, n in left_out.items()), key=lambda one: (-one[0], one[1]))
    kinds = [say("{n:,} {kind}", n=n, kind=kind) for n, kind in counts[:_MOST_KINDS]]
    if rest := sum(n for n, _ in counts[_MOST_KINDS:]):
        kinds.append(say("{n:,} of other kinds", n=rest))
    if not kinds:
        return []
    if advise and ".txt" in left_out:
        return [say("left out of {name!r}: {kinds} (texts=True takes .txt files, too)", name=name, kinds=listed(kinds))]
    return [say("left out of {name!r}: {kinds}", name=name, kinds=listed(kinds))]
