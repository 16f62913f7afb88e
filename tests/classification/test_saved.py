import hashlib
import json

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

import mmtoolkit as mm
from mmtoolkit.classification.manifest import manifest_digest
from mmtoolkit.errors import SpaceError, VerifyError


def test_saved_classifier_predicts_to_the_last_bit(stamps, stamp_result, tmp_path):
    stamp_result.save(tmp_path / "model")

    loaded = mm.load_classifier(tmp_path / "model")

    assert loaded.predict_proba(stamps).tobytes() == stamp_result.predict_proba(stamps).tobytes()
    np.testing.assert_array_equal(loaded.predict(stamps.items.head(3)), stamp_result.predict(stamps[:3]))
    np.testing.assert_array_equal(loaded.predict("a red bird"), stamp_result.predict("a red bird"))
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == ["classifier.json", "classifier.npz"]


@pytest.mark.parametrize("kind", [int, str, bool])
def test_classes_keep_their_type(rng, tmp_path, kind):
    X, codes = rng.normal(size=(60, 4)), np.arange(60) % 2
    r = mm.classify(X, [kind(c) for c in codes])
    r.save(tmp_path)

    loaded = mm.load_classifier(tmp_path)

    assert type(loaded.predict(X[:1])[0]) is kind
    np.testing.assert_array_equal(loaded.predict(X), r.predict(X))


def test_another_models_vectors_are_refused_after_loading(stamps, stamp_result, tmp_path):
    stamp_result.save(tmp_path)
    loaded = mm.load_classifier(tmp_path)

    with pytest.raises(SpaceError, match="'local'"):
        loaded.predict(mm.Embeddings(stamps.vectors, model="multimodal-embedding-v1"))
    with pytest.raises(SpaceError, match="dimension 512 against 3"):
        loaded.predict(np.ones((1, 3)))

    space = json.loads((tmp_path / "classifier.json").read_text())["space"]
    _sealed(tmp_path, space=space | {"revision": "older"})
    with pytest.raises(SpaceError, match="revision 'older' against"):
        mm.load_classifier(tmp_path).predict("a bird")


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda d: (d / "classifier.npz").unlink(), "holds no saved classifier"),
        (lambda d: (d / "classifier.json").write_text("{"), "holds no saved classifier"),
        (lambda d: (d / "classifier.json").write_text("[]"), "was not written by save"),
        (lambda d: (d / "classifier.npz").write_bytes(b"x"), "is not the file that"),
        (lambda d: (d / "classifier.npz").write_bytes(b"x") and _sealed(d), "does not fit together: "),
        (lambda d: _edit(d, version=9), "saved in format 9"),
        (lambda d: _sealed(d, classes=["a"]), "does not fit together"),
        (lambda d: _edit(d, classes=["c", "b", "a"]), "not what save.. wrote"),
        (lambda d: _edit(d, version=1, classes=["c", "b", "a"]), "sorted and different, got .'c', 'b', 'a'"),
        (lambda d: _sealed(d, classes=["a", "b", "b"]), "sorted and different"),
        (lambda d: _sealed(d, classes=["a", "b", None]), "of one type"),
        (lambda d: _sealed(d, classes=[["a"], ["b"], ["c"]]), "of one type"),
        (lambda d: _sealed(d, recipe={}), "'params' is missing"),
        (lambda d: _sealed(d, recipe={"params": {"normalize": "no"}}), "normalize must be true or false, got 'no'"),
        (
            lambda d: _sealed(d, space={"model": "", "revision": "", "dimension": 12, "params": [1]}),
            "params of a space must",
        ),
        (lambda d: _arrays(d, coef=np.full((3, 12), np.nan, dtype=np.float32)), "coef must hold finite numbers"),
        (lambda d: _arrays(d, temperature=np.float64(0)), "temperature must be above 0"),
    ],
)
def test_damaged_classifiers_are_refused(result, tmp_path, break_it, message):
    result.save(tmp_path)
    break_it(tmp_path)

    with pytest.raises(VerifyError, match=message):
        mm.load_classifier(tmp_path)


def _edit(folder, **changes):
    manifest = json.loads((folder / "classifier.json").read_text()) | changes
    (folder / "classifier.json").write_text(json.dumps(manifest))


def _sealed(folder, **changes):
    """Edit the manifest so that its digests are right again."""
    _edit(folder, arrays_sha256=hashlib.sha256((folder / "classifier.npz").read_bytes()).hexdigest(), **changes)
    _edit(folder, sha256=manifest_digest(json.loads((folder / "classifier.json").read_text())))


def _arrays(folder, **changes):
    with np.load(folder / "classifier.npz") as arrays:
        np.savez(folder / "classifier.npz", **(dict(arrays) | changes))
    _sealed(folder)


def test_classifiers_saved_by_the_first_version_are_read(data, result, tmp_path):
    result.save(tmp_path)
    manifest = json.loads((tmp_path / "classifier.json").read_text()) | {"version": 1}
    del manifest["sha256"]
    (tmp_path / "classifier.json").write_text(json.dumps(manifest))

    np.testing.assert_array_equal(mm.load_classifier(tmp_path).predict(data[0]), result.predict(data[0]))


def test_saved_classifier_centers_what_it_embeds(stamps, tmp_path):
    texts = [f"{text} {i}" for i, text in enumerate(stamps.items["text"])]
    both = mm.concat([stamps, mm.embed_texts(texts, model="local", progress=False)])
    centered = both.centered()
    y = np.tile(stamps.items["label"].isin(["animals", "food"]).to_numpy(), 2)

    r = mm.classify(centered, y, cv=2)
    r.save(tmp_path)
    loaded = mm.load_classifier(tmp_path)

    np.testing.assert_array_equal(loaded.predict_proba(texts), r.predict_proba(texts))
    np.testing.assert_array_equal(loaded.predict(centered), r.predict(centered))
    for one in (r, loaded):
        with pytest.raises(SpaceError, match="centered by image, text against not centered"):
            one.predict(both)
        with pytest.raises(SpaceError, match="by other means"):
            one.predict(both[::3].centered())


def test_other_estimators_are_not_pickled(data, tmp_path):
    r = mm.classify(*data, estimator=GaussianNB())

    with pytest.raises(TypeError, match="only the default classifier can be saved without pickle"):
        r.save(tmp_path)


def test_a_file_is_no_directory(result, tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(ValueError, match="is a file; save takes a directory"):
        result.save(tmp_path / "file")


def test_a_saved_classifier_tells_what_it_is(stamp_result, result, tmp_path):
    stamp_result.save(tmp_path / "stamps")
    result.save(tmp_path / "plain")

    loaded = mm.load_classifier(tmp_path / "stamps")

    assert "'local' vectors of 512 features" in repr(loaded)
    assert ", vectors of 12 features" in repr(mm.load_classifier(tmp_path / "plain"))
    assert loaded.recipe.verb == "classify"
    assert {"y", "groups", "test"}.isdisjoint(loaded.recipe.params)
    assert loaded.recipe["params"]["normalize"] is True
    assert loaded.metrics["accuracy"] == stamp_result.metrics.loc["accuracy", "value"]
