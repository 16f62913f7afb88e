"""Read the manifest of a saved classifier with checks, because the file may be damaged or edited."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._npz import read_npz
from mmtoolkit._text import shorten
from mmtoolkit.errors import VerifyError

__all__ = ["arrays_in", "claim", "classes_in", "manifest_digest", "mapping_in"]


def claim(holds: bool, otherwise: str) -> None:
    """Raise VerifyError with the words `otherwise` unless what a saved classifier claims holds."""
    if not holds:
        raise VerifyError(otherwise)


def manifest_digest(manifest: Mapping[str, Any]) -> str:
    """Return SHA-256 of a manifest without the digest itself, in hexadecimal."""
    said = {name: value for name, value in manifest.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def arrays_in(content: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of an ``.npz`` file, all of finite numbers."""
    arrays = read_npz(io.BytesIO(content), len(content))
    for name, values in arrays.items():
        claim(values.dtype.kind == "f" and bool(np.isfinite(values).all()), f"{name} must hold finite numbers")
    return arrays


def mapping_in(value: Any, name: str) -> Mapping[str, Any]:
    """Return a part of a manifest that must be a mapping."""
    claim(isinstance(value, Mapping), f"{name} must be a mapping, got {shorten(repr(value))}")
    return value  # type: ignore[no-any-return]


def classes_in(said: Any) -> NDArray[Any]:
    """Return the classes of a manifest."""
    kinds = {type(value) for value in said} if isinstance(said, list) else set()
    sound = len(kinds) == 1 and kinds <= {str, bool, int, float} and sorted(set(said)) == said and len(said) > 1
    claim(sound, f"classes must be at least two, of one type, sorted and different, got {shorten(repr(said))}")
    return np.array(said)
