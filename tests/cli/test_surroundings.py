"""The command line in a terminal without UTF-8, in a folder and with a home that cannot be written."""

import os
import subprocess
import sys

import pytest

import mmtoolkit as mm

NOWHERE = "/proc"  # even root cannot write there
pytestmark = pytest.mark.skipif(not os.path.isdir(NOWHERE), reason="there is no folder that nobody can write to")


@pytest.fixture
def photos(tmp_path):
    frame = mm.load_dataset("emoji").groupby("label").head(1)[["id", "image", "text_zh"]].head(4)
    frame.to_csv(tmp_path / "list.csv", index=False)
    return tmp_path / "list.csv"


def run(*arguments, cwd=None, **variables):
    command = [sys.executable, "-m", "mmtoolkit", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": os.getcwd(), "PYTHONWARNINGS": "", **variables}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_chinese_words_are_understood_where_the_terminal_knows_ascii_only(photos):
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}
    more = ("search", photos, "红色的水果", "--text", "text_zh", "-k", "2", "--model", "local", "--no-cache")

    known, unknown = run(*more), run(*more, **ascii_only)

    assert known.returncode == unknown.returncode == 0, unknown.stderr
    assert unknown.stdout.splitlines()[0] == known.stdout.splitlines()[0].replace("红色的水果", "?????")
    scores = [[line.split()[:3] for line in done.stdout.splitlines()[2:]] for done in (known, unknown)]
    assert scores[0] == scores[1]


def test_a_home_that_cannot_be_written_costs_the_cache_and_nothing_else(photos):
    more = ("search", photos, "food", "--text", "text_zh", "-k", "2", "--model", "local")

    done = run(*more, HOME=NOWHERE, MMTOOLKIT_CACHE="", XDG_CACHE_HOME="")

    assert done.returncode == 0, done.stderr
    assert "could not be cached: the cache '/proc/.cache/mmtoolkit' cannot be used" in done.stderr
    assert done.stdout.startswith("2 hits for 'food'")


def test_a_folder_that_cannot_be_written_is_said_at_once():
    done = run("demo", cwd=NOWHERE)

    assert done.returncode == 1
    assert done.stderr.endswith(
        "nothing can be written to '/proc/out': No such file or directory; --out names another folder\n"
    )
