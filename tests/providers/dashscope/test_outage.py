"""A service or network that goes away in the middle of a run, and one that was never there."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter

import pytest
from emulator import Emulator, magic

import mmtoolkit as mm
from mmtoolkit.errors import EmbeddingError, ServiceStopError, ServiceUnavailableError

V1, PLUS, V4 = "multimodal-embedding-v1", "tongyi-embedding-vision-plus", "text-embedding-v4"


class Bar:
    """Takes what a progress bar takes."""

    def __init__(self):
        self.n, self.lines = 0, []

    def update(self, n):
        self.n += n

    def set_postfix_str(self, line):
        self.lines.append(line)

    def close(self):
        pass


@pytest.fixture
def fragile(service, monkeypatch):
    """A service of its own, which may go away."""
    with Emulator() as emulator:
        monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", emulator.base_url)
        monkeypatch.setenv("DASHSCOPE_API_KEY", emulator.api_key)
        yield emulator


def away_after(emulator, calls, seconds):
    """Take the service away once it has had so many calls, for so many seconds of real time."""

    def work():
        while len(emulator.calls) < calls:
            time.sleep(0.002)
        emulator.go_away()
        time.sleep(seconds)
        emulator.come_back()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_a_run_keeps_its_place_while_the_service_refuses(fragile, client, row, tmp_path):
    row(V1, rpm=6000)
    fragile.latency_s = 0.02
    bar, texts = Bar(), [f"text {i}" for i in range(1000)]
    gone = away_after(fragile, 20, 1.2)  # a minute on the client's clock

    emb = mm.embed_texts(texts, model=client(V1), cache=tmp_path, progress=bar)

    gone.join()
    twice = sum(n - 1 for n in Counter(one["text"] for one in fragile.contents()).values())
    assert emb.ok.all()
    assert bar.n == 1000
    assert twice <= 32 * 20  # what was under way when the line was cut
    assert {one["text"] for one in fragile.contents()} <= {*texts, "ok"}
    line = next(line for line in bar.lines if line)
    assert line.startswith("no answer (the connection was ")
    assert "of at most 600 s, next try in " in line
    assert bar.lines[-1] == ""


@pytest.mark.parametrize("fault", ["html503", "ServiceUnavailable", "drop", "InternalError"])
def test_every_way_of_being_away_is_waited_out(service, client, row, fault):
    row(PLUS, contents_per_call=1, packs=())
    service.fail_at = dict.fromkeys(range(40, 60), fault)

    emb = mm.embed_texts([f"text {i}" for i in range(100)], model=client(PLUS), cache=False)

    assert emb.ok.all()
    answered = Counter(r.body["input"]["contents"][0]["text"] for r in service.calls if r.status == 200 and not r.fault)
    assert all(n == 1 for text, n in answered.items() if text != "ok")


def test_patience_has_an_end_and_what_came_is_kept(fragile, client, tmp_path):
    texts = [f"text {i}" for i in range(600)]
    gone = away_after(fragile, 3, 3)

    with pytest.raises(
        ServiceUnavailableError,
        match=r"no answer \(.*\) from .*, which has not answered well for \d+ s \(patience_s=30\).*What arrived before is kept",
    ):
        mm.embed_texts(texts, model=client(V1, patience_s=30), cache=tmp_path)

    assert mm.estimate(texts, model=client(V1), cache=tmp_path).cached >= 20
    gone.join()


def test_ctrl_c_ends_a_pause_at_once(fragile, tmp_path):
    texts = [f"text {i}" for i in range(60)]
    bar = Bar()
    gone = away_after(fragile, 2, 4)
    pressed = []

    def press():
        while not any(bar.lines):
            time.sleep(0.01)
        time.sleep(0.5)
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        mm.embed_texts(texts, model=mm.DashScope(V1), cache=tmp_path, progress=bar)

    assert time.monotonic() - pressed[0] < 1
    gone.join()


def test_a_service_that_was_never_there_ends_the_run_within_ten_seconds(monkeypatch):
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", "http://127.0.0.1:9/api/v1")
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-none")
    now = [0.0]

    def sleep(seconds):
        now[0] += seconds

    model = mm.DashScope(V1, clock=lambda: now[0], sleep=sleep)
    with pytest.raises(ServiceUnavailableError, match=r"the connection was refused.*for several contents in a row"):
        mm.embed_texts([f"text {i}" for i in range(500)], model=model, cache=False)

    assert now[0] <= 10.5


def test_a_cache_hit_is_no_answer_of_the_service(service, client, tmp_path, monkeypatch):
    texts = [f"text {i}" for i in range(50)]
    mm.embed_texts(texts[:30], model=client(), cache=tmp_path)
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", "http://127.0.0.1:9/api/v1")
    began = time.monotonic()

    with pytest.raises(ServiceUnavailableError):
        mm.embed_texts(texts, model=client(), cache=tmp_path)

    assert time.monotonic() - began < 2  # ten seconds on a clock fifty times as fast


@pytest.mark.parametrize("name", ["InsufficientQuota403", "NoModel400", "ignored"])
def test_what_stops_after_a_success_takes_along_only_what_was_under_way(service, client, row, name):
    row(V4, rpm=60_000, tpm=None)
    service.latency_s = 0.05

    def turn():
        while len(service.calls) < 5:
            time.sleep(0.002)
        service.ignores_dimension = name == "ignored"
        if name != "ignored":
            service.fail_at = dict.fromkeys(range(1000), name)

    threading.Thread(target=turn, daemon=True).start()
    with pytest.raises(ServiceStopError):
        mm.embed_texts([f"text {i}" for i in range(2000)], model=client(V4), dimension=512, cache=False)

    assert len(service.calls) <= 5 + 2 * 32


def test_an_ignored_dimension_stops_after_one_request(service, client):
    service.ignores_dimension = True

    with pytest.raises(
        ServiceStopError, match=r"the model ignores dimension=512 and answers 1152; leave it out\. What to do"
    ):
        mm.embed_texts([f"text {i}" for i in range(200)], model=client(PLUS), dimension=512, cache=False)

    assert len(service.calls) == 1


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "600", True, None])
def test_patience_is_a_number_of_seconds(value):
    with pytest.raises(ValueError, match="patience_s must be seconds of at least 0, got"):
        mm.DashScope(patience_s=value)
    with pytest.raises(ValueError, match="patience_s must be seconds of at least 0, got"):
        mm.OpenAICompatible("m", base_url="http://127.0.0.1:1/v1", dimension=2, patience_s=value)


def test_a_single_item_of_a_service_that_is_not_there_fails_by_name(client, monkeypatch):
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", "http://127.0.0.1:9/api/v1")
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-none")

    with pytest.raises(EmbeddingError, match="the connection was refused"):
        mm.embed_texts(["a"], model=client(), cache=False)


def test_an_item_that_breaks_the_service_at_the_end_of_a_run_is_named(service, client):
    texts = [f"text {i}" for i in range(25)] + [magic("drop")]

    emb = mm.embed_texts(texts, model=client(V1), cache=False, on_error="nan")

    assert emb.failed["row"].tolist() == [25]
