"""Verbs with odd arrays and odd parameters: a result, or one clear error."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

import mmtoolkit as mm

from .tally import Tally

TRIALS = 3000


def _rows(rng: np.random.Generator, n: int = 24, d: int = 5) -> np.ndarray:
    X = rng.normal(size=(n, d)).astype(np.float32)
    X[: n // 2] += 2
    return X


def _holed(X: np.ndarray, value: float) -> np.ndarray:
    X = X.astype(np.float64)
    X[3, 1] = value
    return X


ARRAYS: dict[str, Callable[[np.random.Generator], Any]] = {
    "plain": _rows,
    "wide": lambda r: _rows(r, 6, 40),
    "no rows": lambda _: np.empty((0, 5), dtype=np.float32),
    "no columns": lambda _: np.empty((12, 0), dtype=np.float32),
    "nothing": lambda _: np.empty((0, 0)),
    "one row": lambda r: _rows(r, 1),
    "two rows": lambda r: _rows(r, 2),
    "three rows": lambda r: _rows(r, 3),
    "one column": lambda r: _rows(r, 24, 1),
    "equal rows": lambda _: np.ones((24, 5)),
    "zeros": lambda _: np.zeros((24, 5)),
    "one zero row": lambda r: _holed(_rows(r) * np.array([[0.0]] + [[1.0]] * 23), 0.0),
    "nan": lambda r: _holed(_rows(r), np.nan),
    "inf": lambda r: _holed(_rows(r), np.inf),
    "-inf": lambda r: _holed(_rows(r), -np.inf),
    "float16": lambda r: _rows(r).astype(np.float16),
    "float64": lambda r: _rows(r).astype(np.float64),
    "longdouble": lambda r: _rows(r).astype(np.longdouble),
    "int": lambda r: (_rows(r) * 10).astype(np.int64),
    "uint8": lambda r: (np.abs(_rows(r)) * 10).astype(np.uint8),
    "int min": lambda _: np.full((24, 5), np.iinfo(np.int64).min),
    "bool": lambda r: _rows(r) > 0,
    "complex": lambda r: _rows(r) + 1j,
    "object": lambda r: _rows(r).astype(object),
    "object none": lambda r: np.where(_rows(r) > 1, None, 1.0),
    "texts": lambda r: _rows(r).astype(str),
    "1e38": lambda r: _rows(r) * np.float32(1e38),
    "1e300": lambda r: _rows(r).astype(np.float64) * 1e300,
    "one huge": lambda r: _holed(_rows(r), 1e38),
    "denormal": lambda r: _rows(r) * np.float32(1e-42),
    "tiny": lambda r: _rows(r).astype(np.float64) * 1e-300,
    "strided": lambda r: _rows(r, 48, 10)[::2, ::2],
    "backwards": lambda r: _rows(r)[::-1, ::-1],
    "fortran": lambda r: np.asfortranarray(_rows(r)),
    "read-only": lambda r: mm.vectors.read_only(_rows(r)),
    "big-endian": lambda r: _rows(r).astype(">f4"),
    "unaligned": lambda r: np.frombuffer(b"x" + _rows(r).tobytes(), dtype=np.uint8)[1:].view(np.float32).reshape(24, 5),
    "masked": lambda r: np.ma.masked_array(_rows(r), mask=_rows(r) > 2.5),
    "unmasked": lambda r: np.ma.masked_array(_rows(r), mask=False),
    "matrix": lambda r: _rows(r).view(np.matrix),
    "broadcast": lambda r: np.broadcast_to(_rows(r, 1), (24, 5)),
    "vector": lambda r: _rows(r)[0],
    "cube": lambda r: _rows(r).reshape(4, 6, 5),
    "number": lambda _: np.float64(3),
    "list": lambda r: _rows(r).tolist(),
    "ragged": lambda _: [[1.0, 2.0], [3.0]],
    "empty list": lambda _: [],
    "None": lambda _: None,
    "text": lambda _: "a text",
    "dates": lambda _: np.zeros((24, 5), dtype="datetime64[s]"),
    "records": lambda _: np.zeros(24, dtype=[("a", "f4"), ("b", "f4")]),
    "embeddings": lambda r: mm.Embeddings(_rows(r)),
}  # fmt: skip

COUNTS = [None, 0, 1, 2, 3, 5, 24, 25, -1, 10**6, 10**30, 2.0, 2.5, np.int64(3), np.float32(2), True, "2", float("nan"), [2, 3], range(2, 5), (1,), [], [3, "a"], "typical"]  # fmt: skip
SHARES = [None, 0.0, 0.5, 0.9, 1.0, 1.5, -0.5, float("nan"), float("inf"), "0.5", [0.5], {"text": 0.9}, {}, True, 10**30, np.float32(0.5)]  # fmt: skip
SEEDS = [0, 1, -1, 2**32, 1.5, None, "a", np.int64(4), True]
FLAGS = [True, False, None, 1, "yes"]


def _labels(n: int, rng: random.Random) -> Any:
    two = [["a", "b"][i % 2] for i in range(n)]
    return rng.choice([
        two, two, two, np.array(two), np.arange(n) % 2, np.arange(n) % 3, (np.arange(n) % 2).astype(float), np.arange(n) % 2 == 0,
        np.arange(n), ["a"] * n, [None] * n, [*two[:-1], None] if n else [], [*two[:-1], float("nan")] if n else [], two[:-1], [*two, "c"],
        np.array(two, dtype=object)[:, None], "label", "", 3, None, [["a"]] * n, [*two[:-1], 3] if n else [], ["true", "false"] * (n // 2),
        np.full(n, np.inf), np.arange(n) * 1e300, ["", " "] * (n // 2), [b"a", b"b"] * (n // 2), np.array(["2020-01-01"] * n, dtype="datetime64[D]"),
    ])  # fmt: skip


def _call(rng: random.Random, X: Any, other: Any) -> tuple[str, Callable[[], Any]]:
    """Return one call, named, with parameters of all kinds."""
    n = np.shape(X)[0] if isinstance(X, np.ndarray) and X.ndim else 24
    y = _labels(n, rng)

    def draw(good: list[Any], odd: list[Any]) -> Any:
        return rng.choice(good if rng.random() < 0.75 else odd)

    shared = {"normalize": draw([True, False], FLAGS), "random_state": draw([0, 1], SEEDS)}
    some = lambda **options: {k: v for k, v in options.items() if rng.random() < 0.35}  # noqa: E731
    kwargs: dict[str, Any]
    name = rng.choice(list(VERBS))
    kwargs = {
        "cluster": lambda: {"n_clusters": draw([2, 3, None, [2, 3]], COUNTS), **some(algorithm=draw(["kmeans", "hdbscan"], ["x", None, 3]), n_init=draw([1, 5], COUNTS), exact=draw([True, False], FLAGS), min_cluster_size=draw([2, 5], COUNTS), max_noise=draw([0.5], SHARES), names=draw([["a", "b"]], ["a", [1], None]), **shared)},
        "classify": lambda: {"y": y, "cv": draw([2, 3], COUNTS), **some(duplicates=draw(["group", "ignore"], ["x", None]), groups=draw([np.arange(n) // 2], [_labels(n, rng)]), test=draw([0.3, np.arange(n) % 3 == 0], ["label", [True] * n, *SHARES]), class_weight=draw(["balanced", None], ["x", {"a": 2.0}, {"a": -1}, 3]), **shared)},
        "project": lambda: {"method": "umap" if rng.random() < 0.03 else draw(["pca"], ["x", None]), **some(n_neighbors=draw([5], COUNTS), min_dist=draw([0.1], SHARES), **shared)},
        "search": lambda: {"query": draw([other, np.ones(5), np.ones((2, 5))], [np.full(5, np.nan), np.zeros(5), "a text", None, 3, [], b"x"]), "k": draw([1, 3], COUNTS), **some(item=draw(["0"], [0, None, "zz", ["0", "1"]]), normalize=shared["normalize"])},
        "near_duplicates": lambda: {"threshold": draw([None, 0.9], SHARES)},
        "similarity": lambda: {"b": draw([other, None], ["a text", [], 3]), **some(by=y, normalize=shared["normalize"])},
        "pick": lambda: {"n": draw([1, 3], COUNTS), "how": draw(["typical", "diverse", "outlier"], ["x", None]), **some(exclude=draw([[0, 1]], [[10**9], [-1], ["0"], [True] * n, None, "a", [0.5]]), **shared)},
        "audit": lambda: {"y": y, **some(split=_labels(n, rng), duplicate_threshold=draw([0.9], SHARES), **shared)},
        "evaluate_search": lambda: {"queries": draw([other, np.ones((2, 5))], ["label", None, [], ["a"]]), "relevant": draw([[["0"], ["1"]]], [y, [[0]], [], "label", None, 3]), **some(ks=draw([(1, 5)], [(), (0,), (10**9,), 3, ("a",), (1.5,)]), **shared)},
        "compare": lambda: {"y": y, "other": other, **some(cv=draw([2], COUNTS), **shared)},
        "explore": lambda: {"y": draw([None], [y]), "clusters": draw([None, np.arange(n) % 2], [y, "x", 3]), "projection": draw([np.zeros((n, 2))], [other, None, 3, [[0, 0]] * n])},
        "Embeddings": lambda: some(ids=draw([None], [list("abc"), range(n), [1] * n, "a", [None] * n]), model=draw(["", "x"], [3, None])),
        "concat": lambda: {"other": other},
        "clustering": lambda: {"ask": rng.choice(["split", "merge", "assign", "representatives", "stability", "compare", "to_dict", "figure", "with_names", "_repr_html_"]), "with": draw([2, [0, 1], other], [*COUNTS, y])},
        "classification": lambda: {"ask": rng.choice(["predict", "predict_proba", "label_issues", "learning_curve", "risk_coverage", "to_dict", "figure", "_repr_html_", "per_item", "slices", "predict_set"]), "with": draw([other, 0.9], [*COUNTS, *SHARES, y])},
        "projection": lambda: {"ask": rng.choice(["transform", "to_dict", "figure", "_repr_html_"]), "with": draw([other], COUNTS)},
    }[name]()  # fmt: skip
    return f"{name}({', '.join(f'{k}={_short(v)}' for k, v in kwargs.items())})", lambda: VERBS[name](X, kwargs)


def _short(value: Any) -> str:
    return " ".join(repr(value).split())[:60]


def _asked(made: Any, ask: str, what: Any) -> Any:
    """Ask a result something, with an argument where it takes one."""
    method = getattr(made, ask, None)
    if not callable(method):
        return method
    try:
        return method(what)
    except TypeError as error:
        if "positional argument" in str(error):
            return method()
        raise


def _length(X: Any) -> int:
    """Return how many rows there are; 0 where there is none to count."""
    return len(X) if isinstance(X, list) else (*getattr(X, "shape", ()), 0)[0]


def _compare(X: Any, kw: dict[str, Any]) -> Any:
    kw = dict(kw)
    return mm.compare({"a": X, "b": kw.pop("other")}, **kw)


VERBS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    **{name: (lambda X, kw, name=name: getattr(mm, name)(X, **kw)) for name in ("cluster", "classify", "project", "near_duplicates", "similarity", "pick", "audit", "evaluate_search", "explore", "Embeddings")},
    "search": lambda X, kw: mm.search(X, **kw),
    "compare": _compare,
    "concat": lambda X, kw: mm.concat([mm.Embeddings(X), kw["other"]]),
    "clustering": lambda X, kw: _asked(mm.cluster(X, 2), kw["ask"], kw["with"]),
    "classification": lambda X, kw: _asked(mm.classify(X, (["a", "b"] * 99)[: _length(X)], cv=2, duplicates="ignore"), kw["ask"], kw["with"]),
    "projection": lambda X, kw: _asked(mm.project(X, method="pca"), kw["ask"], kw["with"]),
}  # fmt: skip


def attack(trials: int = TRIALS, seed: int = 0) -> dict[str, Any]:
    """Call verbs with arrays and parameters drawn at random."""
    tally, rng = Tally(), random.Random(seed)
    for number in range(trials):
        kinds = rng.choice(list(ARRAYS)), rng.choice(list(ARRAYS))
        kinds = tuple("plain" if rng.random() < 0.4 else kind for kind in kinds)
        with np.errstate(over="ignore"):
            arrays = [ARRAYS[kind](np.random.default_rng(number)) for kind in kinds]
        name, call = _call(rng, *arrays)
        tally.trial(f"{kinds[0]} (other: {kinds[1]}): {name}", call)
    return tally.done()
