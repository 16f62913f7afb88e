"""The emulated service keeps to what the published pages say, so that a client which passes here breaks no limit there."""

from __future__ import annotations

import base64
import io

import pytest
import requests
from PIL import Image as PILImage

V1, PLUS, SNAPSHOT = (
    "multimodal-embedding-v1",
    "tongyi-embedding-vision-plus",
    "tongyi-embedding-vision-plus-2026-03-06",
)
QWEN3, QWEN25 = "qwen3-vl-embedding", "qwen2.5-vl-embedding"
URL = "https://a.example/1.png"


def picture(size):
    buffer = io.BytesIO()
    PILImage.new("RGB", size).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


@pytest.fixture
def ask(emulator):
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {emulator.api_key}"

        def post(model, contents, parameters=None):
            url = f"{emulator.base_url}/services/embeddings/multimodal-embedding/multimodal-embedding"
            body = {"model": model, "input": {"contents": contents}, "parameters": parameters or {}}
            return session.post(url, json=body)

        yield post


@pytest.mark.parametrize(
    ("model", "contents", "parameters"),
    [
        (V1, [{"multi_images": [URL]}], {}),
        (PLUS, [{"multi_images": [URL] * 9}], {}),
        (PLUS, [{"multi_images": URL}], {}),
        (SNAPSHOT, [{"multi_images": [URL] * 65}], {}),
        (SNAPSHOT, [{"video": "https://a.example/1.mp4"}] * 9, {}),
        (QWEN3, [{"image": URL}] * 6, {}),
        (QWEN3, [{"video": "https://a.example/1.webm"}], {}),
        (QWEN25, [{"text": "a"}, {"text": "b"}], {}),
        (V1, [{"image": picture((10, 2010))}], {}),
        (V1, [{"image": picture((9, 20))}], {}),
        (SNAPSHOT, [{"text": "a"}], {"res_level": 9}),
        (SNAPSHOT, [{"text": "a"}], {"fps": 7}),
        (SNAPSHOT, [{"text": "a"}], {"max_video_frames": 65}),
        (V1, [{"text": "a"}], {"bogus": 1}),
        (V1, [{"text": "a"}], [1]),
        (V1, [None], {}),
        (V1, [{"image": None}], {}),
        (V1, [{}], {}),
    ],
)
def test_what_breaks_a_limit_is_refused(ask, model, contents, parameters):
    answer = ask(model, contents, parameters)

    assert answer.status_code == 400
    assert answer.json()["code"]


def test_a_model_that_is_no_name_is_refused(ask):
    assert ask(["a"], [{"text": "a"}]).status_code == 404


@pytest.mark.parametrize(
    ("model", "contents", "parameters", "types"),
    [
        (PLUS, [{"multi_images": [URL] * 8}], {}, ["multi_images"]),
        (QWEN3, [{"text": "a"}, {"image": URL}], {}, ["vl", "vl"]),
        (QWEN3, [{"text": "a"}, {"image": URL}], {"enable_fusion": True}, ["fusion"]),
        (SNAPSHOT, [{"text": "a", "image": URL}], {"res_level": 3, "fps": 0.5}, ["fused"]),
        (V1, [{"text": "a"}], {"output_type": "dense"}, ["text"]),
    ],
)
def test_types_are_those_of_the_pages(ask, model, contents, parameters, types):
    entries = ask(model, contents, parameters).json()["output"]["embeddings"]

    assert [entry["type"] for entry in entries] == types
