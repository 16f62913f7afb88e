"""Plain data of results: nothing that is written alike falls together."""

import numpy as np
import pandas as pd
import pytest

import mmtoolkit as mm
from mmtoolkit.results import plain, table_html


def test_names_that_are_written_alike_stay_apart():
    assert plain({1: "a", "1": "b", None: "c", "None": "d", np.nan: "e", "nan": "f"}) == {
        "1 (int)": "a",
        "1": "b",
        "None (NoneType)": "c",
        "None": "d",
        "nan (float)": "e",
        "nan": "f",
    }
    assert plain({True: 1, "True": 2, "True (bool)": 3}) == {"True (bool 1)": 1, "True": 2, "True (bool)": 3}
    assert plain({1: 1, 1.5: 2}) == {"1": 1, "1.5": 2}


def test_a_table_keeps_index_and_columns_of_one_name():
    table = pd.DataFrame([[1, 2]], index=pd.Index(["x"], name="true"), columns=["true", "false"])
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    levels = pd.DataFrame({"n": [1]}, index=pd.MultiIndex.from_tuples([("a", 1)], names=["k", None]))

    assert plain(table) == {"true": ["x"], "true (str)": [1], "false": [2]}
    assert plain(twice) == {"index": [0], "a": [1], "a (str)": [2]}
    assert plain(levels) == {"k": ["a"], "level_1": [1], "n": [1]}


@pytest.mark.parametrize("classes", [["true", "false"], ["predicted", "true"], ["None", "nan"], ["index", "cluster"]])
def test_classes_may_be_called_anything_in_reports(tmp_path, rng, classes):
    emb = mm.Embeddings(rng.normal(size=(24, 4)), items=pd.DataFrame({"label": classes * 12}))
    c = mm.cluster(emb, 2)

    path = mm.report(mm.classify(emb, "label", cv=2), c, c.compare("label")).save(tmp_path / "report.json")

    assert mm.verify(path, vectors=emb).verdict == "identical"


def test_a_small_p_value_is_not_shown_as_0():
    shown = table_html(pd.DataFrame({"p_value": [1e-20, 0.02], "low": [1e-20, 0.02]}))

    assert shown.count("&lt; 0.001") == 1
    assert "<td>0.000</td>" in shown
    assert "0.020" in shown
