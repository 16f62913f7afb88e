"""Packages whose names are imported when they are first asked for; the stub beside the package is the only list of them."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["attach"]


def attach(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    file : str
        Its ``__file__``; the imports ``from module import name as name`` of the stub beside it are its public names.

    Returns
    -------
    tuple
        Values for the three names.
    """
    tree = ast.parse(Path(file).with_suffix(".pyi").read_text("utf-8"))
    public = {
        alias.asname: (node.module or "", alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname is not None
    }

    def get(name: str) -> Any:
        if name not in public:
            from mmtoolkit._text import did_you_mean

            msg = f"module {package!r} has no attribute {name!r}{did_you_mean(name, public)}"
            raise AttributeError(msg)
        module, inner = public[name]
        if module == package:
            return importlib.import_module(f"{module}.{inner}")
        value = getattr(importlib.import_module(module), inner)
        setattr(sys.modules[package], name, value)
        return value

    names = sorted(public)
    return get, lambda: names, names
