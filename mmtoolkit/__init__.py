"""mmtoolkit: sort, group, label and explain pictures, texts and videos in a notebook.

All of them get vectors in one semantic space, and each vector is paid for once. From the vectors come clusters with names,
classifiers with honest scores, maps to explore, search across modalities, and reports that another person can verify.
"""

from __future__ import annotations

import ast
import importlib
import logging
from pathlib import Path
from typing import Any

__version__ = "0.1.0"


def _public() -> dict[str, tuple[str, str]]:
    """Return module and name behind every public name; the imports of the stub `__init__.pyi` are the only list of them."""
    tree = ast.parse(Path(__file__).with_suffix(".pyi").read_text("utf-8"))
    return {
        alias.asname: (node.module or "", alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname is not None
    }


_PUBLIC = _public()
__all__ = sorted(_PUBLIC)

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        from mmtoolkit._text import did_you_mean

        msg = f"module {__name__!r} has no attribute {name!r}{did_you_mean(name, _PUBLIC)}"
        raise AttributeError(msg)
    module, inner = _PUBLIC[name]
    if module == __name__:
        return importlib.import_module(f"{module}.{inner}")
    value = getattr(importlib.import_module(module), inner)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
