"""The bill: calls, tokens and cost by model."""

from __future__ import annotations

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.embedding.usage import Charge, Usage

V1, PLUS = "multimodal-embedding-v1", "tongyi-embedding-vision-plus"


def test_the_bill_has_what_the_service_counted_at_the_rows_price(service):
    picture = mm.Image(np.zeros((200, 300, 3), np.uint8))

    emb = mm.embed([mm.Text("a cat"), mm.Text("a dog"), picture], model=V1, cache=False)

    bill = emb.usage.to_frame()
    price = mm.get_model(V1).prices["beijing"]
    line = bill.loc[V1]
    assert line["calls"] == len(service.calls)
    assert (line["text_tokens"], line["media_tokens"]) == (emb.usage["text_tokens"], emb.usage["media_tokens"])
    assert line["cost"] == pytest.approx((line["text_tokens"] * price.text + line["media_tokens"] * price.media) / 1e6)
    assert (line["currency"], line["price_as_of"]) == ("CNY", price.as_of)


def test_what_is_cached_costs_nothing(service, tmp_path):
    mm.embed_texts(["a cat"], model=V1, cache=tmp_path)

    bill = mm.embed_texts(["a cat"], model=V1, cache=tmp_path).usage.to_frame()

    assert bill.reset_index().to_dict("records") == [
        {"model": V1, "calls": 0, "text_tokens": 0, "media_tokens": 0, "cost": 0.0, "currency": "", "price_as_of": ""}
    ]


def test_a_model_without_a_price_has_no_cost(service, monkeypatch):
    import dataclasses

    from mmtoolkit import models

    monkeypatch.setattr(models, "_TABLE", dict(models._TABLE))
    mm.register_model(dataclasses.replace(mm.get_model(V1), prices={}))

    bill = mm.embed_texts(["a cat"], model=V1, cache=False).usage.to_frame()

    assert np.isnan(bill.loc[V1, "cost"])
    assert bill.loc[V1, "calls"] == 1


def test_bills_are_added_by_model_and_price(service, tmp_path):
    one = mm.embed_texts(["a cat"], model=V1, cache=tmp_path)
    two = mm.embed(mm.items({"id": ["x", "y"], "text": ["a cat", "a long dog"]}), model=V1, cache=tmp_path)

    both = mm.concat([one, two])

    assert both.usage["cached"] == 1
    assert both.usage["computed"] == 2
    bill = both.usage.to_frame()
    assert len(bill) == 1
    assert bill.loc[V1, "calls"] == 2
    assert bill.loc[V1, "cost"] == pytest.approx(sum(e.usage.to_frame().loc[V1, "cost"] for e in (one, two)))


def test_prices_of_two_days_stay_apart():
    usage = Usage({"calls": 1}, [Charge("a", 1, 10, 0, 0.5, "CNY", "2026-01-01"), Charge("b")])

    usage.add(Usage({"calls": 2}, [Charge("a", 2, 20, 5, None, "CNY", "2026-02-01"), Charge("b", 1, 1, 0, 0.1, "USD")]))
    usage.add({"cached": 3})

    bill = usage.to_frame()
    assert usage == {"calls": 3, "cached": 3}
    assert bill["calls"].tolist() == [1, 2, 1]
    assert bill.index.tolist() == ["a", "a", "b"]


def test_vectors_that_were_loaded_have_an_empty_bill(tmp_path):
    mm.Embeddings(np.eye(2)).save(tmp_path / "x.parquet")

    bill = mm.Embeddings.load(tmp_path / "x.parquet").usage.to_frame()

    assert bill.empty
    assert bill["cost"].sum() == 0.0


def test_the_bill_cannot_change_the_vectors_own():
    emb = mm.embed_texts(["a"], model="local", cache=False)

    emb.usage.add({"computed": 7})

    assert emb.usage["computed"] == 1
