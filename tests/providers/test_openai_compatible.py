"""`OpenAICompatible` against servers that limit, fail, lie and die, each in its own words."""

from __future__ import annotations

import dataclasses
import logging
import os
import pickle
import threading
import time
from functools import partial

import numpy as np
import pytest
from emulator import magic
from emulator.faults import Fault
from emulator.openai import FAULTS
from emulator.vectors import COLOURS, colour_png, text_tokens

import mmtoolkit as mm
from mmtoolkit.errors import (
    BudgetError,
    EmbeddingError,
    ProviderError,
    ServiceStopError,
    ServiceUnavailableError,
    UnsupportedItemError,
)
from mmtoolkit.providers.openai_compatible import OpenAICompatible
from mmtoolkit.providers.openai_compatible.rules import RULES, pack_limit
from mmtoolkit.providers.openai_compatible.service import read_answer
from mmtoolkit.providers.queue.rules import Answer, meaning

HEALING = sorted(name for name, fault in FAULTS.items() if fault.act in ("retry", "fine"))
POISON = sorted(name for name, fault in FAULTS.items() if fault.act == "item")
FATAL = sorted(name for name, fault in FAULTS.items() if fault.act == "stop")
NEVER_CACHED = ["nan", "null-value", "string-value", "huge", "zero", "null-vector", "bad-base64", "too-few", "too-many",
                "foreign-index", "html200", "empty", "garbage", "null", "list", "error-under-200", "no-data"]  # fmt: skip
PICTURES = [mm.Image(colour_png(name)) for name in COLOURS]


def fast_clock():
    return time.monotonic() * 50


def fast_sleep(seconds):
    time.sleep(seconds / 50)


@pytest.fixture
def server(openai):
    """Make a provider of the emulated server; limiter and retries run fifty times faster than real time."""

    clock = {"clock": partial(fast_clock), "sleep": fast_sleep}  # a clock of its own: no limiter of the test before

    def make(model="small-text", dimension=48, **options):
        return OpenAICompatible(
            model, **{"base_url": openai.base_url, "dimension": dimension, "timeout_s": 1.0, **clock, **options}
        )

    openai.slow_s, openai.trickle_s = 3.0, 0.01
    return make


def test_vectors_come_back_in_order_and_once(openai, server, tmp_path):
    texts = [f"text {i}" for i in range(100)]
    openai.queue.extend(["shuffled"] * 4)

    emb = mm.embed_texts(texts, model=server(), cache=tmp_path)
    again = mm.embed_texts(texts[::-1], model=server(), cache=tmp_path)

    assert sorted(len(r.body["input"]) for r in openai.calls) == [4, 32, 32, 32]
    assert np.array_equal(again.vectors, emb.vectors[::-1])
    assert np.array_equal(mm.embed_texts(texts[7:8], model=server(), cache=False).vectors[0], emb.vectors[7])
    assert emb.usage["text_tokens"] == sum(map(text_tokens, texts))


@pytest.mark.parametrize("name", HEALING)
def test_what_can_heal_heals(openai, server, name):
    emb = mm.embed_texts([f"a red bird {magic(name, 1)}"], model=server(), cache=False)

    assert emb.ok.all()
    fine = FAULTS[name].act == "fine" or name == "no-index"  # one vector needs no number
    assert len(openai.calls) == (1 if fine else 2)


@pytest.mark.parametrize("name", POISON)
def test_a_refused_item_is_named_and_the_others_arrive(openai, server, tmp_path, name):
    texts = ["one", f"two {magic(name)}", "three"]

    with pytest.raises(EmbeddingError, match=r"1 of 3 items could not be embedded: row 1.*The other 2 are cached") as caught:  # fmt: skip
        mm.embed_texts(texts, model=server(), cache=tmp_path)

    (error,) = caught.value.errors
    assert (error.row, error.status_code) == (1, FAULTS[name].status)
    assert mm.embed_texts(["one", "three"], model=server(), cache=tmp_path).usage["cached"] == 2


@pytest.mark.parametrize("counted", [10**400, -5, True, "12", None, [1]])
def test_a_count_that_cannot_be_costs_no_vector_that_was_paid(openai, server, counted):
    def count(answer):
        return {**answer, "usage": {"total_tokens": counted}}

    openai.queue.append(Fault(spoil=count))

    emb = mm.embed_texts(["a red bird"], model=server(price_per_million=1.0, currency="CNY"), cache=False, budget=5.0)

    assert emb.ok.all()
    assert len(openai.calls) == 1
    assert 0 < emb.usage["text_tokens"] < 100


@pytest.mark.parametrize("name", FATAL)
def test_what_only_the_user_can_heal_stops_at_once_and_keeps_what_came(openai, server, tmp_path, name):
    texts = [f"text {i}" + (magic(name) if i == 10 else "") for i in range(40)]

    with pytest.raises(ServiceStopError, match=r"What to do: .*What arrived before is kept") as caught:
        mm.embed_texts(texts, model=server(batch_size=1, timeout_s=60), cache=tmp_path)  # what was answered is read

    arrived = sum(r.status == 200 for r in openai.calls)
    assert caught.value.status_code == FAULTS[name].status
    assert sum(r.fault == name for r in openai.calls) == 1
    assert arrived < 40
    again = mm.embed_texts([t for t in texts if "fault" not in t], model=server(), cache=tmp_path)
    assert again.usage["cached"] == arrived


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("balance", "the account's quota is used up"),
        ("html403", "not that of a server of the OpenAI dialect: check the network"),
        ("gone", "check base_url"),
        ("other-dialect", "not that of a server of the OpenAI dialect: check the network"),
        ("html200", "not that of a server of the OpenAI dialect: check the network"),
        ("nested-vector", "the answer was not what the protocol promises"),
    ],
)
def test_what_is_no_answer_of_the_model_blames_neither_key_nor_item(openai, server, name, remedy):
    with pytest.raises((ProviderError, EmbeddingError), match=remedy):
        mm.embed_texts([f"text {i} {magic(name)}" for i in range(3)], model=server(), cache=False)


@pytest.mark.parametrize("name", NEVER_CACHED)
def test_a_bad_answer_is_never_cached(openai, server, tmp_path, name):
    texts = [f"a text {magic(name)}", "fine"]

    emb = mm.embed_texts(texts, model=server(), cache=tmp_path, on_error="nan")
    again = mm.embed_texts(texts[1:], model=server(), cache=tmp_path)

    assert emb.ok.tolist() == [False, True] or name in ("too-few", "too-many", "foreign-index")
    assert again.usage["cached"] == 1


def test_every_row_of_the_table_is_met():
    met = set()
    for fault in FAULTS.values():
        if fault.spoil is None and fault.raw is None and fault.act != "fine":
            met.add(meaning(RULES, read_answer(fault.status, fault.headers, fault.body, None)))
    shrinking = [(413, "batch size 64 > maximum allowed batch size 32"), (400, "array too long")]
    odd = [(407, ""), (402, ""), (None, "the connection was refused")]
    met |= {meaning(RULES, Answer(status, message=message)) for status, message in shrinking + odd}
    met |= {
        meaning(RULES, Answer(402, code="insufficient_quota")),
        meaning(RULES, Answer(429, code="PrepaidBillOverdue")),
    }
    met |= {meaning(RULES, Answer(400, message="dimensions must be one of 16, 32"))}
    met |= {
        meaning(RULES, Answer(200, code="ProtocolError", message=m)) for m in ("no data", "every vector has 3 numbers")
    }

    assert [rule for rule in RULES if rule not in met] == []


@pytest.mark.parametrize(
    ("message", "limit"),
    [
        ("batch size 64 > maximum allowed batch size 32", 32),
        ("input batch size 136 > maximum allowed batch size 64", 64),
        ("Value error, batch size is invalid, it should not be larger than 10.: input.contents", 10),
        ("Expected an array with maximum length 2048, but got an array with length 2049 instead.", 2048),
        ("batch size is too large", None),
    ],
)
def test_the_largest_batch_is_read_from_the_refusal(message, limit):
    assert pack_limit(message) == limit


@pytest.mark.parametrize(("flavour", "most"), [("tei", 32), ("dashscope", 10), ("openai", 20)])
def test_a_smaller_batch_limit_is_learned(openai, server, flavour, most):
    openai.use(flavour)
    openai.largest_batch = most

    emb = mm.embed_texts([f"text {i}" for i in range(300)], model=server(batch_size=100), cache=False)

    sizes = [len(r.body["input"]) for r in openai.calls]
    assert emb.ok.all()
    assert sizes[0] == 100
    assert max(sizes[1:]) == most  # the first request goes alone, so one refusal is enough


@pytest.mark.parametrize("flavour", ["openai", "vllm", "vllm-0.10.0", "tei", "ollama", "dashscope"])
def test_a_text_too_long_is_named_in_every_server_s_words(openai, server, flavour):
    openai.use(flavour)

    emb = mm.embed_texts(["a", "word " * 600, "b"], model=server(), cache=False, on_error="nan")

    assert emb.failed["row"].tolist() == [1]
    assert "truncate=True" in emb.failed["reason"].iloc[0]


def test_a_text_is_cut_before_sending_when_the_limit_is_known(openai, server):
    emb = mm.embed([mm.Text("word " * 600, truncate=True)], model=server(text_tokens=512), cache=False)

    assert text_tokens(openai.contents()[0]) <= 512
    assert emb.ok.all()


@pytest.mark.parametrize("flavour", ["openai", "vllm", "tei", "ollama"])
def test_a_wrong_dimension_stops_after_one_request_and_names_the_right_one(openai, server, flavour):
    openai.use(flavour)

    with pytest.raises(ServiceStopError, match=r"every vector has 48 numbers, expected 50; pass dimension=48"):
        mm.embed_texts([f"text {i}" for i in range(500)], model=server(dimension=50), cache=False)

    assert len(openai.calls) == 1
    assert "dimensions" not in openai.calls[0].body


def test_a_shorter_vector_is_asked_for_only_when_wanted(openai, server):
    emb = mm.embed_texts(["a"], model=server("small-matryoshka", 16, send_dimension=True), cache=False)

    assert emb.shape == (1, 16)
    assert openai.calls[0].body["dimensions"] == 16


@pytest.mark.parametrize(
    ("flavour", "words"),
    [
        ("openai", "does not support specifying dimensions"),
        ("vllm", "does not support matryoshka representation"),
        ("vllm-0.10.0", "dimensions is currently not supported"),
        ("tei", "it ignores the dimension it was asked for; pass dimension=48"),
    ],
)
def test_a_server_that_cannot_shorten_is_told_at_the_first_request(openai, server, flavour, words):
    openai.use(flavour)

    with pytest.raises(ServiceStopError, match=words):
        mm.embed_texts([f"text {i}" for i in range(500)], model=server(dimension=16, send_dimension=True), cache=False)

    assert len(openai.calls) == 1


def test_base64_is_read_too(openai, server):
    floats = mm.embed_texts(["a", "b"], model=server(), cache=False).vectors
    openai.always_base64 = True

    assert np.array_equal(mm.embed_texts(["a", "b"], model=server(), cache=False).vectors, floats)


def test_a_run_that_was_stopped_goes_on_where_it_was(openai, server, tmp_path):
    texts = [f"text {i}" for i in range(200)]
    openai.fail_at = {12: "invalid_api_key"}
    with pytest.raises(ServiceStopError):
        mm.embed_texts(texts, model=server(batch_size=10), cache=tmp_path)
    arrived = [text for r in openai.calls if r.status == 200 for text in r.body["input"]]
    openai.reset()

    emb = mm.embed_texts(texts, model=server(batch_size=10), cache=tmp_path)

    assert emb.usage["cached"] == len(arrived) >= 120
    assert sorted(openai.contents() + arrived) == sorted(texts)


def test_ctrl_c_keeps_what_arrived(openai, server, tmp_path):
    openai.latency_s = 0.1
    texts = [f"text {i}" for i in range(100)]

    def stop():
        while len(openai.calls) < 6:
            time.sleep(0.005)
        os.kill(os.getpid(), 2)

    threading.Thread(target=stop).start()
    with pytest.raises(KeyboardInterrupt):
        mm.embed_texts(texts, model=server(batch_size=2, max_workers=2), cache=tmp_path, progress=False)

    assert mm.estimate(texts, model=server(), cache=tmp_path).cached == len(openai.contents())


def test_no_more_requests_at_once_than_workers(openai, server):
    openai.latency_s = 0.05

    mm.embed_texts([f"text {i}" for i in range(60)], model=server(batch_size=2, max_workers=3), cache=False)

    assert openai.peak == 3


def test_the_rate_is_kept(openai, server):
    openai.rpm, openai.scale = 600, 5.0
    pace = {"clock": lambda: time.monotonic() * 5, "sleep": lambda seconds: time.sleep(seconds / 5)}

    mm.embed_texts([f"text {i}" for i in range(60)], model=server(batch_size=1, rpm=600, **pace), cache=False)

    assert sum(r.status == 429 for r in openai.calls) <= 1  # two clocks, a busy machine


def test_the_unknown_rate_of_a_gateway_is_found_by_refusals(openai, server, monkeypatch):
    monkeypatch.setenv("GATEWAY_KEY", "secret")
    openai.rpm, openai.scale = 60, 50.0
    model = server(batch_size=2, api_key_env="GATEWAY_KEY")

    emb = mm.embed_texts([f"text {i}" for i in range(120)], model=model, cache=False)

    assert emb.ok.all()
    assert 1 <= sum(r.status == 429 for r in openai.calls) < 30


def test_a_server_that_does_not_run_ends_the_run(server):
    with pytest.raises(
        ServiceUnavailableError, match=r"connection was refused\) from http://127.0.0.1:9/v1/embeddings"
    ):
        mm.embed_texts(["a", "b", "c"], model=server(base_url="http://127.0.0.1:9/v1", batch_size=1), cache=False)


def test_a_budget_is_never_crossed(openai, server, tmp_path):
    texts = [f"a text of some length, number {i}" for i in range(60)]
    model = server(batch_size=2, price_per_million=500.0, currency="USD")
    whole = mm.estimate(texts, model=model, cache=tmp_path)

    with pytest.raises(BudgetError, match=r"would cross budget=.*USD are spent"):
        mm.embed_texts(texts, model=model, cache=tmp_path, budget=whole.cost / 2)

    spent = sum(map(text_tokens, openai.contents())) * 500.0 / 1e6
    assert 0 < spent <= whole.cost / 2
    assert (whole.calls, whole.currency) == (30, "USD")


def test_a_budget_needs_a_price(openai, server):
    with pytest.raises(ValueError, match=r"budget= needs a price, and 'small-text' has none; pass price_per_million="):
        mm.embed_texts(["a"], model=server(), cache=False, budget=1.0)

    assert openai.calls == []


def test_an_estimate_sends_nothing_and_promises_no_cost(openai, server):
    estimate = mm.estimate([f"text {i}" for i in range(64)], model=server(), cache=False)

    assert (estimate.calls, estimate.cost) == (2, None)
    assert openai.calls == []


@pytest.mark.parametrize(("flavour", "way", "calls"), [("vllm", "messages", 5), ("sglang", "input", 1)])
def test_pictures_go_the_way_the_server_takes_them(openai, server, flavour, way, calls):
    openai.use(flavour)
    model = server("small-pictures", 32, pictures=way)

    emb = mm.embed([mm.Text("red"), mm.Text("blue"), *PICTURES], model=model, cache=False)

    assert len(openai.calls) == calls
    nearest = emb.unit[2:] @ emb.unit[:2].T
    assert {list(COLOURS)[int(i)] for i in nearest.argmax(axis=0)} == {"red", "blue"}
    assert all("data:image/png;base64," in str(r.body) for r in openai.calls[-1:])


def test_the_words_beside_a_picture_are_sent_and_are_part_of_the_space(openai, server, tmp_path):
    openai.use("vllm")
    plain, said = (server("small-pictures", 32, pictures="messages", picture_text=t) for t in ("", "Represent it."))

    first = mm.embed(PICTURES[:1], model=plain, cache=tmp_path)
    second = mm.embed(PICTURES[:1], model=said, cache=tmp_path)

    assert openai.calls[1].body["messages"][0]["content"][1] == {"type": "text", "text": "Represent it."}
    assert not np.array_equal(first.vectors, second.vectors)
    assert mm.embed_texts(["a"], model=plain, cache=tmp_path).usage["cached"] == 0
    assert mm.embed_texts(["a"], model=said, cache=tmp_path).usage["cached"] == 1


def test_a_server_for_texts_takes_no_pictures(openai, server):
    with pytest.raises(EmbeddingError, match="takes no images, only text"):
        mm.embed(PICTURES[:1], model=server(), cache=False)
    with pytest.raises(UnsupportedItemError, match="makes no fused vectors"):
        server().check(mm.Fused(text="a", image=PICTURES[0].source), dimension=48, params={})

    assert openai.calls == []


def test_no_key_leaves_unless_its_variable_is_named(openai, server, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password netrc-secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("OPENAI_API_KEY", "DASHSCOPE_API_KEY", "GATEWAY_KEY"):
        monkeypatch.setenv(name, "sk-not-for-you")

    mm.embed_texts(["a"], model=server(), cache=False)
    mm.embed_texts(["a"], model=server(api_key_env="GATEWAY_KEY"), cache=False)

    assert "Authorization" not in openai.calls[0].headers
    assert openai.calls[1].headers["Authorization"] == "Bearer sk-not-for-you"


def test_the_key_is_read_at_each_call_and_shows_nowhere(openai, server, monkeypatch, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    key = openai.key = "gateway-secret-0123456789"
    monkeypatch.setenv("GATEWAY_KEY", f" '{key}' \n")
    model = server(api_key_env="GATEWAY_KEY")
    echo = dataclasses.replace(FAULTS["strange"], body=b'{"error": {"message": "bad key Bearer %s"}}' % key.encode())
    openai.queue.append(echo)

    emb = mm.embed_texts(["a"], model=model, cache=tmp_path, on_error="nan")
    mm.embed_texts(["a"], model=model, cache=tmp_path)
    monkeypatch.setenv("GATEWAY_KEY", "other")
    with pytest.raises(ServiceStopError) as caught:
        mm.embed_texts(["b"], model=model, cache=tmp_path)

    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    seen = f"{model!r} {model.spec!r} {emb.failed.to_dict()} {caught.value!r} {caplog.text} {vars(model)}"
    assert "bad key" in seen
    assert key not in seen
    assert key.encode() not in files + pickle.dumps(model)


@pytest.mark.parametrize(("value", "words"), [(None, "GATEWAY_KEY is not set"), ("  ", "GATEWAY_KEY is empty"),
                                              ("näh", "non-ASCII character at position 2")])  # fmt: skip
def test_a_key_that_is_missing_or_broken_stops_before_anything_is_sent(openai, server, monkeypatch, value, words):
    if value is None:
        monkeypatch.delenv("GATEWAY_KEY", raising=False)
    else:
        monkeypatch.setenv("GATEWAY_KEY", value)

    with pytest.raises(ServiceStopError, match=words):
        mm.embed_texts(["a"], model=server(api_key_env="GATEWAY_KEY"), cache=False)

    assert openai.calls == []


def test_a_key_on_a_plain_line_is_warned_of(server, monkeypatch):
    monkeypatch.setenv("GATEWAY_KEY", "secret")
    model = server(api_key_env="GATEWAY_KEY", base_url="http://gateway.invalid/v1", timeout_s=0.5)

    with (
        pytest.warns(UserWarning, match="goes unencrypted to http://gateway.invalid/v1"),
        pytest.raises(EmbeddingError),
    ):
        mm.embed_texts(["a"], model=model, cache=False)


def test_the_compatible_mode_of_dashscope(openai, server):
    openai.use("dashscope")

    emb = mm.embed_texts(["a"], model=server(base_url=f"{openai.host}/compatible-mode/v1/"), cache=False)

    assert emb.ok.all()
    assert openai.calls[0].path == "/compatible-mode/v1/embeddings"


@pytest.mark.parametrize(
    ("base_url", "host", "leaves"),
    [
        ("http://localhost:8000/v1", "localhost:8000", False),
        ("http://127.0.0.2/v1/embeddings", "127.0.0.2", False),
        ("http://[::1]:80/v1/", "[::1]:80", False),
        ("https://gateway.example/llm/v1", "gateway.example", True),
        ("http://192.168.1.5:8000/v1", "192.168.1.5:8000", True),
        ("http://localhost.example/v1", "localhost.example", True),
    ],
)
def test_where_items_go_is_said(base_url, host, leaves):
    model = OpenAICompatible("m", base_url=base_url, dimension=4)

    assert (model.destination, model.leaves_machine) == (host, leaves)


@pytest.mark.parametrize(
    "base_url",
    ["", "localhost:8000/v1", "ftp://h/v1", "https://me:hunter2@h/v1", "me:hunter2@h/v1", "https://h/v1?key=hunter2",
     "https://h/v1#hunter2", "http://[::1/v1", "http://h:x/v1", None],
)  # fmt: skip
def test_an_address_that_is_none_or_holds_secrets_is_refused(base_url):
    with pytest.raises(ValueError, match="base_url must be an http") as caught:
        OpenAICompatible("m", base_url=base_url, dimension=4)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"model": " "}, "model must be a text"),
        ({"name": ""}, "name must be a text"),
        ({"dimension": 0}, "dimension must be a whole number above 0, got 0"),
        ({"dimension": 1.5}, "dimension must be a whole number"),
        ({"batch_size": True}, "batch_size must be"),
        ({"rpm": -1}, "rpm must be None or a whole number"),
        ({"pictures": "urls"}, "pictures must be one of messages, input, got 'urls'"),
        ({"picture_text": "a", "pictures": "input"}, "picture_text needs pictures='messages'"),
        ({"price_per_million": 1.0}, "belong together"),
        ({"currency": "USD"}, "belong together"),
        ({"price_per_million": float("nan"), "currency": "USD"}, "price_per_million must be"),
        ({"timeout_s": 0}, "timeout_s must be seconds above 0"),
        ({"rate_share": 2}, "rate_share must be a share"),
    ],
)
def test_arguments_are_checked(options, words):
    with pytest.raises(ValueError, match=words):
        OpenAICompatible(**{"model": "m", "base_url": "http://h/v1", "dimension": 4, **options})


@pytest.mark.parametrize("key", ["sk-0123456789", "gateway-secret", "abcdef0123456789", ""])
def test_a_key_in_place_of_its_name_is_refused_unseen(key):
    with pytest.raises(ValueError, match="must be the name of an environment variable") as caught:
        OpenAICompatible("m", base_url="http://h/v1", dimension=4, api_key_env=key)

    assert not key or key not in str(caught.value)


def test_the_space_is_name_revision_and_dimension_not_the_address(openai, server, tmp_path):
    mm.embed_texts(["a"], model=server(), cache=tmp_path)

    def cached(**options):
        return mm.estimate(["a"], model=server(**options), cache=tmp_path).cached

    assert cached(base_url="http://other.example/v1") == 1
    assert cached(model="another", name="small-text") == 1
    assert cached(name="ours") == 0
    assert cached(revision="2") == 0
    assert cached(dimension=16) == 0


def test_workers_share_the_rate():
    model = OpenAICompatible("m", base_url="http://h/v1", dimension=4, rpm=120)

    share = model.share(4).share(2)

    assert share.rate_share == 1 / 8
    assert share.forecast([mm.Text("a")] * 33, {}).minutes == pytest.approx(2 / 15)
    assert pickle.loads(pickle.dumps(share)) == share
