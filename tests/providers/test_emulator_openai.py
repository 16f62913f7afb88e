"""The emulated servers of OpenAI's dialect do what is known of the real ones; see the head of `emulator.openai`."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import requests
from emulator.openai import FLAVOURS
from emulator.vectors import COLOURS, colour_png

RED = f"data:image/png;base64,{base64.b64encode(colour_png(next(iter(COLOURS)))).decode()}"


@pytest.fixture
def ask(openai):
    with requests.Session() as session:
        session.trust_env = False

        def post(model="small-text", path="/v1/embeddings", **body):
            return session.post(openai.host + path, json={"model": model, **body})

        yield post


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("path", ["/v1/embeddings", "/compatible-mode/v1/embeddings"])
def test_every_server_answers_texts_alike(openai, ask, flavour, path):
    openai.use(flavour)

    answer = ask(path=path, input=["a", "b"]).json()

    assert [entry["index"] for entry in answer["data"]] == [0, 1]
    assert len(answer["data"][0]["embedding"]) == 48
    assert answer["usage"] == {"prompt_tokens": 2, "total_tokens": 2}
    assert ask(path=path, input="a").json()["data"] == answer["data"][:1]


def test_base64_holds_the_same_numbers(ask):
    floats = ask(input="a").json()["data"][0]["embedding"]

    text = ask(input="a", encoding_format="base64").json()["data"][0]["embedding"]

    assert np.array_equal(np.frombuffer(base64.b64decode(text), "<f4"), np.float32(floats))


@pytest.mark.parametrize(
    ("flavour", "status", "path", "words"),
    [
        ("openai", 400, ["error", "message"], "maximum length 2048"),
        ("tei", 413, ["message"], "batch size 2049 > maximum allowed batch size 32"),
        ("dashscope", 400, ["error", "message"], "should not be larger than 10"),
    ],
)
def test_too_many_inputs(openai, ask, flavour, status, path, words):
    openai.use(flavour)

    response = ask(input=["a"] * 2049)

    said = response.json()
    for name in path:
        said = said[name]
    assert (response.status_code, words in said) == (status, True)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_too_long_a_text_is_refused(openai, ask, flavour):
    openai.use(flavour)

    assert ask(input="word " * 600).status_code == FLAVOURS[flavour].too_long[0]


@pytest.mark.parametrize(
    ("flavour", "model", "length"),
    [
        ("openai", "small-matryoshka", 16),
        ("openai", "small-text", None),
        ("vllm", "small-matryoshka", 16),
        ("vllm", "small-text", None),
        ("tei", "small-matryoshka", 48),
        ("ollama", "small-text", 48),
    ],
)
def test_dimensions_are_honoured_refused_or_ignored(openai, ask, flavour, model, length):
    openai.use(flavour)

    response = ask(model, input="a", dimensions=16)

    assert response.status_code == (400 if length is None else 200)
    assert length is None or len(response.json()["data"][0]["embedding"]) == length


def test_pictures_go_where_the_server_takes_them(openai, ask):
    content = [{"type": "image_url", "image_url": {"url": RED}}]
    openai.use("vllm")
    by_message = ask("small-pictures", messages=[{"role": "user", "content": content}]).json()["data"]
    openai.use("sglang")
    by_input = ask("small-pictures", input=[{"text": "red"}, {"image": RED}]).json()["data"]

    refused = ask("small-pictures", messages=[{"role": "user", "content": content}])

    assert by_message[0]["embedding"] == by_input[1]["embedding"]
    assert len(by_message) == 1
    assert refused.status_code == 422


def test_a_key_is_asked_for_only_where_one_is_set(openai, ask):
    openai.key = "secret"

    response = ask(input="a")

    assert response.status_code == 401
    assert response.json()["error"]["code"] == "invalid_api_key"
