"""Messages in the words of the command line: options stand in place of arguments of Python."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

__all__ = ["in_options"]

_MARKS = "'\""
_TEXT = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_LEFT = rf"(?<!\w)(?:{_TEXT})(?!\w)|\w\([^()]*\)"  # what is quoted, and calls of Python
_VALUE = rf"{_TEXT}|[^\s,;:()'\"]*[\w.*…]"


def in_options(message: str, options: Mapping[str, str]) -> str:
    """Return a message in which arguments of Python are written as the options of a command.

    Parameters
    ----------
    message : str
        What a verb said, such as ``n_clusters=9 is more than 5; or pass cache=False``. What stands in quotes is left
        as it is, because it may be the name of an item.
    options : mapping of str to str
        From the name of an argument, or ``name=value`` where a value has an option of its own, to the option.

    Returns
    -------
    str
        The same message.

    Examples
    --------
    >>> in_options("pass on_error='nan', or cv=3 and cache=False", {"on_error": "--on-error", "cv": "--cv", "cache=False": "--no-cache"})
    'pass --on-error nan, or --cv 3 and --no-cache'
    >>> in_options("older_than must be a number, or name another with cache=", {"cache": "--cache", "older_than": "--older-than"})
    '--older-than must be a number, or name another with --cache'
    >>> in_options("the item 'cv=3.png' is empty", {"cv": "--cv"})
    "the item 'cv=3.png' is empty"
    """
    names = {name.partition("=")[0] for name in options}
    words = "|".join(sorted(name for name in names if "_" in name)) or "(?!)"
    any_name = "|".join(sorted(names)) or "(?!)"

    def said(found: re.Match[str]) -> str:
        name, value = found["name"] or found["word"], found["value"]
        if name is None:
            return found[0]
        if f"{name}={value}" in options:
            return options[f"{name}={value}"]
        option = options.get(name, options.get(f"{name}=True"))
        if option is None:
            return found[0]
        return f"{option} {shlex.quote(value.strip(_MARKS))}" if value else option

    named = rf"(?<![\w.])(?P<name>{any_name})=(?P<value>{_VALUE})?"
    bare = rf"(?<![\w.])(?P<word>{words}|^(?:{any_name})(?= must ))(?!\w)"
    return re.sub(f"{_LEFT}|{named}|{bare}", said, message)
