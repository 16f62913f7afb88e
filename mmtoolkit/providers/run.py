"""One run: packs go out at the limiter's pace, outcomes come in, failures are retried, split or end the run."""

from __future__ import annotations

import copy
import heapq
import itertools
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from mmtoolkit.errors import (
    BudgetError,
    ItemError,
    ProtocolError,
    RefusedItemError,
    ServiceStopError,
    ServiceUnavailableError,
)
from mmtoolkit.providers import tokens
from mmtoolkit.providers.answers import read_vectors
from mmtoolkit.providers.base import Outcome
from mmtoolkit.providers.failures import Answer, Rule, batch_limit, classify
from mmtoolkit.providers.packs import Item, Pack, packs_of

if TYPE_CHECKING:
    from mmtoolkit.content import Content
    from mmtoolkit.models import Price
    from mmtoolkit.providers.base import Sink
    from mmtoolkit.providers.limiter import Limiter
    from mmtoolkit.providers.parts import Maker, Part

__all__ = ["MOST_WORKERS", "Run"]

MOST_WORKERS = 32
_SPLIT_AFTER = 2  # a pack that keeps failing is taken apart rather than sent again and again
_MOST_SECONDS = 900.0  # from a pack's first try to its last
_LONGEST_BACKOFF_S = 60.0
_LATE_S = (5.0, 10.0)  # until what the service could not download is asked for once more
_BREAKER = 3  # so many contents in a row that do not heal, and the service is suspected to be down
_GRACE_S = 3.0  # after Ctrl-C, for what is under way
_NAP_S = 0.25

Call = Callable[[list[dict[str, Any]], bool], Answer]


class Run:
    """Embeds contents once.

    Parameters
    ----------
    call : callable
        Sends content objects; the second argument says whether they share one vector.
    maker : Maker
        Turns contents into parts and vectors of parts into vectors.
    limiter : Limiter
        Shared with all other runs of the model.
    dimension : int
        Length of a vector.
    params : mapping
        Parameters of the model.
    sink : callable
        Takes outcomes as they arrive.
    budget : float or None
        In the currency of `price`.
    price : Price or None
        Of a million tokens.
    address : str
        Of the service, for messages.
    clock, sleep : callable
        Seconds now; wait so many seconds.
    """

    def __init__(
        self,
        call: Call,
        maker: Maker,
        limiter: Limiter,
        *,
        dimension: int,
        params: Mapping[str, Any],
        sink: Sink,
        budget: float | None,
        price: Price | None,
        address: str,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._call, self._maker, self._limiter = call, maker, limiter
        self._dimension, self._params = dimension, params
        self._sink, self._budget, self._price = sink, budget, price
        self._address, self._clock, self._sleep = address, clock, sleep
        self._changed = threading.Condition()
        self._flushing = threading.Lock()
        self._arrived: list[Outcome] = []
        self._retries: list[tuple[float, int, Pack]] = []
        self._order = itertools.count()
        self._in_flight = 0
        self._done = self._total = 0
        self._spent = self._reserved = 0.0
        self._hopeless, self._breaker = 0, _BREAKER
        self._known_good: tuple[list[dict[str, Any]], bool] | None = None
        self._error: BaseException | None = None
        self._closed = False

    def go(self, contents: Sequence[Content]) -> None:
        """Embed all `contents`; returns when each has its outcome, raises what stops the run."""
        self._total = len(contents)
        supply = packs_of(self._slots(contents), self._maker.spec, lambda: self._limiter.largest_pack)
        workers = ThreadPoolExecutor(MOST_WORKERS, thread_name_prefix="mmtoolkit")
        try:
            while (pack := self._next(supply)) is not None:
                cost = self._reserve(pack)
                self._wait_for_permit(pack)
                with self._changed:
                    self._in_flight += 1
                workers.submit(self._work, pack, cost)
        except BaseException as error:
            self._drain(_GRACE_S if isinstance(error, KeyboardInterrupt) else None)
            raise
        finally:
            self._closed = True
            workers.shutdown(wait=False, cancel_futures=True)

    def _slots(self, contents: Sequence[Content]) -> Iterator[tuple[Item, int, Part]]:
        for index, content in enumerate(contents):
            item = Item(index, content)
            try:
                parts = self._maker.parts(content, self._params)
            except ItemError as error:
                self._fail([item], error)
                continue
            item.vectors = [None] * len(parts)
            yield from ((item, slot, part) for slot, part in enumerate(parts))

    def _next(self, supply: Iterator[Pack]) -> Pack | None:
        """Return the next pack to send, or None when all outcomes are in."""
        while True:
            with self._changed:
                self._raise_error()
                if self._in_flight >= MOST_WORKERS:
                    self._changed.wait(_NAP_S)
                    continue
                if self._retries and self._retries[0][0] <= self._clock():
                    return heapq.heappop(self._retries)[-1]
            pack = next(supply, None)
            if pack is not None:
                return pack
            with self._changed:
                self._raise_error()
                if not self._retries and not self._in_flight:
                    return None
                if self._in_flight:
                    self._changed.wait(0.01)
                    continue
                nap = self._retries[0][0] - self._clock()
            self._sleep(min(max(nap, 0.0), _NAP_S))

    def _reserve(self, pack: Pack) -> float:
        if self._budget is None or self._price is None:
            return 0.0
        cost = tokens.cost(self._price, pack.text, pack.media)
        with self._changed:
            while self._spent + self._reserved + cost > self._budget:
                self._raise_error()
                if not self._in_flight:
                    money = self._price.currency
                    msg = (
                        f"the next request, about {cost:.6f} {money}, would cross budget={self._budget} {money}: "
                        f"{self._spent:.6f} {money} are spent, {self._done} of {self._total} items are done. "
                        "What arrived is kept; raise the budget and run again to go on"
                    )
                    raise BudgetError(msg)
                self._changed.wait(_NAP_S)
            self._reserved += cost
        return cost

    def _wait_for_permit(self, pack: Pack) -> None:
        while wait := self._limiter.delay(pack.text + pack.media):
            self._raise_error()
            self._sleep(min(wait, _NAP_S))

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _drain(self, grace_s: float | None) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._in_flight, grace_s)

    def _work(self, pack: Pack, reserved: float) -> None:
        """Send one pack; runs in a worker."""
        try:
            pack, objects = self._build(pack)
            if pack.slots and self._error is None:
                grouped = pack.slots[0][2].grouped
                if self._settle(pack, self._call(objects, grouped)):
                    self._known_good = (objects if grouped else objects[:1], grouped)
        except BaseException as error:  # handed to the caller's thread, which raises it
            with self._changed:
                self._error = self._error or error
        finally:
            with self._changed:
                self._in_flight -= 1
                self._reserved -= reserved
                self._changed.notify_all()

    def _build(self, pack: Pack) -> tuple[Pack, list[dict[str, Any]]]:
        objects, kept = [], []
        for item, slot, part in pack.slots:
            if item.done:
                continue
            try:
                built, note = part.build()
            except ItemError as error:
                self._fail([item], error)
                continue
            if note and note not in item.notes:
                item.notes.append(note)
            objects += built
            kept.append((item, slot, part))
        pack.slots = kept
        return pack, objects

    def _settle(self, pack: Pack, answer: Answer) -> bool:
        """Take in an answer; tell whether it was a good one."""
        if pack.first_at is None:
            pack.first_at = self._clock()
        body = answer.body
        if body is not None:
            try:
                vectors = read_vectors(body, len(pack.slots), self._dimension)
            except ValueError as error:
                answer = Answer(200, code="ProtocolError", message=str(error), request_id=answer.request_id)
            else:
                self._succeed(pack, vectors, body.get("usage"))
                return True
        if answer.status is None and self._price is not None:  # nobody knows whether it was computed: count it as paid
            with self._changed:
                self._spent += tokens.cost(self._price, pack.text, pack.media)
        rule = classify(answer)
        pack.tries[rule] += 1
        if rule.act == "slow":
            self._limiter.refused(answer.retry_after_s)
        if rule.act == "stop":
            raise _stop(answer, rule, self._address)
        many = len(pack.slots) > 1
        if rule.act == "shrink" and many:
            size = min(batch_limit(answer.message) or len(pack.slots), len(pack.slots) - 1)
            self._limiter.learn_pack(size)
            self._again(pack.halves(size), 0.0)
        elif many and (rule.act == "item" or (rule.act == "retry" and pack.tries[rule] >= _SPLIT_AFTER)):
            self._again(pack.halves(), 0.0)
        elif pack.tries[rule] < rule.tries and self._clock() - pack.first_at < _MOST_SECONDS:
            longest = min(_LONGEST_BACKOFF_S, 2.0 ** (pack.tries[rule] - 1))
            low, high = {"slow": (0.0, 0.0), "item": _LATE_S}.get(rule.act, (0.0, longest))
            self._again([pack], random.uniform(low, high))
        else:
            self._give_up(pack, answer, rule)
        return False

    def _again(self, packs: list[Pack], delay_s: float) -> None:
        with self._changed:
            for pack in packs:
                heapq.heappush(self._retries, (self._clock() + delay_s, next(self._order), pack))

    def _give_up(self, pack: Pack, answer: Answer, rule: Rule) -> None:
        if rule.act in ("retry", "slow") and self._down():
            kind = ProtocolError if answer.code == "ProtocolError" else ServiceUnavailableError
            msg = f"{_said(answer)} from {self._address}, for several contents in a row: {rule.remedy}"
            raise kind(msg, status_code=answer.status, code=answer.code or None, request_id=answer.request_id or None)
        reason = f"{answer.message if answer.message and answer.status else _said(answer)}: {rule.remedy}"
        items = [item for item, _, _ in pack.slots]
        self._fail(
            items,
            RefusedItemError(
                reason, status_code=answer.status, code=answer.code or None, request_id=answer.request_id or None
            ),
        )

    def _down(self) -> bool:
        """Tell the service's trouble from the items': after some hopeless contents in a row, send again what was fine."""
        with self._changed:
            self._hopeless += 1
            if self._hopeless < self._breaker:
                return False
            self._hopeless, self._breaker = 0, 2 * self._breaker
            probe = self._known_good
        return probe is None or self._call(*probe).body is None

    def _fail(self, items: Sequence[Item], error: ItemError) -> None:
        with self._changed:
            outcomes = [
                Outcome(item.index, error=copy.copy(error), usage=dict(item.usage)) for item in items if not item.done
            ]
            for item in items:
                item.done = True
        self._deliver(outcomes)

    def _succeed(self, pack: Pack, vectors: Sequence[Any], usage: Any) -> None:
        usage = usage if isinstance(usage, Mapping) else {}
        text, media = tokens.counted(usage) or (pack.text, pack.media)
        self._limiter.accepted(pack.text + pack.media, text + media)
        outcomes = []
        with self._changed:
            self._hopeless = 0
            if self._price is not None:
                self._spent += tokens.cost(self._price, text, media)
            pack.slots[0][0].usage.update({"calls": 1, "text_tokens": text, "media_tokens": media})
            for (item, slot, _), vector in zip(pack.slots, vectors, strict=True):
                item.vectors[slot] = vector
                if item.done or any(v is None for v in item.vectors):
                    continue
                item.done = True
                whole, note = self._maker.combine(item.content, item.vectors)
                notes = "; ".join([*item.notes, note] if note else item.notes)
                outcomes.append(Outcome(item.index, vector=whole, usage=dict(item.usage), note=notes))
        self._deliver(outcomes)

    def _deliver(self, outcomes: Sequence[Outcome]) -> None:
        """Hand outcomes to the sink before the worker goes on; whoever comes first takes along what others brought."""
        with self._changed:
            self._arrived += outcomes
            self._done += len(outcomes)
        with self._flushing:
            with self._changed:
                batch, self._arrived = self._arrived, []
            if batch and not self._closed:
                self._sink(batch)


def _said(answer: Answer) -> str:
    if answer.status is None:
        return f"no answer ({answer.message})"
    words = f"{answer.code}: {answer.message}" if answer.code and answer.code != "ProtocolError" else answer.message
    return words or f"HTTP {answer.status} without a word"


def _stop(answer: Answer, rule: Rule, address: str) -> ServiceStopError:
    msg = f"the service stopped the run with {_said(answer)}. What to do: {rule.remedy}. What arrived before is kept"
    where = f" ({address}, HTTP {answer.status}, request_id={answer.request_id or 'none'})"
    return ServiceStopError(
        msg + where, status_code=answer.status, code=answer.code or None, request_id=answer.request_id or None
    )
