"""One run of a queue: packs go out at the limiter's pace; failures are retried, split, or end the run."""

from __future__ import annotations

import copy
import heapq
import itertools
import math
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
from mmtoolkit.providers.base import Outcome
from mmtoolkit.providers.queue import tokens
from mmtoolkit.providers.queue.limiter import MOST_WORKERS
from mmtoolkit.providers.queue.packs import Item, Pack
from mmtoolkit.providers.queue.rules import Answer, Rule

if TYPE_CHECKING:
    from mmtoolkit.content import Content
    from mmtoolkit.providers.base import Sink
    from mmtoolkit.providers.queue.limiter import Limiter
    from mmtoolkit.providers.queue.packs import Part
    from mmtoolkit.providers.queue.purse import Purse
    from mmtoolkit.providers.queue.service import Service
    from mmtoolkit.providers.queue.splitting import Maker

__all__ = ["WORKERS", "Runner"]

WORKERS = 32  # under way at once, where rate times latency does not ask for more
_LATENCY_MEMORY = 8  # answers that the mean of their latency goes back
_SPLIT_AFTER = 2  # a pack that keeps failing is taken apart rather than sent again and again
_MOST_SECONDS = 900.0  # from a pack's first try to its last
_LONGEST_BACKOFF_S = 60.0
_LATE_S = (5.0, 10.0)  # until what the service could not download is asked for once more
_BREAKER = 3  # so many contents in a row that do not heal, and the service is suspected to be down
_GRACE_S = 3.0  # after Ctrl-C, for what is under way
_NAP_S = 0.25

Request = tuple[list[dict[str, Any]], bool, int, int]  # content objects, whether grouped, tokens of text and media


class Runner:
    """Embeds contents once, through one service.

    Parameters
    ----------
    service : Service
        Sends requests, reads answers, knows what failures mean.
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
    purse : Purse
        Pays for all requests.
    clock, sleep : callable
        Seconds now; wait so many seconds.
    most_workers : int, default=128
        Requests under way at once; a small server is spared with a small number.
    """

    def __init__(
        self,
        service: Service,
        maker: Maker,
        limiter: Limiter,
        *,
        dimension: int,
        params: Mapping[str, Any],
        sink: Sink,
        purse: Purse,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        most_workers: int = MOST_WORKERS,
    ) -> None:
        self._service, self._maker, self._limiter = service, maker, limiter
        self._dimension, self._params = dimension, params
        self._sink, self._purse = sink, purse
        self._clock, self._sleep, self._most_workers = clock, sleep, most_workers
        self._changed = threading.Condition()
        self._flushing = threading.Lock()
        self._arrived: list[Outcome] = []
        self._retries: list[tuple[float, int, Pack]] = []
        self._order = itertools.count()
        self._latency = 0.0  # seconds, a moving mean
        self._met = False  # the first request of a run goes alone: what is wrong for all is paid and told once
        self._in_flight: dict[int, float] = {}  # what is set aside for each pack
        self._begun: set[int] = set()  # tickets that a worker has
        self._done = self._total = 0
        self._hopeless, self._breaker = 0, _BREAKER
        probe = dict(service.probe)
        self._known_good: Request = ([probe], False, tokens.text_tokens(probe.get("text", "")), 0)
        self._error: BaseException | None = None
        self._closed = False  # what is still under way is handed on when it comes, but nothing more is sent

    def go(self, contents: Sequence[Content]) -> None:
        """Embed all `contents`; returns when each has its outcome, raises what stops the run."""
        self._total = len(contents)
        self._service.prepare()
        supply = self._maker.packs(self._slots(contents), lambda: self._limiter.largest_pack)
        workers = ThreadPoolExecutor(self._most_workers, thread_name_prefix="mmtoolkit")
        try:
            while (pack := self._next(supply)) is not None:
                ticket = self._reserve(pack)
                try:
                    self._wait_for_permit(pack)
                    workers.submit(self._work, pack, ticket)
                except BaseException as error:  # among them: Ctrl-C or no thread, when a worker may have the pack
                    self._error = self._error or error
                    if ticket not in self._begun:
                        self._land(ticket)
                    raise
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
                if len(self._in_flight) >= self._workers():
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

    def _workers(self) -> int:
        """How many requests have to be under way to use the rate."""
        if not self._met:
            return 1
        return min(self._most_workers, max(WORKERS, math.ceil(self._limiter.rate * self._latency)))

    def _reserve(self, pack: Pack) -> int:
        """Count the pack as under way and set its cost aside; returns the ticket to `_land` with."""
        cost = self._purse.cost(pack.text, pack.media)
        ticket = next(self._order)
        with self._changed:
            while not self._purse.set_aside(cost):
                self._raise_error()
                if not self._in_flight:
                    msg = f"{self._purse.refusal(cost)}, {self._done} of {self._total} items are done. Raise the budget to go on"
                    raise BudgetError(msg)
                self._changed.wait(_NAP_S)
            self._in_flight[ticket] = cost
        return ticket

    def _land(self, ticket: int) -> None:
        with self._changed:
            self._purse.give_back(self._in_flight.pop(ticket, 0.0))
            self._begun.discard(ticket)
            self._changed.notify_all()

    def _wait_for_permit(self, pack: Pack) -> None:
        while wait := self._limiter.delay(pack.text + pack.media):
            self._raise_error()
            self._sleep(min(wait, _NAP_S))
        pack.sent_at = self._clock()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _drain(self, grace_s: float | None) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._in_flight, grace_s)

    def _work(self, pack: Pack, ticket: int) -> None:
        """Send one pack; runs in a worker."""
        self._begun.add(ticket)
        try:
            pack, objects = self._build(pack)
            if pack.slots and self._error is None:
                grouped = pack.slots[0][2].grouped
                start = self._clock()
                answer = self._service.send(objects, grouped)
                with self._changed:
                    self._latency += (self._clock() - start - self._latency) / _LATENCY_MEMORY
                if self._settle(pack, answer):
                    first = pack.slots[0][2]
                    self._known_good = (objects if grouped else objects[:1], grouped, first.text, first.media)
        except BaseException as error:  # handed to the caller's thread, which raises it
            with self._changed:
                self._error = self._error or error
        finally:
            self._met = True
            self._land(ticket)

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
        text, media = self._pay(answer, pack.text, pack.media)
        try:
            vectors = self._vectors(answer, len(pack.slots))
        except ValueError as error:
            answer = Answer(200, code="ProtocolError", message=str(error), request_id=answer.request_id)
        else:
            if vectors is not None:
                self._succeed(pack, vectors, text, media)
                return True
        rule = self._service.meaning(answer)
        pack.tries[rule] += 1
        if rule.act == "slow":
            self._limiter.refused(answer.retry_after_s, pack.sent_at)
        if rule.act == "stop":
            raise _stop(answer, rule, self._service.address)
        many = len(pack.slots) > 1
        if rule.act == "shrink" and many:
            size = min(self._service.pack_limit(answer.message) or len(pack.slots), len(pack.slots) - 1)
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

    def _pay(self, answer: Answer, text: int, media: int) -> tuple[int, int]:
        """Count as paid what was computed, or may have been; return text and media tokens, counted or estimated."""
        text, media = (None if answer.body is None else self._service.counted(answer.body)) or (text, media)
        if answer.status == 200 or (answer.status is None and answer.sent):
            with self._changed:
                self._purse.pay(text, media)
        return text, media

    def _vectors(self, answer: Answer, n: int) -> Sequence[Any] | None:
        return None if answer.body is None else self._service.vectors(answer.body, n, self._dimension)

    def _again(self, packs: list[Pack], delay_s: float) -> None:
        with self._changed:
            for pack in packs:
                heapq.heappush(self._retries, (self._clock() + delay_s, next(self._order), pack))

    def _give_up(self, pack: Pack, answer: Answer, rule: Rule) -> None:
        if rule.act in ("retry", "slow") and self._down():
            kind = ProtocolError if answer.code == "ProtocolError" else ServiceUnavailableError
            msg = f"{_said(answer)} from {self._service.address}, for several contents in a row: {rule.remedy}"
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
            if self._hopeless < self._breaker or self._closed:
                return False
            self._hopeless, self._breaker = 0, 2 * self._breaker
            objects, grouped, text, media = self._known_good
            cost = self._purse.cost(text, media)
            if not self._purse.set_aside(cost):
                return False
        answer = self._service.send(objects, grouped)
        with self._changed:
            self._purse.give_back(cost)
        self._pay(answer, text, media)
        try:
            return self._vectors(answer, 1) is None
        except ValueError:
            return True

    def _fail(self, items: Sequence[Item], error: ItemError) -> None:
        with self._changed:
            outcomes = [
                Outcome(item.index, error=copy.copy(error), usage=dict(item.usage)) for item in items if not item.done
            ]
            for item in items:
                item.done = True
        self._deliver(outcomes)

    def _succeed(self, pack: Pack, vectors: Sequence[Any], text: int, media: int) -> None:
        self._limiter.accepted(pack.text + pack.media, text + media)
        outcomes = []
        with self._changed:
            self._hopeless = 0
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
            if batch:
                self._sink(batch)


def _said(answer: Answer) -> str:
    if answer.status is None:
        return f"no answer ({answer.message})"
    words = f"{answer.code}: {answer.message}" if answer.code and answer.code != "ProtocolError" else answer.message
    return words or f"HTTP {answer.status} without a word"


def _stop(answer: Answer, rule: Rule, address: str) -> ServiceStopError:
    said = _said(answer) if answer.code == "ProtocolError" else f"the service stopped the run with {_said(answer)}"
    msg = f"{said}. What to do: {rule.remedy}"
    where = f" ({address}, HTTP {answer.status}, request_id={answer.request_id or 'none'})"
    return ServiceStopError(
        msg + where, status_code=answer.status, code=answer.code or None, request_id=answer.request_id or None
    )
