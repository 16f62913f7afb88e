"""What the service counts, and what it will probably count."""

from __future__ import annotations

import pytest

import mmtoolkit as mm
from mmtoolkit.providers.dashscope.usage import counted, media_tokens


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"input_tokens": 10, "image_tokens": 896}, (10, 896)),
        (
            {"input_tokens": 30, "input_tokens_details": {"image_tokens": 20, "text_tokens": 10}, "total_tokens": 31},
            (10, 20),
        ),
        ({"total_tokens": 7}, (7, 0)),
        ({"total_usage": 9}, (9, 0)),
        ({"image_tokens": None, "input_tokens": "x"}, (0, 0)),
        ({"image_tokens": float("inf"), "input_tokens": True}, (0, 0)),
        ({"total_tokens": -5}, (0, 0)),
        ({"input_tokens": 5, "image_tokens": 3, "video_tokens": 4}, (5, 7)),
        ({}, None),
    ],
)
def test_every_spelling_of_usage_is_read(usage, expected):
    assert counted(usage) == expected


@pytest.mark.parametrize(
    ("model", "kind", "pixels", "params", "expected"),
    [
        ("multimodal-embedding-v1", "image", None, {}, 1026),
        ("multimodal-embedding-v1", "image", 28 * 28, {}, 127),
        ("multimodal-embedding-v1", "image", 28 * 28 * 500, {}, 500),
        ("multimodal-embedding-v1", "image", 10**9, {}, 1280),
        ("multimodal-embedding-v1", "video", None, {}, 1026),
        ("tongyi-embedding-vision-plus-2026-03-06", "image", None, {}, 402),
        ("tongyi-embedding-vision-plus-2026-03-06", "image", 10**9, {"res_level": 0}, 127),
        ("tongyi-embedding-vision-plus-2026-03-06", "video", None, {}, 8 * 402),
        ("tongyi-embedding-vision-plus-2026-03-06", "video", None, {"res_level": 3, "max_video_frames": 5}, 5 * 1026),
    ],
)
def test_media_count_by_tier_where_the_model_has_tiers_else_by_pixels(model, kind, pixels, params, expected):
    assert media_tokens(mm.get_model(model), kind, pixels, params) == expected
