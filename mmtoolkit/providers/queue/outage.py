"""Decide whether requests may go out in parallel: not before the first good answer, and not during an outage."""

from __future__ import annotations

import random
from collections.abc import Callable

__all__ = ["Outage"]

_IN_A_ROW = 3  # so many failures without a good answer between them, and the service is suspected to be away
_LONGEST_PAUSE_S = 60.0
_FIRST_S = 10.0  # for a service that has not answered well in this run


class Outage:
    """The health of a service in one run. Not safe for threads by itself.

    Parameters
    ----------
    patience_s : float
        Seconds to wait for a service that has answered well in this run; ten for one that has not.
    clock : callable
        Returns seconds.
    """

    def __init__(self, patience_s: float, clock: Callable[[], float]) -> None:
        self.alone = True  # one request at a time: what is wrong for all is paid and told once
        self.answered = False  # well, in this run
        self._patience_s, self._clock = patience_s, clock
        self._failures, self._pause_s = 0, 1.0
        self._since: float | None = None  # when the first request was sent that failed since the last good answer
        self._until = float("-inf")

    @property
    def away(self) -> bool:
        """Whether the service has answered well in this run and now fails."""
        return self.alone and self.answered

    @property
    def seconds(self) -> float:
        """Seconds since the first failure after the last good answer; 0.0 without one."""
        return 0.0 if self._since is None else self._clock() - self._since

    @property
    def patience_s(self) -> float:
        """Seconds to wait for the service in all."""
        return self._patience_s if self.answered else _FIRST_S

    @property
    def pause_s(self) -> float:
        """Seconds until the next try."""
        return max(0.0, self._until - self._clock())

    @property
    def over(self) -> bool:
        """Whether the time to wait is over."""
        return self.seconds >= self.patience_s

    def there(self, *, well: bool = False) -> None:
        """Note an answer, which shows that the service is reachable; `well` when it was a good one."""
        self.alone = False
        self.answered = self.answered or well
        self._failures, self._pause_s = 0, 1.0
        self._since, self._until = None, float("-inf")

    def failed(self, sent_at: float, *, unreachable: bool, retry_after_s: float | None = None) -> None:
        """Note a failure of the service or the network.

        Parameters
        ----------
        sent_at : float
            When the request went out, on the clock.
        unreachable : bool
            Whether it never arrived.
        retry_after_s : float or None, default=None
            Seconds to wait, when the service named them.
        """
        self._failures += 1
        self._since = sent_at if self._since is None else min(self._since, sent_at)
        self.alone = self.alone or unreachable or self._failures >= _IN_A_ROW
        if self.alone and sent_at >= self._until:  # later than the last pause, or the first: those under way count once
            pause = max(random.uniform(self._pause_s / 2, self._pause_s), retry_after_s or 0.0)
            left = self.patience_s - self.seconds
            self._until = self._clock() + min(pause, max(left, 0.0))
            self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)

    def begin(self) -> bool:
        """Begin an outage of a service that has answered well; return False when it never did or the time to wait is over."""
        if not self.answered or self.over:
            return False
        self.alone = True
        return True

    def line(self, trouble: str) -> str:
        """Return a line about the wait and its length; "" without an outage."""
        if not self.alone or self._since is None:
            return ""
        waited = f"for {self.seconds:.0f} of at most {self.patience_s:g} s"
        return f"{trouble}; waiting {waited}, next try in {self.pause_s:.0f} s"

    def how(self, otherwise: str) -> str:
        """Return the words on the length of the outage, for the error that ends the run."""
        if not self.away:
            return otherwise
        return f"which has not answered well for {self.seconds:.0f} s (patience_s={self.patience_s:g})"
