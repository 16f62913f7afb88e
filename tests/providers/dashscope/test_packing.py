"""How many contents travel in a request, how long it may take, and answers that give one vector to different contents."""

from __future__ import annotations

import numpy as np
import pytest

import mmtoolkit as mm

V1, PLUS, SNAPSHOT = (
    "multimodal-embedding-v1",
    "tongyi-embedding-vision-plus",
    "tongyi-embedding-vision-plus-2026-03-06",
)
URLS = [f"https://a.example/{i}.png" for i in range(20)]


def sizes(service):
    return [len(r.body["input"].get("contents", r.body["input"].get("texts"))) for r in service.calls]


def test_texts_of_the_multimodal_model_go_twenty_to_a_request(service, client):
    emb = mm.embed_texts([f"text {i}" for i in range(45)], model=client(), cache=False)

    assert emb.ok.all()
    assert sizes(service) == [20, 20, 5]


def test_pictures_of_the_multimodal_model_go_alone_and_do_not_tear_texts_apart(service, client):
    items = [one for i in range(20) for one in (mm.Text(f"text {i}"), mm.Image(URLS[i]))]

    emb = mm.embed(items, model=client(), cache=False)

    kinds = [sorted({next(iter(c)) for c in r.body["input"]["contents"]}) for r in service.calls]
    assert emb.ok.all()
    assert sorted(sizes(service)) == [1] * 20 + [20]
    assert all(len(kind) == 1 for kind in kinds)


@pytest.mark.parametrize(("model", "n"), [(SNAPSHOT, [8, 8, 4]), (PLUS, [8, 8, 4]), ("qwen3-vl-embedding", [1] * 20)])
def test_packs_of_pictures_are_small(service, client, model, n):
    mm.embed_images(URLS, model=client(model), cache=False)

    assert sizes(service) == n


def test_pictures_that_share_a_vector_count_each(service, client):
    mm.embed([mm.Image(URLS[:6]), mm.Image(URLS[6:12]), mm.Image(URLS[12:13])], model=client(SNAPSHOT), cache=False)

    assert sizes(service) == [1, 2]


def test_requests_are_kept_below_a_hidden_limit_of_tokens(service, client):
    texts = [f"{'word ' * 700}{i}" for i in range(12)]

    emb = mm.embed_texts(texts, model=client("qwen3.7-text-embedding-flash"), cache=False)

    assert emb.ok.all()
    assert max(sizes(service)) == 5


def test_a_service_that_takes_one_text_at_a_time_is_learned_from(service, client, row):
    row(V1, rpm=121)  # a limiter of its own, which keeps what was learned
    service.largest_batch = 1

    emb = mm.embed_texts([f"text {i}" for i in range(60)], model=client(), cache=False)

    assert emb.ok.all()
    assert sum(size > 1 for size in sizes(service)) <= 4


def test_a_pack_of_pictures_has_more_time(service, client):
    service.picture_s = 0.15

    emb = mm.embed_images(URLS[:8], model=client(SNAPSHOT, timeout_s=0.9), cache=False)

    assert emb.ok.all()
    assert len(service.calls) == 1


@pytest.mark.parametrize("model", [V1, PLUS, "text-embedding-v4"])
def test_equal_vectors_for_different_contents_are_asked_for_again_one_by_one(service, client, tmp_path, model):
    texts = [f"text {i}" for i in range(5)]
    service.queue.append("equal")

    emb = mm.embed_texts(texts, model=client(model), cache=tmp_path)

    assert sizes(service) == [5, 1, 1, 1, 1, 1]
    assert len(np.unique(emb.vectors, axis=0)) == 5
    alone = mm.embed_texts(texts[3:4], model=client(model), cache=False)
    assert np.array_equal(alone.vectors[0], emb.vectors[3])


def test_contents_that_are_equal_alone_too_are_believed(service, client, monkeypatch):
    from emulator import answers

    own = answers.vector
    monkeypatch.setattr(answers, "vector", lambda space, kind, value, n: own(space, kind, value.lower(), n))

    emb = mm.embed_texts(["A cat", "a cat", "a dog"], model=client(), cache=False)

    assert np.array_equal(emb.vectors[0], emb.vectors[1])
    assert sizes(service) == [3, 1, 1, 1]


def test_usage_counts_what_was_paid_and_failed_the_checks(service, client):
    service.queue.extend(["nan", "nan"])
    texts = ["abcd" * 10, "abcd" * 20]

    emb = mm.embed_texts(texts, model=client(), cache=False)

    assert emb.ok.all()
    paid = [r for r in service.calls if r.status == 200]
    assert emb.usage["calls"] == len(paid)
    assert emb.usage["text_tokens"] == sum(len(c["text"]) // 4 or 1 for r in paid for c in r.body["input"]["contents"])


def test_usage_without_a_number_falls_back_on_the_estimate(service, client):
    service.queue.append("no-usage")

    assert mm.embed_texts(["abcd" * 10], model=client(), cache=False).usage["text_tokens"] == 10


@pytest.mark.parametrize("model", [SNAPSHOT, "qwen3-vl-embedding"])
def test_the_estimate_counts_the_templates_of_the_system(service, client, model):
    texts = [f"a text of some length, number {i}" for i in range(12)]

    plan = mm.estimate(texts, model=client(model), cache=False)
    emb = mm.embed_texts(texts, model=client(model), cache=False)

    assert emb.usage["text_tokens"] <= plan.tokens <= 1.3 * emb.usage["text_tokens"]
