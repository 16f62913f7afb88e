"""Grey pictures of more than eight bits: one rule for which value is white."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PILImage

__all__ = ["eight_bits"]

_BAND = 1 << 20  # pixels that are worked on at a time
_WHITES = {255: 0, 4095: 4, 65535: 8}  # what counts as white in whole numbers, and the bits to drop


def eight_bits(picture: PILImage.Image) -> tuple[PILImage.Image, str]:
    """Scale whole numbers or floats to 0..255.

    Floats within 0..1 go from black at 0 to white at 1. Other numbers go from black at 0 to white at 255, 4095 or 65535:
    whole numbers at the smallest of these that holds them all, floats at the one that they fill by more than half.
    Every other range is stretched: its smallest value is black, its largest white. What is not a finite number is black.

    Parameters
    ----------
    picture : PIL.Image.Image
        Mode F, I or I;16, in any byte order.

    Returns
    -------
    picture : PIL.Image.Image
        Mode L.
    note : str
        Empty when the values fill the range of their type; else what was taken for white, or what was stretched.
    """
    values = np.asarray(picture)
    low, high, odd = _range(values)
    white = _white(low, high, floats=values.dtype.kind == "f")
    notes = [f"{odd:,} pixels that are no finite numbers are black"] if odd else []
    if white is None:
        notes.append(f"grey values from {low:g} to {high:g} stretched to 0..255")
    elif white in (255, 4095):
        notes.append(f"grey values up to {high:g} read with {white} as white")
    result = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), step := max(1, _BAND // max(values.shape[1], 1))):
        result[top : top + step] = _scaled(values[top : top + step], white, low, high)
    return PILImage.fromarray(result), "; ".join(notes)


def _white(low: float, high: float, *, floats: bool) -> int | None:
    """Return the value of white where black is 0; None when the range must be stretched."""
    if low < 0 or (floats and high <= 1):
        return None if low < 0 else 1
    return next((white for white in _WHITES if high <= white and not (floats and high <= white / 2)), None)


def _range(values: NDArray[Any]) -> tuple[float, float, int]:
    """Return the smallest and the largest finite value, and how many are not finite."""
    if values.dtype.kind != "f":
        return float(values.min()), float(values.max()), 0
    finite = np.isfinite(values)
    low, high = np.min(values, where=finite, initial=np.inf), np.max(values, where=finite, initial=-np.inf)
    return float(low), float(high), int(values.size - np.count_nonzero(finite))


def _scaled(values: NDArray[Any], white: int | None, low: float, high: float) -> NDArray[np.uint8]:
    if white is not None and values.dtype.kind != "f":
        return (values >> _WHITES[white]).astype(np.uint8)
    wide: NDArray[Any] = np.where(np.isfinite(values), values, 0 if white else low)
    if white is not None:
        return (wide * np.float32(255 / white)).astype(np.uint8)
    span = high - low or 1.0
    return np.clip((wide.astype(np.float64) - low) * (255 / span), 0, 255).astype(np.uint8)
