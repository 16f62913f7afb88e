"""The pace: even, within both rates, halved and paused on a refusal, climbing back."""

from __future__ import annotations

import os
from itertools import pairwise

import pytest

from mmtoolkit.providers.queue.limiter import Limiter, limiter_for


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def go(self, limiter: Limiter, tokens: int = 1) -> float:
        while wait := limiter.delay(tokens):
            self.now += wait
        return self.now


@pytest.fixture
def clock():
    return Clock()


def starts(clock, limiter, n, tokens=1):
    return [clock.go(limiter, tokens) for _ in range(n)]


def test_requests_keep_to_ninety_eight_percent_of_the_rate(clock):
    limiter = Limiter(600, None, clock)

    times = starts(clock, limiter, 601)

    assert (times[-1] - times[0]) / 600 == pytest.approx(0.1 / 0.98, rel=0.01)


def test_no_second_sees_more_than_its_share_even_after_a_stall(clock):
    limiter = Limiter(600, None, clock)
    times = starts(clock, limiter, 50)
    clock.now += 30

    times += starts(clock, limiter, 50)

    assert max(sum(t <= u < t + 1 for u in times) for t in times) <= 12  # 10 a second, and what a quarter may catch up


def test_the_slow_model_never_sends_two_at_once(clock):
    limiter = Limiter(120, None, clock)

    times = starts(clock, limiter, 20)

    assert min(b - a for a, b in pairwise(times)) >= 0.25


def test_tokens_limit_too(clock):
    limiter = Limiter(6000, 60_000, clock)

    times = starts(clock, limiter, 101, tokens=500)

    assert (times[-1] - times[0]) / 100 == pytest.approx(0.5 / 0.98, rel=0.02)


def test_counted_tokens_correct_the_estimate(clock):
    limiter = Limiter(6000, 60_000, clock)
    clock.go(limiter, 500)

    limiter.accepted(500, 5000)

    assert clock.go(limiter, 500) - 1000 > 4.0


def test_a_refusal_pauses_everybody_and_halves_the_rate(clock):
    limiter = Limiter(600, None, clock)
    clock.go(limiter)
    full = limiter.rate

    limiter.refused()
    waited = clock.go(limiter) - 1000

    assert 0.5 <= waited <= 1.1
    assert limiter.rate == pytest.approx(full / 2, rel=0.01)


def test_refusals_of_the_same_burst_count_once(clock):
    limiter = Limiter(600, None, clock)
    full = limiter.rate

    for _ in range(5):
        limiter.refused()

    assert limiter.rate == pytest.approx(full / 2)


def test_refusals_that_come_late_speak_of_the_old_rate(clock):
    limiter = Limiter(600, None, clock)
    full = limiter.rate
    sent = starts(clock, limiter, 5)
    limiter.refused(sent_at=sent[0])
    resumed = clock.go(limiter)
    half = limiter.rate

    for at in sent[1:]:
        limiter.refused(sent_at=at)

    assert half == pytest.approx(full / 2, rel=0.01)
    assert limiter.rate == half
    limiter.refused(sent_at=resumed)
    assert limiter.rate < half


def test_repeated_refusals_pause_longer_each_time_but_not_for_ever(clock):
    limiter = Limiter(600, None, clock)
    pauses = []
    for _ in range(12):
        before = clock.now
        limiter.refused()
        pauses.append(clock.go(limiter) - before)

    assert pauses[3] > pauses[0]
    assert max(pauses) <= 62


def test_the_rate_climbs_back_within_half_a_minute(clock):
    limiter = Limiter(600, None, clock)
    full = limiter.rate
    limiter.refused()
    clock.go(limiter)

    clock.now += 15
    assert full * 0.7 < limiter.rate < full * 0.8
    clock.now += 16

    assert limiter.rate == full


def test_what_the_service_asks_for_is_waited(clock):
    limiter = Limiter(600, None, clock)

    limiter.refused(retry_after_s=17.0)

    assert clock.go(limiter) == 1017.0


def test_a_smaller_pack_is_remembered(clock):
    limiter = Limiter(600, None, clock)

    limiter.learn_pack(10)
    limiter.learn_pack(20)

    assert limiter.largest_pack == 10


def test_one_limiter_per_model_and_address(clock):
    one = limiter_for("https://a", "m", 600, None, clock)

    assert limiter_for("https://a", "m", 600, None, clock) is one
    assert limiter_for("https://b", "m", 600, None, clock) is not one


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_starts_afresh(clock):
    one = limiter_for("https://a", "m", 600, None, clock)
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.write(write, b"new" if limiter_for("https://a", "m", 600, None, clock) is not one else b"old")
        os._exit(0)

    os.waitpid(child, 0)
    os.close(write)

    assert os.read(read, 3) == b"new"
    os.close(read)
