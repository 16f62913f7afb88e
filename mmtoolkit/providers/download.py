"""Fetch a picture from a URL because the user asked for it: http(s) only, bounded, never from private addresses."""

from __future__ import annotations

import ipaddress
import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from mmtoolkit._text import shorten
from mmtoolkit.errors import UnreadableItemError

if TYPE_CHECKING:
    import requests

__all__ = ["fetch"]

_MOST_BYTES = 64 * 1024 * 1024
_TIMEOUT_S = 30.0
_MOST_REDIRECTS = 3


def fetch(url: str, session: requests.Session, *, allow_private: bool = False) -> bytes:
    """Download a picture.

    Parameters
    ----------
    url : str
        http or https; every redirect is checked like the first address.
    session : requests.Session
        Whose connections are used.
    allow_private : bool, default=False
        Allow addresses of this machine and of local networks.

    Returns
    -------
    bytes
        At most 64 MB.

    Raises
    ------
    UnreadableItemError
        If the address is not allowed, or nothing usable came within 30 seconds.
    """
    import requests
    import urllib3

    name = shorten(url.partition("?")[0].rsplit("/", 1)[-1] or url)
    end = time.monotonic() + _TIMEOUT_S
    try:
        for _ in range(_MOST_REDIRECTS + 1):
            _check(url, name, allow_private=allow_private)
            with session.get(url, stream=True, allow_redirects=False, timeout=(10, _TIMEOUT_S)) as response:
                if response.is_redirect:
                    url = urljoin(url, response.headers["location"])
                    continue
                if response.status_code != 200:
                    msg = f"cannot fetch {shorten(url)!r}: HTTP {response.status_code}"
                    raise UnreadableItemError(msg, name=name, status_code=response.status_code)
                return _read(response, end, name)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        # ValueError: an address that cannot be one; only its kind is told, a message may hold memory addresses
        msg = f"cannot fetch {shorten(url)!r}: {type(error).__name__}"
        raise UnreadableItemError(msg, name=name) from error
    msg = f"cannot fetch it: more than {_MOST_REDIRECTS} redirects"
    raise UnreadableItemError(msg, name=name)


def _read(response: requests.Response, end: float, name: str) -> bytes:
    chunks, size = [], 0
    while chunk := response.raw.read1(1 << 16, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        if size > _MOST_BYTES or time.monotonic() > end:
            msg = f"cannot fetch it: more than {_MOST_BYTES // 1024 // 1024} MB or {_TIMEOUT_S:g} s"
            raise UnreadableItemError(msg, name=name)
    return b"".join(chunks)


def _check(url: str, name: str, *, allow_private: bool) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        msg = f"expected an http(s) URL, got {shorten(url)!r}"
        raise UnreadableItemError(msg, name=name)
    if allow_private:
        return
    found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    for address in {str(entry[4][0]) for entry in found}:
        if not ipaddress.ip_address(address.split("%")[0]).is_global:
            msg = f"{parts.hostname} is a private address ({address}), which is not fetched; download the file and pass its path"
            raise UnreadableItemError(msg, name=name)
