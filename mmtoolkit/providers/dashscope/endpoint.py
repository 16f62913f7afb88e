"""Where the service is: regions, base URLs, and which of them go together with a model."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

__all__ = ["REGIONS", "check_workspace", "find_base_url", "region_of"]

REGIONS = {
    "beijing": "https://dashscope.aliyuncs.com/api/v1",
    "singapore": "https://dashscope-intl.aliyuncs.com/api/v1",
    "virginia": "https://dashscope-us.aliyuncs.com/api/v1",
    "hongkong": "https://cn-hongkong.dashscope.aliyuncs.com/api/v1",
    "finance": "https://dashscope-finance.aliyuncs.com/api/v1",
}
_WORKSPACE_REGIONS = {
    "cn-beijing": "beijing",
    "ap-southeast-1": "singapore",
    "us-east-1": "virginia",
    "cn-hongkong": "hongkong",
    "ap-northeast-1": "tokyo",
    "eu-central-1": "frankfurt",
}
_WORKSPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def find_base_url(base_url: str | None, region: str | None, workspace: str | None) -> str:
    """Return the address of the service, read now.

    Parameters
    ----------
    base_url : str or None
        Wins over all else.
    region : str or None
        A key of `REGIONS`, or an Alibaba Cloud region id such as "eu-central-1", which needs `workspace`.
    workspace : str or None
        Workspace id.

    Returns
    -------
    str
        `base_url`, else the region's, else ``DASHSCOPE_HTTP_BASE_URL``, else Beijing's; without a trailing slash.

    Raises
    ------
    ValueError
        If the address or the region is none.
    """
    if base_url is None and region is not None:
        return _of_region(region, workspace)
    source = "base_url" if base_url is not None else "DASHSCOPE_HTTP_BASE_URL"
    url = (base_url if base_url is not None else os.environ.get("DASHSCOPE_HTTP_BASE_URL", "")).strip().rstrip("/")
    if not url and base_url is None:
        return REGIONS["beijing"]
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc or parts.query or parts.fragment:
        shown = re.split(r"[?#]", url.rpartition("@")[2])[0]
        msg = (
            f"{source} must be an http(s) address like {REGIONS['beijing']}, without a user name and without what follows "
            f"? or #, got {shown!r}"
        )
        raise ValueError(msg)
    return url


def check_workspace(workspace: str | None) -> None:
    """Refuse what can be no workspace id: it travels in a header and in host names."""
    if workspace is not None and not (isinstance(workspace, str) and _WORKSPACE.fullmatch(workspace)):
        msg = f"workspace must be an id of letters, digits, - and _ as the console shows it, got {workspace!r}"
        raise ValueError(msg)


def region_of(base_url: str) -> str | None:
    """Return the region of an address of the service; None for any other host."""
    for name, url in REGIONS.items():
        if urlsplit(url).hostname == urlsplit(base_url).hostname:
            return name
    host = urlsplit(base_url).hostname or ""
    if host.endswith(".maas.aliyuncs.com"):
        return _WORKSPACE_REGIONS.get(host.split(".")[1])
    return None


def _of_region(region: str, workspace: str | None) -> str:
    if region in REGIONS:
        return REGIONS[region]
    if region not in _WORKSPACE_REGIONS:
        have = ", ".join([*REGIONS, *_WORKSPACE_REGIONS])
        msg = f"unknown region {region!r}; choose one of {have}, or pass base_url="
        raise ValueError(msg)
    if workspace is None or not _WORKSPACE.fullmatch(workspace):
        msg = f"region {region!r} needs workspace=, the id of your workspace in the console, got {workspace!r}"
        raise ValueError(msg)
    return f"https://{workspace}.{region}.maas.aliyuncs.com/api/v1"
