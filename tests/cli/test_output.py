"""What commands print: --json, names of clusters in reports, and folders that cannot be written."""

import json

import pandas as pd
import pytest

import mmtoolkit as mm
from mmtoolkit.cli import main

KINDS = ("animal", "food", "time")


@pytest.fixture
def table(tmp_path):
    frame = mm.load_dataset("glosses")
    frame = frame[frame["label"].isin(KINDS)].groupby("label").head(8).reset_index(drop=True)
    frame["id"] = frame["label"] + "-" + frame.index.astype(str)
    frame[["id", "text", "label"]].to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def asked(capsys, *arguments):
    """Return what --json printed, which is all of stdout."""
    code = main([*map(str, arguments), "--json"])
    out = capsys.readouterr().out
    assert out.isascii()
    assert out.count("\n") == 1
    return code, json.loads(out)


def test_classify_cluster_and_project_tell_each_item_by_id(capsys, table, tmp_path):
    more = ["--model", "local", "--out", tmp_path / "out"]

    code, classes = asked(capsys, "classify", table, *more, "--cv", 3, "--save", tmp_path / "clf")

    assert code == 0
    assert classes["ids"] == [f"{KINDS[i // 8]}-{i}" for i in range(24)]
    assert len(classes["y_pred"]) == len(classes["y_proba"]) == 24
    assert "accuracy" in classes["metrics"]["metric"]
    clusters = asked(capsys, "cluster", table, *more, "--n-clusters", 3, "--names")[1]
    assert dict(zip(clusters["ids"], clusters["labels"], strict=True)).keys() == set(classes["ids"])
    assert len(clusters["names"]["name"]) == 3
    assert len(asked(capsys, "project", table, *more, "--method", "pca")[1]["coords"]) == 24
    assert (tmp_path / "out" / "report.html").is_file()


def test_search_estimate_and_verify(capsys, table, tmp_path):
    local = ["--model", "local"]
    mm.report(mm.cluster(mm.embed(mm.items(table), model="local"), 3)).save(tmp_path / "report.json")

    found = asked(capsys, "search", table, "something to eat", *local, "-k", 2)[1]

    assert [name.partition("-")[0] for name in found["table"]["id"]] == ["food", "food"]
    assert asked(capsys, "estimate", table, *local)[1]["items"] == 24
    assert asked(capsys, "verify", tmp_path / "report.json") == (
        0,
        {"verdict": "identical", "causes": [], "differences": {"where": [], "report": [], "now": [], "kind": []}, "notes": [], "checked": ["cluster"]},
    )  # fmt: skip
    table.write_text(table.read_text().replace("time-20,", "time-20,so "))
    code, checked = asked(capsys, "verify", tmp_path / "report.json")
    assert code == 1
    assert checked["causes"] == ["the text of item 'time-20' has changed"]


def test_a_failure_prints_no_json(capsys, tmp_path):
    assert main(["cluster", str(tmp_path / "none"), "--json"]) == 2
    assert capsys.readouterr().out == ""


def test_report_names_clusters(table, tmp_path):
    arguments = ["report", table, "--model", "local", "--method", "pca", "--n-clusters", 3, "--out", tmp_path]

    def names(*more):
        assert main([str(one) for one in [*arguments, *more]]) == 0
        return set(pd.read_csv(tmp_path / "items.csv")["cluster_name"])

    assert names("--no-names") == {"cluster 0", "cluster 1", "cluster 2"}
    assert len(names()) == 3
    assert not [name for name in names() if name.startswith("cluster ")]


def test_report_names_clusters_of_pictures(tmp_path):
    frame = mm.load_dataset("emoji").groupby("label").head(4)
    mm.embed(frame, model="local", progress=False).save(tmp_path / "v.parquet")

    arguments = ["report", str(tmp_path / "v.parquet"), "--method", "pca", "--n-clusters", "3", "--cv", "2"]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 0

    names = set(pd.read_csv(tmp_path / "out" / "items.csv")["cluster_name"])
    assert names
    assert not [name for name in names if name.startswith("cluster ")]


def test_a_report_names_no_clusters_where_a_service_would_have_to(capsys, tmp_path, quick, monkeypatch):
    monkeypatch.setenv("MMTOOLKIT_CACHE", str(tmp_path / "cache"))
    frame = mm.load_dataset("emoji").groupby("label").head(2)
    emb = mm.embed(frame, model="multimodal-embedding-v1", progress=False)
    emb.save(tmp_path / "v.parquet")
    sent = len(quick.records)

    code = main(
        ["report", str(tmp_path / "v.parquet"), "--method", "pca", "--n-clusters", "3", "--out", str(tmp_path / "o")]
    )

    assert code == 0
    assert len(quick.records) == sent
    assert "clusters have numbers; --names lets the model embed words to name them" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["demo", "report", "cluster"])
def test_a_folder_that_cannot_be_written_is_said_before_the_work(capsys, tmp_path, command):
    (tmp_path / "file").write_text("")
    where = [] if command == "demo" else ["emoji", "--model", "local"]

    code = main([command, *where, "--out", str(tmp_path / "file" / "out")])

    assert code == 1
    assert capsys.readouterr().err == (
        f"mmtoolkit: error: nothing can be written to '{tmp_path}/file/out': Not a directory; --out names another folder\n"
    )
