"""The address of the service: regions, base URLs, and which of them a model has."""

from __future__ import annotations

import os
import re
import warnings
from dataclasses import dataclass
from urllib.parse import urlsplit

from mmtoolkit._text import did_you_mean
from mmtoolkit.providers.secrets import shown_address

__all__ = [
    "REGIONS",
    "Endpoint",
    "check_workspace",
    "find_endpoint",
    "region_of",
    "warn_of_exposure",
]

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
_URLS = ("DASHSCOPE_HTTP_BASE_URL", "DASHSCOPE_BASE_URL")
_REGION_NAMES = ("DASHSCOPE_REGION", "DASHSCOPE_API_REGION")
_WORKSPACES = ("DASHSCOPE_WORKSPACE", "DASHSCOPE_WORKSPACE_ID")
_LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Endpoint:
    """The address that items go to, and the setting that chose it.

    Parameters
    ----------
    url : str
        Address of the service up to ``/api/v1``, without a trailing slash.
    workspace : str or None
        Workspace id.
    source : str
        The variable of the environment that decides; empty where an argument does, or nothing.
    """

    url: str
    workspace: str | None
    source: str = ""

    @property
    def words(self) -> str:
        """Where items go, in words."""
        if not self.source:
            return "the DashScope service"
        region = region_of(self.url)
        where = f"{region}, {shown_address(self.url)}" if region else shown_address(self.url)
        return f"the DashScope service in {where}, as {self.source} says"

    @property
    def surprising(self) -> str:
        """The environment variable that decides; "" also for a server on this machine, because nothing leaves it."""
        stand_in = self.source == _URLS[0] and urlsplit(self.url).hostname in _LOCAL_HOSTS
        return "" if stand_in else self.source


def find_endpoint(base_url: str | None, region: str | None, workspace: str | None) -> Endpoint:
    """Return where items go; variables of the environment are read now.

    Parameters
    ----------
    base_url : str or None
        Wins over all else.
    region : str or None
        A key of `REGIONS`, or an Alibaba Cloud region id such as "eu-central-1", which may need `workspace`.
    workspace : str or None
        Workspace id; None takes ``DASHSCOPE_WORKSPACE`` or ``DASHSCOPE_WORKSPACE_ID``.

    Returns
    -------
    Endpoint
        Of `base_url`, else of the region, else of ``DASHSCOPE_HTTP_BASE_URL``, ``DASHSCOPE_BASE_URL``,
        ``DASHSCOPE_REGION`` or ``DASHSCOPE_API_REGION``, else Beijing's.

    Raises
    ------
    ValueError
        If the address or the region is none, or two settings name different places.
    """
    names = _said(_WORKSPACES) if workspace is None else {"workspace": workspace}
    _refuse_two(names, names)
    source, workspace = next(iter(names.items()), ("workspace", None))
    if base_url is not None or region is not None:
        urls = {} if base_url is None else {"base_url": base_url}
        regions = {} if region is None else {"region": region}
    else:
        urls, regions = _said(_URLS), _said(_REGION_NAMES)
    urls = {name: _checked(name, url) for name, url in urls.items()}
    named = {name: _canonical(name, one) for name, one in regions.items()}
    _refuse_two(urls, urls)
    places = {name: place for name, url in urls.items() if (place := region_of(url))} | named
    _refuse_two(places, {**urls, **regions})
    decided = next(iter([*urls, *regions]), "")
    url = urls[decided] if decided in urls else REGIONS["beijing"]
    if decided in regions:
        url = _of_region(decided, regions[decided].strip().lower(), workspace)
    check_workspace(workspace, source)
    bound = (urlsplit(url).hostname or "").removesuffix(".maas.aliyuncs.com")
    if bound != urlsplit(url).hostname and workspace is not None:
        _refuse_two(
            {decided: bound.split(".")[0].lower(), source: workspace.lower()}, {decided: url, source: workspace}
        )
    return Endpoint(url, workspace, decided if decided.startswith("DASHSCOPE_") else "")


def check_workspace(workspace: str | None, source: str = "workspace") -> None:
    """Raise for a text that cannot be a workspace id: it becomes part of a header and of host names."""
    if workspace is not None and not (isinstance(workspace, str) and _WORKSPACE.fullmatch(workspace)):
        msg = f"{source} must be an id of letters, digits, - and _ as the console shows it, got {workspace!r}"
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


def warn_of_exposure(address: str, *, stacklevel: int) -> None:
    """Warn when a key goes unencrypted to another machine."""
    if address.startswith("http://") and urlsplit(address).hostname not in _LOCAL_HOSTS:
        msg = f"the API key goes unencrypted to {shown_address(address)}; use https"
        warnings.warn(msg, UserWarning, stacklevel=stacklevel)


def _said(names: tuple[str, ...]) -> dict[str, str]:
    """Return the values of environment variables; an empty one counts as missing."""
    said = {name: os.environ.get(name, "").strip() for name in names}
    return {name: value for name, value in said.items() if value}


def _refuse_two(places: dict[str, str], shown: dict[str, str]) -> None:
    """Raise for settings that name different addresses."""
    (first, place), *others = [*places.items()] or [("", "")]
    for name, other in others:
        if other != place:
            one, two = (shown_address(said) if "://" in said else said for said in (shown[first], shown[name]))
            msg = (
                f"{first}={one!r} and {name}={two!r} disagree about where items go, so nothing was sent; "
                "remove one of them, or pass base_url= or region="
            )
            raise ValueError(msg)


def _checked(source: str, given: str) -> str:
    """Return an address without a trailing slash; for an invalid one raise, and name the address that was probably meant."""
    url = str(given).strip().rstrip("/")
    shown = re.split(r"[?#]", url.rpartition("@")[2])[0]
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    known = parts.scheme in ("http", "https") and bool(host)
    if not known or "@" in parts.netloc or "?" in url or "#" in url:
        bare = re.fullmatch(r"[\w-]+(\.[\w-]+)+(:\d+)?(/[\w/.-]*)?", shown)
        scheme = "" if "://" in shown else f"{parts.scheme if known else 'https'}://"  # a user name took it along
        meant = _meant(scheme + shown) if known or bare else ""
        msg = (
            f"{source} must be an http(s) address like {REGIONS['beijing']}, without a user name and without what follows "
            f"? or #, got {shown!r}{f'. Use {shown_address(meant)}' if meant else ''}"
        )
        raise ValueError(msg)
    if url != _meant(url):
        what = (
            "the address of the OpenAI dialect, for mm.OpenAICompatible"
            if "/compatible-mode" in url
            else "not the base URL"
        )
        msg = f"{source} is {what}: {shown_address(url)!r}. Use {shown_address(_meant(url))}"
        raise ValueError(msg)
    return url


def _meant(url: str) -> str:
    """Return the base URL that belongs to an address of the service: up to ``/api/v1``."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    service = (parts.hostname or "").endswith(".aliyuncs.com")
    if path and not service and "/compatible-mode" not in path:
        return (
            f"{parts.scheme}://{parts.netloc}{path.partition('/services/')[0]}"  # a gateway may have paths of its own
        )
    return f"{parts.scheme}://{parts.netloc}{path.partition('/compatible-mode')[0] if not service else ''}/api/v1"


def _canonical(source: str, region: str) -> str:
    """Return the usual name of a region for any of its spellings."""
    name = region.strip().lower() if isinstance(region, str) else region
    if name not in REGIONS and name not in _WORKSPACE_REGIONS:
        names = [*REGIONS, *_WORKSPACE_REGIONS]
        what = "region" if source == "region" else f"region in {source}:"
        msg = f"unknown {what} {region!r}{did_you_mean(region, names)}; choose one of {', '.join(names)}, or name an address with base_url= or {_URLS[0]}"
        raise ValueError(msg)
    return _WORKSPACE_REGIONS.get(name, name)


def _of_region(source: str, region: str, workspace: str | None) -> str:
    """Return the address of a region: that of the workspace where the region is given by its id and there is one."""
    if region in REGIONS:
        return REGIONS[region]
    if workspace is not None and _WORKSPACE.fullmatch(str(workspace)):
        return f"https://{workspace}.{region}.maas.aliyuncs.com/api/v1"
    public = _WORKSPACE_REGIONS[region]
    if public not in REGIONS or workspace is not None:
        what = f"region {region!r}" if source == "region" else f"{source}={region!r}"
        msg = f"{what} needs workspace=, the id of your workspace in the console, got {workspace!r}"
        raise ValueError(msg)
    return REGIONS[public]
