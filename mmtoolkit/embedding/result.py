"""Embeddings: vectors, their ids and items, and the way to embed more into the same space."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mmtoolkit._aligned import masked, refuse_other_ids, refuse_other_order
from mmtoolkit._anyframe import any_frame, handed_on, object_cells
from mmtoolkit._arguments import as_path
from mmtoolkit._filekinds import TABLE_ENDINGS
from mmtoolkit._html import notebook
from mmtoolkit._numbers import feature_names, numbers_of
from mmtoolkit._rows import cells_of, text_index, unique_ids
from mmtoolkit.embedding.usage import Usage
from mmtoolkit.results import plain
from mmtoolkit.space import Space
from mmtoolkit.vectors import at_unit_length, index_of, is_read_only, read_only, single
from mmtoolkit.words import listed, say

if TYPE_CHECKING:
    from mmtoolkit.embedding.encoder import Encoded, Encoder
    from mmtoolkit.providers.base import Provider
    from mmtoolkit.providers.reranker import Reranker

__all__ = ["Embeddings", "Held", "held_of"]


class Embeddings:
    """Vectors with the items they belong to. Immutable: every method returns a new object, and arrays are read-only.

    Columns may be added to the frame `items`; ids, vectors and keys stay those of its making.

    Parameters
    ----------
    X : array-like of shape (n_items, n_features), frame of numbers or Series of vectors of any library
        Your own vectors; NaN rows count as failed.
    ids : sequence of str or None, default=None
        Unique names; None takes ``items["id"]``, else an index of unique texts, else row numbers.
    items : DataFrame of any library or None, default=None
        One row per vector; brought into the shape of `items` where it lacks columns.
    model : str, provider or None, default=None
        The model that made the vectors, a name of `list_models` or a provider: then `encode` works.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> emb = mm.Embeddings(np.eye(3), ids=["a", "b", "c"])
    >>> emb[1:].ids.tolist()
    ['b', 'c']
    >>> emb.shape, emb.dimension, emb.vectors[0].tolist(), emb.ok.tolist(), emb.failed.empty
    ((3, 3), 3, [1.0, 0.0, 0.0], [True, True, True], True)
    >>> words = mm.embed_texts(["a red bird", "a blue car"], model="local", cache=False)
    >>> words.model, words.space.model, words.params, words.modality.tolist(), words.items["text"].tolist()
    ('local', 'local', {}, ['text', 'text'], ['a red bird', 'a blue car'])
    >>> words.index is None, words.notes.empty, len(words.revision) > 8, len(words.fingerprint), len(words.content_keys[0])
    (True, True, True, 64, 64)
    >>> dict(words.usage)["computed"], words.unit.shape
    (2, (2, 512))
    """

    _held: Held

    def __init__(
        self,
        X: ArrayLike,
        *,
        ids: Sequence[str] | None = None,
        items: Any = None,
        model: str | Provider | None = None,
    ) -> None:
        self.__dict__["_held"] = _own(X, ids, items, model)

    @classmethod
    def _of(cls, held: Held) -> Self:
        """Return Embeddings of `held`, without the checks of the constructor."""
        self = cls.__new__(cls)
        self.__dict__["_held"] = held
        return self

    def __setattr__(self, name: str, value: object) -> None:
        msg = f"Embeddings are immutable: {name!r} cannot be set; make new ones, for instance with mm.Embeddings(X, ids=..., model=...)"
        raise AttributeError(msg)

    @property
    def space(self) -> Space:
        """Model, revision, dimension, parameters and means that define the space of the vectors."""
        return self._held.space

    @property
    def model(self) -> str:
        """Name of the model, "" when unknown."""
        return self.space.model

    @property
    def revision(self) -> str:
        """The revision of the model; it changes when the same name gives other vectors."""
        return self.space.revision

    @property
    def dimension(self) -> int:
        """Number of features."""
        return self.space.dimension

    @property
    def params(self) -> dict[str, Any]:
        """Parameters of the model."""
        return dict(self.space.params)

    @property
    def content_keys(self) -> NDArray[np.str_]:
        """SHA-256 of content, model and parameters in hexadecimal, (n_items,); of the row's bytes for your own vectors."""
        return self._held.content_keys

    @property
    def usage(self) -> Usage:
        """How many items were cached, computed and equal, and the tokens that the service counted; ``usage.to_frame()`` is the bill."""
        return Usage(self._held.usage, self._held.usage.charges)

    @property
    def failed(self) -> pd.DataFrame:
        """Columns row, id, name, reason, and the service's status_code, code, request_id."""
        from mmtoolkit._pictured import PicturedFrame

        return PicturedFrame.of(self._held.failed, self._held.items, ("name", "reason"))

    @property
    def notes(self) -> pd.DataFrame:
        """Columns row, id, note: items that were changed before they were embedded."""
        return self._held.notes

    @property
    def vectors(self) -> NDArray[np.float32]:
        """Rows as the model returned them, (n_items, n_features); NaN where an item failed."""
        return self._held.vectors

    @cached_property
    def unit(self) -> NDArray[np.float32]:
        """L2-normalised rows, (n_items, n_features)."""
        return read_only(at_unit_length(self._held.vectors))

    @property
    def ids(self) -> NDArray[np.str_]:
        """Item ids, (n_items,)."""
        return self._held.ids

    @property
    def index(self) -> pd.Index | None:
        """Index labels of the rows in the frame or Series that they came in, (n_items,); None where there was none.

        Classes given as a Series are aligned by it, or by the ids.
        """
        return self._held.index

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns of the frame that your own vectors came in, else (). Rows with other columns are refused.

        Examples
        --------
        >>> import pandas as pd
        >>> import mmtoolkit as mm
        >>> mm.Embeddings(pd.DataFrame({"height": [1.0, 2.0], "width": [3.0, 1.0]})).feature_names
        ('height', 'width')
        """
        return self._held.feature_names

    @property
    def items(self) -> pd.DataFrame:
        """The items frame, row by row; columns may be added to it, and its rows stay.

        Its index is 0..n-1. pandas puts a Series of another table where the index says: assign ``series.to_numpy()``.
        """
        frame = self._held.items
        if not frame.index.equals(pd.RangeIndex(len(self))):
            msg = "rows of emb.items were moved or taken away in place, so they are not those of the vectors any more; make the Embeddings again, and sort a copy"
            raise ValueError(msg)
        return frame

    @property
    def modality(self) -> NDArray[np.object_]:
        """Modality of every item, (n_items,): "text", "image", "video" or "fused"."""
        return self.items["modality"].to_numpy(dtype=object)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of items and of features."""
        return self._held.vectors.shape

    @cached_property
    def ok(self) -> NDArray[np.bool_]:
        """Which items have a vector, (n_items,)."""
        return np.asarray(np.isfinite(self._held.vectors).all(axis=1))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the space, the ids, the keys and every byte of the vectors, in hexadecimal."""
        space = self.space
        head = [
            space.model,
            space.revision,
            space.dimension,
            plain(space.params),
            sorted(space.centers),
            self.ids.tolist(),
        ]
        state = hashlib.sha256(json.dumps(head).encode())
        state.update("".join(self.content_keys.tolist()).encode())
        state.update(np.ascontiguousarray(self._held.vectors).tobytes())
        return state.hexdigest()

    def __len__(self) -> int:
        return len(self._held.vectors)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self._held.vectors, dtype=dtype, copy=copy)

    def __getitem__(self, rows: Any) -> Embeddings:
        """Select items by slice, boolean mask or integer array."""
        return type(self)._of(self._held.take(np.atleast_1d(np.arange(len(self))[masked(self, rows)])))

    def drop_failed(self) -> Embeddings:
        """Return only the items that have a vector.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> emb = mm.Embeddings([[1.0, 0.0], [np.nan, np.nan]], ids=["a", "b"])
        >>> emb.ok.tolist(), emb.drop_failed().ids.tolist()
        ([True, False], ['a'])
        """
        return self[self.ok]

    def encode(self, items: Any) -> NDArray[np.float32]:
        """Embed more items into the same space, with the same model, dimension, parameters and cache.

        Parameters
        ----------
        items : str, iterable of str or contents, or items frame
            A str is a text.

        Returns
        -------
        ndarray of shape (n, n_features), float32
            One row per item.

        Raises
        ------
        SpaceError
            If the model is unknown (your own vectors).
        EmbeddingError
            If an item cannot be embedded.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> emb = mm.embed_texts(["a red bird", "a blue car"], model="local", cache=False)
        >>> emb.encode("a red bird").shape
        (1, 512)
        """
        return self._encoder.encode(items, self.space)

    def rerank(
        self,
        query: Any,
        rows: ArrayLike | None = None,
        *,
        model: str | Reranker = "qwen3-vl-rerank",
        budget: float | None = None,
        progress: Any = None,
        usage: Usage | None = None,
    ) -> NDArray[np.float64]:
        """Score how well items answer a query by a reranker, which reads both instead of comparing their vectors.

        Scores are cached by query, item and reranker, in the cache of these Embeddings; only what is missing is asked.

        Parameters
        ----------
        query : str, Text, Image, Video, Fused, Path, PIL picture, or a list of these
            A str is a text.
        rows : array-like of int or bool, or None, default=None
            Which items: row numbers of shape (n_rows,) or (n_queries, n_rows), or booleans of shape (n_items,); None is
            all.
        model : str or Reranker, default="qwen3-vl-rerank"
            A rerank model of the DashScope service, which goes to the address of the vectors' model where that is one of
            the service, too; or an object such as ``mm.DashScopeRerank(...)`` or one of a class derived from
            ``mm.Reranker``.
        budget : float or None, default=None
            Stop before the cost of scoring crosses this, in the currency of the reranker's price.
        progress : None, bool or a tqdm-like bar, default=None
            None shows a bar when it takes longer than a second.
        usage : Usage or None, default=None
            What is counted is added to it.

        Returns
        -------
        ndarray of shape (n_rows,), or (n_queries, n_rows) for a list, float64
            Higher is better.

        Raises
        ------
        ValueError
            If the reranker is unknown or not offered in its region, an item has no content, or rows are none.
        EmbeddingError
            If the query or items cannot be scored; the message names them, all other scores are cached.
        ProviderError, BudgetError
            As `embed` raises them.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> class SharedWords(mm.Reranker):
        ...     name, revision, leaves_machine = "shared-words", "1", False
        ...
        ...     def score(self, query, contents):
        ...         words = set(query.text.split())
        ...         return [len(words & set(content.text.split())) for content in contents]
        >>> emb = mm.embed_texts(["a red bird", "a bird", "a car"], model="local", cache=False)
        >>> emb.rerank("red bird", [0, 1], model=SharedWords()).tolist()
        [2.0, 1.0]
        """
        from mmtoolkit.cache import open_cache
        from mmtoolkit.embedding.reranking import score_items

        encoder = self._held.encoder
        return score_items(
            self.items,
            query,
            rows,
            model=model,
            beside=None if encoder is None else encoder.provider,
            cache=open_cache() if encoder is None else encoder.cache,
            budget=budget,
            progress=progress,
            usage=usage,
        )

    @cached_property
    def _encoder(self) -> Encoder:
        if self._held.encoder is not None:
            return self._held.encoder
        from mmtoolkit.embedding.encoder import encoder_of

        return encoder_of(self.space)

    def centered(self, by: str = "modality") -> Embeddings:
        """Subtract each modality's mean direction, so that items group by meaning rather than by modality.

        Parameters
        ----------
        by : {"modality"}, default="modality"
            What the means are taken over.

        Returns
        -------
        Embeddings
            Unit rows minus their group's mean; `encode` does the same to new items.

        References
        ----------
        Liang et al. (2022), Mind the gap: understanding the modality gap in multi-modal contrastive representation
        learning.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> emb = mm.Embeddings(np.array([[1.0, 0.2], [1.0, -0.2]])).centered()
        >>> emb.vectors.mean(axis=0).round(6).tolist(), sorted(emb.space.centers)
        ([0.0, 0.0], ['vector'])
        """
        if by != "modality":
            msg = f"by must be 'modality', got {by!r}"
            raise ValueError(msg)
        kinds = self.modality
        centers = {
            str(kind): np.asarray(self.unit[(kinds == kind) & self.ok].mean(axis=0, dtype=np.float64), dtype=np.float32)
            for kind in sorted(set(kinds.tolist()))
            if ((kinds == kind) & self.ok).any()
        }
        space = dataclasses.replace(self.space, centers=centers)
        vectors = read_only(space.center(self.unit, kinds.tolist()))
        return type(self)._of(dataclasses.replace(self._held, vectors=vectors, space=space))

    def to_frame(self, backend: Literal["pandas", "polars", "pyarrow"] = "pandas") -> Any:
        """Return the items frame with a column ``vector`` (one array per row).

        Parameters
        ----------
        backend : {"pandas", "polars", "pyarrow"}, default="pandas"
            Whose frame it is. Outside of pandas a column of several types becomes text.

        Returns
        -------
        pandas.DataFrame, polars.DataFrame or pyarrow.Table
            One row per item.

        Raises
        ------
        TypeError
            If a column holds objects such as pictures, which only pandas can hold; the message names it.
        ValueError
            If there is no such backend.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> emb = mm.embed_texts(["a red bird", "a blue car"], model="local", cache=False)
        >>> emb.to_frame()[["id", "text", "vector"]].map(lambda cell: getattr(cell, "shape", cell))
          id        text  vector
        0  0  a red bird  (512,)
        1  1  a blue car  (512,)
        """
        frame = self.items.assign(vector=pd.Series(list(self._held.vectors), dtype=object))
        return handed_on(frame, backend)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write vectors, ids, keys and the columns of the items frame to a Parquet file.

        Paths of pictures and videos are written as they are seen from the file, so that a folder with both can be moved.
        Columns keep their type: numbers, texts, times, categories, and cells that are lists, dicts, sets, arrays, paths
        or periods, which are written as JSON text with a mark. Pictures and videos in memory are left out, and so is a
        column with cells of any other kind; a warning names them.

        Parameters
        ----------
        path : path
            Replaced in one step if it exists.

        Raises
        ------
        ValueError
            If the name ends like another kind of table, such as ``.csv``.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> import mmtoolkit as mm
        >>> file = Path(tempfile.mkdtemp()) / "two.parquet"
        >>> mm.embed_texts(["a red bird", "a blue car"], model="local", cache=False).save(file)
        >>> mm.Embeddings.load(file)
        <Embeddings: 2 items x 512 features, model 'local'>
        """
        from mmtoolkit.embedding.files import write

        file = as_path(path, "path")
        ending = file.suffix.lower()
        if ending in TABLE_ENDINGS - {".parquet"}:
            msg = f"vectors are saved as Parquet, so the name should end in .parquet, got {file.name!r}; emb.to_frame() is a table to write as {ending}"
            raise ValueError(msg)
        write(
            file,
            self.items,
            self._held.vectors,
            self.content_keys,
            self.space,
            self.feature_names,
            self.index,
        )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Embeddings:
        """Read what `save` wrote.

        Parameters
        ----------
        path : path
            A Parquet file written by `save`.

        Returns
        -------
        Embeddings
            With the same vectors, bit for bit.

        Raises
        ------
        VerifyError
            If the file was not written by `save`, or by a newer version.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> import mmtoolkit as mm
        >>> file = Path(tempfile.mkdtemp()) / "two.parquet"
        >>> emb = mm.embed_texts(["a red bird", "a blue car"], model="local", cache=False)
        >>> emb.save(file)
        >>> mm.Embeddings.load(file).fingerprint == emb.fingerprint
        True
        """
        from mmtoolkit.embedding.files import read

        frame, vectors, keys, space, names, index = read(as_path(path, "path"))
        held = _own(vectors, None, frame, None)
        index = held.index if index is None else index
        kept = dataclasses.replace(held, space=space, content_keys=read_only(keys), feature_names=names, index=index)
        return cls._of(kept)

    def _summary(self) -> str:
        n, d = self.shape
        told = [
            say("{n} item x {d} features", "{n} items x {d} features", n=n, d=d),
            say("model {model!r}", model=self.model or say("unknown")),
        ]
        return listed([*told, *([say("{n} failed", n=len(self.failed))] if len(self.failed) else [])])

    def __repr__(self) -> str:
        return f"<Embeddings: {self._summary()}>"

    def _repr_html_(self) -> str:
        from mmtoolkit._pictured import pictured_table

        items, failed = self.items, self._held.failed.set_index("id")
        tables = [pictured_table(items.set_index("id"), items)]
        tables += [pictured_table(failed, items, say("failed"), columns=["name", "reason"])] if len(failed) else []
        return notebook("Embeddings", self._summary(), *tables)


@dataclass(frozen=True, eq=False)
class Held:
    """The data of an `Embeddings`; never changed, only replaced.

    Parameters
    ----------
    vectors : ndarray of shape (n_items, n_features), float32
        Read-only rows, NaN where an item failed.
    items : DataFrame
        One row per vector.
    space : Space
        Of the vectors.
    content_keys : ndarray of shape (n_items,), str
        In hexadecimal.
    usage : Usage
        What was counted.
    failed, notes : DataFrame
        Items without a vector; items that were changed before they were embedded.
    encoder : Encoder or None
        What made the vectors, where it is known.
    index : Index or None
        Labels of the rows in the frame that they came in.
    feature_names : tuple of str
        Names of its columns.
    """

    vectors: NDArray[np.float32]
    items: pd.DataFrame
    space: Space
    content_keys: NDArray[np.str_]
    usage: Usage = field(default_factory=Usage)
    failed: pd.DataFrame = field(default_factory=lambda: _failed_frame({}))
    notes: pd.DataFrame = field(default_factory=lambda: _notes_frame({}, []))
    encoder: Encoder | None = None
    index: pd.Index | None = None
    feature_names: tuple[str, ...] = ()
    ids: NDArray[np.str_] = field(init=False)

    def __post_init__(self) -> None:
        """Keep the ids apart, because the user may add columns to the frame."""
        self.__dict__["ids"] = read_only(np.array(self.items["id"].tolist(), dtype=np.str_))

    def take(self, rows: NDArray[np.intp]) -> Held:
        """Return some rows."""
        items = self.items.iloc[rows].reset_index(drop=True)
        items.attrs.update(self.items.attrs)
        kept = {old: i for i, old in enumerate(rows.tolist())}
        return dataclasses.replace(
            self,
            vectors=read_only(self.vectors[rows]),
            items=items,
            content_keys=read_only(self.content_keys[rows]),
            index=None if self.index is None else self.index[rows],
            failed=_rows_of(self.failed, kept),
            notes=_rows_of(self.notes, kept),
        )


def _rows_of(table: pd.DataFrame, kept: Mapping[int, int]) -> pd.DataFrame:
    table = table[table["row"].isin(kept)]
    return table.assign(row=table["row"].map(kept)).reset_index(drop=True)


def held_of(run: Encoded, items: pd.DataFrame, encoder: Encoder, index: pd.Index | None) -> Held:
    """Return the data of a run together with its items."""
    return Held(
        read_only(run.vectors),
        items.reset_index(drop=True),
        encoder.space,
        read_only(run.keys),
        run.usage,
        _failed_frame(run.errors),
        _notes_frame(_with_reading(run.notes, items), items["id"].tolist()),
        encoder,
        index,
    )


def _failed_frame(errors: Mapping[int, Any]) -> pd.DataFrame:
    """Return one row per failed item: row, id, name, reason, and the answer of the service."""
    names = ["row", "id", "name", "reason", "status_code", "code", "request_id"]
    rows = [
        (row, e.item_id, e.name, e.reason, e.status_code, e.code, e.request_id) for row, e in sorted(errors.items())
    ]
    return pd.DataFrame(rows, columns=names)


def _with_reading(notes: Mapping[int, str], items: pd.DataFrame) -> Mapping[int, str]:
    """Return the notes from reading the items' files, followed by those of a run."""
    said = items.attrs.get("item_notes")
    if not said:
        return notes
    read = {row: said[name] for row, name in enumerate(items["id"].tolist()) if name in said}
    return {row: "; ".join(note[row] for note in (read, notes) if row in note) for row in {**read, **notes}}


def _notes_frame(notes: Mapping[int, str], ids: Sequence[str]) -> pd.DataFrame:
    """Return one row per item that was changed before it was embedded."""
    return pd.DataFrame([(row, ids[row], note) for row, note in sorted(notes.items())], columns=["row", "id", "note"])


def _own(X: Any, ids: Any, items: Any, model: str | Provider | None) -> Held:
    """Return the data of a user's own vectors, after checking that everything fits."""
    from mmtoolkit.frames import COLUMNS, row_labels

    rows = numbers_of(X)
    vectors = single(rows)
    if vectors.ndim != 2:
        msg = f"expected an array of shape (n_items, n_features), got shape {vectors.shape}"
        raise ValueError(msg)
    n = len(vectors)
    index = getattr(rows, "index", None) if isinstance(rows, np.ndarray) else None
    frame = pd.DataFrame(index=range(n))
    if items is not None:
        frame = any_frame(items)
        index = row_labels(frame) if "id" in frame.columns else frame.index
        refuse_other_order(rows, index, "items")
        frame = frame.reset_index(drop=True)
    if len(frame) != n:
        msg = f"items has {len(frame)} rows for {n} vectors"
        raise ValueError(msg)
    own_ids = ids is not None or "id" in frame.columns
    if ids is not None:
        if len(ids) != n:
            msg = f"ids has {len(ids)} values for {n} vectors"
            raise ValueError(msg)
        if isinstance(ids, pd.Series):
            refuse_other_order(rows, ids.index, "ids")
        frame = frame.assign(id=object_cells(list(ids)))
    elif "id" not in frame.columns:
        frame = frame.assign(
            id=object_cells(index.tolist() if index is not None and text_index(index) else list(range(n)))
        )
    frame = frame.assign(id=pd.Series(unique_ids(cells_of(frame["id"])), dtype=object))
    labels = index_of(rows) if own_ids else None
    if labels is not None and not labels.equals(pd.RangeIndex(n)):
        refuse_other_ids(frame["id"], labels, "items" if ids is None else "ids")
    for name in COLUMNS:
        if name not in frame.columns:
            frame = frame.assign(**{name: pd.Series(["vector" if name == "modality" else None] * n, dtype=object)})
    frame = frame[[*COLUMNS, *[c for c in frame.columns if c not in COLUMNS]]]
    if vectors is X or np.may_share_memory(vectors, X):  # what the user goes on writing to is not what is held
        vectors = vectors if is_read_only(vectors) else vectors.copy()
    hexes = [hashlib.sha256(np.ascontiguousarray(v).tobytes()).hexdigest() for v in vectors]
    space, encoder = _space_of_model(model, vectors.shape[1])
    keys = read_only(np.array(hexes, dtype="U64"))
    return Held(read_only(vectors), frame, space, keys, encoder=encoder, index=index, feature_names=feature_names(rows))


def _space_of_model(model: str | Provider | None, dimension: int) -> tuple[Space, Encoder | None]:
    """Return the space of vectors that a user says a model has made, and the encoder where it is given."""
    if model is None or isinstance(model, str):
        return Space(model or "", "", dimension), None
    from mmtoolkit.embedding.encoder import make_encoder

    encoder = make_encoder(model, dimension=dimension)
    return encoder.space, encoder
