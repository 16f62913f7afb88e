"""Check the URLs of pictures: each is parsed once, by the parser that also connects, and its address must be public."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import NamedTuple

from mmtoolkit._text import shorten
from mmtoolkit.errors import UnreadableItemError

__all__ = ["Place", "is_public", "place", "resolved"]

_AUTHORITY = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)
_ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\\\u2028\u2029]")  # control characters, and what some take for a slash
_HOST = re.compile(r"(?!-)[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?", re.IGNORECASE)
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)\.?", re.IGNORECASE)  # as the last part of a host: it means an address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL_6 = ipaddress.IPv6Network("2000::/3")
_SPECIAL_4 = tuple(ipaddress.IPv4Network(net) for net in ("192.0.0.0/24", "192.88.99.0/24"))  # older Pythons: public
_TEREDO = ipaddress.IPv6Network("2001::/32")


class Place(NamedTuple):
    """The target of a URL: the host to connect to, and the path to request."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def header(self) -> str:
        """The value of the header ``Host``."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.scheme == "https" else 80) else f"{name}:{self.port}"


def place(url: str, name: str) -> Place:
    """Read a URL.

    Parameters
    ----------
    url : str
        http or https.
    name : str
        For messages.

    Returns
    -------
    Place
        In lower case, with the port; the host without brackets.

    Raises
    ------
    UnreadableItemError
        If programs could read it in different ways: backslashes, control characters, user names, escapes in the host,
        addresses that are not written in the usual way.
    """
    from urllib3.exceptions import LocationParseError
    from urllib3.util import parse_url

    authority = _AUTHORITY.match(url)
    if authority is None:
        msg = f"expected an http(s) URL, got {shorten(url)!r}"
        raise UnreadableItemError(msg, name=name)
    if _ODD.search(url) or re.search(r"[@%\s]", authority[1]):
        msg = f"cannot fetch {shorten(url)!r}: it holds a backslash, a control character, a user name or an escape in its host"
        raise UnreadableItemError(msg, name=name)
    try:
        parts = parse_url(url)
    except LocationParseError as error:
        msg = f"cannot fetch {shorten(url)!r}: it is no URL"
        raise UnreadableItemError(msg, name=name) from error
    scheme, host = parts.scheme or "", (parts.host or "").removeprefix("[").removesuffix("]")
    port = parts.port if parts.port is not None else 443 if scheme == "https" else 80
    if not _is_plain(host) or port == 0:
        msg = f"cannot fetch {shorten(url)!r}: its host is not a name or an address in its usual spelling"
        raise UnreadableItemError(msg, name=name)
    return Place(scheme, host, port, parts.request_uri)


def _is_plain(host: str) -> bool:
    """Return whether a host is a usual IP address, or a name that no program reads as an address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        last = host.rstrip(".").rpartition(".")[2]
        return bool(_HOST.fullmatch(host)) and not _NUMBER.fullmatch(last)
    return True


def resolved(where: Place, name: str, *, allow_private: bool) -> list[str]:
    """Resolve a host, once.

    Parameters
    ----------
    where : Place
        Its host.
    name : str
        For messages.
    allow_private : bool
        Whether addresses of this machine and of local networks are fine.

    Returns
    -------
    list of str
        Addresses to connect to, in the order to try; nothing else may be connected to.

    Raises
    ------
    UnreadableItemError
        If one of them is private: a name with public and private addresses is a trick.
    """
    found = socket.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)
    every = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    private = None if allow_private else next((address for address in every if not is_public(address)), None)
    if private is not None:
        msg = (
            f"{where.host} is a private address ({private}), which is not fetched; download the file and pass its path"
        )
        raise UnreadableItemError(msg, name=name)
    return every


def is_public(address: str) -> bool:
    """Return whether an address is public, also where IPv6 wraps an IPv4 address.

    Parameters
    ----------
    address : str
        IPv4 or IPv6, perhaps with a zone.

    Returns
    -------
    bool
        False for what is private, local, reserved, for groups or tunnels.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip not in _GLOBAL_6 or ip in _TEREDO:
            return False
    elif any(ip in net for net in _SPECIAL_4):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_private)
