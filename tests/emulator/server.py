"""The HTTP server: routes, limiter, latency, faults, records."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import socket
import sys
import threading
import time
import uuid
import weakref
from collections import Counter, deque
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from emulator import rerank
from emulator.answers import Refusal, inputs, magic_fault, multimodal, text, tokens_of
from emulator.faults import FAULTS, Fault
from emulator.vectors import COLOURS, colour_png

SERVICES = "/api/v1/services/embeddings/"
_TOO_SLOW = ("slow", "trickle", "trickle-head")


def _healing(faults: dict[str, Fault]) -> list[str]:
    return [name for name, fault in faults.items() if fault.act == "retry" and name not in _TOO_SLOW]


@dataclass
class Record:
    """One request as it came, and what it got."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    connection: int
    started: float
    status: int = 0
    fault: str = ""
    ended: float = 0.0


@dataclass
class _Bucket:
    """So many a minute: evenly, with one second's worth at once, and never more in any sixty seconds."""

    per_minute: float
    level: float = 0.0
    last: float = 0.0
    recent: deque[tuple[float, float]] = field(default_factory=deque)

    def take(self, amount: float, now: float) -> bool:
        capacity = max(1.0, self.per_minute / 60)
        self.level = max(0.0, self.level - (now - self.last) * self.per_minute / 60)
        self.last = now
        while self.recent and self.recent[0][0] <= now - 60:
            self.recent.popleft()
        full = self.level > 0 and self.level + amount > capacity
        if full or (self.recent and sum(a for _, a in self.recent) + amount > self.per_minute):
            return False
        self.level += amount
        self.recent.append((now, amount))
        return True


class Emulator:
    """A DashScope on 127.0.0.1; `emulator.openai` derives servers of another dialect from it.

    Parameters
    ----------
    rpm, tpm : int or None
        Requests and tokens a minute per model; None does not limit.
    scale : float
        Limiter and latency run so many times faster than real time.
    latency_s : float
        Seconds, on the scaled clock, before every answer.
    fault_rate : float
        Share of requests that fail in a way that can heal, picked by `seed`.
    """

    faults = FAULTS
    limits = ("Throttling.RateQuota", "Throttling.AllocationQuota")  # faults: too many requests, too many tokens

    def __init__(
        self, *, port: int = 0, rpm: int | None = None, tpm: int | None = None, scale: float = 1.0,
        latency_s: float = 0.0, fault_rate: float = 0.0, seed: int = 0,
    ) -> None:  # fmt: skip
        self.rpm, self.tpm, self.scale, self.latency_s, self.fault_rate = rpm, tpm, scale, latency_s, fault_rate
        self.api_key = f"sk-{uuid.UUID(int=random.Random(seed).getrandbits(128)).hex}"
        self.trickle_s, self.slow_s = 0.02, 5.0
        self.largest_batch: int | None = None  # set it to make the service accept fewer contents than its page says
        self.drift = False  # set it to get other vectors from the same names
        self.ignores_dimension = False  # set it to get vectors of the default length, whatever was asked for
        self.picture_s = 0.0  # seconds, on the scaled clock, that every picture of a request takes
        self.records: list[Record] = []
        self.queue: deque[Fault | str] = deque()
        self.fail_at: dict[int, str] = {}  # number of the call, from 0, to the fault it meets
        self.tasks: dict[str, int] = {}
        self.mistakes: list[str] = []
        self.connections = 0
        self.concurrent = self.peak = 0
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._magic: Counter[str] = Counter()
        self._numbers, self._served = itertools.count(1), itertools.count()
        self._server = _Server(("127.0.0.1", port), type("Handler", (self.handler(),), {"emulator": self}))
        self._thread = self._serving()

    def handler(self) -> type[Handler]:
        """Return what answers a connection."""
        return Handler

    def inputs(self, body: dict[str, Any]) -> list[Any]:
        """Return what a request asks to be embedded."""
        return inputs(body)

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def base_url(self) -> str:
        return f"{self.host}/api/v1"

    def __enter__(self) -> Emulator:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def go_away(self) -> None:
        """Refuse connections, as a proxy or a network that is down does; those that are open are cut."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        for connection in self._server.open_connections():
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def come_back(self) -> None:
        """Serve again at the same address."""
        self._server = _Server(self._server.server_address, self._server.RequestHandlerClass)
        self._thread = self._serving()
        self._thread.start()

    def _serving(self) -> threading.Thread:
        return threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def reset(self) -> None:
        """Forget all records, faults and counters; back to defaults."""
        with self._lock:
            self.records.clear()
            self.queue.clear()
            self.fail_at.clear()
            self._served = itertools.count()
            self.mistakes.clear()
            self._magic.clear()
            self._buckets.clear()
            self.connections = self.peak = 0
            self.rpm = self.tpm = self.largest_batch = None
            self.latency_s = self.fault_rate = 0.0
            self.picture_s = 0.0
            self.scale, self.drift, self.ignores_dimension = 1.0, False, False

    @property
    def calls(self) -> list[Record]:
        """Requests for embeddings."""
        return [r for r in self.records if r.path.startswith(SERVICES)]

    @property
    def reranks(self) -> list[Record]:
        """Requests for scores."""
        return [r for r in self.records if r.path == rerank.PATH]

    @property
    def uploads(self) -> list[Record]:
        """Requests that a client of ours must never make."""
        return [r for r in self.records if "uploads" in r.path or r.path.startswith("/oss")]

    def contents(self) -> list[Any]:
        """Everything that was asked to be embedded, in the order of arrival."""
        return [c for r in self.calls for c in r.body["input"].get("contents", r.body["input"].get("texts", []))]

    def _limited(self, model: str, tokens: int) -> Fault | None:
        now = time.monotonic() * self.scale
        with self._lock:
            for kind, limit, amount, code in (
                ("requests", self.rpm, 1, self.limits[0]),
                ("tokens", self.tpm, tokens, self.limits[1]),
            ):
                if limit and not self._buckets.setdefault((model, kind), _Bucket(limit, last=now)).take(amount, now):
                    return self.faults[code]
        return None

    def _pick_fault(self, body: dict[str, Any]) -> tuple[str, Fault] | None:
        with self._lock:
            if self.queue:
                fault = self.queue.popleft()
                return (fault, self.faults[fault]) if isinstance(fault, str) else ("queued", fault)
            name = self.fail_at.get(next(self._served)) or magic_fault(self.inputs(body), self._magic)
            if name is None and self.fault_rate and self._random.random() < self.fault_rate:
                name = self._random.choice(_healing(self.faults))
        return None if name is None else (name, self.faults[name])


class _Server(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: Any, handler: Any) -> None:
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        super().__init__(address, handler)

    def open_connections(self) -> list[socket.socket]:
        return list(self._open)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are part of the game; mistakes of the emulator's own are kept for its tests to see."""
        error = sys.exception()
        if not isinstance(error, OSError):
            self.RequestHandlerClass.emulator.mistakes.append(repr(error))


class Handler(BaseHTTPRequestHandler):
    emulator: Emulator
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 0

    def setup(self) -> None:
        super().setup()
        with self.emulator._lock:
            self.emulator.connections += 1
            self.number = next(self.emulator._numbers)

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""

    def _answer(
        self, status: int, body: Any = b"", headers: dict[str, str] | None = None, kind: str = "application/json"
    ) -> bytes:
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        lines = {"Content-Length": str(len(data)), "server": "istio-envoy", **(headers or {})}
        lines |= {"Content-Type": kind} if kind else {}
        head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items())
        return head.encode("latin-1") + b"\r\n" + data

    def _serve(self) -> None:
        emulator = self.emulator
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        if len(raw) < length:  # the client died while it was sending
            self.close_connection = True
            return
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = raw
        record = Record(self.command, self.path, dict(self.headers), body, self.number, time.monotonic())
        with emulator._lock:
            emulator.records.append(record)
            emulator.concurrent += 1
            emulator.peak = max(emulator.peak, emulator.concurrent)
        try:
            self._route(record)
        finally:
            self._done(record)

    def _done(self, record: Record) -> None:
        """Count the request as answered, before the client can read the answer and send the next one."""
        with self.emulator._lock:
            self.emulator.concurrent -= not record.ended
            record.ended = record.ended or time.monotonic()

    do_GET = do_POST = _serve

    def _send(self, record: Record, status: int, body: Any, **options: Any) -> None:
        record.status = status
        data = self._answer(status, body, **options)
        self._done(record)
        self.wfile.write(data)

    def _route(self, record: Record) -> None:
        path = self.path.partition("?")[0]
        if path.startswith((SERVICES, rerank.PATH)) and record.method == "POST":
            self._embed(record, path.removeprefix(SERVICES))
        elif path.startswith("/api/v1/tasks/"):
            self._task(record, path.rsplit("/", 1)[1])
        elif path == "/api/v1/uploads":
            policy = {
                "policy": "p", "signature": "s", "upload_dir": "dir", "upload_host": f"{self.emulator.host}/oss",
                "oss_access_key_id": "id", "x_oss_object_acl": "private", "x_oss_forbid_overwrite": "true",
                "expire_in_seconds": 300, "max_file_size_mb": 100, "capacity_limit_mb": 1000,
            }  # fmt: skip
            self._send(record, 200, {"data": policy, "request_id": str(uuid.uuid4())})
        elif path == "/oss":
            self._send(record, 200, b"")
        elif path.startswith("/media/") and path.removeprefix("/media/").removesuffix(".png") in COLOURS:
            name = path.removeprefix("/media/").removesuffix(".png")
            self._send(record, 200, colour_png(name), kind="image/png")
        else:
            self._send(record, 404, {"code": "NotFound", "message": "Not found!"})

    def _embed(self, record: Record, endpoint: str) -> None:
        emulator = self.emulator
        request_id = str(uuid.uuid4())
        ids = {"x-request-id": request_id}
        body = record.body
        given = emulator.inputs(body) if isinstance(body, dict) else []
        pictures = sum(isinstance(one, dict) and "image" in one for one in given)
        if wait_s := emulator.latency_s + emulator.picture_s * pictures:
            time.sleep(wait_s / emulator.scale)
        if record.headers.get("Authorization") != f"Bearer {emulator.api_key}":
            return self._refuse(record, FAULTS["InvalidApiKey"], request_id)
        if not isinstance(body, dict):
            return self._refuse(
                record, Fault(400, "InvalidParameter", "The request body is not valid JSON"), request_id
            )
        limited = emulator._limited(str(body.get("model")), tokens_of(body))
        if limited is not None:
            return self._refuse(record, limited, request_id)
        picked = emulator._pick_fault(body)
        if picked is not None and picked[1].spoil is None and picked[1].raw is None:
            record.fault = picked[0]
            return self._refuse(record, picked[1], request_id)
        try:
            if endpoint == "text-embedding/text-embedding":
                if record.headers.get("X-DashScope-Async") == "enable":
                    emulator.tasks[request_id] = 0
                    return self._send(
                        record,
                        200,
                        {"output": {"task_id": request_id, "task_status": "PENDING"}, "request_id": request_id},
                    )
                answer = text(body, emulator)
            elif endpoint == rerank.PATH:
                answer = rerank.rerank(body, emulator)
            else:
                answer = multimodal(body, emulator)
        except Refusal as refusal:
            return self._refuse(record, refusal.fault, request_id)
        answer["request_id"] = request_id
        if picked is not None:
            record.fault, fault = picked
            if fault.spoil is not None:
                answer = rerank.spoiled(answer, picked[0]) if endpoint == rerank.PATH else fault.spoil(answer)
            if fault.raw is not None:
                return fault.raw(self, self._answer(200, answer, headers=ids))
        return self._send(record, 200, answer, headers=ids)

    def _refuse(self, record: Record, fault: Fault, request_id: str) -> None:
        body = fault.error(request_id) if fault.body is None else fault.body
        self._send(
            record, fault.status, body, headers={"x-request-id": request_id, **fault.headers}, kind=fault.content_type
        )

    def _task(self, record: Record, task: str) -> None:
        if task not in self.emulator.tasks:
            return self._send(record, 200, {"output": {"task_id": task, "task_status": "UNKNOWN"}})
        polls = self.emulator.tasks[task]
        self.emulator.tasks[task] += 1
        output = {"task_id": task, "task_status": ("PENDING", "RUNNING", "SUCCEEDED")[min(polls, 2)]}
        if polls >= 2:
            output["url"] = f"{self.emulator.host}/media/red.png"
        return self._send(record, 200, {"output": output, "request_id": str(uuid.uuid4())})
