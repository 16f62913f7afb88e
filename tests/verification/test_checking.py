"""Every result is computed again; what has not changed is identical, and what differs has its cause."""

import dataclasses
import json
import re

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from verification.editing import edit, resealed

import mmtoolkit as mm
from mmtoolkit.reporting import record


def test_an_unchanged_report_is_identical(home):
    checked = mm.verify(home / "report.json")

    assert checked.ok
    assert checked.verdict == "identical"
    assert checked.checked == ("classify", "classify_slices", "cluster", "project")
    assert checked.causes == checked.notes == ()


def test_one_changed_seed_names_the_parameter(home):
    path = edit(home, lambda data: data["recipe"]["steps"][0]["params"].update(random_state=1))

    checked = mm.verify(path)

    assert checked.verdict == "edited at recipe.classify.random_state"
    assert checked.causes == (
        "'recipe' of the report was edited after it was written",
        "the recipe says random_state=1 for 'classify', but its results were made with random_state=0",
    )


def test_a_last_digit_that_was_computed_is_equal_within_tolerance(home):
    def change(data):
        data["results"]["classify"]["rounded"]["metrics"]["value"][0] += 0.0001
        resealed(data)

    checked = mm.verify(edit(home, change))

    assert checked.ok
    assert checked.verdict == "equal within tolerance"
    assert checked.causes == checked.notes == ()


def test_a_version_alone_is_a_note(home):
    def change(data):
        data["environment"]["libraries"]["numpy"] = "1.0"
        data["results"]["project"]["map"]["coords"][0][0] += 9  # not comparable across versions
        data["seals"]["environment"] = record.seal(data["environment"])
        data["seals"]["results"] = record.seal(data["results"])

    checked = mm.verify(edit(home, change))

    assert checked.verdict == "identical"
    assert checked.notes[0] == f"numpy was 1.0, now it is {np.__version__}"
    assert "map coordinates were not compared" in checked.notes[1]


def test_a_version_is_the_cause_when_figures_differ(home):
    def change(data):
        data["environment"]["libraries"]["numpy"] = "1.0"
        data["results"]["cluster"]["exact"]["labels"][7] = 99
        for part in ("environment", "results"):
            data["seals"][part] = record.seal(data[part])

    checked = mm.verify(edit(home, change))

    assert checked.verdict.startswith("differs at cluster.labels of 'animals/")
    assert checked.causes == (f"versions differ: numpy 1.0 became {np.__version__}",)


def test_two_labelings_of_the_same_vectors_stay_apart(home):
    frame = mm.read_folder(home / "photos")
    corrected = frame.copy()
    corrected.loc[:4, "label"] = "money"
    before, after = (mm.embed(f, model="local", progress=False) for f in (frame, corrected))
    results = mm.cluster(after, 3), mm.classify(before, cv=3), mm.classify(after, cv=3)
    path = mm.report(*results).save(home / "report.json")

    checked = mm.verify(path)

    assert checked.verdict == "identical"
    assert checked.notes[0].startswith("the items of 'emb_2' were not found again")  # they are in memory alone
    steps = json.loads(path.read_text())["recipe"]["steps"]
    assert [step["source"] for step in steps] == ["emb", "emb", "emb", "emb_2", "emb_2"]


def test_a_comparison_may_mix_embeddings_and_plain_vectors(made, tmp_path):
    emb, X = made[1], made[1].vectors[:, ::2]
    path = mm.report(mm.compare({"all": emb, "half": X}, "label", cv=3)).save(tmp_path / "report.json")

    assert mm.verify(path, vectors={"emb_2": X}, items=emb.items).verdict == "identical"


@pytest.mark.parametrize("names", [(0, 1), (False, True), ("0", "1")])
def test_classes_from_words_keep_their_kind(words, tmp_path, names):
    z = mm.zero_shot(words[2][:12], {names[0]: "an animal", names[1]: "a machine"}, y=[*names] * 6)
    path = mm.report(z).save(tmp_path / "zero.json")

    assert mm.verify(path, items=words[0] / "texts.csv").verdict == "identical"


def test_an_estimator_of_ones_own_does_not_end_the_check_of_the_rest(tmp_path, rng):
    class Own(LogisticRegression):
        pass

    X = rng.normal(size=(40, 5))
    path = mm.report(mm.classify(X, np.arange(40) % 2, estimator=Own(), cv=3), mm.cluster(X, 3)).save(
        tmp_path / "r.json"
    )

    checked = mm.verify(path, vectors=X)

    assert checked.checked == ("cluster",)
    assert re.match("not checked: 'classify', because .* is not from scikit-learn or mmtoolkit", checked.verdict)


def test_a_step_that_cannot_be_computed_again_is_said(tmp_path, rng):
    X = rng.normal(size=(40, 5))
    far = mm.cluster(X, 4)
    far = dataclasses.replace(far, recipe=dataclasses.replace(far.recipe, verb="spark.cluster"))
    path = mm.report(mm.cluster(X, 3), far, far.representatives(2)).save(tmp_path / "report.json")

    checked = mm.verify(path, vectors=X)

    assert not checked.ok
    assert checked.checked == ("cluster",)
    assert checked.verdict.startswith("not checked: 'spark_cluster' and 1 more, because spark.cluster needs Spark")
    assert checked.notes[0].startswith("'spark_cluster' was not checked: spark.cluster needs Spark")
    assert checked.notes[1].startswith("'cluster_representatives' was not checked: spark.cluster needs Spark")


def test_a_spark_report_of_0_1_0_is_read_and_the_obstacle_said(tmp_path, rng):
    X = rng.normal(size=(40, 5))
    params = {
        "n_clusters": 4,
        "random_state": 0,
        "n_init": 3,
        "max_iter": 100,
        "algorithm": "kmeans",
        "normalize": True,
    }
    far = dataclasses.replace(mm.cluster(X, 4), recipe={"verb": "spark.cluster", "params": params})
    path = mm.report(mm.cluster(X, 3), far).save(tmp_path / "report.json")

    checked = mm.verify(path, vectors=X)

    assert checked.checked == ("cluster",)
    assert checked.notes[0] == (
        "'spark_cluster' was not checked: spark.cluster needs Spark and the frame it was given; run it there again"
    )


def test_every_verb_is_computed_again_also_those_that_start_from_another_result(tmp_path, rng):
    X, y = rng.normal(size=(45, 5)), np.arange(45) % 3
    c = mm.cluster(X, 3)
    results = [
        c.compare(y),
        c.stability(5),
        c.representatives(2),
        c,
        mm.classify(X, y, cv=3).learning_curve(sizes=[2, 4]),
        mm.similarity(X, X[:3]),
        mm.protocols.mteb_classification(X, y, cross_validation=True),
        mm.protocols.mteb_clustering(X, y, n_experiments=1),
        mm.audit(X, y),
        mm.pick(X, 5),
    ]
    path = mm.report(*results).save(tmp_path / "report.json")

    checked = mm.verify(path, vectors={"emb": X, "emb_2": X[:3]})

    assert checked.verdict == "identical"
    assert checked.checked == (
        "cluster_compare",
        "cluster_stability",
        "cluster_representatives",
        "cluster",
        "classify_learning_curve",
        "similarity",
        "protocols_mteb_classification",
        "protocols_mteb_clustering",
        "audit",
        "pick",
    )
