"""Clusters against classes."""

import numpy as np
import pytest
from sklearn import metrics

import mmtoolkit as mm
from mmtoolkit.clustering.against_classes import Agreement


def test_agreement_with_classes_equals_scikit_learn(clustered, stamps):
    y = stamps.items["label"].to_numpy()

    found = clustered.compare("label")

    value = found.metrics["value"]
    assert value["v_measure"] == pytest.approx(metrics.v_measure_score(y, clustered.labels))
    assert value["ari"] == pytest.approx(metrics.adjusted_rand_score(y, clustered.labels))
    assert value["ami"] == pytest.approx(metrics.adjusted_mutual_info_score(y, clustered.labels))
    assert found.contingency.to_numpy().sum() == len(stamps)
    assert found.where("plants")["items"].sum() == 10
    assert found.classes["items"].tolist() == [10] * 14
    assert found.figure("contingency").layout.title.text == "<b>Classes and clusters</b>"
    with pytest.raises(ValueError, match="no class 'plant'; the classes are animals"):
        found.where("plant")


def test_accuracy_matches_one_to_one():
    c = mm.cluster(np.eye(3)[[0, 0, 0, 1, 1, 2]], 3)

    assert c.compare(list("aaabbb")).metrics.loc["accuracy", "value"] == pytest.approx(5 / 6)
    assert c.compare(list("zzzyyx")).metrics.loc["accuracy", "value"] == 1.0


def test_items_without_a_class_are_left_out():
    c = mm.cluster(np.eye(3)[[0, 0, 1, 2]], 3)

    found = c.compare(["a", None, "b", "c"])

    assert found.n_without == 1
    assert "1 item without a class left out" in repr(found)
    with pytest.raises(ValueError, match="no item has a class"):
        c.compare([None] * 4)
    with pytest.raises(ValueError, match="y has 2 values for 4 items"):
        c.compare(["a", "b"])


def test_a_number_and_its_writing_are_one_class_and_a_truth_value_is_not(clustered):
    n = len(clustered.labels)

    assert clustered.compare([1, "1", 2.0, "2"] * (n // 4)).classes.index.tolist() == ["1", "2"]
    with pytest.raises(ValueError, match="y mixes types: True and 'True' look the same"):
        clustered.compare([True, "True"] * (n // 2))


def test_the_old_name_of_agreement_warns():
    with pytest.warns(DeprecationWarning, match="called Agreement now"):
        from mmtoolkit.clustering.against_classes import Comparison

    assert Comparison is Agreement
    with pytest.raises(ImportError, match="cannot import name 'Contrast'"):
        from mmtoolkit.clustering.against_classes import Contrast  # noqa: F401


def test_an_agreement_shows_its_tables_and_gives_plain_data(clustered):
    found = clustered.compare("label")

    assert "Where did each class go?" in found._repr_html_()
    assert set(found.evidence()["rounded"]["metrics"]) == set(found.metrics.index)
