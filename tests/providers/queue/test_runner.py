"""The queue behind a service that is a few lines of Python: no HTTP, no SDK, no names of services."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.errors import (
    BudgetError,
    ProtocolError,
    ServiceStopError,
    ServiceUnavailableError,
    UnsupportedItemError,
)
from mmtoolkit.models import ModelSpec, Price
from mmtoolkit.providers import queue
from mmtoolkit.providers.queue.limiter import Limiter
from mmtoolkit.providers.queue.purse import Purse
from mmtoolkit.providers.queue.reading import error_of, failure, seconds_of, vector_of
from mmtoolkit.providers.queue.rules import BROKEN_ANSWER, UNKNOWN, Answer, Rule, meaning
from mmtoolkit.providers.queue.runner import Runner
from mmtoolkit.providers.queue.service import Service
from mmtoolkit.providers.queue.splitting import Maker
from mmtoolkit.providers.queue.tokens import image_tokens, media_tokens

SPEC = ModelSpec(
    name="toy",
    provider="local",
    dimension=2,
    contents_per_call=4,
    packs=("text",),
    modalities=frozenset({"text", "image"}),
)
RULES = (
    BROKEN_ANSWER,
    Rule("stop", "pay the bill", "no_money"),
    Rule("shrink", "send less", words="too many"),
    Rule("slow", "wait", statuses=(429,), tries=3),
    Rule("retry", "run again later", statuses=(503, None), tries=3),
)


class Toy(Service):
    """Answers with the length of each text; a list of answers goes before."""

    address = "toy://here"

    def __init__(self, *first, largest=99, pause_s=0.0):
        self.first, self.largest, self.pause_s = list(first), largest, pause_s
        self.sent, self.prepared, self.peak, self._now = [], 0, 0, 0
        self.lock = threading.Lock()

    def prepare(self):
        self.prepared += 1

    def send(self, objects, grouped):
        with self.lock:
            self.sent.append(objects)
            self._now += 1
            self.peak = max(self.peak, self._now)
        time.sleep(self.pause_s)
        with self.lock:
            self._now -= 1
            if len(objects) > self.largest:
                return Answer(400, message=f"too many: at most {self.largest}")
            if self.first:
                return self.first.pop(0)
        if any("bad" in one.get("text", "") for one in objects):
            return Answer(400, code="bad_text", message="not nice")
        return Answer(200, body={"rows": [[len(one["text"]), 1.0] for one in objects], "tokens": 10 * len(objects)})

    def vectors(self, body, n, dimension):
        if len(body["rows"]) != n:
            msg = f"expected {n} rows"
            raise ValueError(msg)
        return [vector_of(row, dimension) for row in body["rows"]]

    def meaning(self, answer):
        return meaning(RULES, answer)

    def counted(self, body):
        return body["tokens"], 0

    def pack_limit(self, message):
        found = re.search(r"at most (\d+)", message)
        return int(found[1]) if found else None


def run(service, texts, *, spec=SPEC, price=None, budget=None, maker=None, **options):
    """Return outcomes by row; time runs a hundred times faster."""
    found = {}
    clock = lambda: time.monotonic() * 100  # noqa: E731
    Runner(
        service,
        maker or Maker(spec),
        Limiter(600_000, None, clock),
        dimension=2,
        params={},
        sink=lambda outcomes: found.update({o.index: o for o in outcomes}),
        purse=Purse(price, budget),
        clock=clock,
        sleep=lambda seconds: time.sleep(seconds / 100),
        **options,
    ).go([mm.Text(t) for t in texts])
    return found


def rows(found):
    return {i: o.vector.tolist() for i, o in sorted(found.items()) if o.error is None}


def test_the_queue_names_no_service():
    files = list(Path(queue.__file__).parent.glob("*.py"))

    assert len(files) >= 9
    assert not [path.name for path in files if "dashscope" in path.read_text("utf-8").lower()]


def test_a_service_of_a_few_lines_is_enough():
    service = Toy()

    found = run(service, ["a", "bb", "ccc", "dddd", "eeeee"])

    assert rows(found) == {0: [1, 1], 1: [2, 1], 2: [3, 1], 3: [4, 1], 4: [5, 1]}
    assert sorted(len(objects) for objects in service.sent) == [1, 4]
    assert service.prepared == 1
    assert found[0].vector.dtype == np.float32
    assert sum(outcome.usage.get("text_tokens", 0) for outcome in found.values()) == 50


def test_a_pack_with_a_refused_item_is_split_until_it_is_alone():
    found = run(Toy(), ["a", "b", "bad", "d"])

    assert list(rows(found)) == [0, 1, 3]
    assert found[2].error.code == "bad_text"
    assert found[2].error.reason == "not nice: " + UNKNOWN.remedy


def test_the_service_tells_how_large_a_pack_may_be():
    service = Toy(largest=2)

    found = run(service, [f"text {i}" for i in range(12)])

    assert len(rows(found)) == 12
    assert max(len(objects) for objects in service.sent[3:]) == 2


def test_a_small_server_is_spared():
    service = Toy(pause_s=0.02)

    found = run(service, [f"text {i}" for i in range(60)], most_workers=2)

    assert len(rows(found)) == 60
    assert service.peak <= 2


def test_many_requests_are_under_way_where_nothing_else_is_said():
    service = Toy(pause_s=0.05)

    run(service, [f"text {i}" for i in range(120)])

    assert 2 < service.peak <= 32


def test_what_heals_is_tried_again():
    service = Toy(Answer(503, message="busy"), Answer(None, message="gone"), Answer(429))

    assert rows(run(service, ["a"])) == {0: [1, 1]}
    assert len(service.sent) == 4


def test_a_service_in_trouble_that_says_when_it_is_back_is_not_asked_before():
    good, busy = Answer(200, body={"rows": [[1, 1]] * 4, "tokens": 4}), Answer(503, message="busy", retry_after_s=20.0)
    start = time.monotonic()

    assert len(rows(run(Toy(good, busy, busy), list("abcde")))) == 5
    assert time.monotonic() - start > 0.39  # on a clock that runs a hundred times faster


def test_what_only_the_user_can_heal_stops_with_address_and_remedy():
    service = Toy(Answer(402, code="NoMoney", message="empty", request_id="r1"))

    with pytest.raises(
        ServiceStopError, match=r"NoMoney: empty\. What to do: pay the bill \(toy://here, HTTP 402, request_id=r1\)"
    ):
        run(service, ["a"])


def test_an_answer_with_wrong_vectors_is_asked_for_once_more_and_then_given_up():
    wrong = Answer(200, body={"rows": [[1.0]], "tokens": 1})
    service = Toy(wrong)
    found = run(service, ["a"])
    assert rows(found) == {0: [1, 1]}

    found = run(Toy(wrong, wrong), ["a"])

    assert "expected a vector of 2 numbers, got 1 numbers: " + BROKEN_ANSWER.remedy in str(found[0].error)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(Answer(503), ServiceUnavailableError), (Answer(200, body={"rows": [], "tokens": 0}), ProtocolError)],
)
def test_a_service_that_is_down_is_probed_with_a_content_of_its_own_and_ends_the_run(answer, kind):
    class Down(Toy):
        probe = {"text": "still there?"}  # noqa: RUF012

        def send(self, objects, grouped):
            super().send(objects, grouped)
            return answer

    service = Down()

    with pytest.raises(kind, match=r"from toy://here, for several contents in a row"):
        run(service, [f"text {i}" for i in range(50)])
    assert [{"text": "still there?"}] in service.sent


def test_the_budget_counts_what_the_service_counted():
    price = Price(text=1_000_000, media=0, currency="EUR", as_of="2026-01-01")  # one euro a token

    with pytest.raises(
        BudgetError, match=r"would cross budget=45 EUR: 40\.000000 EUR are spent, 4 of 12 items are done"
    ):
        run(Toy(), ["word " * 3] * 12, price=price, budget=45, most_workers=1)


def test_the_advice_of_a_refusal_and_the_weight_of_a_picture_are_passed_in():
    item = mm.Fused(text="a", image="https://h/a.png")
    plain = Maker(SPEC)
    told = Maker(SPEC, weigh=lambda kind, pixels, params: 7, advice="ask somebody")

    with pytest.raises(
        UnsupportedItemError,
        match="'toy' makes no fused vectors; embed the parts on their own, or use a model with fusion",
    ):
        plain.check(item)
    with pytest.raises(UnsupportedItemError, match="'toy' makes no fused vectors; ask somebody"):
        told.check(item)
    pictures = [mm.Image("https://h/a.png"), mm.Image("https://h/b.png")]
    assert plain.count(pictures, {}) == (2, 0, 2 * 1026)
    assert told.count(pictures, {}) == (2, 0, 2 * 7)


@pytest.mark.parametrize(("pixels", "expected"), [(None, 1026), (1, 127), (28 * 28 * 200, 200), (10**8, 1280)])
def test_a_picture_is_weighed_by_its_pixels(pixels, expected):
    assert image_tokens(pixels) == media_tokens("image", pixels, {}) == media_tokens("video", pixels, {}) == expected


# rules and answers


@pytest.mark.parametrize(
    ("answer", "act"),
    [
        (Answer(402, code="NO MONEY"), "stop"),
        (Answer(400, message="Too many inputs"), "shrink"),
        (Answer(None), "retry"),
        (Answer(200, code="ProtocolError"), "retry"),
        (Answer(418, code="teapot"), "item"),
    ],
)
def test_the_first_row_that_fits_counts_and_an_unknown_failure_is_the_items(answer, act):
    assert meaning(RULES, answer).act == act


def test_a_code_from_elsewhere_counts_too():
    assert meaning(RULES, Answer(400, code="other")) is UNKNOWN
    assert meaning(RULES, Answer(400, code="other"), "", "no-money").act == "stop"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1.0], "expected a vector of 2 numbers, got 1 numbers"),
        (None, "expected a vector of 2 numbers, got NoneType"),
        ([1.0, True], "no number"),
        ([1.0, None], "no number"),
        ([1.0, float("nan")], "NaN or infinity"),
        ([1e300, 1.0], "NaN or infinity"),
        ([0, 0.0], "is zero"),
    ],
)
def test_what_is_no_vector_is_refused(values, words):
    with pytest.raises(ValueError, match=words):
        vector_of(values, 2)


def test_errors_are_read_in_either_form_and_without_the_key():
    from mmtoolkit.providers.secrets import Secret

    raw = b'{"error": {"code": "bad_key", "message": "my-key-1 is wrong"}}'

    answer = failure(401, {"X-Request-Id": "r", "Retry-After": "3"}, error_of(401, raw, None), Secret("my-key-1"))

    assert answer == Answer(401, code="bad_key", message="<API key> is wrong", request_id="r", retry_after_s=3.0)
    assert failure(500, {}, error_of(500, b"oops", None), None).message == "HTTP 500 with 'oops' instead of JSON"
    assert seconds_of(None) is None
