"""Every recorded shape of answer, through the real SDK."""

from __future__ import annotations

import numpy as np
import pytest
from emulator.recorded import RECORDED

import mmtoolkit as mm
from mmtoolkit.errors import EmbeddingError, ServiceStopError
from mmtoolkit.providers.dashscope.key import require_api_key
from mmtoolkit.providers.dashscope.service import DashScopeService

ENDING = {end: [name for name, one in RECORDED.items() if one.ends == end] for end in ("ok", "stop", "item", "slow")}


def asked(name, emulator):
    """Send one request that is answered as recorded."""
    one = RECORDED[name]
    service = DashScopeService(mm.get_model(one.model), require_api_key(), emulator.base_url, None, 10.0, False, {})
    emulator.queue.append(one.fault)
    return one, service, service.send(one.contents, False)


@pytest.mark.parametrize("name", ENDING["ok"])
def test_a_good_answer_is_read_whole(service, name):
    one, client, answer = asked(name, service)

    vectors = client.vectors(answer.body, len(one.contents), one.dimension)

    assert len(vectors) == len(one.contents)
    assert all(v.shape == (one.dimension,) and v.dtype == np.float32 for v in vectors)
    assert client.counted(answer.body) == one.counted
    assert answer.request_id


@pytest.mark.parametrize("name", [name for name in RECORDED if name not in ENDING["ok"]])
def test_a_refusal_means_what_it_says(service, name):
    one, client, answer = asked(name, service)

    rule = client.meaning(answer)

    assert rule.act == one.ends
    assert one.says in rule.remedy
    assert answer.status == one.fault.status
    assert answer.code


@pytest.mark.parametrize("name", ENDING["stop"])
def test_what_concerns_every_item_stops_after_one_request(service, client, name):
    service.queue.extend([RECORDED[name].fault] * 200)

    with pytest.raises(ServiceStopError, match="What to do"):
        mm.embed_texts([f"text {i}" for i in range(200)], model=client(RECORDED[name].model), cache=False)

    assert len(service.calls) == 1


@pytest.mark.parametrize("name", ENDING["item"])
def test_what_concerns_one_item_fails_it(service, client, name):
    late_retry = name == "400 download"
    service.queue.extend([RECORDED[name].fault] * (1 + late_retry))

    with pytest.raises(EmbeddingError, match=RECORDED[name].says or "cannot process"):
        mm.embed_texts(["a"], model=client(RECORDED[name].model), cache=False)

    assert len(service.calls) == 1 + late_retry


@pytest.mark.parametrize("name", [*ENDING["slow"], "400 batch of 10"])
def test_what_heals_heals(service, client, name):
    service.queue.append(RECORDED[name].fault)
    model = RECORDED[name].model

    emb = mm.embed_texts([f"text {i}" for i in range(10)], model=client(model), cache=False)

    assert emb.ok.all()
    assert len(service.calls) <= 12
