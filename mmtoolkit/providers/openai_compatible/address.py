"""The address of a server: which addresses are allowed, and whether they are on this machine."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

__all__ = ["endpoint_of", "host_of", "is_local"]

_ROUTE = "/embeddings"


def endpoint_of(base_url: str) -> str:
    """Return the address that requests go to.

    Parameters
    ----------
    base_url : str
        Up to ``/v1``, or the whole address that ends in ``/embeddings``.

    Returns
    -------
    str
        Ends in ``/embeddings``.

    Raises
    ------
    ValueError
        If it is no http(s) address, or holds a user name, a query or a fragment; the message shows none of these.
    """
    url = base_url.strip().rstrip("/") if isinstance(base_url, str) else ""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc or parts.query or parts.fragment:
        shown = re.split(r"[?#]", str(base_url).rpartition("@")[2])[0]
        msg = (
            "base_url must be an http(s) address such as http://localhost:8000/v1, without a user name and without what "
            f"follows ? or #, got {shown!r}"
        )
        raise ValueError(msg)
    return url if parts.path.endswith(_ROUTE) else url + _ROUTE


def host_of(url: str) -> str:
    """Return the host of an address, with its port where one is written."""
    return urlsplit(url).netloc


def is_local(url: str) -> bool:
    """Return whether an address is on this machine, by its text alone: no name is resolved."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
