"""A deadline for a whole exchange: `requests` limits only each single wait, so a slow server could hold a call for ever."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

__all__ = ["Deadline", "DeadlineAdapter", "Http", "HttpPool", "Https", "HttpsPool"]

_of_thread = threading.local()


class Deadline:
    """Cuts the connection that this thread uses when its time is over; a context manager.

    Parameters
    ----------
    seconds : float
        Real time.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.over = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Deadline:
        _of_thread.deadline = self
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        _of_thread.deadline = None
        self._timer.cancel()

    def watch(self, sock: socket.socket) -> None:
        """Remember the connection to cut."""
        with self._lock:
            self._socket = sock
            sock.settimeout(self.seconds)  # also while sending, for which urllib3 takes the time-out of connecting
        if self.over:
            self._cut()

    def _cut(self) -> None:
        with self._lock:
            self.over = True
            if self._socket is not None:
                with contextlib.suppress(OSError):  # it is closed already
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # below TLS, which another thread is using


def _watch(connection: HTTPConnection) -> None:
    deadline = getattr(_of_thread, "deadline", None)
    if deadline is not None and connection.sock is not None:
        deadline.watch(connection.sock)


class Http(HTTPConnection):
    """A connection that a `Deadline` can cut."""

    def connect(self) -> None:
        """See the base class."""
        super().connect()
        _watch(self)

    def request(self, *args: Any, **options: Any) -> None:
        """See the base class."""
        _watch(self)
        super().request(*args, **options)


class Https(Http, HTTPSConnection):
    """The same over TLS: what comes next after `Http` is `HTTPSConnection`."""


class HttpPool(urllib3.HTTPConnectionPool):
    """Connections to one server that a `Deadline` can cut."""

    ConnectionCls = Http


class HttpsPool(urllib3.HTTPSConnectionPool):
    """The same over TLS."""

    ConnectionCls = Https


class DeadlineAdapter(HTTPAdapter):
    """Connections that a `Deadline` can cut, through proxies too."""

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """See the base class."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": HttpPool, "https": HttpsPool}

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        """See the base class."""
        manager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = {"http": HttpPool, "https": HttpsPool}
        return manager
