"""Where requests go: arguments, environment, regions."""

from __future__ import annotations

import pytest

import mmtoolkit as mm
from mmtoolkit.providers.dashscope.endpoint import REGIONS, find_base_url, region_of


def test_precedence_of_argument_region_environment_and_default(monkeypatch):
    assert find_base_url(None, None, None) == REGIONS["beijing"]
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", "https://env.example/api/v1/")

    assert find_base_url(None, None, None) == "https://env.example/api/v1"
    assert find_base_url(None, "singapore", None) == REGIONS["singapore"]
    assert find_base_url("https://arg.example/api/v1", "singapore", None) == "https://arg.example/api/v1"


@pytest.mark.parametrize(
    "url", ["", "dashscope.aliyuncs.com", "ftp://a.example/api/v1", "https://user:secret@a.example/api/v1", "https://"]
)
def test_what_is_no_address_is_refused_without_showing_passwords(url):
    with pytest.raises(ValueError, match="base_url must be an http") as caught:
        mm.DashScope(base_url=url)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate_share": 0}, "rate_share must be a share above 0 and at most 1, got 0"),
        ({"rate_share": 1.5}, "rate_share must be .* got 1.5"),
        ({"timeout_s": -1}, "timeout_s must be seconds above 0, got -1"),
        ({"timeout_s": float("nan")}, "timeout_s must be seconds above 0, got nan"),
        ({"workspace": "ws-1\n"}, "workspace must be an id of letters"),
    ],
)
def test_settings_out_of_range_are_refused_at_once(options, message):
    with pytest.raises(ValueError, match=message):
        mm.DashScope(**options)


def test_a_wrong_address_in_the_environment_is_named(monkeypatch):
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", "nonsense")
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-x")

    with pytest.raises(ValueError, match=r"DASHSCOPE_HTTP_BASE_URL must be an http.*got 'nonsense'"):
        mm.embed_texts(["a"], model="multimodal-embedding-v1", cache=False)


def test_unknown_regions_and_missing_workspaces():
    with pytest.raises(ValueError, match="unknown region 'mars'; choose one of beijing, singapore"):
        mm.DashScope(region="mars")
    with pytest.raises(ValueError, match="region 'eu-central-1' needs workspace="):
        mm.DashScope(region="eu-central-1")
    with pytest.raises(ValueError, match="needs workspace="):
        mm.DashScope(region="eu-central-1", workspace="a.evil.example/x")

    assert find_base_url(None, "eu-central-1", "ws-1") == "https://ws-1.eu-central-1.maas.aliyuncs.com/api/v1"


@pytest.mark.parametrize(
    ("url", "region"),
    [*((url, name) for name, url in REGIONS.items()), ("https://ws-1.cn-beijing.maas.aliyuncs.com/api/v1", "beijing"),
     ("http://127.0.0.1:8000/api/v1", None), ("https://proxy.example/api/v1", None)],
)  # fmt: skip
def test_region_of_an_address(url, region):
    assert region_of(url) == region
