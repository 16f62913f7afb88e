"""A client of the emulated service whose clock runs fast, and a server that answers with given bytes."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from functools import partial

import pytest

import mmtoolkit as mm

SCALE = 50.0


@pytest.fixture
def fast():
    """A clock and a sleep that run fifty times faster than real time; the clock, and with it the limiter, are of this test alone."""

    def clock() -> float:
        return time.monotonic() * SCALE

    def sleep(seconds: float) -> None:
        time.sleep(seconds / SCALE)

    return {"clock": clock, "sleep": sleep}


@pytest.fixture
def client(service, fast):
    """Make a provider whose limiter and retries run fifty times faster than real time."""
    return partial(mm.DashScope, **fast)


@pytest.fixture
def row():
    """Change a row of the models table for one test."""
    import dataclasses

    kept = []

    def change(name, **facts):
        kept.append(mm.get_model(name))
        return mm.register_model(dataclasses.replace(kept[-1], **facts))

    yield change
    for spec in reversed(kept):
        mm.register_model(spec)


@pytest.fixture
def once():
    """Start a server that gives everybody the same bytes, after it has read a request, slowly if asked."""
    return _once


@contextlib.contextmanager
def _once(answer, *, pause_s=0.0, most=1):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        time.sleep(pause_s)
                        left = most
                        while left > 0 and (piece := connection.recv(1 << 16)):
                            left -= len(piece)
                        connection.sendall(answer)
                        connection.shutdown(socket.SHUT_WR)
                        connection.settimeout(0.2)
                        with contextlib.suppress(OSError):
                            while connection.recv(1 << 16):  # closing with unread bytes would reset the connection
                                pass

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
