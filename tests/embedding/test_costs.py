"""What a run would cost, before anything is sent, against what it then costs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import mmtoolkit as mm

V1 = "multimodal-embedding-v1"


def test_nothing_is_sent_and_no_key_is_needed(emulator, monkeypatch):
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", emulator.base_url)

    plan = mm.estimate(["a cat", "a dog", "a cat", "银行"], model=V1, cache=False)

    assert (plan.items, plan.equal, plan.to_compute, plan.calls, plan.wrong) == (4, 1, 3, 1, 0)
    assert plan.tokens == 6
    assert plan.cost == pytest.approx(6 * 0.7e-6)
    assert (plan.currency, plan.price_as_of) == ("CNY", mm.get_model(V1).prices["beijing"].as_of)
    assert plan.minutes == pytest.approx(1 / 120)
    assert not emulator.records


def test_cached_items_cost_nothing(service, tmp_path):
    mm.embed_texts(["a cat", "a dog"], model=V1, cache=tmp_path)

    plan = mm.estimate(["a cat", "a dog", "a cow"], model=V1, cache=tmp_path)

    assert (plan.cached, plan.to_compute, plan.calls) == (2, 1, 1)
    again = mm.estimate(["a cat"], model=V1, cache=tmp_path)
    assert (again.calls, again.cost, again.minutes) == (0, 0.0, 0.0)


@pytest.mark.parametrize(
    "contents",
    [
        [
            "The train to the coast leaves at 9:40 on platform 7.",
            "In the beginning was the word",
            "antidisestablishmentarianism",
        ],
        ["银行在星期一早上开门。", "我们明天去火车站吗？"],
        [mm.Image(np.zeros((200, 300, 3), np.uint8)), mm.Image(np.full((1000, 800, 3), 9, np.uint8))],
        [mm.Image("https://example.com/a.png"), mm.Video("https://example.com/a.mp4")],
    ],
)
def test_the_estimate_is_from_above_but_not_absurd(service, contents):
    plan = mm.estimate(contents, model=V1, cache=False)

    emb = mm.embed([mm.Text(c) if isinstance(c, str) else c for c in contents], model=V1, cache=False)

    counted = emb.usage["text_tokens"] + emb.usage["media_tokens"]
    assert counted * 0.7 <= plan.tokens <= counted * 4
    assert plan.calls == emb.usage["calls"]


def test_packing_and_the_token_rate_are_taken_into_account():
    texts = [f"a longer text, number {i}, " + "word " * 500 for i in range(100)]

    plan = mm.estimate(texts, model="text-embedding-v4", cache=False)

    row = mm.get_model("text-embedding-v4")
    assert plan.calls == 10
    assert plan.minutes == pytest.approx(max(plan.calls / row.rpm, plan.tokens / row.tpm))


def test_a_share_of_the_rate_takes_longer():
    plan = mm.estimate(["a", "b"], model=mm.DashScope(rate_share=0.25), cache=False)

    assert plan.minutes == pytest.approx(4 * 1 / 120)


def test_a_model_without_a_published_rate_is_timed_at_the_pace_that_is_kept():
    plan = mm.estimate(["a", "b"], model="multimodal-embedding-one-peace-v1", cache=False)

    assert plan.minutes > 0


def test_unusable_items_are_counted_not_priced():
    plan = mm.estimate(
        [mm.Text("fine"), mm.Text(" "), mm.Video("local.mp4"), mm.Image("/no/file.png")], model=V1, cache=False
    )

    assert (plan.items, plan.wrong, plan.to_compute, plan.calls) == (4, 3, 1, 1)


def test_prices_follow_the_region():
    plus = "tongyi-embedding-vision-plus"

    assert mm.estimate(["a"], model=mm.DashScope(plus, region="singapore"), cache=False).currency == "USD"
    assert mm.estimate(["a"], model=mm.DashScope(plus, region="beijing"), cache=False).currency == "CNY"


def test_an_unknown_price_is_said_to_be_unknown():
    plan = mm.estimate(["a"], model="multimodal-embedding-one-peace-v1", cache=False)

    assert plan.cost is None
    assert "price unknown" in repr(plan)


def test_the_offline_model_costs_nothing():
    plan = mm.estimate(["a", "b"], model="local", cache=False)

    assert (plan.to_compute, plan.calls, plan.cost, plan.currency) == (2, 0, 0.0, "")
    assert "CNY" not in repr(plan)


def test_it_shows_itself():
    plan = mm.estimate(["a cat"] * 3, model=V1, cache=False)

    assert "2 equal to others" in repr(plan)
    assert "CNY (prices of 2026" in repr(plan)
    assert "minutes" in plan._repr_html_()
    assert plan.to_dict()["calls"] == 1
    assert dataclasses.is_dataclass(plan)


@pytest.mark.parametrize(
    ("item", "params", "tokens"),
    [
        (mm.Image("https://example.com/a.png"), None, 402),
        (mm.Image("https://example.com/a.png"), {"res_level": 0}, 127),
        (mm.Image("https://example.com/a.png"), {"res_level": 3}, 1026),
        (mm.Video("https://example.com/a.mp4"), None, 8 * 402),
        (mm.Video("https://example.com/a.mp4"), {"res_level": 3, "max_video_frames": 64}, 64 * 1026),
    ],
)
def test_media_count_by_the_resolution_asked_for_and_the_frames_that_are_used(item, params, tokens):
    plan = mm.estimate([item], model="tongyi-embedding-vision-plus-2026-03-06", params=params, cache=False)

    assert plan.tokens == tokens + 30  # the template of the system


def test_an_old_price_is_called_old(emulator, monkeypatch):
    from mmtoolkit import models
    from mmtoolkit.models import Price

    monkeypatch.setattr(models, "_TABLE", dict(models._TABLE))
    row = mm.get_model(V1)
    fresh = mm.estimate(["a cat"], model=V1, cache=False)

    mm.register_model(dataclasses.replace(row, prices={"beijing": Price(0.7, 0.9, "CNY", "2024-05-01")}))
    old = mm.estimate(["a cat"], model=V1, cache=False)

    assert "more than a year old" not in repr(fresh)
    assert "(prices of 2024-05-01, more than a year old: look up today's" in repr(old)


def test_reranking_is_estimated_from_above_but_not_absurd(service, tmp_path):
    frame = mm.load_dataset("glosses").head(120)
    emb = mm.embed(frame, model="local", cache=tmp_path)
    queries = [f"what is thing number {i}" for i in range(12)]

    plan = mm.estimate(frame, model="local", cache=tmp_path, rerank="qwen3-vl-rerank", n_queries=12, candidates=40)
    assert not service.records
    found = mm.search(emb, queries, rerank="qwen3-vl-rerank", candidates=40, progress=False)

    bill = found.usage.to_frame().loc["qwen3-vl-rerank"]
    assert (plan.rerank, plan.n_queries, plan.rerank_currency) == ("qwen3-vl-rerank", 12, "CNY")
    assert plan.rerank_calls == bill["calls"] == 12
    assert bill["cost"] <= plan.rerank_cost <= 8 * bill["cost"]
    assert plan.rerank_minutes > 0
    assert plan.calls == 0
    assert "reranking 12 queries with 'qwen3-vl-rerank' in 12 calls" in repr(plan)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"rerank": "qwen-rerank"}, ValueError, r"unknown rerank model 'qwen-rerank' \(did you mean"),
        (
            {"rerank": "qwen3-vl-rerank", "n_queries": 0},
            ValueError,
            "n_queries must be an integer of at least 1, got 0",
        ),
        ({"rerank": "qwen3-vl-rerank", "candidates": 2.5}, ValueError, "candidates must be an integer of at least 1"),
        ({"rerank": "gte-rerank-v2"}, mm.MMToolkitError, "takes no images, only text"),
    ],
)
def test_an_estimate_of_what_cannot_be_reranked_says_so(options, error, message):
    with pytest.raises(error, match=message):
        mm.estimate([mm.Image(np.zeros((40, 40, 3), np.uint8))], model="local", cache=False, **options)


def test_nothing_to_rerank_costs_nothing():
    plan = mm.estimate([], model="local", cache=False, rerank="qwen3-vl-rerank")

    assert (plan.rerank_calls, plan.rerank_cost) == (0, 0.0)
