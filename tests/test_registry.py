"""Models that users register: who makes the provider, whose name it is, and what saved vectors say when it is gone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit import models
from mmtoolkit.errors import SpaceError


def letters(texts):
    return [[text.count("a"), text.count("b"), 1.0] for text in texts]


def others(texts):
    return [[1.0, 2.0, 3.0] for _ in texts]


def provider(fn=letters, **change):
    return mm.FunctionProvider(fn, **{"name": "letters", "revision": "1", "dimension": 3, **change})


@pytest.fixture(autouse=True)
def _forgotten(monkeypatch):
    """Let every test begin with the models that are built in."""
    monkeypatch.setattr(models, "_TABLE", dict(models._TABLE))


class Counted(mm.Provider):
    """A provider class that tells how often it was made."""

    made = 0

    def __init__(self, spec):
        type(self).made += 1
        self._spec = spec

    @property
    def spec(self):
        return self._spec

    def embed_batch(self, contents, *, dimension, params):
        return letters([content.text for content in contents])


@pytest.mark.parametrize(
    "given",
    [provider(), provider, lambda: provider(), lambda spec: provider(name=spec.name)],
    ids=["object", "function", "no argument", "row"],
)
def test_a_registered_model_works_by_its_name(given):
    mm.register_model(provider().spec, provider=given)

    emb = mm.embed_texts(["ab", "b"], model="letters", cache=False)

    assert emb.vectors.tolist() == [[1, 1, 1], [0, 1, 1]]
    assert emb.encode("aa").tolist() == [[2, 0, 1]]
    assert "letters" in mm.list_models()


def test_a_class_is_a_maker():
    spec = mm.ModelSpec(name="mine", provider="counted", dimension=3, revision="1", modalities=frozenset({"text"}))
    Counted.made = 0

    mm.register_model(spec, provider=Counted)
    assert Counted.made == 0  # nothing is made before it is used

    assert mm.embed_texts(["a"], model="mine", cache=False).vectors.tolist() == [[1, 0, 1]]


def test_a_second_model_of_a_kind_needs_no_provider_of_its_own():
    spec = mm.ModelSpec(name="mine", provider="counted", dimension=3, revision="1", modalities=frozenset({"text"}))
    mm.register_model(spec, provider=Counted)

    mm.register_model(dataclasses.replace(spec, name="mine-2"))

    assert mm.embed_texts(["b"], model="mine-2", cache=False).vectors.tolist() == [[0, 1, 1]]


@pytest.mark.parametrize(
    "build",
    [
        lambda p: mm.embed_texts(["ab", "b"], model=p, cache=False),
        lambda p: mm.Embeddings(letters(["ab", "b"]), model=p),
    ],
)
def test_saved_vectors_are_searched_again_when_their_model_is_registered(build, tmp_path):
    build(provider()).save(tmp_path / "x.parquet")
    back = mm.Embeddings.load(tmp_path / "x.parquet")

    with pytest.raises(
        SpaceError,
        match=r"made by the model 'letters' \(revision '1'\), which is not registered here.*mm.register_model\(provider.spec, provider=provider\)",
    ):
        mm.search(back, "ab", k=1)
    mm.register_model(provider().spec, provider=provider())  # the call that the message names

    assert mm.search(back, "aaab", k=1).table["id"].tolist() == ["0"]


def test_a_saved_classifier_says_the_same(tmp_path):
    texts = ["a", "aa", "aaa", "b", "bb", "bbb"] * 3
    emb = mm.embed_texts(texts, model=provider(), cache=False)
    mm.classify(emb, [text[0] for text in texts], cv=2).save(tmp_path)
    loaded = mm.load_classifier(tmp_path)

    with pytest.raises(SpaceError, match=r"the model 'letters'.*not registered here"):
        loaded.predict(["aaaa"])
    mm.register_model(provider().spec, provider=provider())

    assert loaded.predict(["aaaa", "bbbb"]).tolist() == ["a", "b"]


def test_another_revision_is_not_mixed_in(tmp_path):
    mm.embed_texts(["ab"], model=provider(), cache=False).save(tmp_path / "x.parquet")
    back = mm.Embeddings.load(tmp_path / "x.parquet")

    mm.register_model(provider(revision="2").spec, provider=provider(revision="2"))

    with pytest.raises(SpaceError, match="are of different spaces: revision '1' against '2'; embed the items again"):
        back.encode("a")


def test_a_changed_function_does_not_answer_from_the_cache_of_the_old_one(tmp_path):
    first = mm.embed_texts(["ab"], model=provider(), cache=tmp_path)
    again = mm.embed_texts(["ab"], model=provider(), cache=tmp_path)
    changed = mm.embed_texts(["ab"], model=provider(others, revision="2"), cache=tmp_path)

    assert (first.usage["computed"], again.usage["computed"], changed.usage["computed"]) == (1, 0, 1)
    assert changed.vectors.tolist() == [[1, 2, 3]]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (provider(others), "the model name 'letters' is taken by .*letters, revision '1'"),
        (provider(name="local", dimension=512), "the model name 'local' is taken by the kind 'local'"),
        (provider(name="text-embedding-v4", dimension=1024), "'text-embedding-v4' is taken by the kind 'dashscope'"),
    ],
)
def test_a_name_belongs_to_one_provider(second, message):
    mm.register_model(provider().spec, provider=provider())

    with pytest.raises(ValueError, match=message):
        mm.register_model(second.spec, provider=second)

    assert mm.embed_texts(["ab"], model="letters", cache=False).vectors.tolist() == [[1, 1, 1]]


def test_a_cell_may_run_twice_and_a_new_revision_takes_over():
    mm.register_model(provider().spec, provider=provider())
    mm.register_model(provider().spec, provider=provider())
    new = provider(others, revision="2")

    mm.register_model(new.spec, provider=new)

    assert mm.embed_texts(["ab"], model="letters", cache=False).vectors.tolist() == [[1, 2, 3]]


@pytest.mark.parametrize(
    ("spec", "given", "error", "message"),
    [
        ("letters", provider(), TypeError, "spec must be an mm.ModelSpec, got str"),
        (provider().spec, 3, TypeError, "provider must be an mm.Provider or a callable that returns one, got int"),
        (
            provider().spec,
            None,
            ValueError,
            "there is no provider of the kind 'function' for model 'letters'",
        ),
    ],
)
def test_what_cannot_be_registered_is_named(spec, given, error, message):
    with pytest.raises(error, match=message):
        mm.register_model(spec, provider=given)


def test_a_maker_must_make_a_provider():
    mm.register_model(provider().spec, provider=lambda: "nothing")

    with pytest.raises(TypeError, match="registered for model 'letters' made a str"):
        mm.embed_texts(["a"], model="letters", cache=False)


def test_an_object_that_is_no_provider_is_refused():
    class Lookalike:
        spec = provider().spec

    with pytest.raises(TypeError, match=r"derived from mm.Provider.* got Lookalike"):
        mm.embed_texts(["a"], model=Lookalike(), cache=False)


def test_vectors_keep_the_provider_that_made_them():
    mine = provider()

    emb = mm.embed_texts(["ab"], model=mine, cache=False)
    own = mm.Embeddings(np.ones((1, 3)), model=mine)

    assert emb[:1].encode("b").tolist() == own.encode("b").tolist() == [[0, 1, 1]]
    assert own.space == emb.space


def test_an_embedder_takes_a_provider():
    from sklearn.base import clone

    embedder = mm.Embedder(provider(), cache=False, normalize=False)

    assert clone(embedder).fit_transform(["ab"]).tolist() == [[1, 1, 1]]


def test_a_row_without_its_provider_is_not_answered_by_another_one():
    mm.register_model(provider().spec, provider=provider())
    other = provider(others, name="other")

    mm.register_model(other.spec)  # forgotten: provider=other

    with pytest.raises(mm.MMToolkitError, match=r"the row of model 'other' says revision '1'.*computes 'letters'"):
        mm.embed_texts(["a"], model="other", cache=False)


def test_a_revision_of_the_row_alone_is_refused():
    mm.register_model(dataclasses.replace(provider().spec, revision="2"), provider=provider())

    with pytest.raises(mm.MMToolkitError, match="says revision '2', but what was registered for it computes"):
        mm.embed_texts(["a"], model="letters", cache=False)


@pytest.mark.parametrize("maker", [lambda a, b: provider(), lambda *, key: provider()])
def test_a_maker_that_wants_more_is_refused_at_once(maker):
    with pytest.raises(TypeError, match="provider must take no argument, or the row as its only one"):
        mm.register_model(provider().spec, provider=maker)


def test_a_buffer_that_is_filled_again_does_not_change_what_has_arrived():
    from mmtoolkit.providers.base import compute

    buffer = np.zeros((4, 3), dtype=np.float32)

    def fill(texts):
        for row, text in enumerate(texts):
            buffer[row] = len(text)
        return buffer[: len(texts)]

    found = {}
    contents = [mm.Text("a" * n) for n in range(1, 7)]

    def sink(outcomes):
        found.update({o.index: o.vector for o in outcomes})

    compute(provider(fill, batch_size=2), contents, dimension=3, params={}, sink=sink)

    assert [found[i].tolist() for i in range(6)] == [[n, n, n] for n in range(1, 7)]


def test_texts_are_no_numbers():
    with pytest.raises(mm.MMToolkitError, match="expected rows of numbers"):
        mm.embed_texts(["a"], model=provider(lambda texts: [["1", "2", "3"]]), cache=False)


def test_a_server_may_not_take_the_name_of_a_model_of_the_table():
    with pytest.raises(ValueError, match=r"the name 'text-embedding-v4' belongs to a model of 'dashscope'.*Pass name="):
        mm.OpenAICompatible("text-embedding-v4", base_url="http://127.0.0.1:1/v1", dimension=64)

    named = mm.OpenAICompatible("text-embedding-v4", base_url="http://127.0.0.1:1/v1", dimension=64, name="mine")

    assert named.spec.name == "mine"
