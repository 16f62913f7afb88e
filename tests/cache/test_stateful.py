"""Any sequence of operations, by two handles on one folder, behaves like a dict."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mmtoolkit.cache import EmbeddingCache, Space

pytestmark = pytest.mark.filterwarnings("ignore:the index of the cache")

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # thousands of syncs
SPACES = [Space("m", "1", 3), Space("m", "1", 3, {"p": 2}), Space("m", "2", 3), Space("m", "1", 5), Space("n", "", 3)]
# keys that share beginnings, as no digest would: nothing may rely on their first bytes
KEYS = [bytes(31) + bytes([i]) for i in range(6)] + [bytes([i]) + bytes(31) for i in range(1, 6)]


def vector(key, space, version):
    seed = [*key, SPACES.index(space), version]
    return np.random.default_rng(seed).standard_normal(space.dimension, dtype=np.float32)


class LikeADict(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY))
        self.caches = [EmbeddingCache(self.folder / "c"), EmbeddingCache(self.folder / "c")]
        self.model: dict = {}
        self.views: list = []
        self.exports: dict = {}
        self.older, self.harmed = b"", False

    @rule(
        which=st.integers(0, 1),
        space=st.sampled_from(SPACES),
        keys=st.lists(st.sampled_from(KEYS), min_size=1),
        version=st.integers(0, 1),
    )
    def put(self, which, space, keys, version):
        X = np.array([vector(key, space, version) for key in keys])
        new = {(space_id(space), key): x for key, x in reversed(list(zip(keys, X, strict=True)))}

        added = self.caches[which].put(keys, X, space)

        assert added == len(new.keys() - self.model.keys())
        self.model = {**new, **self.model}

    @rule(which=st.integers(0, 1), space=st.sampled_from(SPACES), keys=st.lists(st.sampled_from(KEYS)))
    def get(self, which, space, keys):
        found, X = self.caches[which].get(keys, space)

        expected = [self.model.get((space_id(space), key)) for key in keys]
        assert found.tolist() == [x is not None for x in expected]
        assert X.shape == (len(keys), space.dimension)
        assert X.dtype == np.float32
        for x, known in zip(X, expected, strict=True):
            assert np.isnan(x).all() if known is None else np.array_equal(x, known)
        assert self.caches[which].missing(keys, space).tolist() == (~found).tolist()
        self.views.append((X, X.copy()))

    @rule(which=st.integers(0, 1), model=st.sampled_from(["m", "n", "x"]))
    def prune(self, which, model):
        doomed = [k for k in self.model if k[0][0] == model]

        assert self.caches[which].prune(model=model) == len(doomed)

        for k in doomed:
            del self.model[k]

    @rule(which=st.integers(0, 1))
    def compact(self, which):
        self.caches[which].compact()

    @rule(which=st.integers(0, 1))
    def reopen(self, which):
        self.caches[which].close()
        self.caches[which] = EmbeddingCache(self.folder / "c")

    @rule(how=st.sampled_from(["deleted", "zeroed", "cut", "older"]), share=st.floats(0, 1))
    def something_happens_to_the_index(self, how, share):
        """Nothing is lost by it: whoever comes next makes the index anew."""
        index = self.folder / "c" / "index.sqlite"
        if index.exists():
            data = index.read_bytes()
            changed = {"zeroed": bytes(len(data)), "cut": data[: int(share * len(data))], "older": self.older}
            index.unlink()
            if how != "deleted":
                index.write_bytes(changed[how])
            self.older = data if how != "older" else self.older
            self.harmed = True

    @rule(space=st.sampled_from(SPACES))
    def export(self, space):
        held = {k: v for k, v in self.model.items() if k[0] == space_id(space)}
        if held:
            path = self.folder / f"{len(self.exports)}.parquet"
            choice = {
                "model": space.model,
                "revision": space.revision,
                "dimension": space.dimension,
                "params": space.params,
            }

            assert self.caches[0].export(path, **choice) == len(held)

            self.exports[path] = held

    @rule(which=st.integers(0, 1), data=st.data())
    def import_(self, which, data):
        fitting = [
            p
            for p, held in self.exports.items()
            if all(np.array_equal(self.model.get(k, v), v) for k, v in held.items())
        ]
        if fitting:
            path = data.draw(st.sampled_from(fitting))

            added = self.caches[which].import_(path)

            assert added == len(self.exports[path].keys() - self.model.keys())
            self.model = {**self.exports[path], **self.model}

    @rule(repair=st.booleans())
    def verify(self, repair):
        report = self.caches[0].verify(repair=repair)

        assert report.ok or self.harmed, report.problems
        assert report.damaged.empty
        self.harmed = self.harmed and not repair
        assert report.rows == len(self.model)

    @invariant()
    def views_never_change(self):
        for view, copy in self.views:
            assert np.array_equal(view, copy, equal_nan=True)

    def teardown(self):
        for cache in self.caches:
            cache.close()
        shutil.rmtree(self.folder)


def space_id(space):
    return (space.model, space.revision, space.dimension, space.params_json)


TestLikeADict = LikeADict.TestCase
TestLikeADict.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
