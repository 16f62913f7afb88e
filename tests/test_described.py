"""Arguments as plain data, and back; what a stranger's file may not make of it."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import mmtoolkit as mm
from mmtoolkit._described import described, restored

X = np.repeat(np.eye(3), 4, axis=0) + np.arange(12)[:, None] * 0.01


@pytest.mark.parametrize(
    "value",
    [
        None, 3, "a", 2.5, True, [1, [2]], (1, (2, "x")), {"a": 1, 2: (3,)}, {1: {"b": None}}, float("inf"), [float("-inf")],
        SVC(C=2.0), make_pipeline(StandardScaler(), SVC()), StratifiedKFold(3), GaussianProcessClassifier(RBF(2.0)),
    ],
)  # fmt: skip
def test_what_is_written_down_comes_back(value):
    plain = json.loads(json.dumps(described(value), allow_nan=False))

    again = restored(plain)

    assert described(again) == described(value)
    assert type(again) is type(value)


@pytest.mark.parametrize("value", [np.array([1, 2]), np.array([1.5, np.nan]), range(3), {2, 1}, {"b", 1}])
def test_collections_become_lists(value):
    assert isinstance(json.loads(json.dumps(described(value))), list)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("sklearn.datasets._covtype.GzipFile", {"filename": "precious", "mode": "wb"}),
        ("sklearn.utils._joblib.Memory", {"location": "somewhere"}),
        ("mmtoolkit.cache.EmbeddingCache", {"path": "somewhere"}),
        ("sklearn.nonexistent.Thing", {}),
        ("sklearn.svm.SVC", []),
        ("os.system", {}),
    ],
)
def test_nothing_but_estimators_and_splitters_is_made(name, params, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "precious").write_text("my thesis")

    with pytest.raises(ValueError, match=r"there is no estimator|is not from scikit-learn|must be a mapping"):
        restored({"class": name, "params": params})

    assert (tmp_path / "precious").read_text() == "my thesis"
    assert [p.name for p in tmp_path.iterdir()] == ["precious"]


class _Attack:
    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return (open, (self.place, "w"))


def test_verify_reads_no_folder_of_pickles_that_a_report_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    c = mm.cluster(X, algorithm=AgglomerativeClustering(3, memory="evil"))
    path = mm.report(c).save(tmp_path / "report.json")
    for stored in tmp_path.glob("evil/**/output.pkl"):
        stored.write_bytes(pickle.dumps(_Attack(str(tmp_path / "owned"))))

    found = mm.verify(path, vectors=X)

    assert found.verdict == "identical"
    assert "memory" not in c.recipe.params["algorithm"]["params"]
    assert not (tmp_path / "owned").exists()


def test_verify_of_a_strangers_class_says_what_it_will_not_make(tmp_path):
    path = mm.report(mm.cluster(X, algorithm=AgglomerativeClustering(3))).save(tmp_path / "report.json")
    data = json.loads(path.read_text())
    target = tmp_path / "precious"
    target.write_text("my thesis")
    gzip = {"class": "sklearn.datasets._covtype.GzipFile", "params": {"filename": str(target), "mode": "wb"}}
    data["recipe"]["steps"][0]["params"]["algorithm"] = gzip
    path.write_text(json.dumps(data))

    found = mm.verify(path, vectors=X)

    assert not found.ok
    assert target.read_text() == "my thesis"
