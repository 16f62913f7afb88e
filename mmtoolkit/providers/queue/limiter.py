"""One pace for all users of a model: a number of requests and tokens a minute, fewer after a refusal."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from typing import Any

__all__ = ["GUESS_RPM", "MOST_WORKERS", "Limiter", "limiter_for"]

_SHARE = 0.98  # of the published rate: clocks and networks jitter
_CATCH_UP_S = 0.25  # how much lost time may be made up
_SLOWEST = 1 / 32
_RECOVERY_S = 30.0  # from half the rate back to all of it
_LONGEST_PAUSE_S = 60.0
MOST_WORKERS = 128  # requests under way at once, for one run
GUESS_RPM = 600  # where the table has no rate


class Limiter:
    """Paces requests evenly, halves the rate on a refusal, pauses all workers together, climbs back slowly.

    Parameters
    ----------
    rpm, tpm : float or None
        Requests and tokens per minute; None takes a cautious guess for requests and no limit for tokens.
    clock : callable
        Returns seconds.
    """

    def __init__(self, rpm: float | None, tpm: float | None, clock: Callable[[], float]) -> None:
        self.largest_pack: int | None = None  # learned from the service
        self._clock = clock
        self._rps = (rpm or GUESS_RPM) / 60 * _SHARE
        self._tps = None if tpm is None else tpm / 60 * _SHARE
        self._lock = threading.Lock()
        self._request_at = self._tokens_at = self._pause_until = float("-inf")
        self._factor, self._factor_at = 1.0, 0.0
        self._halved_at = float("-inf")
        self._refusals = 0

    @property
    def rate(self) -> float:
        """Requests per second at present."""
        with self._lock:
            return self._rps * self._factor_now(self._clock())

    def delay(self, tokens: int) -> float:
        """Return the seconds to wait before asking again; 0.0 gives a permit for one request now.

        Parameters
        ----------
        tokens : int
            Estimated tokens of the request.

        Returns
        -------
        float
            Seconds.
        """
        with self._lock:
            now = self._clock()
            wait = max(self._pause_until, self._request_at, self._tokens_at) - now
            if wait > 0:
                return wait
            factor = self._factor_now(now)
            self._request_at = _resume(self._request_at, now) + 1 / (self._rps * factor)
            if self._tps is not None:
                self._tokens_at = _resume(self._tokens_at, now) + tokens / (self._tps * factor)
            return 0.0

    def refused(self, retry_after_s: float | None = None, sent_at: float | None = None) -> None:
        """Note a 429: all workers pause, then go on at half the rate.

        Refusals of requests that were sent before the rate was last halved speak of the old rate and halve nothing.

        Parameters
        ----------
        retry_after_s : float or None, default=None
            What the service asked for.
        sent_at : float or None, default=None
            When the request got its permit, on the limiter's clock; None is now.
        """
        with self._lock:
            now = self._clock()
            if now < self._pause_until or (sent_at is not None and sent_at <= self._halved_at):
                self._pause_until = max(self._pause_until, now + (retry_after_s or 0.0))
                return
            pause = min(_LONGEST_PAUSE_S, 2.0**self._refusals)
            pause = random.uniform(pause / 2, pause) if retry_after_s is None else retry_after_s
            self._refusals += 1
            self._factor, self._factor_at = max(self._factor_now(now) / 2, _SLOWEST), now + pause
            self._pause_until, self._halved_at = now + pause, now

    def accepted(self, estimated: int, counted: int) -> None:
        """Note a good answer and the tokens that the service counted."""
        with self._lock:
            self._refusals = 0
            if self._tps is not None:
                self._tokens_at += (counted - estimated) / self._tps

    def learn_pack(self, largest: int) -> None:
        """Remember the largest number of contents per request that the service takes."""
        with self._lock:
            self.largest_pack = min(largest, self.largest_pack or largest)

    def _factor_now(self, now: float) -> float:
        return min(1.0, self._factor + max(0.0, now - self._factor_at) * 0.5 / _RECOVERY_S)


def _resume(planned: float, now: float) -> float:
    """Keep the schedule after a short delay, so that the lost time is caught up; start a new one after a longer break."""
    return planned if now - planned <= _CATCH_UP_S else now


_limiters: dict[tuple[Any, ...], Limiter] = {}
_lock = threading.Lock()


def limiter_for(base_url: str, model: str, rpm: float | None, tpm: float | None, clock: Callable[[], float]) -> Limiter:
    """Return this process's limiter of a model: all runs of all threads share it, as they share the account."""
    with _lock:
        name = (base_url, model, rpm, tpm, clock)
        return _limiters.setdefault(name, Limiter(rpm, tpm, clock))


def _forget_limiters() -> None:
    global _lock
    _lock = threading.Lock()
    _limiters.clear()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_forget_limiters)
