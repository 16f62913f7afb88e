"""Reports to check: of pictures in folders, of texts in a table, and of results that start from others."""

import shutil

import numpy as np
import pandas as pd
import pytest

import mmtoolkit as mm


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A folder with 60 pictures of three classes, and a report on them beside it."""
    home = tmp_path_factory.mktemp("verify")
    frame = mm.load_dataset("stamps")
    frame = frame[frame["label"].isin(["animals", "money", "vehicles"])].groupby("label").head(20)
    for label, path in zip(frame["label"], frame["image"], strict=True):
        (home / "photos" / label).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, home / "photos" / label)
    emb = mm.embed(mm.read_folder(home / "photos"), model="local", progress=False)
    results = mm.classify(emb, cv=3), mm.cluster(emb, 3), mm.project(emb, method="pca")
    rep = mm.report(*results, title="Sixty pictures")
    rep.save(home / "report.json")
    emb.save(home / "vectors.parquet")
    return home, emb


@pytest.fixture
def home(made, tmp_path):
    """A copy that a test may spoil."""
    shutil.copytree(made[0], tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def words(tmp_path):
    """Eighteen texts in a table, and a report on them beside it."""
    texts = pd.DataFrame({"id": range(18), "text": [f"{w} {i}" for i in range(6) for w in ("cat", "car", "tea")]})
    texts["label"] = texts["text"].str.split().str[0]
    texts.to_csv(tmp_path / "texts.csv", index=False)
    emb = mm.embed(mm.items(tmp_path / "texts.csv"), model="local", progress=False)
    mm.report(mm.classify(emb, cv=3)).save(tmp_path / "report.json")
    emb.save(tmp_path / "vectors.parquet")
    return tmp_path, texts, emb


@pytest.fixture(scope="session")
def derived(tmp_path_factory):
    """A quick report on vectors of one's own, with results that start from another one."""
    home, rng = tmp_path_factory.mktemp("derived"), np.random.default_rng(3)
    X, y = rng.normal(size=(30, 5)), np.arange(30) % 2
    c = mm.cluster(X, 3)
    protocol = mm.protocols.mteb_classification(X, y, cross_validation=True)
    mm.report(c.compare(y), c.stability(5), c, protocol).save(home / "report.json")
    return home, X
