"""How DashScope counts tokens: those of pictures before sending, and those in an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mmtoolkit.providers.queue import tokens
from mmtoolkit.providers.queue.reading import count_of

if TYPE_CHECKING:
    from mmtoolkit.models import ModelSpec

__all__ = ["counted", "media_tokens"]

_TIERS = (127, 402, 578, 1026)  # tokens at res_level 0..3


def media_tokens(spec: ModelSpec, kind: str, pixels: int | None, params: Mapping[str, Any]) -> int:
    """Guess the tokens of a picture or video: by its tier where the model has tiers, else by its pixels.

    Parameters
    ----------
    spec : ModelSpec
        The model's row.
    kind : {"image", "video"}
        A video counts once per frame.
    pixels : int or None
        Width times height; None when only the service sees it.
    params : mapping
        Parameters of the model: `res_level` and `max_video_frames` matter.

    Returns
    -------
    int
        Tokens.
    """
    frames = int(params.get("max_video_frames", 8)) if "max_video_frames" in spec.params and kind == "video" else 1
    level = params.get("res_level", 1) if "res_level" in spec.params else None
    tiered = isinstance(level, int) and 0 <= level < len(_TIERS)
    return frames * (_TIERS[level] if tiered else tokens.image_tokens(pixels))  # type: ignore[index]


def counted(usage: Mapping[str, Any]) -> tuple[int, int] | None:
    """Read text and media tokens from the usage in an answer; every model names them in another way.

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
        return count_of(details.get("text_tokens")), count_of(details.get("image_tokens")) + count_of(
            details.get("video_tokens")
        )
    if "image_tokens" in usage:
        return count_of(usage.get("input_tokens")), count_of(usage["image_tokens"]) + count_of(
            usage.get("video_tokens")
        )
    for name in ("input_tokens", "total_tokens", "total_usage"):
        if name in usage:
            return count_of(usage[name]), 0
    return None
