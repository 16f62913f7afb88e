"""The models table: every row complete, dated, and checked against what the emulated service was told apart from it."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import pickle

import numpy as np
import pytest
from emulator.models import MODELS

import mmtoolkit as mm

SNAPSHOT = "tongyi-embedding-vision-plus-2026-03-06"
SERVICE = [n for n in mm.list_models() if mm.get_model(n).provider == "dashscope" and n in MODELS]


def test_every_model_of_the_service_has_a_row():
    assert set(SERVICE) == set(MODELS)


@pytest.mark.parametrize("name", SERVICE)
def test_rows_agree_with_the_service(name):
    row, service = mm.get_model(name), MODELS[name]

    assert row.dimension == service.dimension
    assert set(row.dimensions) - {row.dimension} == set(service.dimensions) - {row.dimension}
    assert row.contents_per_call <= service.contents
    assert (row.family == "text") == service.texts
    if row.family == "multimodal":
        assert set(row.image_formats) == set(service.formats)
        assert row.fusion == (service.fusion or "none")


@pytest.mark.parametrize("name", SERVICE)
def test_rows_carry_limits_and_the_day_they_were_read(name):
    row = mm.get_model(name)

    unpublished = ("multimodal-embedding-one-peace-v1", "qwen3.7-text-embedding", "qwen3.7-text-embedding-flash")
    published = name not in unpublished
    assert (row.rpm is not None, row.tpm is not None) == (published, published)
    assert row.text_tokens
    assert row.regions
    assert datetime.date.fromisoformat(row.rows_as_of)
    for region, price in row.prices.items():
        assert region in row.regions
        assert price.currency in ("CNY", "USD")
        assert price.text > 0
        assert price.media > 0
        assert datetime.date.fromisoformat(price.as_of)


def test_the_model_of_the_specification():
    row = mm.get_model("multimodal-embedding-v1")

    assert (row.dimension, row.dimensions, row.text_tokens, row.image_bytes) == (1024, (), 512, 3 * 1024 * 1024)
    assert row.image_formats == {"JPEG", "PNG", "BMP"}
    assert row.video_formats == {"mp4", "mpeg", "mpg", "webm", "avi", "flv", "mkv", "mov"}
    assert row.video_sources == {"url"}
    assert (row.rpm, row.regions, row.contents_per_call) == (120, ("beijing",), 20)
    assert row.packs == ("text",)


def test_facts_on_which_the_sources_disagree_are_marked():
    plus, flash = mm.get_model("tongyi-embedding-vision-plus"), mm.get_model("qwen3.7-text-embedding-flash")

    assert "fixed at 1152" in plus.unverified["dimensions"]
    assert "fixed at 1152" in plus._repr_html_()
    assert not mm.get_model(SNAPSHOT).unverified
    assert (flash.dimension, flash.dimensions, flash.contents_per_call) == (1024, (1024, 768, 512, 256), 20)
    assert flash.tokens_per_call < 4500


@pytest.mark.parametrize(
    ("name", "regions", "dollars"),
    [
        ("qwen3-vl-embedding", ("beijing",), {}),
        ("text-embedding-v3", ("beijing", "singapore"), {"singapore": "2026-03"}),
        ("text-embedding-v4", ("beijing", "singapore", "hongkong"), {"singapore": "2026-03", "hongkong": "2026-03"}),
        ("qwen3.7-text-embedding", ("beijing", "singapore"), {"singapore": "2026-10"}),
    ],
)
def test_regions_and_their_prices(name, regions, dollars):
    row = mm.get_model(name)

    assert row.regions == regions
    assert {region: price.as_of[:7] for region, price in row.prices.items() if price.currency == "USD"} == dollars
    assert all(price.text == 0.07 for price in row.prices.values() if price.currency == "USD")


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [
        ("multimodal-embeding-v1", "multimodal-embedding-v1"),
        ("qwen3-vl", "qwen3-vl-embedding"),
        ("lokal", "local"),
        ("LOCAL", "local"),
        ("tongyi", "tongyi-embedding-vision-plus"),
        ("Embedding v4", "text-embedding-v4"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(asked, nearest):
    with pytest.raises(ValueError, match=f"unknown model '{asked}'; did you mean '{nearest}'"):
        mm.get_model(asked)


@pytest.mark.parametrize("asked", ["dashscope", "DashScope", "dash-scope"])
def test_the_name_of_a_provider_suggests_one_of_its_models(asked):
    with pytest.raises(ValueError, match=f"'{asked}' is a provider, .*such as 'multimodal-embedding-v1'"):
        mm.embed_texts(["a"], model=asked)


def test_a_name_like_no_other_lists_all():
    with pytest.raises(ValueError, match=r"unknown model '%%'\. Known: local, multimodal-embedding-v1"):
        mm.get_model("%%")


def test_dimensions_are_checked_against_the_row():
    row = mm.get_model("text-embedding-v4")

    assert row.check_dimension(None) == 1024
    assert row.check_dimension(256) == 256
    with pytest.raises(ValueError, match="no dimension 1000; it has 2048, 1536"):
        row.check_dimension(1000)
    with pytest.raises(ValueError, match="no dimension 512; it has 1024"):
        mm.get_model("multimodal-embedding-v1").check_dimension(512)


@pytest.mark.parametrize(
    ("params", "plain"),
    [
        ({"fps": 1}, {"fps": 1.0}),
        ({"fps": np.float32(0.5)}, {"fps": 0.5}),
        ({"res_level": np.int64(2), "max_video_frames": 64.0}, {"res_level": 2, "max_video_frames": 64}),
    ],
)
def test_equal_parameters_are_written_alike(params, plain):
    checked = mm.get_model(SNAPSHOT).check_params(params)

    assert repr(checked) == repr(plain)


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        (SNAPSHOT, {"res_level": 9}, "'res_level' must be one of 0, 1, 2, 3, got 9"),
        (SNAPSHOT, {"res_level": True}, "got True"),
        (SNAPSHOT, {"fps": 7}, "'fps' must be a number from 0 to 1, got 7"),
        (SNAPSHOT, {"fps": "1"}, "got '1'"),
        (SNAPSHOT, {"max_video_frames": 65}, "got 65"),
        ("text-embedding-v4", {"text_type": "foo"}, "'text_type' must be one of 'query', 'document', got 'foo'"),
        ("text-embedding-v4", {"instruct": {1, 2}}, "'instruct' must be a JSON value"),
        ("multimodal-embedding-one-peace-v1", {"auto_truncation": 1}, "one of True, False, got 1"),
    ],
)
def test_values_of_parameters_are_checked_against_the_row(name, params, message):
    with pytest.raises(ValueError, match=message):
        mm.get_model(name).check_params(params)


def test_a_row_of_ones_own():
    row = dataclasses.replace(mm.get_model("text-embedding-v4"), name="test-row", rpm=7)

    assert mm.register_model(row) is row
    assert mm.get_model("test-row").rpm == 7
    with pytest.raises(ValueError, match="there is no provider of the kind 'elsewhere'"):
        mm.register_model(dataclasses.replace(row, provider="elsewhere"))


@pytest.mark.parametrize("name", mm.list_models())
def test_rows_can_be_pickled(name):
    row = mm.get_model(name)

    again = pickle.loads(pickle.dumps(row))

    assert again == copy.deepcopy(row) == row
    with pytest.raises(TypeError):
        again.params["x"] = "y"


def test_a_row_shows_itself_as_a_table():
    html = mm.get_model("qwen3-vl-embedding")._repr_html_()

    assert "<table>" in html
    assert "32000" in html
    assert "fps: share of" in html
