"""Embeddings: vectors, their ids and items, and the way to embed more into the same space."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._text import escape
from mmtoolkit.embedding.tables import failed_frame, notes_frame
from mmtoolkit.errors import SpaceError
from mmtoolkit.results import plain, table_html
from mmtoolkit.vectors import unit_rows

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from mmtoolkit.embedding.encoder import Encoder, Run

__all__ = ["Embeddings"]


class Embeddings:
    """Vectors with the items they belong to. Immutable: every method returns a new object.

    Parameters
    ----------
    X : array-like of shape (n_items, n_features)
        Your own vectors; NaN rows count as failed.
    ids : sequence of str or None, default=None
        Unique names; None takes ``items["id"]``, else row numbers.
    items : DataFrame or None, default=None
        One row per vector; brought into the shape of `items` where it lacks columns.
    model : str or None, default=None
        The model that made the vectors, when it is one of `list_models`: then `encode` works.

    Attributes
    ----------
    model : str
        Name of the model, "" when unknown.
    revision, dimension, params : str, int, dict
        The rest of what defines the space.
    content_keys : ndarray of shape (n_items,), str
        SHA-256 of content, model and parameters, in hexadecimal; of the vector's bytes for your own vectors.
    usage : dict of str to int
        How many items were cached, computed, equal, and what the service counted.
    failed : DataFrame
        Columns row, id, name, reason, and the service's status_code, code, request_id.
    notes : DataFrame
        Columns row, id, note: items that were changed before they were embedded.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> emb = mm.Embeddings(np.eye(3), ids=["a", "b", "c"])
    >>> emb[1:].ids.tolist()
    ['b', 'c']
    """

    def __init__(
        self,
        X: ArrayLike,
        *,
        ids: Sequence[str] | None = None,
        items: pd.DataFrame | None = None,
        model: str | None = None,
    ) -> None:
        import pandas as pd

        from mmtoolkit.items import COLUMNS

        vectors = np.asarray(X, dtype=np.float32)
        if vectors.ndim != 2:
            msg = f"expected an array of shape (n_items, n_features), got shape {vectors.shape}"
            raise ValueError(msg)
        n = len(vectors)
        frame = pd.DataFrame(index=range(n)) if items is None else items.reset_index(drop=True)
        if len(frame) != n:
            msg = f"items has {len(frame)} rows for {n} vectors"
            raise ValueError(msg)
        if ids is not None:
            if len(ids) != n:
                msg = f"ids has {len(ids)} values for {n} vectors"
                raise ValueError(msg)
            frame = frame.assign(id=pd.Series([str(i) for i in ids], dtype=object))
        elif "id" not in frame.columns:
            frame = frame.assign(id=pd.Series([str(i) for i in range(n)], dtype=object))
        if frame["id"].duplicated().any():
            twice = frame["id"][frame["id"].duplicated()].iloc[0]
            msg = f"ids must be unique: {twice!r} stands more than once"
            raise ValueError(msg)
        for name in COLUMNS:
            if name not in frame.columns:
                frame = frame.assign(**{name: pd.Series(["vector" if name == "modality" else None] * n, dtype=object)})
        self._items = frame[[*COLUMNS, *[c for c in frame.columns if c not in COLUMNS]]]
        self._vectors = vectors
        self._encoder: Encoder | None = None
        self._centers: dict[str, NDArray[np.float32]] = {}
        self.model = model or ""
        self.revision = ""
        self.dimension = vectors.shape[1]
        self.params: dict[str, Any] = {}
        self.content_keys: NDArray[np.str_] = np.array(
            [hashlib.sha256(np.ascontiguousarray(v).tobytes()).hexdigest() for v in vectors], dtype="U64"
        )
        self.usage: dict[str, int] = {}
        self.failed = failed_frame({})
        self.notes = notes_frame({}, [])

    @classmethod
    def _from_run(cls, run: Run, items: pd.DataFrame, encoder: Encoder) -> Embeddings:
        self = cls.__new__(cls)
        self._items = items.reset_index(drop=True)
        self._vectors = run.vectors
        self._encoder = encoder
        self._centers = {}
        spec = encoder.provider.spec
        self.model, self.revision, self.dimension = spec.name, spec.revision, encoder.dimension
        self.params = dict(encoder.params)
        self.content_keys = run.keys
        self.usage = dict(run.usage)
        self.failed = failed_frame(run.errors)
        self.notes = notes_frame(run.notes, items["id"].tolist())
        return self

    def _like(self, vectors: NDArray[np.float32], rows: Any = None) -> Embeddings:
        new = object.__new__(type(self))
        new.__dict__.update({k: v for k, v in self.__dict__.items() if k not in ("unit", "fingerprint", "ids", "ok")})
        new._vectors = vectors
        if rows is not None:
            new._items = self._items.iloc[rows].reset_index(drop=True)
            new._items.attrs.update(self._items.attrs)
            new.content_keys = self.content_keys[rows]
            for name in ("failed", "notes"):
                table: pd.DataFrame = getattr(self, name)
                kept = {old: i for i, old in enumerate(rows.tolist())}
                table = table[table["row"].isin(kept)]
                setattr(new, name, table.assign(row=table["row"].map(kept)).reset_index(drop=True))
        return new

    @property
    def vectors(self) -> NDArray[np.float32]:
        """Rows as the model returned them, (n_items, n_features); NaN where an item failed."""
        return self._vectors

    @cached_property
    def unit(self) -> NDArray[np.float32]:
        """L2-normalised rows, (n_items, n_features)."""
        return unit_rows(self._vectors)

    @cached_property
    def ids(self) -> NDArray[np.str_]:
        """Item ids, (n_items,)."""
        return np.array(self._items["id"].tolist(), dtype=np.str_)

    @property
    def items(self) -> pd.DataFrame:
        """The items frame, row by row."""
        return self._items

    @property
    def modality(self) -> NDArray[np.object_]:
        """What was embedded of every item, (n_items,)."""
        return self._items["modality"].to_numpy(dtype=object)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of items and of features."""
        return self._vectors.shape

    @cached_property
    def ok(self) -> NDArray[np.bool_]:
        """Which items have a vector, (n_items,)."""
        return np.asarray(np.isfinite(self._vectors).all(axis=1))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the space, the ids, the keys and every byte of the vectors, in hexadecimal."""
        head = [self.model, self.revision, self.dimension, plain(self.params), sorted(self._centers), self.ids.tolist()]
        state = hashlib.sha256(json.dumps(head).encode())
        state.update("".join(self.content_keys.tolist()).encode())
        state.update(np.ascontiguousarray(self._vectors).tobytes())
        return state.hexdigest()

    def __len__(self) -> int:
        return len(self._vectors)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self._vectors, dtype=dtype, copy=copy)

    def __getitem__(self, rows: Any) -> Embeddings:
        """Select items by slice, boolean mask or integer array."""
        index = np.arange(len(self))[rows]
        index = np.atleast_1d(index)
        return self._like(self._vectors[index], index)

    def drop_failed(self) -> Embeddings:
        """Return only the items that have a vector."""
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
        """
        from mmtoolkit.embedding.verbs import gather

        contents, frame = gather(items)
        vectors = self._the_encoder().run(contents, frame["id"].tolist(), progress=None).vectors
        if not self._centers:
            return vectors
        return _center(unit_rows(vectors), [c.modality for c in contents], self._centers)

    def _the_encoder(self) -> Encoder:
        if self._encoder is None:
            if not self.model:
                msg = "these vectors came without a model, so nothing can be embedded beside them; pass Embeddings(X, model=...)"
                raise SpaceError(msg)
            from mmtoolkit.embedding.encoder import make_encoder

            encoder = make_encoder(self.model, dimension=self.dimension, params=self.params)
            if self.revision and encoder.provider.spec.revision != self.revision:
                msg = (
                    f"the vectors were made by {self.model!r} revision {self.revision[:12]}, this installation has "
                    f"{encoder.provider.spec.revision[:12]}; embed the items again"
                )
                raise SpaceError(msg)
            self._encoder = encoder
        return self._encoder

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
        new = self._like(_center(self.unit, kinds.tolist(), centers))
        new._centers = centers
        return new

    def to_frame(self) -> pd.DataFrame:
        """Return the items frame with a column ``vector`` (one array per row)."""
        import pandas as pd

        return self._items.assign(vector=pd.Series(list(self._vectors), dtype=object))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write vectors, ids, keys and the plain columns of the items frame to a Parquet file.

        Parameters
        ----------
        path : path
            Replaced in one step if it exists.
        """
        from mmtoolkit.embedding.files import write

        manifest = {
            "model": self.model,
            "revision": self.revision,
            "dimension": self.dimension,
            "params": plain(self.params),
            "centers": {name: center.tolist() for name, center in self._centers.items()},
            "root": self._items.attrs.get("root", ""),
        }
        write(path, self._items, self._vectors, self.content_keys, manifest)

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
        """
        from mmtoolkit.embedding.files import read

        frame, vectors, keys, manifest = read(path)
        self = cls(vectors, items=frame, model=manifest["model"] or None)
        self.revision, self.params = manifest["revision"], manifest["params"]
        self.content_keys = keys
        self._centers = {k: np.asarray(v, dtype=np.float32) for k, v in manifest["centers"].items()}
        return self

    def __repr__(self) -> str:
        n, d = self.shape
        failed = f", {len(self.failed)} failed" if len(self.failed) else ""
        return f"<Embeddings: {n} items x {d} features, model {self.model or 'unknown'!r}{failed}>"

    def _repr_html_(self) -> str:
        failed = table_html(self.failed.set_index("row"), "failed") if len(self.failed) else ""
        return f'<div class="mmtoolkit"><p>{escape(repr(self)[1:-1])}</p>{table_html(self._items.set_index("id"))}{failed}</div>'


def _center(
    unit: NDArray[np.float32], kinds: Sequence[str], centers: Mapping[str, NDArray[np.float32]]
) -> NDArray[np.float32]:
    unknown = sorted(set(kinds) - set(centers))
    if unknown:
        msg = f"these vectors were centered by modality and have no mean for {unknown[0]!r}; they have {', '.join(centers)}"
        raise SpaceError(msg)
    out = np.array(unit, dtype=np.float32)
    for kind, center in centers.items():
        out[np.array([k == kind for k in kinds], dtype=bool)] -= center
    return out
