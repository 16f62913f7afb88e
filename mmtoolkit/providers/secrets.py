"""Hold an API key, and never show it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

__all__ = ["Secret", "redact", "shown_address"]

_PATHS = {"", "api", "v1", "compatible-mode", "compatible-api", "openai", "embeddings"}
_KEY_LIKE = re.compile(r"\bsk-[A-Za-z0-9_-]{4,}")
_DATA_URI = re.compile(r"(data:[\w/+.-]+;base64,)[A-Za-z0-9+/=]+")


class Secret:
    """An API key that no repr, log line or traceback with local variables can show."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the key itself."""
        return self._value

    def first_odd_letter(self) -> int | None:
        """Return the position of the first letter that is not printable ASCII, from 0."""
        return next((i for i, letter in enumerate(self._value) if not "!" <= letter <= "~"), None)

    def __len__(self) -> int:
        return len(self._value)

    def __repr__(self) -> str:
        return "<API key>"

    def __reduce__(self) -> str:
        msg = "an API key is not pickled"
        raise TypeError(msg)


def shown_address(url: str) -> str:
    """Return an address without possible secrets: only usual names of a path are shown."""
    parts = urlsplit(url)
    path = "/".join(name if name in _PATHS else "…" for name in parts.path.split("/"))
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}"


def redact(text: str, key: Secret | None = None) -> str:
    """Return `text` without API keys and without the payload of data URIs."""
    if key is not None:
        text = re.sub(re.escape(key.reveal()), "<API key>", text, flags=re.IGNORECASE)
    return _DATA_URI.sub(r"\1…", _KEY_LIKE.sub("<API key>", text))
