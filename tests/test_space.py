"""Spaces: equality, refusal, keys, and what they are written as."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mmtoolkit as mm
from mmtoolkit.errors import SpaceError
from mmtoolkit.space import Space, space_of

A = Space("m", "r", 3, {"b": 1, "a": [1, 2]})
CENTERED = Space("m", "r", 3, {}, {"text": np.ones(3, np.float32)})


def test_every_part_of_the_space_is_in_the_key():
    digest = bytes(32)
    args = {"model": "m", "revision": "r", "dimension": 4, "params": {"a": 1}}
    keys = {
        Space(**{**args, **change}).key("text", digest)
        for change in ({}, {"model": "n"}, {"revision": "s"}, {"dimension": 5}, {"params": {"a": 2}})
    }
    space = Space(**args)
    keys |= {space.key("image", digest), space.key("text", digest, "jpeg"), space.key("text", b"\x01" * 32)}

    assert len(keys) == 8
    assert {len(key) for key in keys} == {32}


def test_keys_do_not_change_between_versions():
    key = Space("multimodal-embedding-v1", "", 1024, {}).key("text", mm.Text("a").digest())

    assert key.hex() == "d0b3bcb5fa83aa662b7b050208311d1f9a6e113f1bcd89292f4fb846b6109f0a"


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.booleans(), max_size=4))
def test_the_order_of_parameters_does_not_matter(params):
    backwards = dict(reversed(params.items()))

    assert Space("m", "", 4, params).key("text", b"") == Space("m", "", 4, backwards).key("text", b"")


@pytest.mark.parametrize("space", [A, CENTERED])
@pytest.mark.parametrize(
    "copied",
    [
        lambda s: pickle.loads(pickle.dumps(s)),
        copy.deepcopy,
        lambda s: Space.from_dict(json.loads(json.dumps(s.to_dict()))),
    ],
)
def test_copies_are_the_same_space(space, copied):
    space.key("text", b"")  # what is remembered of it travels well, too

    again = copied(space)

    assert again == space
    assert hash(again) == hash(space)
    assert again.key("text", b"") == space.key("text", b"")
    assert again.fingerprint == space.fingerprint


def test_parameters_of_a_vector_table_are_a_text():
    assert Space.from_dict({**A.to_dict(), "params": A.params_json}) == A


def test_what_defines_a_space_cannot_be_changed():
    with pytest.raises(TypeError):
        A.params["b"] = 2
    with pytest.raises(AttributeError):
        A.model = "n"
    with pytest.raises(TypeError):
        CENTERED.centers["image"] = np.zeros(3, np.float32)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (Space("n", "r", 3, A.params), "model 'm' against 'n'"),
        (Space("m", "s", 3, A.params), "revision 'r' against 's'"),
        (Space("m", "r", 4, A.params), "dimension 3 against 4"),
        (Space("m", "r", 3), r'params {"a": \[1, 2\], "b": 1} against {}'),
        (Space("m", "r", 3, A.params, CENTERED.centers), "not centered against centered by text"),
        (Space("n", "s", 4), "model 'm' against 'n', revision 'r' against 's', dimension 3 against 4, params"),
    ],
)
def test_every_difference_is_named(other, said):
    with pytest.raises(SpaceError, match=f"these two are of different spaces: {said}.*; embed again"):
        A.refuse(other, "these two", "embed again")


def test_long_revisions_that_begin_alike_are_shown_whole():
    a, b = Space("m", "0" * 20 + "1", 3), Space("m", "0" * 20 + "2", 3)

    assert a.differences(b) == [f"revision '{'0' * 20}1' against '{'0' * 20}2'"]


def test_other_means_are_another_space():
    other = Space("m", "r", 3, {}, {"text": np.zeros(3, np.float32)})

    assert other != CENTERED
    assert CENTERED.raw == other.raw
    assert CENTERED.differences(other) == ["centered by text against centered by text by other means"]
    assert CENTERED.key("text", b"") == CENTERED.raw.key("text", b"")


def test_the_same_space_is_not_refused():
    again = Space("m", "r", np.int64(3), {"a": [1, 2], "b": 1})

    A.refuse(again, "these", "nothing")

    assert A.differences(again) == []


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"model": 3}, "model of a space must be a text, got 3"),
        ({"revision": None}, "revision of a space must be a text"),
        ({"dimension": 2.5}, "dimension of a space must be an integer"),
        ({"dimension": 0}, "dimension must be a positive integer, got 0"),
        ({"params": [1]}, "params of a space must be a mapping"),
        ({"centers": {"text": [1.0]}}, r"the mean of 'text' has shape \(1,\), expected \(3,\)"),
    ],
)
def test_a_damaged_description_is_refused(change, error):
    with pytest.raises((TypeError, ValueError), match=error):
        Space.from_dict({**A.to_dict(), **change})


def test_vectors_know_their_space(rng):
    emb = mm.embed_texts(["a"], model="local", cache=False)

    assert space_of(emb) is emb.space
    assert (emb.space.model, emb.space.dimension) == ("local", 512)
    assert space_of(rng.standard_normal((2, 5))) == Space("", "", 5)
    assert space_of(A) is A
