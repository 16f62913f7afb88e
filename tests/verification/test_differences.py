"""How two trees of plain data are compared, and how places in them are named."""

from mmtoolkit.verification.differences import compare


def test_true_is_not_one_anywhere():
    report = {"flags": [True, False], "deep": [[1, 2.0]], "one": True}
    now = {"flags": [1, 0], "deep": [[1.0, 2]], "one": 1}

    assert [d.where for d in compare("r", report, now, "exact", ())] == ["r.flags[0]", "r.flags[1]", "r.one"]


def test_differences_name_rows_of_tables_and_items_of_lists():
    report = {"metrics": {"metric": ["accuracy", "f1"], "value": [0.5, 0.6]}, "labels": [1, 2, 3], "n": 1}
    now = {"metrics": {"metric": ["accuracy", "f1"], "value": [0.5, 0.7]}, "labels": [1, 2, 4], "n": None}

    places = [d.where for d in compare("r", report, now, "exact", ["a", "b", "c"])]

    assert places == ["r.metrics.value of 'f1'", "r.labels of 'c'", "r.n"]
