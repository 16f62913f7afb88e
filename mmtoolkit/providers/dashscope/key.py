"""Find the API key of the DashScope service."""

from __future__ import annotations

import os
from pathlib import Path

from mmtoolkit.errors import ServiceStopError
from mmtoolkit.providers.secrets import Secret

__all__ = ["find_api_key", "key_source", "require_api_key"]

_HOW = 'set it before the call, in a terminal `export DASHSCOPE_API_KEY=...` or in a notebook os.environ["DASHSCOPE_API_KEY"] = getpass()'


def find_api_key() -> Secret | None:
    """Return the DashScope API key, read now: environment, key file, or the SDK's file in the home directory.

    Returns
    -------
    Secret or None
        Stripped of white space and quotes; None where there is none.
    """
    return _found()[0]


def key_source() -> str:
    """Return where the key is found, in words; "" where there is none."""
    return _found()[1]


def _found() -> tuple[Secret | None, str]:
    """Return the key and the place where it was found."""
    if key := _stripped(os.environ.get("DASHSCOPE_API_KEY", "")):
        return key, "the environment variable DASHSCOPE_API_KEY"
    path = _key_file() or Path.home() / ".dashscope" / "api_key"
    key = _stripped(path.read_text("utf-8", errors="replace")) if path.is_file() else None
    return key, os.fspath(path) if key else ""


def _key_file() -> Path | None:
    named = os.environ.get("DASHSCOPE_API_KEY_FILE_PATH", "").strip()
    return Path(named).expanduser() if named else None


def require_api_key() -> Secret:
    """Return the key; raise before anything is sent if it is missing or cannot be a key.

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


def _stripped(raw: str) -> Secret | None:
    key = raw.strip().strip("\"'").strip()
    return Secret(key) if key else None
