"""A provider is held to what it promises, whatever its class does."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone

import mmtoolkit as mm
from mmtoolkit.errors import (
    BudgetError,
    ItemError,
    ProtocolError,
    ProviderError,
    RefusedItemError,
    UnreadableItemError,
    UnsupportedItemError,
)
from mmtoolkit.providers.base import Forecast, Outcome, Provider, compute

SPEC = mm.ModelSpec(
    name="mine",
    provider="local",
    dimension=2,
    revision="1",
    modalities=frozenset({"text", "image"}),
    contents_per_call=4,
    packs=("text",),
)


class Mine(Provider):
    """Rows of a function of the contents; remembers how it was called."""

    spec = SPEC

    def __init__(self, rows=lambda contents: [[len(c.text), 1.0] for c in contents]):
        self.rows, self.calls = rows, []

    def embed_batch(self, contents, *, dimension, params):
        self.calls.append(contents)
        return self.rows(contents)


class Own(Provider):
    """Gives outcomes in its own way."""

    spec = SPEC

    def __init__(self, *outcomes):
        self.outcomes = outcomes

    def embed(self, contents, *, dimension, params, sink, budget=None):
        for outcomes in self.outcomes:
            sink(outcomes)


def run(provider, contents, **options):
    """Return the outcomes by row, and what was raised."""
    found, raised = {}, None
    contents = [mm.Text(c) if isinstance(c, str) else c for c in contents]
    try:
        compute(
            provider,
            contents,
            dimension=2,
            params={},
            sink=lambda outcomes: found.update({o.index: o for o in outcomes}),
            **options,
        )
    except ProviderError as error:
        raised = error
    return found, raised


def vectors(found):
    return {row: outcome.vector.tolist() for row, outcome in sorted(found.items()) if outcome.error is None}


def test_rows_come_in_batches_of_one_modality_in_order():
    model = Mine(lambda contents: [[len(contents), 1.0]] * len(contents))
    picture = mm.Image(np.zeros((4, 4, 3), np.uint8))

    found, raised = run(model, ["a", picture, "b", "c", "d", picture, "e"])

    assert raised is None
    assert [[c.modality for c in call] for call in model.calls] == [["text"] * 4, ["image"] * 2, ["text"]]
    assert vectors(found) == {0: [4, 1], 1: [2, 1], 2: [4, 1], 3: [4, 1], 4: [4, 1], 5: [2, 1], 6: [1, 1]}
    assert all(outcome.vector.dtype == np.float32 for outcome in found.values())


@pytest.mark.parametrize("n", [0, 1, 3, 5])
def test_too_few_or_too_many_rows_stop_the_run(n):
    _, raised = run(Mine(lambda contents: [[1.0, 2.0]] * n), ["a", "b"])

    assert isinstance(raised, ProtocolError)
    assert "'mine' returned an array of shape" in str(raised)
    assert "for 2 items; expected (2, 2)" in str(raised)


def test_rows_of_another_length_stop_the_run():
    found, raised = run(Mine(lambda contents: [[1.0, 2.0, 3.0]] * len(contents)), ["a", "b"])

    assert not found
    assert isinstance(raised, ProtocolError)
    assert "'mine' returned an array of shape (3,) for 'b', expected a vector of 2 numbers" in str(raised)


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        ([float("nan"), 1.0], "not finite"),
        ([1.0, float("inf")], "not finite"),
        ([1e300, 1.0], "not finite"),
        ([0.0, 0.0], "zero"),
    ],
)
def test_a_row_that_is_no_vector_fails_its_item_only(bad, what):
    found, raised = run(
        Mine(lambda contents: [bad if c.text == "bad" else [1.0, 2.0] for c in contents]), ["a", "bad", "c"]
    )

    assert raised is None
    assert vectors(found) == {0: [1, 2], 2: [1, 2]}
    assert isinstance(found[1].error, RefusedItemError)
    assert f"'mine' returned a vector that is {what}" in str(found[1].error)
    assert found[1].error.name == "bad"


def test_a_call_that_raises_is_halved_until_the_culprit_is_alone():
    def rows(contents):
        if any(c.text == "bad" for c in contents):
            raise RuntimeError("out of cheese")
        return [[1.0, 2.0]] * len(contents)

    model = Mine(rows)
    found, raised = run(model, ["a", "b", "bad", "d", "e"])

    assert raised is None
    assert list(vectors(found)) == [0, 1, 3, 4]
    assert found[2].error.name == "bad"
    assert "'mine' raised RuntimeError: out of cheese" in str(found[2].error)
    assert isinstance(found[2].error.__cause__, RuntimeError)
    assert [len(call) for call in model.calls] == [4, 2, 2, 1, 1, 1]


def test_a_broken_model_stops_the_run_after_three_items():
    def rows(contents):
        raise RuntimeError("no weights")

    model = Mine(rows)
    found, raised = run(model, [f"text {i}" for i in range(100)])

    assert isinstance(raised, ProviderError)
    assert str(raised).startswith("'mine' failed for 3 items in a row, the last was 'text 2'")
    assert isinstance(raised.__cause__, RuntimeError)
    assert sorted(found) == [0, 1]
    assert len(model.calls) == 6


def test_three_faults_with_good_items_between_them_do_not_stop_the_run():
    def rows(contents):
        if any(c.text.startswith("bad") for c in contents):
            raise RuntimeError("no")
        return [[1.0, 2.0]] * len(contents)

    found, raised = run(Mine(rows), ["bad 1", "a", "bad 2", "b", "bad 3", "c", "bad 4", "d"])

    assert raised is None
    assert list(vectors(found)) == [1, 3, 5, 7]


def test_items_that_cannot_be_read_never_stop_the_run():
    def rows(contents):
        if any(c.text.startswith("bad") for c in contents):
            raise UnreadableItemError("torn", name="bad")
        return [[1.0, 2.0]] * len(contents)

    found, raised = run(Mine(rows), [*(f"bad {i}" for i in range(9)), "good"])

    assert raised is None
    assert list(vectors(found)) == [9]
    assert all(isinstance(found[i].error, UnreadableItemError) for i in range(9))


@pytest.mark.parametrize("error", [ProviderError("stop"), BudgetError("enough")])
def test_what_stops_a_run_is_passed_on_at_once(error):
    def rows(contents):
        raise error

    model = Mine(rows)

    with pytest.raises(type(error), match=str(error)):
        compute(model, [mm.Text("a")] * 8, dimension=2, params={}, sink=lambda _: None)
    assert len(model.calls) == 1


def test_a_key_press_is_passed_on_and_what_came_before_was_delivered():
    def rows(contents):
        if contents[0].text == "press":
            raise KeyboardInterrupt
        return [[1.0, 2.0]] * len(contents)

    found = {}

    with pytest.raises(KeyboardInterrupt):
        compute(
            Mine(rows),
            [mm.Text(t) for t in ("a", "b", "c", "d", "press")],
            dimension=2,
            params={},
            sink=lambda outcomes: found.update({o.index: o for o in outcomes}),
        )
    assert sorted(found) == [0, 1, 2, 3]


def test_a_class_that_can_compute_nothing_says_which_method_it_lacks():
    class Empty(Provider):
        spec = SPEC

    with pytest.raises(TypeError, match="Empty has neither embed_batch nor embed, so it cannot compute vectors"):
        run(Empty(), ["a"])


def test_a_class_without_a_row_of_the_table_cannot_be_made():
    class Rowless(Provider):
        def embed_batch(self, contents, *, dimension, params):
            return []

    with pytest.raises(TypeError, match="abstract"):
        Rowless()


def test_items_that_are_left_without_an_outcome_are_noticed():
    found, raised = run(Own([Outcome(1, vector=np.ones(2, np.float32))]), ["a", "b", "c"])

    assert isinstance(raised, ProtocolError)
    assert str(raised) == "'mine' left 2 of 3 items without a vector or an error, first: 'a'"
    assert list(found) == [1]


def test_an_embed_that_gives_nothing_at_all_is_noticed():
    _, raised = run(Own(), ["a", "b"])

    assert str(raised) == "'mine' left 2 of 2 items without a vector or an error, first: 'a'"


def test_a_second_outcome_of_one_item_is_refused_and_the_first_one_kept():
    first, second = (Outcome(0, vector=np.full(2, v, np.float32)) for v in (1, 2))

    found, raised = run(Own([first, second]), ["a"])

    assert isinstance(raised, ProtocolError)
    assert str(raised) == "'mine' gave an outcome for row 0, which is not one of 1 or had one before"
    assert vectors(found) == {0: [1, 1]}


@pytest.mark.parametrize("index", [-1, 2, 99, "0", None])
def test_an_outcome_of_no_item_is_refused_and_good_ones_beside_it_arrive(index):
    good = Outcome(0, vector=np.ones(2, np.float32))

    found, raised = run(Own([Outcome(index, vector=np.ones(2, np.float32)), good]), ["a", "b"])

    assert isinstance(raised, ProtocolError)
    assert f"gave an outcome for row {index!r}" in str(raised)
    assert list(found) == [0]


@pytest.mark.parametrize(
    ("vector", "got"),
    [(None, "nothing"), (np.ones(3), r"an array of shape (3,)"), (np.ones((1, 2)), r"an array of shape (1, 2)")],
)
def test_an_outcome_without_a_vector_of_that_length_is_refused(vector, got):
    _, raised = run(Own([Outcome(0, vector=vector)]), ["a"])

    assert str(raised) == f"'mine' returned {got} for 'a', expected a vector of 2 numbers"


def test_a_vector_of_another_type_becomes_float32_and_keeps_its_usage_and_note():
    outcome = Outcome(0, vector=[1, 2], usage={"calls": 1}, note="cut")

    found, raised = run(Own([outcome]), ["a"])

    assert raised is None
    assert found[0].vector.dtype == np.float32
    assert (found[0].usage, found[0].note) == ({"calls": 1}, "cut")


def test_an_error_of_one_item_is_an_outcome_like_others():
    error = UnreadableItemError("torn", name="a")

    found, raised = run(Own([Outcome(0, error=error)]), ["a"])

    assert raised is None
    assert found[0].error is error


def test_every_other_method_has_a_default():
    model, content = Mine(), mm.Text("a")

    assert model.leaves_machine
    assert model.destination == "the service behind 'mine'"
    assert (model.recipe(content), list(model.members(content))) == ("", [])
    assert model.forecast([content], {}) == Forecast(calls=0, tokens=0, cost=0.0)
    assert model.share(4) is model
    assert copy.copy(model) is copy.deepcopy(model) is model
    assert model.combine(content, [np.array([2.0, 0.0]), np.array([0.0, 5.0])])[0].tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (mm.Video("https://h/a.mp4"), "'mine' takes no video items, only image, text"),
        (mm.Image(["https://h/a.png", "https://h/b.png"]), "'mine' takes at most 1 picture"),
    ],
)
def test_the_default_check_knows_the_row(content, words):
    with pytest.raises(UnsupportedItemError, match=words):
        Mine().check(content, dimension=2, params={})
    Mine().check(mm.Text("a"), dimension=2, params={})


class Lengths(Provider):
    spec = SPEC

    def embed_batch(self, contents, *, dimension, params):
        return [[len(c.text), 1.0] for c in contents]


def test_a_class_of_ones_own_works_in_embed_and_in_a_transformer(tmp_path):
    emb = mm.embed_texts(["ab", "abc", "ab"], model=Lengths(), cache=tmp_path)
    embedder = clone(mm.Embedder(Lengths(), cache=str(tmp_path))).fit(["ab"])

    assert emb.vectors.tolist() == [[2, 1], [3, 1], [2, 1]]
    assert emb.usage["equal"] == 1
    assert embedder.transform(["abc"]).shape == (1, 2)
    assert issubclass(RefusedItemError, ItemError)


def test_all_our_providers_derive_from_the_class():
    from mmtoolkit.providers.function import FunctionProvider
    from mmtoolkit.providers.local import LocalModel

    assert all(issubclass(one, Provider) for one in (mm.DashScope, LocalModel, FunctionProvider))
    assert mm.DashScope().destination == "the DashScope service"
    assert LocalModel().destination == "nothing leaves this machine"
    assert pickle.loads(pickle.dumps(LocalModel())).spec == LocalModel().spec


def test_a_share_of_the_rate_is_handed_to_each_worker():
    model = mm.DashScope("text-embedding-v4", rate_share=0.5)

    assert model.share(4) == mm.DashScope("text-embedding-v4", rate_share=0.125)
    assert model.share(1) == model
