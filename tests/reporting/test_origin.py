"""Where the items of a report came from: said as long as the file still says the same, and checked against the seals."""

import pytest

import mmtoolkit as mm
from mmtoolkit.errors import VerifyError
from mmtoolkit.reporting import sidecar

ROWS = ["body,kind", *(f"{word} {i},{word}" for i in range(4) for word in ("cat", "bus"))]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "texts.csv"
    path.write_text("\n".join(ROWS), "utf-8")
    return path


def clusters(table):
    return mm.cluster(mm.embed(mm.items(table, text="body", label="kind"), model="local"), 2)


def made_by(result):
    return mm.report(result).data["recipe"]["sources"]["emb"]["made_by"]


def test_a_table_is_named_with_the_columns_that_were_taken(table):
    made = made_by(clusters(table))

    assert (made["verb"], made["file"]) == ("items", "texts.csv")
    assert made["params"]["text"] == "body"


@pytest.mark.parametrize("now", ["\n".join(ROWS[:-1]), "\n".join([*ROWS[:-1], "tram 3,bus"]), "body\nkind,of,another"])
def test_a_table_that_changed_is_not_named(table, now):
    result = clusters(table)
    table.write_text(now, "utf-8")

    assert made_by(result)["file"] is None


def test_a_table_that_is_gone_is_still_named(table):
    result = clusters(table)
    table.unlink()

    assert made_by(result)["file"] == "texts.csv"


def test_a_data_set_is_named():
    assert made_by(mm.cluster(mm.embed(mm.load_dataset("glosses").head(20), model="local"), 2))["params"] == {
        "name": "glosses"
    }


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "keeps its long lists in 'report.items.parquet'.*cannot be read"),
        (lambda path: path.write_bytes(path.read_bytes()[:-40]), "cannot be read"),
    ],
)
def test_long_lists_that_are_lost_are_named(table, tmp_path, monkeypatch, damage, message):
    monkeypatch.setattr(sidecar, "LONGEST", 5)
    mm.report(clusters(table)).save(tmp_path / "report.json")
    damage(tmp_path / "report.items.parquet")

    with pytest.raises(VerifyError, match=message):
        mm.verify(tmp_path / "report.json")


def test_long_lists_of_another_report_are_refused(table, tmp_path, monkeypatch):
    monkeypatch.setattr(sidecar, "LONGEST", 5)
    result = clusters(table)
    mm.report(result).save(tmp_path / "report.json")
    other = mm.report(mm.cluster(result.source[::-1], 2)).save(tmp_path / "other.json")
    other.with_name("other.items.parquet").replace(tmp_path / "report.items.parquet")

    with pytest.raises(VerifyError, match="does not hold the 'items/emb/"):
        mm.verify(tmp_path / "report.json")


def test_a_page_that_was_changed_names_the_place(table, tmp_path):
    rep = mm.report(clusters(table), title="Before")
    rep.save(tmp_path / "report.json")
    page = rep.save(tmp_path / "report.html")
    whole = mm.verify(page)

    page.write_text(page.read_text("utf-8").replace("<h1>Before</h1>", "<h1>After</h1>"), "utf-8")
    changed = mm.verify(page)

    assert whole.ok
    assert not changed.ok
    assert "page.title" in str(changed.to_dict())
