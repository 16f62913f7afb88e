"""Estimate tokens before sending, and turn tokens into money."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmtoolkit.models import Price

__all__ = ["UNSEEN_MEDIA", "cost", "cut", "image_tokens", "media_tokens", "text_tokens"]

UNSEEN_MEDIA = 1026  # a picture or video that only the service sees counts as a large one
_PATCH = 28 * 28  # pixels per token in the models whose counting is published
_LEAST, _MOST = 127, 1280
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


def image_tokens(pixels: int | None) -> int:
    """Estimate the tokens of a picture by its pixels; `UNSEEN_MEDIA` when only the service reads it."""
    return UNSEEN_MEDIA if pixels is None else min(max(math.ceil(pixels / _PATCH), _LEAST), _MOST)


def media_tokens(kind: str, pixels: int | None, params: Mapping[str, Any]) -> int:  # noqa: ARG001
    """Guess the tokens of one picture or video; a service with a published way of counting brings its own function.

    Parameters
    ----------
    kind : {"image", "video"}
        What it is; a video counts like a picture.
    pixels : int or None
        Width times height; None when only the service sees it.
    params : mapping
        Parameters of the model.

    Returns
    -------
    int
        Tokens.
    """
    return image_tokens(pixels)


def cost(price: Price, text: int, media: int) -> float:
    """Return the cost of some tokens, in the currency of `price`."""
    return (text * price.text + media * price.media) / 1_000_000
