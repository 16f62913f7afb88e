"""From the arguments of a command to an items frame and to vectors."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

import mmtoolkit as mm
from mmtoolkit._arguments import as_path
from mmtoolkit._text import did_you_mean
from mmtoolkit.cli import show
from mmtoolkit.frames import DATASETS
from mmtoolkit.providers.choice import make_provider
from mmtoolkit.words import say

if TYPE_CHECKING:
    from mmtoolkit.embedding import Embeddings

__all__ = ["embeddings_of", "items_of", "model_of"]

_ROLES = ("id", "text", "image", "video", "label", "modality")


def items_of(arguments: Namespace) -> pd.DataFrame:
    """Read the items of INPUT: a folder, a table, or the name of a data set.

    Raises
    ------
    ValueError
        If it is nothing of that.
    """
    path = as_path(arguments.input, "INPUT")
    columns = {role: getattr(arguments, role) for role in _ROLES if getattr(arguments, role) is not None}
    if path.is_dir() or (not path.exists() and arguments.input in DATASETS):
        if columns:
            msg = f"--{next(iter(columns))} names a column, but {arguments.input!r} is no table"
            raise ValueError(msg)
        if path.is_dir():
            return mm.read_folder(path, texts=arguments.texts or None)
        return mm.load_dataset(arguments.input)
    if not path.exists():
        msg = f"there is no file or folder {arguments.input!r}, and it is no data set{did_you_mean(arguments.input, DATASETS)} ({', '.join(DATASETS)})"
        raise ValueError(msg)
    return mm.items(path, **columns)


def embeddings_of(arguments: Namespace) -> Embeddings:
    """Return the vectors of INPUT, embedded now or read from a file of saved vectors."""
    if _is_saved(arguments.input):
        return _saved(arguments)
    items = items_of(arguments)
    for note in items.attrs.get("notes", []):
        show.note(note, arguments)
    emb = mm.embed(
        items,
        model=model_of(arguments),
        dimension=arguments.dimension,
        cache=arguments.cache,
        on_error=arguments.on_error,
        budget=arguments.budget,
    )
    if len(emb.failed):
        first = emb.failed.iloc[0]
        show.note(
            say(
                "{n} item left out: {item!r}: {why}",
                "{n} items left out, first: {item!r}: {why}",
                n=len(emb.failed),
                item=first["id"],
                why=first["reason"],
            ),
            arguments,
        )
        emb = emb.drop_failed()
    return emb


def model_of(arguments: Namespace) -> Any:
    """Return what to pass as ``model=``."""
    if arguments.region is None:
        return arguments.model
    if arguments.model is None:
        msg = "--region needs --model, because regions belong to a model of the service"
        raise ValueError(msg)
    return make_provider(arguments.model).in_region(arguments.region)


def _saved(arguments: Namespace) -> Embeddings:
    """Read saved vectors; raise ValueError for an option that would have to be known when they were made."""
    emb = mm.Embeddings.load(arguments.input)
    columns = [role for role in _ROLES if getattr(arguments, role) is not None]
    if columns and not hasattr(arguments, "new"):  # with two inputs, the other may be a table
        msg = f"--{columns[0]} names a column of a table, but {arguments.input!r} holds saved vectors; embed the table again with it"
        raise ValueError(msg)
    for name, held in (("model", emb.model), ("dimension", emb.shape[1])):
        if getattr(arguments, name) not in (None, held):
            msg = f"--{name} {getattr(arguments, name)} does not fit: the vectors in {arguments.input!r} have the {name} {held}"
            raise ValueError(msg)
    return emb


def _is_saved(path: str) -> bool:
    """Return whether a Parquet file holds vectors saved by ``embed``, not an ordinary table."""
    if not path.endswith(".parquet") or not Path(path).is_file():
        return False
    import pyarrow.parquet as pq

    try:
        with open(path, "rb") as file:
            return b"mmtoolkit-embeddings" in (pq.read_schema(file).metadata or {})
    except Exception:  # a damaged file: who reads it as a table names it
        return False
