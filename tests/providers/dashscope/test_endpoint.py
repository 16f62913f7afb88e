"""Where requests go: arguments, environment, regions."""

from __future__ import annotations

import pytest

import mmtoolkit as mm
from mmtoolkit.errors import MMToolkitError
from mmtoolkit.providers.dashscope.endpoint import REGIONS, find_endpoint, region_of

BEIJING = REGIONS["beijing"]


def shown(url):
    """Return an address as messages show it: other names of a path may be secrets."""
    return url.replace("/ali", "/…")


def test_precedence_of_argument_region_environment_and_default(monkeypatch):
    assert find_endpoint(None, None, None).url == REGIONS["beijing"]
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", "https://env.example/api/v1/")

    assert find_endpoint(None, None, None).url == "https://env.example/api/v1"
    assert find_endpoint(None, "singapore", None).url == REGIONS["singapore"]
    assert find_endpoint("https://arg.example/api/v1", "singapore", None).url == "https://arg.example/api/v1"


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

    assert find_endpoint(None, "eu-central-1", "ws-1").url == "https://ws-1.eu-central-1.maas.aliyuncs.com/api/v1"


@pytest.mark.parametrize(
    ("url", "region"),
    [*((url, name) for name, url in REGIONS.items()), ("https://ws-1.cn-beijing.maas.aliyuncs.com/api/v1", "beijing"),
     ("http://127.0.0.1:8000/api/v1", None), ("https://proxy.example/api/v1", None)],
)  # fmt: skip
def test_region_of_an_address(url, region):
    assert region_of(url) == region


def test_the_variables_of_every_sdk_are_honoured_in_order(monkeypatch):
    monkeypatch.setenv("DASHSCOPE_API_REGION", "ap-southeast-1")
    assert find_endpoint(None, None, None).url == REGIONS["singapore"]
    monkeypatch.setenv("DASHSCOPE_WORKSPACE_ID", "ws-1")
    assert find_endpoint(None, None, None).url == "https://ws-1.ap-southeast-1.maas.aliyuncs.com/api/v1"
    monkeypatch.setenv("DASHSCOPE_REGION", " Singapore ")
    there = find_endpoint(None, None, None)
    assert (there.url, there.workspace, there.source) == (REGIONS["singapore"], "ws-1", "DASHSCOPE_REGION")
    monkeypatch.setenv("DASHSCOPE_BASE_URL", "https://dashscope-intl.aliyuncs.com/api/v1/")
    assert find_endpoint(None, None, None).source == "DASHSCOPE_BASE_URL"
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", "https://dashscope-intl.aliyuncs.com/api/v1")
    assert find_endpoint(None, None, None).source == "DASHSCOPE_HTTP_BASE_URL"

    assert find_endpoint(None, "beijing", None).url == BEIJING
    assert find_endpoint(None, "beijing", "ws-2").workspace == "ws-2"
    assert find_endpoint("https://gateway.example/ali", None, None).source == ""


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        (
            {"DASHSCOPE_HTTP_BASE_URL": BEIJING, "DASHSCOPE_BASE_URL": REGIONS["singapore"]},
            ("HTTP_BASE_URL", "BASE_URL"),
        ),
        ({"DASHSCOPE_HTTP_BASE_URL": BEIJING, "DASHSCOPE_REGION": "singapore"}, ("HTTP_BASE_URL", "REGION")),
        ({"DASHSCOPE_BASE_URL": BEIJING, "DASHSCOPE_API_REGION": "us-east-1"}, ("BASE_URL", "API_REGION")),
        ({"DASHSCOPE_REGION": "singapore", "DASHSCOPE_API_REGION": "cn-beijing"}, ("REGION", "API_REGION")),
        ({"DASHSCOPE_WORKSPACE": "ws-1", "DASHSCOPE_WORKSPACE_ID": "ws-2"}, ("WORKSPACE", "WORKSPACE_ID")),
        (
            {"DASHSCOPE_BASE_URL": "https://ws-1.cn-beijing.maas.aliyuncs.com/api/v1", "DASHSCOPE_WORKSPACE": "ws-2"},
            ("BASE_URL", "WORKSPACE"),
        ),
    ],
)
def test_two_that_disagree_are_refused_by_name_and_nothing_is_sent(monkeypatch, variables, named):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-x")

    with pytest.raises(
        ValueError, match=rf"DASHSCOPE_{named[0]}=.* and DASHSCOPE_{named[1]}=.* disagree about where items go"
    ):
        mm.embed_texts(["a"], model="multimodal-embedding-v1", cache=False)


def test_arguments_that_disagree_are_refused_at_once():
    with pytest.raises(
        ValueError, match=r"base_url='https://dashscope.aliyuncs.com/api/v1' and region='singapore' disagree"
    ):
        mm.DashScope(base_url=BEIJING, region="singapore")


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("https://dashscope.aliyuncs.com/compatible-mode/v1", BEIJING),
        ("https://dashscope-intl.aliyuncs.com/compatible-mode/v1/", REGIONS["singapore"]),
        (
            "https://ws-1.cn-beijing.maas.aliyuncs.com/compatible-mode/v1",
            "https://ws-1.cn-beijing.maas.aliyuncs.com/api/v1",
        ),
        (f"{BEIJING}/services/embeddings/multimodal-embedding/multimodal-embedding", BEIJING),
        ("https://dashscope.aliyuncs.com", BEIJING),
        ("https://dashscope.aliyuncs.com/", BEIJING),
        ("dashscope.aliyuncs.com", BEIJING),
        ("dashscope.aliyuncs.com/api/v1", BEIJING),
        ("https://dashscope.aliyuncs.com/api", BEIJING),
        ("https://dashscope.aliyuncs.com/v1", BEIJING),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v1"),
        ("https://gateway.example/ali/compatible-mode/v1", "https://gateway.example/ali/api/v1"),
        ("https://gateway.example/ali/services/embeddings", "https://gateway.example/ali"),
        (f"{BEIJING}?api_key=secret", BEIJING),
        (f"{BEIJING}#secret", BEIJING),
        ("http://user:secret@127.0.0.1:8080/api/v1", "http://127.0.0.1:8080/api/v1"),
        ("https://user:sec/ret@gateway.example", "https://gateway.example/api/v1"),
        ("user:secret@gateway.example/api/v1", "https://gateway.example/api/v1"),
    ],
)
def test_the_address_that_was_meant_is_named(monkeypatch, url, meant):
    with pytest.raises(ValueError, match=rf"base_url (must|is) .*Use {shown(meant)}$") as caught:
        mm.DashScope(base_url=url)
    monkeypatch.setenv("DASHSCOPE_BASE_URL", url)
    with pytest.raises(ValueError, match=rf"DASHSCOPE_BASE_URL (must|is) .*Use {shown(meant)}$"):
        find_endpoint(None, None, None)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://[broken", "https://user:secret@dashscope.aliyuncs.com/api/v1?x=secret"])
def test_a_broken_or_telling_address_is_refused(url):
    with pytest.raises(ValueError, match="base_url must be") as caught:
        mm.DashScope(base_url=url)

    assert "secret" not in str(caught.value)


def test_a_region_in_the_environment_is_where_items_go_and_one_line_says_so(service, monkeypatch, capsys):
    monkeypatch.delenv("DASHSCOPE_HTTP_BASE_URL")
    monkeypatch.setitem(REGIONS, "singapore", service.base_url)
    monkeypatch.setenv("DASHSCOPE_REGION", "singapore")

    emb = mm.embed_texts(["a", "b"], model="tongyi-embedding-vision-plus", cache=False)

    said = capsys.readouterr().out.splitlines()
    assert emb.ok.all()
    assert len(service.calls) == 1
    assert said == [
        f"mmtoolkit: model 'tongyi-embedding-vision-plus'; items are sent to the DashScope service in singapore, {service.base_url}, as DASHSCOPE_REGION says"
    ]


def test_without_a_setting_nothing_is_said(service, capsys):
    mm.embed_texts(["a"], model="tongyi-embedding-vision-plus", cache=False)

    assert capsys.readouterr().out == ""


def test_a_region_that_lacks_the_model_is_warned_about_with_the_address(monkeypatch, fast):
    monkeypatch.setenv("DASHSCOPE_REGION", "singapore")
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-none")
    monkeypatch.setitem(REGIONS, "singapore", "http://127.0.0.1:9/api/v1")

    with pytest.warns(UserWarning, match="is offered in beijing, but .* is singapore"), pytest.raises(MMToolkitError):
        mm.embed_texts(["a"], model=mm.DashScope(**fast), cache=False)


def test_workers_send_where_the_driver_does(monkeypatch):
    monkeypatch.setenv("DASHSCOPE_REGION", "singapore")
    monkeypatch.setenv("DASHSCOPE_WORKSPACE", "ws-1")
    shared = mm.DashScope("tongyi-embedding-vision-plus").share(4)
    monkeypatch.delenv("DASHSCOPE_REGION")
    monkeypatch.delenv("DASHSCOPE_WORKSPACE")

    assert (shared.base_url, shared.workspace, shared.rate_share) == (REGIONS["singapore"], "ws-1", 0.25)


def test_a_workspace_of_the_environment_travels_along(service, client, monkeypatch):
    monkeypatch.setenv("DASHSCOPE_WORKSPACE", "ws-7")

    mm.embed_texts(["a"], model=client(), cache=False)

    assert service.calls[0].headers["X-DashScope-WorkSpace"] == "ws-7"


def test_what_is_no_workspace_in_the_environment_is_named(monkeypatch):
    monkeypatch.setenv("DASHSCOPE_WORKSPACE", "a b")

    with pytest.raises(ValueError, match="DASHSCOPE_WORKSPACE must be an id of letters"):
        find_endpoint(None, None, None)
