"""Find the API key, and never show it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from mmtoolkit.errors import ServiceStopError

__all__ = ["Secret", "find_api_key", "redact", "require_api_key"]

_KEY_LIKE = re.compile(r"\bsk-[A-Za-z0-9_-]{4,}")
_DATA_URI = re.compile(r"(data:[\w/+.-]+;base64,)[A-Za-z0-9+/=]+")
_HOW = 'set it before the call, in a terminal `export DASHSCOPE_API_KEY=...` or in a notebook os.environ["DASHSCOPE_API_KEY"] = getpass()'


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


def find_api_key() -> Secret | None:
    """Return the DashScope API key, read now: environment, key file, or the SDK's file in the home directory.

    Returns
    -------
    Secret or None
        Stripped of white space and quotes; None where there is none.
    """
    if key := _stripped(os.environ.get("DASHSCOPE_API_KEY", "")):
        return key
    path = _key_file() or Path.home() / ".dashscope" / "api_key"
    return _stripped(path.read_text("utf-8", errors="replace")) if path.is_file() else None


def _key_file() -> Path | None:
    named = os.environ.get("DASHSCOPE_API_KEY_FILE_PATH", "").strip()
    return Path(named).expanduser() if named else None


def require_api_key() -> Secret:
    """Return the key, or say what is wrong with it before anything is sent.

    Returns
    -------
    Secret
        The key, printable ASCII.

    Raises
    ------
    ServiceStopError
        If there is none, or it holds what no HTTP header can carry; the message does not show it.
    """
    key = find_api_key()
    if key is None:
        state = "is empty" if "DASHSCOPE_API_KEY" in os.environ else "is not set"
        file = _key_file()
        if file is not None:
            what = "is empty" if file.is_file() else "is a folder" if file.is_dir() else "does not exist"
            state += f", and {os.fspath(file)!r}, which DASHSCOPE_API_KEY_FILE_PATH names, {what}"
        msg = f"no API key: the environment variable DASHSCOPE_API_KEY {state}; {_HOW}. Or work offline with model='local'"
        raise ServiceStopError(msg)
    wrong = key.first_odd_letter()
    if wrong is not None:
        msg = (
            f"the API key ({len(key)} characters) holds a space, line break or non-ASCII character at position "
            f"{wrong + 1}; expected letters, digits and dashes, as in sk-... Copy it again from the console and {_HOW}"
        )
        raise ServiceStopError(msg)
    return key


def redact(text: str, key: Secret | None = None) -> str:
    """Return `text` without API keys and without the payload of data URIs."""
    if key is not None:
        text = text.replace(key.reveal(), "<API key>")
    return _DATA_URI.sub(r"\1…", _KEY_LIKE.sub("<API key>", text))


def _stripped(raw: str) -> Secret | None:
    key = raw.strip().strip("\"'").strip()
    return Secret(key) if key else None
