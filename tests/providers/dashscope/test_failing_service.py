"""The client against a service that limits, fails, lies and dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import numpy as np
import pytest
from emulator import FAULTS, magic
from emulator.vectors import text_tokens

import mmtoolkit as mm
from mmtoolkit.errors import (
    BudgetError,
    EmbeddingError,
    ProtocolError,
    ServiceStopError,
    ServiceUnavailableError,
)
from mmtoolkit.providers.queue.runner import WORKERS

V1 = "multimodal-embedding-v1"
PLUS = "tongyi-embedding-vision-plus"
V4 = "text-embedding-v4"
FORKS = pytest.mark.filterwarnings(
    "ignore:.*fork:DeprecationWarning"
)  # Python 3.12 dislikes what these tests are about
HEALING = sorted(name for name, fault in FAULTS.items() if fault.act in ("retry", "fine"))
POISON = sorted(name for name, fault in FAULTS.items() if fault.act == "item")
FATAL = sorted(name for name, fault in FAULTS.items() if fault.act == "stop")
NEVER_CACHED = ["nan", "null-value", "huge", "string-value", "zero", "wrong-dimension", "duplicate-index", "extra-entry", "nested", "endless",
                "missing-entry", "foreign-index", "no-output", "200-with-code", "null", "list", "garbage", "empty", "html200"]  # fmt: skip


@pytest.fixture
def impatient(client, emulator):
    """A client that gives up after a second, and a service slower than that."""
    emulator.slow_s, emulator.trickle_s = 3.0, 0.01
    return client(timeout_s=1.0)


@pytest.mark.parametrize("name", HEALING)
def test_what_can_heal_heals(service, impatient, name):
    text = f"a red bird {magic(name, 1)}"

    emb = mm.embed([mm.Text(text)], model=impatient, cache=False)

    assert emb.ok.all()
    assert len(service.calls) == (1 if FAULTS[name].act == "fine" else 2)


@pytest.mark.parametrize("name", POISON)
def test_a_refused_item_is_named_and_the_others_arrive(service, client, tmp_path, name):
    texts = ["one", f"two {magic(name)}", "three"]

    with pytest.raises(
        EmbeddingError, match=r"1 of 3 items could not be embedded: row 1.*The other 2 are cached"
    ) as caught:
        mm.embed_texts(texts, model=client(), cache=tmp_path)

    (error,) = caught.value.errors
    assert (error.row, error.item_id, error.status_code) == (1, "1", FAULTS[name].status)
    assert mm.embed_texts(["one", "three"], model=client(), cache=tmp_path).usage["cached"] == 2


@pytest.mark.parametrize("name", FATAL)
def test_what_only_the_user_can_heal_stops_at_once_and_keeps_what_came(service, client, row, tmp_path, name):
    row(PLUS, contents_per_call=1, packs=())
    texts = [f"text {i}" + (magic(name) if i == 10 else "") for i in range(40)]

    with pytest.raises(ServiceStopError, match=r"What to do: .*What arrived before is kept") as caught:
        mm.embed_texts(texts, model=client(PLUS), cache=tmp_path)

    arrived = sum(r.status == 200 for r in service.calls)
    assert caught.value.status_code == FAULTS[name].status
    assert sum(r.fault == name for r in service.calls) == 1
    assert len(service.calls) < 40
    again = mm.embed_texts([t for t in texts if "fault" not in t], model=client(PLUS), cache=tmp_path)
    assert again.usage["cached"] == arrived


@pytest.mark.parametrize("name", NEVER_CACHED)
def test_a_bad_answer_is_never_cached(service, client, tmp_path, name):
    text = f"a text {magic(name)}"

    emb = mm.embed_texts([text, "fine"], model=client(), cache=tmp_path, on_error="nan")
    service.reset()
    again = mm.embed_texts(["fine", text], model=client(), cache=tmp_path, on_error="nan")

    assert emb.ok.tolist() == [False, True]
    assert again.usage["cached"] == 1
    assert 2 <= len(service.calls) <= 5


def test_every_fault_mixed_into_many_items(service, impatient, row, tmp_path):
    row(PLUS, rpm=60_000, tpm=None)
    poison = [*POISON, "nan", "zero", "wrong-dimension"]
    quick = [n for n in HEALING if n not in ("slow", "trickle", "trickle-head")]
    mixed = [(name, 1) for name in quick] + [(name, None) for name in poison]
    texts = [f"text {i}" + (magic(*mixed[i // 10]) if i % 10 == 0 else "") for i in range(10 * len(mixed))]
    bad = {i for i in range(0, len(texts), 10) if mixed[i // 10][1] is None}
    model = mm.DashScope(PLUS, timeout_s=1.0, clock=impatient.clock, sleep=impatient.sleep)

    emb = mm.embed_texts(texts, model=model, cache=tmp_path, on_error="nan")
    service.reset()
    healthy = [t for i, t in enumerate(texts) if i not in bad]
    again = mm.embed_texts(healthy, model=model, cache=tmp_path)

    assert set(emb.failed["row"]) == bad
    assert again.usage["cached"] == len(healthy)
    assert not service.calls
    assert np.array_equal(again.vectors, emb.vectors[emb.ok])


def test_order_is_kept_whatever_the_packs(service, client):
    texts = [f"word{i} text" for i in range(45)]
    service.queue.extend(["shuffled"] * 6)

    together = mm.embed_texts(texts, model=client(PLUS), cache=False)

    alone = np.vstack([mm.embed_texts([t], model=client(PLUS), cache=False).vectors for t in texts[::9]])
    assert np.array_equal(together.vectors[::9], alone)
    assert sorted(len(r.body["input"]["contents"]) for r in service.calls[:6]) == [5, 8, 8, 8, 8, 8]


def test_equal_items_are_sent_once_and_put_back(service, client):
    emb = mm.embed_texts(["a", "b", "a", "a"], model=client(), cache=False)

    assert service.contents() == [{"text": "a"}, {"text": "b"}]
    assert np.array_equal(emb.vectors[0], emb.vectors[3])
    assert emb.usage["equal"] == 2


def test_a_smaller_batch_limit_is_learned_from_the_message(service, client):
    service.largest_batch = 3

    emb = mm.embed_texts([f"text {i}" for i in range(40)], model=client(V4), cache=False)

    sizes = [len(r.body["input"]["texts"]) for r in service.calls]
    assert emb.ok.all()
    assert sum(size > 3 for size in sizes) <= 4  # those that were under way when the first refusal came
    assert max(len(r.body["input"]["texts"]) for r in service.calls if r.status == 200) == 3


def test_a_poisoned_pack_is_split_down_to_the_culprit(service, client):
    texts = [f"text {i}" for i in range(8)]
    texts[5] += magic("DataInspectionFailed")

    emb = mm.embed_texts(texts, model=client(PLUS), cache=False, on_error="nan")

    assert emb.failed["row"].tolist() == [5]
    assert "leave the item out" in emb.failed["reason"].iloc[0]
    assert len(service.calls) <= 7


def test_an_item_of_several_parts_fails_once(service, client):
    url = "https://a.example/missing.png"
    outcomes = []

    client(local_fusion=True).embed(
        [mm.Fused(text=f"a {magic('DataInspectionFailed')}", image=url)],
        dimension=1024,
        params={},
        sink=outcomes.extend,
    )

    assert len(outcomes) == 1
    assert outcomes[0].error is not None


def test_the_rate_is_used_and_not_exceeded(service, client, row):
    row(PLUS, contents_per_call=1, packs=())
    service.rpm, service.scale, service.latency_s = 600, 5.0, 0.3
    model = mm.DashScope(PLUS, clock=lambda: time.monotonic() * 5, sleep=lambda s: time.sleep(s / 5))

    emb = mm.embed_texts([f"text {i}" for i in range(150)], model=model, cache=False)

    assert emb.ok.all()
    assert sum(r.status == 429 for r in service.calls) <= 1
    assert service.connections <= service.peak <= 32


def test_slow_answers_do_not_lower_the_rate(service, client, row):
    row(PLUS, contents_per_call=1, packs=(), rpm=6000, tpm=None)
    service.latency_s = 0.8  # a hundred requests a second: eighty under way

    mm.embed_texts([f"text {i}" for i in range(200)], model=mm.DashScope(PLUS), cache=False)

    assert 50 < service.peak <= 128


def test_a_process_that_has_just_started_keeps_the_pace(service):
    """Requests that had waited for the SDK's import would all leave at once."""
    service.rpm, service.scale = 120, 5.0
    code = (
        "import dataclasses, time, mmtoolkit as mm;"
        "mm.register_model(dataclasses.replace(mm.get_model('multimodal-embedding-v1'), packs=()));"
        "model = mm.DashScope('multimodal-embedding-v1', clock=lambda: time.monotonic() * 5, sleep=lambda s: time.sleep(s / 5));"
        "print(mm.embed_texts([f'text {i}' for i in range(30)], model=model, cache=False, progress=False).ok.all())"
    )

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert out.split() == ["True"]
    assert len(service.calls) <= 32  # all at once, twenty would be refused; on a busy machine two may meet


def test_too_many_requests_slow_everybody_down_and_heal(service, client, row):
    row(V1, packs=())
    service.rpm, service.scale = 60, 50.0  # half of what the table says

    emb = mm.embed_texts([f"text {i}" for i in range(60)], model=client(), cache=False)

    assert emb.ok.all()
    assert sum(r.status == 429 for r in service.calls) < 30


def test_few_connections_for_many_calls(service, client, row):
    row(PLUS, contents_per_call=1, packs=(), rpm=60_000)

    mm.embed_texts([f"text {i}" for i in range(300)], model=client(PLUS), cache=False)

    assert len(service.calls) == 300
    assert service.connections <= 32


def test_a_service_that_is_down_ends_the_run_soon(client, monkeypatch):
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", "http://127.0.0.1:9/api/v1")

    with pytest.raises(
        ServiceUnavailableError,
        match=r"\(the connection was refused\) from http://127.0.0.1:9/api/v1, for several contents",
    ):
        mm.embed_texts([f"text {i}" for i in range(500)], model=client(), cache=False)


def test_a_service_that_goes_down_in_the_middle_ends_the_run_and_keeps_what_came(service, client, row, tmp_path):
    row(V1, packs=())
    service.fail_at = dict.fromkeys(range(5, 5000), "ServiceUnavailable")
    texts = [f"text {i}" for i in range(100)]

    with pytest.raises(ServiceUnavailableError, match="ServiceUnavailable: Service is unavailable"):
        mm.embed_texts(texts, model=client(patience_s=30), cache=tmp_path)
    service.fail_at = {}

    assert mm.embed_texts(texts, model=client(), cache=tmp_path).usage["cached"] == 5


def test_many_hopeless_items_at_the_end_are_named_not_blamed_on_the_service(service, client, row):
    row(V1, packs=())
    texts = ["fine"] + [f"text {i} {magic('InternalError')}" for i in range(9)]

    emb = mm.embed_texts(texts, model=client(), cache=False, on_error="nan")

    assert emb.failed["row"].tolist() == list(range(1, 10))
    assert sum(c == {"text": "fine"} for c in service.contents()) <= 3


def test_a_few_hopeless_items_alone_in_a_run_are_named(service, client):
    texts = [f"text {i} {magic('nan')}" for i in range(4)]

    emb = mm.embed_texts(texts, model=client(), cache=False, on_error="nan")

    assert not emb.ok.any()
    assert emb.failed["reason"].str.contains("NaN").all()


def test_a_service_that_always_answers_wrongly_ends_the_run_soon(service, client):
    service.queue.extend(["wrong-dimension"] * 1000)

    with pytest.raises(ProtocolError, match="expected a vector of 1024 numbers, got 1023"):
        mm.embed_texts([f"text {i}" for i in range(500)], model=client(), cache=False)

    assert len(service.calls) < 60


def test_budget_stops_before_it_is_crossed_and_the_next_run_resumes(service, client, row, tmp_path):
    row(V1, packs=())
    texts = [f"a text of some length, number {i}" for i in range(30)]
    whole = mm.estimate(texts, model=client(), cache=tmp_path).cost
    with pytest.raises(BudgetError, match=r"would cross budget=.* CNY are spent, \d+ of 30 items are done.*run again"):
        mm.embed_texts(texts, model=client(), cache=tmp_path, budget=whole / 2)
    paid = sum(r.status == 200 for r in service.calls)

    emb = mm.embed_texts(texts, model=client(), cache=tmp_path, budget=whole)

    spent = sum(text_tokens(c["text"]) for c in service.contents()[:paid]) * 0.7e-6
    assert 10 <= paid < 30
    assert spent <= whole / 2
    assert emb.usage["cached"] == paid
    assert len(service.calls) == 30


def test_bad_answers_are_paid_from_the_budget_too(service, client):
    service.queue.extend(["nan"] * 100)
    texts = [f"a text of some length, number {i}" for i in range(30)]

    with pytest.raises(BudgetError):
        mm.embed_texts(texts, model=client(), cache=False, on_error="nan", budget=3.5e-5)

    assert sum(text_tokens(c["text"]) for c in service.contents()) * 0.7e-6 <= 3.5e-5


def test_the_daily_check_is_paid_from_the_budget_too(service, client, tmp_path, monkeypatch):
    monkeypatch.setenv("MMTOOLKIT_CACHE", str(tmp_path))

    with pytest.raises(BudgetError, match="would cross budget=0"):
        mm.embed_texts(["a"], model=client(canary=True), cache=False, budget=0)

    assert not service.calls


def test_what_never_reached_the_service_costs_nothing(client, monkeypatch):
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", "http://127.0.0.1:9/api/v1")
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-none")

    with pytest.raises(ServiceUnavailableError, match="the connection was refused"):
        mm.embed_texts([f"text {i}" for i in range(9)], model=client(), cache=False, budget=2e-5)


def test_without_a_cache_the_message_does_not_promise_one(service, client, row):
    row(V1, packs=())
    texts = [f"a text of some length, number {i}" for i in range(30)]

    with pytest.raises(BudgetError, match=r"There is no cache, so the \d+ vectors that arrived before are lost"):
        mm.embed_texts(texts, model=client(), cache=False, budget=1e-4)


@pytest.mark.parametrize("budget", [float("nan"), float("inf"), "1", -1, True])
def test_a_budget_is_an_amount(client, budget):
    with pytest.raises(ValueError, match="budget must be None"):
        mm.embed_texts(["a"], model=client(), cache=False, budget=budget)


def test_a_thread_that_cannot_be_started_ends_the_run(service, client, monkeypatch):
    started = []

    def start(thread):
        if thread.name.startswith("mmtoolkit"):
            started.append(thread)
            if len(started) > 3:
                raise RuntimeError("can't start new thread")
        original(thread)

    original = threading.Thread.start
    service.latency_s = 0.2
    model = client(PLUS)
    monkeypatch.setattr(threading.Thread, "start", start)

    with pytest.raises(RuntimeError, match="can't start new thread"):
        mm.embed_texts([f"text {i}" for i in range(100)], model=model, cache=False, progress=False)


def test_what_a_worker_has_when_ctrl_c_comes_is_waited_for(service, client, tmp_path, monkeypatch):
    workers = []

    def start(thread):
        ours = thread.name.startswith("mmtoolkit")
        workers.extend([thread] * ours)
        third = ours and len(workers) == 3
        while third and len(service.calls) < 2:
            time.sleep(0.005)
        service.latency_s = 1.2 if third else service.latency_s  # the third is answered last
        original(thread)
        while third and len(service.calls) < 3:
            time.sleep(0.005)
        if third:
            raise KeyboardInterrupt

    original = threading.Thread.start
    service.latency_s = 0.9  # none of the two has asked again when the third begins, also on a busy machine
    model = client(PLUS)
    monkeypatch.setattr(threading.Thread, "start", start)
    texts = [f"text {i}" for i in range(100)]

    with pytest.raises(KeyboardInterrupt):
        mm.embed_texts(texts, model=model, cache=tmp_path, progress=False)

    kept = mm.estimate(texts, model=model, cache=tmp_path).cached
    assert kept == len(service.contents()) == 32  # the first request goes alone, then three


def test_a_budget_needs_a_price(service, client):
    with pytest.raises(ValueError, match="budget= needs a price"):
        mm.embed_texts(["a"], model=client("multimodal-embedding-one-peace-v1"), budget=1.0, cache=False)


def test_ctrl_c_keeps_everything_that_arrived(service, client, tmp_path):
    service.latency_s = 0.02

    def press():
        while len(service.calls) < 20:
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        mm.embed_texts([f"text {i}" for i in range(400)], model=client(PLUS), cache=tmp_path)
    answered = sum(len(r.body["input"]["contents"]) for r in service.calls if r.status == 200)

    again = mm.embed_texts([f"text {i}" for i in range(400)], model=client(PLUS), cache=tmp_path)

    assert again.usage["cached"] == answered
    assert answered >= 100


def test_what_comes_late_after_ctrl_c_is_kept_too(service, client, tmp_path, monkeypatch):
    monkeypatch.setattr("mmtoolkit.providers.queue.runner._GRACE_S", 0.01)
    service.latency_s = 0.5
    texts = [f"text {i}" for i in range(40)]

    def press():
        while len(service.calls) < 4:
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        mm.embed_texts(texts, model=client(PLUS), cache=tmp_path)
    sent = len(service.contents())
    assert sent >= 32

    deadline = time.monotonic() + 20.0
    while mm.estimate(texts, model=client(PLUS), cache=tmp_path).cached != sent:
        assert time.monotonic() < deadline
        time.sleep(0.1)


@FORKS
def test_after_kill_9_at_most_one_batch_per_worker_is_asked_twice(service, client, row, tmp_path):
    row(PLUS, rpm=12_000, contents_per_call=1, packs=())
    service.latency_s = 0.05
    texts = [f"text {i}" for i in range(200)]
    child = os.fork()
    if not child:
        try:
            mm.embed_texts(texts, model=mm.DashScope(PLUS), cache=tmp_path, progress=False)
        finally:
            os._exit(1)
    while len(service.records) < 120:
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    workers = max(WORKERS, service.connections)  # slow answers ask for more of them, each with its own connection
    time.sleep(0.2)

    emb = mm.embed_texts(texts, model=mm.DashScope(PLUS), cache=tmp_path)

    asked = Counter(c["text"] for c in service.contents())
    assert emb.ok.all()
    assert len(asked) == 200
    assert sum(n > 1 for n in asked.values()) <= workers
