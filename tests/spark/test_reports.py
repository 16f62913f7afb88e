"""Spark's results in reports: what they say, what they record, and the script that makes them again."""

from __future__ import annotations

import inspect
import json

import pyarrow as pa
import pytest
from chinese import foreign, items, texts_of, texts_of_figure

import mmtoolkit as mm
from mmtoolkit._html import escape
from mmtoolkit.reporting.code import as_python
from mmtoolkit.spark.frames import from_array

pytestmark = pytest.mark.spark


def test_report_says_what_is_of_all_rows_and_what_is_a_sample(page, classified, clustered, mapped):
    assert "On Spark" in page
    assert f"{classified.n_scored} items scored" in page
    for result in (classified, clustered, mapped):
        assert escape(result.notes[0]) in page
    assert f"{len(clustered.source)} texts shown" in page
    assert page.count("Items shown") == 2


def test_no_word_of_a_page_or_figure_is_english(spark):
    frame, X = items(60)
    table = pa.table({name: frame[name].tolist() for name in ("id", "text", "label")})
    table = table.append_column("modality", pa.array(["text"] * len(frame)))
    rows = spark.createDataFrame(table.append_column("vector", from_array(X))).coalesce(1)
    results = [
        mm.spark.classify(rows, cv=2, Cs=(10.0,), max_iter=4),
        mm.spark.cluster(rows, 3, n_init=1, max_iter=4, n_shown=5).with_names(texts="text"),
        mm.spark.project(rows, sample=50, method="pca"),
    ]

    page = mm.report(*results, title="报告", language="zh").to_html()

    assert foreign(texts_of(page.partition('<section id="environment">')[0]), {"texts"}) == []
    for result in results:
        for name in result.figures:
            assert foreign(texts_of_figure(result.figure(name, language="zh"))) == [], name


def test_what_needs_every_row_is_absent(classified, clustered, mapped):
    for name in ("risk_coverage", "label_issues", "learning_curve", "y_true", "y_pred", "y_proba", "fold", "together"):
        assert not hasattr(classified, name)
    for name in ("labels", "per_item", "representatives", "stability", "compare", "sweep", "plausible_n_clusters"):
        assert not hasattr(clustered, name)
    assert classified.figures == ("confusion", "per_class")
    assert clustered.figures == ("sizes",)
    assert "60 of 120 rows" in repr(mapped)


def test_recorded_parameters_are_the_arguments_of_the_call(clustered, classified, mapped):
    for result, function in ((clustered, "cluster"), (classified, "classify"), (mapped, "project")):
        arguments = list(inspect.signature(getattr(mm.spark, function)).parameters)
        assert list(result.recipe.params) == arguments[1:]
        assert arguments[-2:] == ["normalize", "random_state"]
        assert result.recipe.verb == f"spark.{function}"


def test_printed_script_makes_the_report_again(vectors, tmp_path, monkeypatch):
    c = mm.spark.cluster(vectors, 3, n_init=1, max_iter=4, n_shown=5, random_state=2)
    results = [
        mm.spark.classify(vectors, cv=2, Cs=(10.0,), max_iter=4, normalize=False),
        c.with_names(texts="text"),
        mm.spark.project(vectors, sample=50, method="pca"),
    ]
    old, new = tmp_path / "old.json", tmp_path / "report.json"
    mm.report(*results, title="On Spark").save(old)
    data = json.loads(old.read_text("utf-8"))
    script = as_python(data["recipe"], "On Spark")

    first, _, rest = script.partition("df = ...")
    assert "emb" not in script
    assert rest.startswith("  # Spark and the frame it was given\n")
    monkeypatch.chdir(tmp_path)
    exec(compile(f"{first}df = FRAME{rest}", "script", "exec"), {"FRAME": vectors})

    again = json.loads(new.read_text("utf-8"))
    assert again["recipe"] == data["recipe"]
    assert again["results"] == data["results"]
    assert again["items"] == data["items"]
