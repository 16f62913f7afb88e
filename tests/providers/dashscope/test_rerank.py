"""The rerank models of the service: what is sent, within which limits, at what price, and what failures do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
from emulator import FAULTS, magic
from emulator.rerank import score

import mmtoolkit as mm
from mmtoolkit.embedding.usage import Usage
from mmtoolkit.errors import BudgetError, EmbeddingError, ServiceStopError

VL, GTE = "qwen3-vl-rerank", "gte-rerank-v2"
BROKEN = ["nan", "null-value", "huge", "whole-number", "string-value", "zero", "missing-index", "duplicate-index", "missing-entry",
          "foreign-index", "no-output", "200-with-code", "null", "list", "garbage", "empty", "html200"]  # fmt: skip
HEALING = sorted(
    n for n, f in FAULTS.items() if f.act in ("retry", "fine") and n not in ("slow", "trickle", "trickle-head")
)


@pytest.fixture
def reranker(client):
    """Make a provider whose clock runs fast."""
    fast = client()
    return partial(mm.DashScopeRerank, clock=fast.clock, sleep=fast.sleep)


@pytest.fixture
def have(tmp_path):
    """Make Embeddings of any contents: their vectors do not matter here, and scores go to a cache of the test's."""

    class Any(mm.Provider):
        spec = mm.ModelSpec(
            name="any",
            provider="any",
            dimension=2,
            revision="1",
            contents_per_call=64,
            modalities=frozenset({"text", "image", "video", "fused"}),
        )
        leaves_machine = False

        def embed_batch(self, contents, *, dimension, params):
            return [[1.0, i + 1.0] for i in range(len(contents))]

        def check(self, content, *, dimension, params):
            pass

    return lambda contents, cache=tmp_path / "scores": mm.embed(list(contents), model=Any(), cache=cache)


def texts(n, word="item"):
    return [mm.Text(f"{word} number {i}") for i in range(n)]


def picture(i):
    return mm.Image(np.full((32, 32, 3), i, dtype=np.uint8))


def test_scores_are_those_of_the_service_to_the_last_bit(service, reranker, have):
    emb = have(texts(60))

    found = emb.rerank("number 7", model=reranker())

    assert found.tolist() == [score("number 7", c) for c in emb.items["text"]]
    (call,) = service.reranks
    assert call.path == "/api/v1/services/rerank/text-rerank/text-rerank"
    assert call.body == {
        "model": VL,
        "parameters": {},
        "input": {"query": "number 7", "documents": [{"text": text} for text in emb.items["text"]]},
    }


def test_what_was_scored_is_not_asked_again_whatever_the_vectors(service, reranker, have, tmp_path):
    emb = have(texts(30))
    first = emb.rerank("number 7", model=reranker())
    usage = Usage()

    again = have(texts(32)[::-1]).rerank("number 7", model=reranker(), usage=usage)

    assert np.array_equal(again[2:], first[::-1])
    assert [len(call.body["input"]["documents"]) for call in service.reranks] == [30, 2]
    assert (usage["cached"], usage["computed"]) == (30, 2)


def test_a_query_is_part_of_what_is_cached_and_so_is_the_model(service, reranker, have):
    emb = have(texts(3))

    emb.rerank(["one", "two"], model=reranker())
    emb.rerank("one", model=reranker(GTE))

    asked = [(call.body["model"], call.body["input"]["query"]) for call in service.reranks]
    assert sorted(asked) == [(GTE, "one"), (VL, "one"), (VL, "two")]
    assert (
        service.reranks[-1].body["input"]["documents"] == emb.items["text"].tolist()
    )  # a model of texts takes them bare


def test_pictures_travel_inside_the_request_and_videos_by_url(service, reranker, have):
    emb = have([picture(9), mm.Image("https://example.com/a.png"), mm.Video("https://example.com/a.mp4"), mm.Text("x")])

    emb.rerank(picture(8), model=reranker())

    sent = service.reranks[0].body["input"]
    assert sent["query"]["image"].startswith("data:image/png;base64,")
    assert sent["documents"][0]["image"].startswith("data:image/png;base64,")
    assert sent["documents"][1:] == [
        {"image": "https://example.com/a.png"},
        {"video": "https://example.com/a.mp4"},
        {"text": "x"},
    ]
    assert not service.uploads


@pytest.mark.parametrize(
    ("items", "sizes"),
    [
        (texts(250), [100, 100, 50]),
        ([picture(i) for i in range(90)], [40, 40, 10]),
        ([mm.Video(f"https://example.com/{i}.mp4") for i in range(9)], [4, 4, 1]),
        ([*[picture(i) for i in range(20)], *texts(60)], [70, 10]),  # half of the pictures, half of the texts
        ([mm.Text(f"{i} " + "word " * 7000) for i in range(40)], [17, 17, 6]),  # 120,000 tokens
    ],
    ids=["texts", "pictures", "videos", "mixed", "tokens"],
)
def test_requests_keep_to_every_limit(service, reranker, have, items, sizes):
    emb = have(items)

    emb.rerank("a question", model=reranker())

    assert sorted((len(call.body["input"]["documents"]) for call in service.reranks), reverse=True) == sizes
    assert all(call.status == 200 for call in service.reranks)


def test_a_request_has_one_query_and_many_queries_go_at_once(service, reranker, have):
    service.latency_s = 0.3
    emb = have(texts(50))
    queries = [f"question {i}" for i in range(12)]

    found = emb.rerank(queries, model=reranker(), progress=False)

    assert found.shape == (12, 50)
    assert found[3].tolist() == [score("question 3", text) for text in emb.items["text"]]
    assert len(service.reranks) == 12
    assert service.peak > 5


def test_a_smaller_limit_is_learned_from_the_service(service, reranker, have):
    service.largest_batch = 20
    emb = have(texts(50))

    found = emb.rerank("number 7", model=reranker(rate_share=0.9))  # a limiter of its own, which remembers

    assert found.tolist() == [score("number 7", text) for text in emb.items["text"]]
    assert sorted(len(call.body["input"]["documents"]) for call in service.reranks) == [10, 20, 20, 50]


@pytest.mark.parametrize("name", HEALING)
def test_what_can_heal_heals(service, reranker, have, name):
    emb = have([mm.Text(f"a bird {magic(name, 1)}"), mm.Text("another")])

    found = emb.rerank("a bird", model=reranker())

    assert found.tolist() == [score("a bird", text) for text in emb.items["text"]]


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_is_never_kept(service, reranker, have, name):
    emb = have([mm.Text(f"a bird {magic(name)}"), *texts(3)])

    with pytest.raises(EmbeddingError, match=r"1 of 4 items could not be scored .*The other 3 scores are cached"):
        emb.rerank("a bird", model=reranker())

    service.reset()
    assert emb.rerank("a bird", [1, 2, 3], model=reranker()).shape == (3,)
    assert not service.reranks


def test_a_refused_item_is_named_and_the_others_are_paid_once(service, reranker, have):
    emb = have([*texts(20), mm.Text(f"ugly {magic('DataInspectionFailed')}")])

    with pytest.raises(
        EmbeddingError, match=r"1 of 21 .* row 20, id '20', ugly .*inappropriate.*emb\[mask\]"
    ) as caught:
        emb.rerank("number 7", model=reranker())

    assert [error.item_id for error in caught.value.errors] == ["20"]
    service.reset()
    emb[:20].rerank("number 7", model=reranker())
    assert not service.reranks
    with pytest.raises(EmbeddingError, match=r"2 of 2 pairs of query and item .* row 20, id '20'.* row 20, id '20'"):
        emb.rerank(["one", "two"], [20], model=reranker())


def test_faults_in_a_tenth_of_all_answers_end_right(service, reranker, have):
    service.fault_rate = 0.1
    emb = have(texts(50))
    queries = [f"question {i}" for i in range(40)]

    found = emb.rerank(queries, model=reranker(), progress=False)

    assert found.tolist() == [[score(query, text) for text in emb.items["text"]] for query in queries]
    assert any(call.fault for call in service.reranks)
    service.reset()
    assert np.array_equal(emb.rerank(queries, model=reranker()), found)
    assert not service.reranks


def test_a_wrong_key_stops_after_one_request(service, reranker, have, monkeypatch):
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-of-somebody-else")
    emb = have(texts(250))

    with pytest.raises(ServiceStopError, match="check DASHSCOPE_API_KEY"):
        emb.rerank(["one", "two"], model=reranker())

    assert len(service.reranks) == 1


def test_a_budget_ends_the_run_before_it_is_crossed_and_nothing_paid_is_lost(service, reranker, have):
    emb = have(texts(50))
    queries = [f"question {i}" for i in range(10)]
    budget, part = 0.002, Usage()

    with pytest.raises(BudgetError, match=r"would cross budget=.*What arrived before is kept"):
        emb.rerank(queries, model=reranker(), budget=budget, progress=False)

    asked = len(service.reranks)
    assert 0 < asked < 10
    assert sum(score_tokens(call) for call in service.reranks) * 0.7e-6 <= budget
    emb.rerank(queries, model=reranker(), usage=part, progress=False)
    assert len(service.reranks) == 10
    assert part["cached"] == 50 * asked


def score_tokens(call):
    from emulator.vectors import text_tokens

    given = call.body["input"]
    return text_tokens(given["query"]) * len(given["documents"]) + sum(
        text_tokens(d["text"]) for d in given["documents"]
    )


def test_pictures_without_a_split_of_tokens_count_at_the_dearer_price(service, reranker, have, monkeypatch):
    from emulator import rerank as endpoint

    honest = endpoint.rerank

    def without_split(body, emulator):
        answer = honest(body, emulator)
        return {**answer, "usage": {"total_tokens": answer["usage"]["total_tokens"]}}

    monkeypatch.setattr(endpoint, "rerank", without_split)
    pictures, words = Usage(), Usage()

    have([picture(1)]).rerank("red", model=reranker(), usage=pictures)
    have(texts(1)).rerank("red", model=reranker(), usage=words)

    assert pictures["text_tokens"] == words["media_tokens"] == 0
    assert pictures["media_tokens"] > 0
    assert pictures.to_frame().loc[VL, "cost"] == pytest.approx(pictures["media_tokens"] * 1.8e-6)


KILLED = """
import numpy as np, mmtoolkit as mm
emb = mm.Embeddings(np.eye(50), items=mm.items({"text": [f"item number {i}" for i in range(50)]}))
emb.rerank([f"question {i}" for i in range(40)], model="qwen3-vl-rerank", progress=False)
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_a_killed_run_loses_nothing_that_was_paid(service, tmp_path, monkeypatch):
    monkeypatch.setenv("MMTOOLKIT_CACHE", str(tmp_path))
    service.latency_s = 0.2
    first = subprocess.Popen([sys.executable, "-c", KILLED])
    while sum(call.status == 200 for call in service.reranks) < 10:
        time.sleep(0.02)
        assert first.poll() is None
    first.kill()
    first.wait()
    time.sleep(0.5)  # until the service has answered what was under way
    paid = {call.body["input"]["query"] for call in service.reranks if call.status == 200}
    service.latency_s, before = 0.0, len(service.reranks)
    scope = {}

    exec(KILLED, scope)

    again = [call.body["input"]["query"] for call in service.reranks[before:]]
    twice = paid & set(again)
    assert len(again) == len(set(again)) == 40 - len(paid) + len(twice)
    assert len(twice) <= 32  # what was under way when it was killed
    assert len(paid - twice) >= 5


def test_the_address_is_that_of_the_vectors_model(service, monkeypatch, tmp_path):
    monkeypatch.delenv("DASHSCOPE_HTTP_BASE_URL")
    provider = mm.DashScope("multimodal-embedding-v1", base_url=service.base_url)
    emb = mm.embed_texts(["a bird", "a car"], model=provider, cache=tmp_path)

    emb.rerank("a bird", model=VL)

    assert len(service.reranks) == 1


def test_vectors_of_another_region_are_not_sent_elsewhere_by_a_name(monkeypatch):
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-unused")
    provider = mm.DashScope("tongyi-embedding-vision-plus", region="singapore")
    emb = mm.Embeddings(np.eye(1152, dtype=np.float32)[:2], items=mm.items({"text": ["a", "b"]}), model=provider)

    with pytest.raises(
        ValueError, match=r"offered in beijing, but https://dashscope-intl.*Nothing was sent.*region='beijing'"
    ):
        emb.rerank("a", model=VL)


def test_without_a_key_nothing_is_said_to_be_sent(have, capsys):
    with pytest.raises(ServiceStopError, match="no API key"):
        have(texts(2)).rerank("a", model=VL)

    assert capsys.readouterr().out == ""


def test_a_region_of_the_environment_counts_too(monkeypatch, have):
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-unused")
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", "https://dashscope-intl.aliyuncs.com/api/v1")

    with pytest.raises(ValueError, match="offered in beijing"):
        have(texts(2)).rerank("a", model=VL)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "qwen3-vl-rank"}, "did you mean 'qwen3-vl-rerank'"),
        ({"model": "multimodal-embedding-v1"}, "unknown rerank model 'multimodal-embedding-v1'.*mm.Reranker"),
        ({"region": "singapore"}, "offered in beijing"),
        ({"region": "mars"}, "unknown region 'mars'"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"rate_share": 2}, "rate_share"),
        ({"patience_s": -1}, "patience_s"),
        ({"workspace": "a b"}, "workspace"),
    ],
)
def test_bad_arguments_are_refused_at_once(arguments, message):
    with pytest.raises(ValueError, match=message):
        mm.DashScopeRerank(**arguments)


@pytest.mark.parametrize(
    ("model", "query", "item", "message"),
    [
        (GTE, "red", picture(1), r"row 0, id '0', .*'gte-rerank-v2' takes no images, only text"),
        (GTE, picture(1), mm.Text("red"), r"the query cannot be reranked: .*takes no image as a query, only text"),
        (VL, mm.Video("https://example.com/a.mp4"), mm.Text("red"), "takes no video as a query, only image, text"),
        (VL, "red", mm.Fused(text="a", image="https://example.com/a.png"), "no fused items"),
        (VL, "red", mm.Image([picture(1).source, picture(2).source]), "at most 1 picture"),
        (VL, " ", mm.Text("red"), "the query cannot be reranked.*blank"),
        (VL, "red", mm.Video("https://example.com/a.webm"), r"takes avi, mov, mp4"),
        (VL, "red", mm.Image("ftp://example.com/a.png"), "expected an http or https URL"),
        (VL, "red", mm.Image("nowhere.png"), "there is no file"),
    ],
)
def test_what_the_model_cannot_take_is_said_before_anything_is_sent(
    service, reranker, have, model, query, item, message
):
    emb = mm.Embeddings([[1.0, 0.0]], items=mm.embedding.gathering.gather([item])[1])

    with pytest.raises(EmbeddingError, match=message):
        emb.rerank(query, model=reranker(model))

    assert not service.records


def test_local_videos_are_refused(service, reranker, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"not looked at")
    emb = mm.Embeddings([[1.0, 0.0]], items=mm.items({"video": [str(tmp_path / "a.mp4")]}))

    with pytest.raises(EmbeddingError, match="takes videos only by URL"):
        emb.rerank("red", model=reranker())

    assert not service.records


def test_texts_that_are_too_long_are_told(service, reranker, have):
    emb = have([mm.Text("word " * 9000)])

    with pytest.warns(UserWarning, match=r"1 texts may be longer than the 8000 tokens that 'qwen3-vl-rerank' reads"):
        emb.rerank("red", model=reranker())


def test_it_makes_no_vectors():
    with pytest.raises(TypeError, match="makes no vectors; pass it as rerank="):
        mm.embed_texts(["a"], model=mm.DashScopeRerank(), cache=False)


def test_the_key_appears_nowhere(service, reranker, have, tmp_path):
    emb = have(texts(3))
    emb.rerank("red", model=reranker())

    assert service.api_key not in repr(reranker()) + repr(vars(reranker()))
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or service.api_key.encode() not in path.read_bytes()
