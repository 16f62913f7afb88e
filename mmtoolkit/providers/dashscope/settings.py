"""The settings of the service in words: where a key was found and where items would go; never the key itself."""

from __future__ import annotations

from mmtoolkit.errors import MMToolkitError
from mmtoolkit.providers.dashscope.endpoint import find_endpoint, region_of
from mmtoolkit.providers.dashscope.key import key_source, require_api_key
from mmtoolkit.providers.secrets import shown_address
from mmtoolkit.words import listed, say

__all__ = ["readiness"]


def readiness() -> list[tuple[str, str, str]]:
    """Return the settings: a name, "ok", "absent" or "wrong", and words.

    Returns
    -------
    list of (str, str, str)
        Of the key and of the region. Nothing is sent.
    """
    return [("API key", *_key()), ("region", *_region())]


def _key() -> tuple[str, str]:
    try:
        source = key_source()
        if source:
            require_api_key()
            return "ok", say("found in {source}", source=source)
        return "absent", say("none in DASHSCOPE_API_KEY or ~/.dashscope/api_key; the offline model needs none")
    except (MMToolkitError, OSError) as error:
        return "wrong", str(error)


def _region() -> tuple[str, str]:
    try:
        endpoint = find_endpoint(None, None, None)
    except ValueError as error:
        return "wrong", str(error)
    said = say("as {name} says", name=endpoint.source) if endpoint.source else say("the default")
    return "ok", listed([region_of(endpoint.url) or say("a host of your own"), shown_address(endpoint.url), said])
