"""``mmtoolkit doctor``: what it finds, what it calls wrong, and that it shows no secret."""

import json

import pytest

import mmtoolkit as mm
from mmtoolkit.cli import main

KEY = "sk-0123456789abcdef"


@pytest.fixture
def doctor(capsys):
    """Call it; return the exit code, and the findings by group and name."""

    def call(*arguments):
        code = main(["doctor", "--json", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert KEY not in out + err
        return code, json.loads(out)

    return call


def test_all_that_is_needed_is_here(doctor, capsys):
    code, found = doctor()

    assert code == 0
    assert list(found) == ["system", "libraries", "extras", "model", "cache", "notebook", "programs"]
    assert {one["state"] for one in found["libraries"].values()} == {"ok"}
    assert found["system"]["mmtoolkit"]["words"].startswith(f"{mm.__version__} at ")
    assert found["model"]["default model"]["words"].endswith("nothing leaves this machine")
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    assert all(f"\n  ok    {name} " in printed for name in ("numpy", "vectors", "region"))
    assert printed.endswith("\nall that is needed is here\n")


@pytest.mark.parametrize(
    ("variables", "name", "state", "words"),
    [
        ({}, "API key", "absent", "none in DASHSCOPE_API_KEY"),
        ({"DASHSCOPE_API_KEY": KEY}, "API key", "ok", "found in the environment variable DASHSCOPE_API_KEY"),
        ({"DASHSCOPE_API_KEY": f"{KEY} x"}, "API key", "wrong", "holds a space, line break or non-ASCII character"),
        ({"DASHSCOPE_API_KEY": KEY}, "default model", "ok", "'multimodal-embedding-v1' (an API key was found); items go to"),
        ({"MMTOOLKIT_MODEL": "locale"}, "default model", "wrong", "did you mean 'local'?"),
        ({}, "region", "ok", "beijing, https://dashscope.aliyuncs.com/api/v1, the default"),
        ({"DASHSCOPE_REGION": "singapore"}, "region", "ok", "singapore, https://dashscope-intl.aliyuncs.com/api/v1, as DASHSCOPE_REGION says"),
        ({"DASHSCOPE_REGION": "singapor"}, "region", "wrong", "did you mean 'singapore'?"),
        ({"DASHSCOPE_REGION": "singapore", "DASHSCOPE_API_REGION": "beijing"}, "region", "wrong", "disagree about where items go"),
    ],
)  # fmt: skip
def test_model_key_and_region_are_told_without_the_key(doctor, monkeypatch, variables, name, state, words):
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)

    code, found = doctor()

    assert found["model"][name]["state"] == state
    assert words in found["model"][name]["words"]
    assert (code == 1) == any(one["state"] == "wrong" for one in found["model"].values())


def test_a_key_file_is_named_and_a_proxy_without_its_password(doctor, monkeypatch, tmp_path):
    (tmp_path / "key").write_text(KEY)
    monkeypatch.setenv("DASHSCOPE_API_KEY_FILE_PATH", str(tmp_path / "key"))
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:{KEY}@proxy.example:3128")

    _, found = doctor()

    assert found["model"]["API key"] == {"state": "ok", "words": f"found in {tmp_path / 'key'}"}
    assert "HTTPS_PROXY" in found["system"]["proxy"]["words"]


@pytest.mark.parametrize(
    ("fonts", "state", "words"),
    [("WenQuanYi,文泉驿\\n", "ok", "WenQuanYi"), ("", "absent", "apt-get install fonts-noto-cjk")],
)
def test_a_missing_chinese_font_is_named(doctor, monkeypatch, tmp_path, fonts, state, words):
    (tmp_path / "fc-list").write_text(f"#!/bin/sh\nprintf '{fonts}'\n")
    (tmp_path / "fc-list").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    code, found = doctor()

    assert code == 0
    assert found["programs"]["Chinese font"]["state"] == state
    assert words in found["programs"]["Chinese font"]["words"]


def test_the_cache_is_measured_and_one_that_cannot_be_written_is_wrong(doctor, tmp_path):
    mm.embed_texts(["one", "two"], model="local", cache=tmp_path / "a", progress=False)
    (tmp_path / "file").write_text("")

    assert ": 2 vectors, 1 model, " in doctor("--cache", tmp_path / "a")[1]["cache"]["vectors"]["words"]
    assert "made at the first use" in doctor("--cache", tmp_path / "new")[1]["cache"]["vectors"]["words"]
    assert not (tmp_path / "new").exists()
    code, found = doctor("--cache", tmp_path / "file" / "below")
    assert code == 1
    assert found["cache"]["vectors"]["state"] == "wrong"
    assert "set MMTOOLKIT_CACHE to a folder that can" in found["cache"]["vectors"]["words"]
