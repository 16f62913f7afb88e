"""Estimate tokens before sending, read the counted ones afterwards, and turn both into money."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmtoolkit.models import Price

__all__ = ["UNSEEN_MEDIA", "cost", "counted", "cut", "image_tokens", "text_tokens"]

UNSEEN_MEDIA = 1026  # a picture or video that only the service sees: the dearest published tier
_PATCH = 28 * 28  # pixels per token in the models whose counting is published
_TIERS = (127, 402, 578, 1026)  # res_level 0..3
_PIECE = re.compile(r"[A-Za-z0-9_]+|[^\sA-Za-z0-9_]")


def text_tokens(text: str) -> int:
    """Estimate from above how many model tokens a text has; no tokenizer is shipped.

    One per four letters of a Latin word, one per Chinese character, sign or letter of another script.
    """
    return sum(math.ceil((m.end() - m.start()) / 4) for m in _PIECE.finditer(text))


def cut(text: str, limit: int) -> str:
    """Return the start of `text` that is estimated at `limit` tokens or fewer."""
    used = 0
    for match in _PIECE.finditer(text):
        size = math.ceil((match.end() - match.start()) / 4)
        if used + size > limit:
            kept = text[: match.start()].rstrip()
            return kept or text[: match.start() + 4 * limit]
        used += size
    return text


def image_tokens(pixels: int | None, level: object = None) -> int:
    """Guess the tokens of a picture: by its tier where the model has tiers, else by its pixels.

    Parameters
    ----------
    pixels : int or None
        Width times height; None when only the service sees the picture.
    level : object, default=None
        The model's ``res_level``.

    Returns
    -------
    int
        Between the smallest and a little above the largest published tier.
    """
    if isinstance(level, int) and 0 <= level < len(_TIERS):
        return _TIERS[level]
    return UNSEEN_MEDIA if pixels is None else min(max(math.ceil(pixels / _PATCH), _TIERS[0]), 1280)


def counted(usage: Mapping[str, Any]) -> tuple[int, int] | None:
    """Read text and media tokens from what the service counted; every model spells it in another way.

    Parameters
    ----------
    usage : mapping
        The answer's ``usage``.

    Returns
    -------
    tuple of int, or None
        Text tokens and media tokens; None when nothing was counted.
    """
    details = usage.get("input_tokens_details")
    if isinstance(details, Mapping):
        return _int(details.get("text_tokens")), _int(details.get("image_tokens")) + _int(details.get("video_tokens"))
    if "image_tokens" in usage:
        return _int(usage.get("input_tokens")), _int(usage["image_tokens"])
    for name in ("input_tokens", "total_tokens", "total_usage"):
        if name in usage:
            return _int(usage[name]), 0
    return None


def cost(price: Price, text: int, media: int) -> float:
    """Return what so many tokens cost, in the currency of `price`."""
    return (text * price.text + media * price.media) / 1_000_000


def _int(value: object) -> int:
    return int(value) if isinstance(value, int | float) and value >= 0 else 0
