"""Fetch a picture from a URL because the user asked for it: http(s) only, bounded, never from private addresses."""

from __future__ import annotations

import ipaddress
import os
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from mmtoolkit._text import shorten
from mmtoolkit.errors import UnreadableItemError
from mmtoolkit.providers.addresses import Place, place, resolved
from mmtoolkit.providers.deadline import Deadline, Http, HttpPool, Https, HttpsPool

if TYPE_CHECKING:
    import requests
    from urllib3 import BaseHTTPResponse

__all__ = ["fetch"]

_MOST_BYTES = 64 * 1024 * 1024
_TIMEOUT_S = 30.0
_CONNECT_S = 10.0
_MOST_REDIRECTS = 3


def fetch(url: str, session: requests.Session, *, allow_private: bool = False) -> bytes:
    """Download a picture.

    Parameters
    ----------
    url : str
        http or https; every redirect is checked like the first address.
    session : requests.Session
        Whose settings for certificates and proxies are used.
    allow_private : bool, default=False
        Allow addresses of this machine and of local networks, and proxies, which connect wherever they like.

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
    with Deadline(_TIMEOUT_S) as deadline:
        try:
            for _ in range(_MOST_REDIRECTS + 1):
                response = _ask(place(url, name), url, session, name, allow_private=allow_private)
                try:
                    location = response.get_redirect_location()
                    if location:
                        url = urljoin(url, location)
                        continue
                    if response.status != 200:
                        msg = f"cannot fetch {shorten(url)!r}: HTTP {response.status}"
                        raise UnreadableItemError(msg, name=name, status_code=response.status)
                    return _read(response, end, name)
                finally:
                    response.close()
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # ValueError: an address that cannot be one; only its kind is told, a message may hold memory addresses
            why = f"it took more than {_TIMEOUT_S:g} s" if deadline.over else type(error).__name__
            msg = f"cannot fetch {shorten(url)!r}: {why}"
            raise UnreadableItemError(msg, name=name) from error
    msg = f"cannot fetch it: more than {_MOST_REDIRECTS} redirects"
    raise UnreadableItemError(msg, name=name)


def _ask(where: Place, url: str, session: requests.Session, name: str, *, allow_private: bool) -> BaseHTTPResponse:
    """Send a request to one of the addresses that were checked, and to no other."""
    from requests.utils import select_proxy
    from urllib3 import Timeout
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

    options: dict[str, Any] = {
        "headers": {"Host": where.header, "User-Agent": "mmtoolkit", "Accept-Encoding": "identity"},
        "timeout": Timeout(connect=_CONNECT_S, read=_TIMEOUT_S),
        "retries": False,
        "redirect": False,
        "preload_content": False,
    }
    settings = session.merge_environment_settings(url, {}, None, None, None)
    proxy = select_proxy(url, settings["proxies"])
    if proxy:
        if not allow_private:
            msg = (
                "a proxy is set, which would connect to addresses that cannot be checked from here; download the file "
                "and pass its path, or allow it with allow_private=True"
            )
            raise UnreadableItemError(msg, name=name)
        return session.get_adapter(url).proxy_manager_for(proxy).urlopen("GET", url, **options)  # type: ignore[no-any-return, attr-defined]
    lost: Exception = OSError("no address")
    for address in resolved(where, name, allow_private=allow_private):
        try:
            return _pool(where, address, settings["verify"]).urlopen("GET", where.target, **options)
        except (NewConnectionError, ConnectTimeoutError) as error:  # the next address may answer
            lost = error
    raise lost


class _Pinned(Http):
    """A connection to an address that was checked."""

    def connect(self) -> None:
        """Connect, and raise if the other side is another address."""
        super().connect()
        peer = str(self.sock.getpeername()[0])
        if _bare(peer) != _bare(self.host):
            self.close()
            msg = f"connected to {peer} instead of {self.host}"
            raise OSError(msg)


class _PinnedTls(_Pinned, Https):
    """The same over TLS."""


class _PinnedPool(HttpPool):
    ConnectionCls = _Pinned


class _PinnedTlsPool(HttpsPool):
    ConnectionCls = _PinnedTls


def _bare(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(address.partition("%")[0])


def _pool(where: Place, address: str, verify: object) -> HttpPool | HttpsPool:
    """Return connections to one address that speak to the host of a URL."""
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    if where.scheme == "http":
        return _PinnedPool(address, where.port)
    trusted = verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH
    return _PinnedTlsPool(
        address,
        where.port,
        server_hostname=where.host,
        assert_hostname=where.host,
        cert_reqs="CERT_REQUIRED",
        ca_certs=None if os.path.isdir(trusted) else trusted,
        ca_cert_dir=trusted if os.path.isdir(trusted) else None,
    )


def _read(response: BaseHTTPResponse, end: float, name: str) -> bytes:
    chunks, size = [], 0
    while chunk := response.read1(1 << 16, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        if size > _MOST_BYTES or time.monotonic() > end:
            msg = f"cannot fetch it: more than {_MOST_BYTES // 1024 // 1024} MB or {_TIMEOUT_S:g} s"
            raise UnreadableItemError(msg, name=name)
    return b"".join(chunks)
