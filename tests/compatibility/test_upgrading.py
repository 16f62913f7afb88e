"""Work that 0.1.0 began goes on, as docs/upgrading.md says."""

import importlib
import re
import warnings
from pathlib import Path

import pytest
from compatibility import described

import mmtoolkit as mm
from mmtoolkit.cli import main

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "upgrading.md").read_text("utf-8")


def test_work_of_0_1_0_goes_on(tmp_path, monkeypatch, service, capsys):
    home = described.unpack("0.1.0", tmp_path / "home")
    monkeypatch.setenv("MMTOOLKIT_CACHE", str(home / "cache"))
    words = mm.items(home / "reports/local/words.csv")

    paid = mm.embed_texts([*described.V1_TEXTS, "something new"], model=described.V1)
    offline = mm.embed(words, model="local")
    old = mm.Embeddings.load(home / "reports/own/vectors.parquet")
    old.save(tmp_path / "again.parquet")

    assert (paid.usage["cached"], paid.usage["computed"]) == (4, 1)
    assert offline.usage["computed"] == len(words)  # of the second edition
    assert (mm.Embeddings.load(tmp_path / "again.parquet").vectors == old.vectors).all()
    assert mm.load_classifier(home / "classifiers/own").predict(old).shape == (len(old),)

    before = mm.EmbeddingCache().stats()
    assert main(["cache", "prune", "--superseded"]) == 0
    after = mm.EmbeddingCache().stats()

    assert before["model"].tolist().count("local") == 2
    assert after[after["model"] == "local"]["revision"].tolist() == [offline.revision]
    assert after[after["model"] != "local"].equals(
        before[before["model"] != "local"].set_axis(after[after["model"] != "local"].index)
    )
    dropped = before["vectors"].sum() - after["vectors"].sum()
    assert f"{dropped} vectors dropped" in capsys.readouterr().out
    assert mm.embed(words, model="local").usage["computed"] == 0


@pytest.mark.parametrize(
    ("old", "new"), re.findall(r"^\| `(mmtoolkit\.\S+)` \| `(\S+)` \| works and warns", PAGE, re.MULTILINE)
)
def test_old_names_work_and_warn(old, new):
    module, _, name = old.rpartition(".")
    home, _, kept = new.rpartition(".")

    with pytest.warns(DeprecationWarning, match=kept):
        thing = getattr(importlib.import_module(module), name)

    assert thing is getattr(importlib.import_module(home), kept)


def test_names_that_are_gone_are_gone():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for old in re.findall(r"^\| `(mmtoolkit\.\S+)` \|.*\| is gone", PAGE, re.MULTILINE):
            module, _, name = old.rpartition(".")
            assert not hasattr(importlib.import_module(module), name)
    assert not hasattr(mm.spark.SparkClustering, "stability")
