"""report.json: what it holds, the same on every run, and where it is written."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.reporting.record import figures, rounded, seal


def test_json_holds_recipe_items_results_environment_and_run(rep, tmp_path, stamps):
    data = json.loads(rep.save(tmp_path / "report.json").read_text("utf-8"))

    assert list(data) == [
        "format",
        "version",
        "title",
        "tolerance",
        "recipe",
        "items",
        "results",
        "environment",
        "seals",
        "run",
    ]
    assert [step["name"] for step in data["recipe"]["steps"]] == ["classify", "classify_slices", "cluster", "project"]
    assert data["recipe"]["sources"]["emb"]["made_by"] == {
        "verb": "load_dataset",
        "file": None,
        "params": {"name": "stamps"},
        "n_items": 756,
    }
    assert data["items"]["emb"]["id"] == stamps.ids.tolist()
    assert data["items"]["emb"]["content_key"] == stamps.content_keys.tolist()
    assert data["items"]["emb"]["columns"]["label"] == stamps.items["label"].tolist()
    sealed = ("title", "tolerance", "recipe", "items", "results", "environment")
    tables = figures(data["results"])
    assert data["seals"] == {**{name: seal(data[name]) for name in sealed}, **{n: seal(t) for n, t in tables.items()}}
    assert {"classify.metrics", "cluster.labels", "project.coords"} <= set(tables)
    assert set(data["run"]) == {"time", "seconds", "usage", "items_folder"}


def test_json_names_no_absolute_path(rep, tmp_path):
    text = rep.save(tmp_path / "report.json").read_text("utf-8")

    assert os.fspath(tmp_path) not in text
    assert not re.search(r'"(/|[A-Z]:\\\\)', text)
    assert os.path.expanduser("~") not in text


def test_json_numbers_are_those_of_the_results(rep, results):
    classify = rep.data["results"]["classify"]

    assert classify["exact"]["y_pred"] == results[0].y_pred.tolist()
    assert classify["rounded"]["metrics"]["value"] == results[0].metrics["value"].round(4).tolist()
    assert rep.data["results"]["cluster"]["exact"]["labels"] == results[1].labels.tolist()


def test_rounding_reaches_every_depth():
    assert rounded({"a": [1.23456789, [np.float32(0.5), -0.00001]], "b": 3, "c": None}) == {
        "a": [1.2346, [0.5, 0.0]],
        "b": 3,
        "c": None,
    }


SCRIPT = """
import sys, threadpoolctl
threadpoolctl.threadpool_limits(int(sys.argv[1]))
import mmtoolkit as mm
from mmtoolkit.providers.local import model as local
local._BLOCK = dict.fromkeys(local._BLOCK, int(sys.argv[2]))
frame = mm.load_dataset("stamps").groupby("label").head(6).reset_index(drop=True)
if sys.argv[3] == "half":
    mm.embed(frame.iloc[::2].reset_index(drop=True), model="local", progress=False)
emb = mm.embed(frame, model="local", progress=False)
mm.report(mm.classify(emb, cv=3), mm.cluster(emb, range(3, 6)), mm.project(emb), title="Twice").save(sys.argv[4])
"""


def test_json_is_the_same_in_other_processes_threads_batches_and_caches(tmp_path):
    texts = []
    for threads, batch, cache in (("1", "1", "cold"), ("2", "16", "half")):
        env = {**os.environ, "MMTOOLKIT_CACHE": str(tmp_path / cache), "OPENBLAS_NUM_THREADS": threads}
        path = tmp_path / cache / "report.json"
        path.parent.mkdir()
        subprocess.run([sys.executable, "-W", "ignore", "-c", SCRIPT, threads, batch, cache, path], env=env, check=True)
        texts.append(path.read_text("utf-8").partition('\n "run": ')[0])

    assert texts[0] == texts[1]
    assert len(texts[0]) > 10_000


def test_two_sources_are_kept_apart(stamps, glosses):
    data = mm.report(mm.cluster(stamps, 3), mm.cluster(glosses, 3)).data

    assert list(data["recipe"]["sources"]) == ["emb", "emb_2"]
    assert [step["source"] for step in data["recipe"]["steps"]] == ["emb", "emb_2"]


def test_a_disk_that_takes_no_more_is_told_with_the_path(tmp_path, rng):
    resource = pytest.importorskip("resource")
    rep = mm.report(mm.cluster(rng.normal(size=(20, 4)), 2))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match=r"report\.json") as caught:
            rep.save(tmp_path / "report.json")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert caught.value.filename == str(tmp_path / "report.json")
    assert list(tmp_path.iterdir()) == []
