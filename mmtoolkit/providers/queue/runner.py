"""One run of a queue: packs go out at the limiter's pace; failures are retried, split, or end the run."""

from __future__ import annotations

import copy
import dataclasses
import heapq
import itertools
import logging
import math
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from mmtoolkit.content import Content
from mmtoolkit.errors import BudgetError, ItemError
from mmtoolkit.providers.base import Outcome, Sink, tell
from mmtoolkit.providers.queue import tokens
from mmtoolkit.providers.queue.limiter import MOST_WORKERS, Limiter
from mmtoolkit.providers.queue.outage import Outage
from mmtoolkit.providers.queue.packs import Item, Pack, Part
from mmtoolkit.providers.queue.reading import twins
from mmtoolkit.providers.queue.refusals import item_error, lost_error, said, stop_error
from mmtoolkit.providers.queue.rules import Answer, Rule

if TYPE_CHECKING:
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

logger = logging.getLogger(__name__)

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
    patience_s : float, default=600
        Seconds to wait for a service that has answered well in this run and does so no more.
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
        patience_s: float = 600.0,
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
        self._outage = Outage(patience_s, clock)
        self._line, self._trouble = "", ""
        self._counted: Counter[str] = Counter()  # by the service, until an outcome takes it along
        self._in_flight: dict[int, float] = {}  # what is set aside for each pack
        self._begun: set[int] = set()  # tickets that a worker has
        self._done = self._total = 0
        self._hopeless, self._breaker = 0, _BREAKER
        self._known_good: dict[str, Request] = {}  # by kind; for texts the probe does
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
        except BaseException as error:  # Ctrl-C too: what is on its way must arrive
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
        """Return the next pack to send, or None when every content has an outcome."""
        while True:
            self._show_outage()
            with self._changed:
                self._raise_error()
                if len(self._in_flight) >= self._workers():
                    self._changed.wait(_NAP_S)
                    continue
                pause = self._outage.pause_s
                due = self._retries[0][0] - self._clock() if self._retries else math.inf
                if max(pause, due) <= 0:
                    return heapq.heappop(self._retries)[-1]
                fresh = pause <= 0 and not (self._outage.alone and self._retries)
            pack = next(supply, None) if fresh else None
            if pack is not None:
                return pack
            with self._changed:
                self._raise_error()
                if fresh and not self._retries and not self._in_flight:
                    return None
                if self._in_flight:
                    self._changed.wait(0.01)
                    continue
            self._sleep(min(max(pause, due if due < math.inf else 0.0), _NAP_S))

    def _workers(self) -> int:
        """Return the number of parallel requests that the rate needs."""
        if self._outage.alone:
            return 1
        return min(self._most_workers, max(WORKERS, math.ceil(self._limiter.rate * self._latency)))

    def _show_outage(self) -> None:
        """Show beside the progress bar that an outage is waited for, and for how long."""
        with self._changed:
            line = self._outage.line(self._trouble)
        if line and not self._line:
            logger.warning("%s: %s", self._service.address, line)
        if line != self._line:
            self._line = line
            tell(line)

    def _reserve(self, pack: Pack) -> int:
        """Count the pack as sent and set its cost aside; return the ticket that `_land` takes."""
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
                if self._settle(pack, objects, answer) and (first := pack.slots[0][2]).kind != "text":
                    good = (objects if grouped else objects[:1], grouped, first.text, first.media)
                    self._known_good[first.kind] = good
        except BaseException as error:  # handed to the caller's thread, which raises it
            with self._changed:
                self._error = self._error or error
        finally:
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

    def _settle(self, pack: Pack, objects: list[dict[str, Any]], answer: Answer) -> bool:
        """Process an answer; return whether it was a good one."""
        if pack.first_at is None:
            pack.first_at = pack.sent_at
        text, media = self._pay(answer, pack.text, pack.media)
        vectors, answer = self._vectors(answer, len(pack.slots))
        equal = twins(vectors, objects) if vectors is not None and self._service.distinct else None
        if vectors is not None and equal is None:
            self._succeed(pack, vectors, text, media)
            return True
        if equal is not None:
            what = f"the answer has equal vectors for different contents, numbers {equal[0]} and {equal[1]}"
            answer = Answer(200, code="ProtocolError", message=what, request_id=answer.request_id)
        rule = self._service.meaning(answer)
        pack.tries[rule] += 1
        if rule.act == "stop":
            raise stop_error(answer, rule, self._service.address)
        if equal is None and rule.act in ("retry", "slow"):
            self._retry(pack, answer, rule)
            return False
        with self._changed:
            self._outage.there()
        if rule.act == "shrink" and len(pack.slots) > 1:
            size = min(self._service.pack_limit(answer.message) or len(pack.slots) // 2, len(pack.slots) - 1)
            self._limiter.learn_pack(size)
            self._again(pack.halves(size), 0.0)
        elif len(pack.slots) > 1:
            self._again(pack.halves(1 if equal is not None else None), 0.0)
        elif pack.tries[rule] < rule.tries:
            self._again([pack], random.uniform(*_LATE_S))
        else:
            self._refuse(pack, answer, rule)
        return False

    def _retry(self, pack: Pack, answer: Answer, rule: Rule) -> None:
        """Send a pack again after a temporary failure, wait during an outage, or give the items their error."""
        unreachable = answer.status is None and not answer.sent
        lost = rule.act == "retry" and answer.code != "ProtocolError"  # perhaps it is the service or the network
        many, tries = len(pack.slots) > 1, pack.tries[rule]
        with self._changed:
            if rule.act == "slow":
                self._limiter.refused(answer.retry_after_s, pack.sent_at)
            if lost:
                self._outage.failed(pack.sent_at, unreachable=unreachable, retry_after_s=answer.retry_after_s)
                self._trouble = said(answer)
            early = many and rule.act == "retry" and not self._outage.away and not unreachable
            waits = lost and self._outage.alone
            late = self._clock() - (pack.first_at or pack.sent_at) >= _MOST_SECONDS
            late = late or (waits and self._outage.over and tries > 1)
        if tries < (min(rule.tries, _SPLIT_AFTER) if early else rule.tries) and not late:
            longest = min(_LONGEST_BACKOFF_S, 2.0 ** (tries - 1))
            backoff = max(random.uniform(0.0, longest), answer.retry_after_s or 0.0)
            self._again([pack], 0.0 if waits or rule.act == "slow" else backoff)
        elif (early and self._outage.answered) or not self._down(pack, unreachable):
            if many:
                self._again(pack.halves(), 0.0)
            else:
                self._refuse(pack, answer, rule)
        elif lost and self._outage.begin():
            pack.forget()
            self._again([pack], 0.0)
        elif lost and tries < rule.tries and not late:
            self._again([pack], 0.0)
        else:
            several = many or self._breaker > _BREAKER
            how = "for several contents in a row" if several else f"{tries} times in a row"
            raise lost_error(answer, rule, self._service.address, self._outage.how(how))

    def _refuse(self, pack: Pack, answer: Answer, rule: Rule) -> None:
        self._fail([item for item, _, _ in pack.slots], item_error(answer, rule))

    def _pay(self, answer: Answer, text: int, media: int) -> tuple[int, int]:
        """Count tokens as paid that were computed, or may have been; return text and media tokens, counted or estimated."""
        found = None if answer.body is None else self._service.counted(answer.body)
        text, media = found if found and any(found) else (text, media)
        with self._changed:
            if answer.status == 200:
                self._counted.update({"calls": 1, "text_tokens": text, "media_tokens": media})
            if answer.status == 200 or (answer.status is None and answer.sent):
                self._purse.pay(text, media)
        return text, media

    def _vectors(self, answer: Answer, n: int) -> tuple[Sequence[Any] | None, Answer]:
        """Return the vectors of a good answer, else None, and the answer with its true meaning."""
        if answer.body is None:
            return None, answer
        try:
            return self._service.vectors(answer.body, n, self._dimension), answer
        except (ValueError, RecursionError) as error:
            return None, Answer(200, code="ProtocolError", message=str(error), request_id=answer.request_id)

    def _again(self, packs: list[Pack], delay_s: float) -> None:
        with self._changed:
            for pack in packs:
                heapq.heappush(self._retries, (self._clock() + delay_s, next(self._order), pack))

    def _down(self, pack: Pack, unreachable: bool) -> bool:
        """Find out whether the service or the items fail: after some failures in a row, send a content that should work."""
        with self._changed:
            self._hopeless += 1
            first = self._outage.alone and self._total > 1  # of a run without any good answer
            if self._closed or not (first or self._outage.away or self._hopeless >= self._breaker):
                return False
            if self._hopeless >= self._breaker:
                self._hopeless, self._breaker = 0, 2 * self._breaker
            if unreachable:
                return True
            probe = dict(self._service.probe)
            usual = ([probe], False, tokens.text_tokens(probe.get("text", "")), 0)
            objects, grouped, text, media = self._known_good.get(pack.slots[0][2].kind, usual)
            cost = self._purse.cost(text, media)
            if not self._purse.set_aside(cost):
                return False
        answer = self._service.send(objects, grouped)
        with self._changed:
            self._purse.give_back(cost)
        self._pay(answer, text, media)
        vectors, answer = self._vectors(answer, 1)
        rule = None if vectors is not None else self._service.meaning(answer)
        if rule is not None and rule.act == "stop":
            raise stop_error(answer, rule, self._service.address)
        if rule is not None and rule.act in ("retry", "slow"):
            return True
        with self._changed:
            self._outage.there(well=rule is None)
        return False

    def _fail(self, items: Sequence[Item], error: ItemError) -> None:
        with self._changed:
            outcomes = [Outcome(item.index, error=copy.copy(error)) for item in items if not item.done]
            for item in items:
                item.done = True
        self._deliver(outcomes)

    def _succeed(self, pack: Pack, vectors: Sequence[Any], text: int, media: int) -> None:
        self._limiter.accepted(pack.text + pack.media, text + media)
        outcomes = []
        with self._changed:
            self._hopeless = 0
            self._outage.there(well=True)
            for (item, slot, _), vector in zip(pack.slots, vectors, strict=True):
                item.vectors[slot] = vector
                if item.done or any(v is None for v in item.vectors):
                    continue
                item.done = True
                whole, note = self._maker.combine(item.content, item.vectors)
                notes = "; ".join([*item.notes, note] if note else item.notes)
                outcomes.append(Outcome(item.index, vector=whole, note=notes))
        self._deliver(outcomes)

    def _deliver(self, outcomes: Sequence[Outcome]) -> None:
        """Give outcomes to the sink before the worker goes on; the first worker also gives those that others have added."""
        with self._changed:
            if outcomes and self._counted:
                outcomes = [dataclasses.replace(outcomes[0], usage=dict(self._counted)), *outcomes[1:]]
                self._counted.clear()
            self._arrived += outcomes
            self._done += len(outcomes)
        with self._flushing:
            with self._changed:
                batch, self._arrived = self._arrived, []
            if batch:
                self._sink(batch)
