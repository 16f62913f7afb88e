"""One HTTP exchange under a total deadline, on pooled connections, without redirects, cookies or borrowed passwords."""

from __future__ import annotations

import atexit
import os
import threading
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3

from mmtoolkit.providers.deadline import Deadline, DeadlineAdapter

__all__ = ["Exchange", "LostError", "session_for"]

_POOL = 160  # connections kept per host; more than workers
_CONNECT_S = 10.0
_MOST_BYTES = 256 * 1024 * 1024
_CHUNK = 1 << 16


class LostError(Exception):
    """No complete answer came. Not a `requests` error, so that the SDK does not silently send again."""


class _TooLongError(ValueError):
    """The answer is longer than any good one."""


_sessions: dict[bool, requests.Session] = {}
_lock = threading.Lock()


def session_for(trust_env: bool) -> requests.Session:
    """Return this process's session; a forked child never talks on its parent's connections.

    Parameters
    ----------
    trust_env : bool
        Use the environment's proxies and certificates. Passwords in ``~/.netrc`` are not used in any case: they would
        replace the API key.

    Returns
    -------
    requests.Session
        Shared by all threads.
    """
    with _lock:
        if trust_env not in _sessions:
            session = requests.Session()
            session.trust_env = trust_env
            session.auth = _keep_header
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            adapter = DeadlineAdapter(pool_maxsize=_POOL)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            _sessions[trust_env] = session
        return _sessions[trust_env]


def _keep_header(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _forget_sessions() -> None:
    global _lock
    _lock = threading.Lock()
    _sessions.clear()


def _close_sessions() -> None:
    for session in _sessions.values():
        session.close()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_forget_sessions)
atexit.register(_close_sessions)


class Exchange:
    """A session for the SDK: it sends one request and keeps the answer.

    Parameters
    ----------
    session : requests.Session
        Whose connections are used.
    timeout_s : float
        Seconds for the whole exchange, real time.
    most_bytes : int, default=256 MiB
        Longest answer that is read.
    """

    def __init__(self, session: requests.Session, timeout_s: float, most_bytes: int = _MOST_BYTES) -> None:
        self._session = session
        self._timeout_s = timeout_s
        self._most_bytes = most_bytes
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.body = b""
        self.trouble = ""
        self.sent = False  # whether the service may have got the request

    def post(self, url: str, *, data: bytes, headers: dict[str, str], **_: Any) -> requests.Response:
        """Send the request; called by the SDK.

        Raises
        ------
        LostError
            If no complete answer came in time; `trouble` says why.
        """
        deadline = Deadline(self._timeout_s)
        try:
            with deadline:
                response = self._session.post(
                    url,
                    data=data,
                    headers=headers,
                    stream=True,
                    allow_redirects=False,
                    timeout=(min(_CONNECT_S, self._timeout_s), self._timeout_s),
                )
                with response:
                    body = self._read(response)
            if deadline.over:  # an answer that ends with its connection would look complete
                msg = "timed out"
                raise TimeoutError(msg)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            late = TimeoutError() if deadline.over else error
            self.trouble, self.sent = _why(late, self._timeout_s), not _never_connected(error)
        else:
            response._content = body  # where requests itself keeps what it has read
            self.sent = True
            self.status, self.headers, self.body = response.status_code, dict(response.headers), body
            return response
        raise LostError(self.trouble)

    def _read(self, response: requests.Response) -> bytes:
        chunks, size = [], 0
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            chunks.append(chunk)
            size += len(chunk)
            if size > self._most_bytes:
                msg = f"the answer is larger than {self._most_bytes:,} bytes"
                raise _TooLongError(msg)
        return b"".join(chunks)


def _never_connected(error: Exception) -> bool:
    """Return whether the failure came before a byte of the request was sent."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    if isinstance(error, requests.RequestException) and isinstance(error, ValueError):  # no request could be made
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.SSLError)


def _why(error: Exception, timeout_s: float) -> str:
    """Return in a few words what happened to the connection."""
    if isinstance(error, _TooLongError):
        return str(error)
    text = f"{type(error).__name__} {error}"
    if isinstance(error, requests.Timeout | TimeoutError) or "timed out" in text.lower():
        return f"no complete answer within {timeout_s:g} s"
    for sign, words in (
        ("NameResolution", "the host name cannot be resolved"),
        ("refused", "the connection was refused"),
        ("CERTIFICATE", "the server's certificate is not trusted"),
        ("ProxyError", "the proxy does not work"),
        ("IncompleteRead", "the answer broke off"),
        ("closed connection", "the connection was closed without an answer"),
        ("reset by peer", "the connection was reset"),
        ("aborted", "the connection was closed without an answer"),
    ):
        if sign in text:
            return words
    return f"the connection failed ({type(error).__name__})"
