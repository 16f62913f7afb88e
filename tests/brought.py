"""What strangers bring, drawn by Hypothesis: tables of odd columns, and the verbs that they go into."""

from __future__ import annotations

import datetime
import decimal
import pathlib
import uuid
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from hypothesis import strategies as st
from PIL import Image
from scipy.sparse import csr_array

import mmtoolkit as mm

N = 12
EXPECTED = (ValueError, TypeError, mm.MMToolkitError)

_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(width=64),
    st.text(max_size=6),
    st.sampled_from(["01", "1", "1.0", "1E5", "café", "cafe\u0301", "A", "a ", "nan", "\ud800", "", " ", "x/y.png"]),
    st.binary(max_size=4),
    st.dates(),
    st.datetimes(),
    st.timedeltas(),
    st.decimals(allow_nan=True, places=2, min_value=-9, max_value=9),
    st.sampled_from(
        [
            pd.NA,
            pd.NaT,
            pd.Timestamp("2026-01-01", tz="UTC"),
            pd.Period("2026-01", "M"),
            pathlib.Path("a.png"),
            uuid.UUID(int=3),
            1 + 2j,
            np.float32(1.5),
            np.int8(3),
            (1, 2),
            [1, "a"],
            {"a": 1},
            {1, 2},
            np.arange(3),
            np.zeros((4, 4, 3), np.uint8),
            Image.new("RGB", (4, 4)),
            object(),
            decimal.Decimal("NaN"),
            datetime.time(1, 2),
            int,
        ]
    ),
)


def _objects(values):
    out = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):
        out[row] = value
    return out


@st.composite
def cells(draw):
    """One column as a list: of one kind, of a few values, or of anything."""
    how = draw(st.sampled_from(["kind", "few", "any"]))
    if how == "any":
        return draw(st.lists(_scalars, min_size=N, max_size=N))
    few = draw(st.lists(_scalars, min_size=1, max_size=3))
    return [few[row % len(few)] for row in range(N)]


_WRAP = {
    "list": list,
    "objects": _objects,
    "series": lambda v: pd.Series(_objects(v)),
    "series elsewhere": lambda v: pd.Series(_objects(v), index=range(50, 50 + len(v))),
    "shuffled": lambda v: pd.Series(_objects(v)).sample(frac=1, random_state=0),
    "categorical": lambda v: pd.Series(pd.Categorical(list(map(str, v)))),
    "frame": lambda v: pd.DataFrame({"c": _objects(v)}),
    "column vector": lambda v: _objects(v)[:, None],
    "masked": lambda v: np.ma.array(_objects(v), mask=[row % 3 == 0 for row in range(len(v))]),
    "polars": lambda v: pl.Series(list(map(str, v))),
    "polars objects": lambda v: pl.Series(v, dtype=pl.Object),
    "arrow": lambda v: pa.array(list(map(repr, v))),
    "dict": lambda v: {"c": list(v)},
    "by id": lambda v: {str(row): value for row, value in enumerate(v)},
    "tuple": tuple,
    "iterator": iter,
    "wide": lambda v: pd.DataFrame({"c": _objects(v), "d": _objects(v)}),
    "sparse": lambda v: csr_array(np.ones((len(v), 1))),
    "numbers": lambda v: np.arange(len(v)),
    "floats": lambda v: np.arange(len(v)) / 3,
    "short": lambda v: list(v)[:-1],
    "one": lambda v: v[0],
}


@st.composite
def columns(draw):
    """A column in some container."""
    values, wrap = draw(cells()), draw(st.sampled_from(sorted(_WRAP)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return wrap, _WRAP[wrap](values)
    except Exception:  # the library whose container it is does not hold such values
        return "objects", _objects(values)


_RNG = np.random.default_rng(0)
_X = _RNG.normal(size=(N, 5))
_TABLE = {"text": [f"word {row}" for row in range(N)], "label": ["a", "b"] * (N // 2), "page": list(range(N))}


def _emb():
    return mm.Embeddings(_X, items=pd.DataFrame(_TABLE))


def _table(column):
    return {"text": list(_TABLE["text"]), "more": column}


_OPTIONS = {"duplicates": "ignore", "cv": 2}
VERBS = {
    "items: text": lambda c: mm.items({"text": c}),
    "items: image": lambda c: mm.items({"image": c}),
    "items: id": lambda c: mm.items({"text": _TABLE["text"], "id": c}),
    "items: label": lambda c: mm.items({"text": _TABLE["text"], "label": c}),
    "items: modality": lambda c: mm.items({"text": _TABLE["text"], "modality": c}),
    "items: another": lambda c: mm.items(_table(c)),
    "items": mm.items,
    "embed": lambda c: mm.embed(c, model="local", cache=False, progress=False),
    "embed_texts": lambda c: mm.embed_texts(c, model="local", cache=False, progress=False, on_error="nan"),
    "embed_images": lambda c: mm.embed_images(c, model="local", cache=False, progress=False, on_error="nan"),
    "Embedder": lambda c: mm.Embedder(model="local", cache=False).fit_transform(c),
    "Embeddings": mm.Embeddings,
    "Embeddings: ids": lambda c: mm.Embeddings(_X, ids=c),
    "Embeddings: items": lambda c: mm.Embeddings(_X, items=_table(c)).to_frame("pyarrow"),
    "classify: y": lambda c: mm.classify(_emb(), c, **_OPTIONS),
    "classify: array": lambda c: mm.classify(_X, c, **_OPTIONS),
    "classify: groups": lambda c: mm.classify(_emb(), groups=c, **_OPTIONS),
    "classify: test": lambda c: mm.classify(_emb(), test=c, **_OPTIONS),
    "classify: vectors": lambda c: mm.classify(c, _TABLE["label"], **_OPTIONS),
    "predict": lambda c: mm.classify(_X, _TABLE["label"], **_OPTIONS).predict(c),
    "cluster": lambda c: mm.cluster(c, 2),
    "cluster: compare": lambda c: mm.cluster(_emb(), 2).compare(c),
    "assign": lambda c: mm.cluster(_X, 2).assign(c),
    "project": lambda c: mm.project(c, method="pca"),
    "project: color": lambda c: mm.project(_emb(), method="pca").draw(c),
    "audit": lambda c: mm.audit(_emb(), "label", split=c),
    "search": lambda c: mm.search(_emb(), c, k=2),
    "similarity": lambda c: mm.similarity(_emb(), by=c),
    "similarity: two": lambda c: mm.similarity(_emb(), c),
    "near_duplicates": mm.near_duplicates,
    "pick": lambda c: mm.pick(c, 3),
}


def told(verb, column):
    """Call a verb; return None, or the error that is neither ours nor about the arguments."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            VERBS[verb](column)
    except EXPECTED as error:
        return None if len(str(error)) > 15 else error
    except Exception as error:
        return error
    return None
