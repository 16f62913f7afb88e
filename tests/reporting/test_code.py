"""The recipe of a report as Python that makes it again."""

import ast
import json

import pytest

import mmtoolkit as mm
from mmtoolkit.reporting import code, sidecar
from mmtoolkit.reporting.blocks import Code, Note
from mmtoolkit.reporting.code import as_python
from mmtoolkit.verification.reading import read_report


def test_script_asks_other_results_and_names_every_argument_by_its_place(stamps):
    c = mm.cluster(stamps, 3)
    protocol = mm.protocols.mteb_classification(stamps, cross_validation=True)
    script = as_python(mm.report(c.compare("label"), mm.similarity(stamps, stamps[:3]), protocol).data["recipe"], "x")

    ast.parse(script)
    assert 'c_compare = mm.cluster(emb, n_clusters=3, random_state=0).compare(y="label")' in script
    assert "similarity = mm.similarity(emb, emb_2)" in script
    assert "protocols_mteb_classification = mm.protocols.mteb_classification(emb, cross_validation=True)" in script


def rerun(rep, folder, monkeypatch):
    """Run a report's own script beside its report.json, and return what it wrote."""
    rep.save(folder / "report.json")
    script = next(b.text for b in rep.sections[-2].blocks if isinstance(b, Code))
    monkeypatch.chdir(folder)
    exec(compile(ast.parse(script), "recipe", "exec"), {})
    return {k: v for k, v in read_report(folder / "report.json").items() if k != "run"}


def test_recipe_is_python_that_makes_the_report_again(rep, tmp_path, monkeypatch):
    assert rerun(rep, tmp_path, monkeypatch) == json.loads(json.dumps(rep.to_dict()))


@pytest.mark.parametrize("longest", [20_000, 5], ids=["ids in the JSON", "ids in the Parquet file"])
def test_recipe_of_failed_and_chosen_items_keeps_to_them(tmp_path, monkeypatch, longest):
    for module in (code, sidecar):
        monkeypatch.setattr(module, "LONGEST", longest)
    (tmp_path / "texts").mkdir()
    for number, word in enumerate(["cat", "dog", "", "horse", "car", "bus", "train", "tram", "ship"]):
        (tmp_path / "texts" / f"{number}.txt").write_text(word)
    emb = mm.embed(mm.read_folder(tmp_path / "texts"), model="local", on_error="nan").drop_failed()[::-1]
    rep = mm.report(mm.cluster(emb[:7], 2))

    assert rerun(rep, tmp_path, monkeypatch) == json.loads(json.dumps(rep.to_dict()))
    words = " ".join(b.text for b in rep.sections[0].blocks if isinstance(b, Note))
    assert "2 of the items that were read are not in this report" in words
