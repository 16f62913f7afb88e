"""What a saved classifier says of itself, taken apart with care: a file may be damaged or edited."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._text import shorten

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["arrays_in", "classes_in", "manifest_digest", "mapping_in"]


def manifest_digest(manifest: Mapping[str, Any]) -> str:
    """Return SHA-256 of all that a manifest says, but for the digest itself, in hexadecimal."""
    said = {name: value for name, value in manifest.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def arrays_in(content: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of an ``.npz`` file, all of finite numbers."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        arrays = {name: np.asarray(file[name]) for name in file.files}
    for name, values in arrays.items():
        if values.dtype.kind != "f" or not np.isfinite(values).all():
            msg = f"{name} must hold finite numbers"
            raise ValueError(msg)
    return arrays


def mapping_in(value: Any, name: str) -> Mapping[str, Any]:
    """Return a part of a manifest that must be a mapping."""
    if not isinstance(value, Mapping):
        msg = f"{name} must be a mapping, got {shorten(repr(value))}"
        raise TypeError(msg)
    return value


def classes_in(said: Any) -> NDArray[Any]:
    """Return the classes of a manifest."""
    kinds = {type(value) for value in said} if isinstance(said, list) else set()
    if len(kinds) != 1 or not kinds <= {str, bool, int, float} or sorted(set(said)) != said or len(said) < 2:
        msg = f"classes must be at least two, of one type, sorted and different, got {shorten(repr(said))}"
        raise ValueError(msg)
    return np.array(said)
