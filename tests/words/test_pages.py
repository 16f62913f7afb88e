"""Whatever a person reads of reports, figures, explorer and commands is Chinese where Chinese is asked for."""

from __future__ import annotations

import json

import numpy as np
import pytest
from chinese import embeddings, foreign, items, results, texts_of, texts_of_figure

import mmtoolkit as mm
from mmtoolkit.cli.entry import main
from mmtoolkit.words import speaking


@pytest.fixture(scope="module")
def emb():
    return embeddings()


@pytest.fixture(scope="module")
def made(emb):
    return results(emb)


@pytest.fixture(scope="module")
def rep(made):
    return mm.report(*made, title="报告", language="zh")


def test_no_word_of_a_report_is_english(rep):
    page = rep.to_html().partition('<section id="environment">')[0]  # names of machines and libraries

    assert foreign(texts_of(page)) == []


def test_no_word_of_markdown_is_english(rep, tmp_path):
    text = rep.save(tmp_path / "report.md").read_text("utf-8")

    lines = [line for i, line in enumerate(text.split("```")) if i % 2 == 0]
    assert foreign("".join(lines).partition("## 运行环境")[0].replace("\\", "").splitlines()) == []


def test_no_word_of_a_figure_is_english(rep):
    for result in rep.results:
        for name in result.figures:
            assert foreign(texts_of_figure(result.figure(name, language="zh"))) == [], name


def test_no_word_of_a_summary_is_english(rep):
    with speaking("zh"):
        assert foreign(str(result._summary()) for result in rep.results) == []
        assert foreign(note for result in rep.results for note in map(str, getattr(result, "notes", ()))) == []


def test_the_numbers_of_a_report_are_the_same_in_both_languages(made, rep):
    english = mm.report(*made, title="报告", language="en")

    assert json.dumps(english.data) == json.dumps(rep.data)
    assert foreign(texts_of(english.to_html())) != []


def test_a_result_is_the_same_whoever_asks(emb, made):
    with speaking("zh"):
        r = mm.classify(emb)

    assert r.evidence() == made[0].evidence()
    assert list(map(str, r.notes)) == list(map(str, made[0].notes))


def test_a_saved_report_verifies_in_the_language_of_the_reader(emb, tmp_path):
    path = mm.report(mm.cluster(emb, 3), title="报告", language="zh").save(tmp_path / "report.json")

    with speaking("zh"):
        checked = mm.verify(path, vectors=emb.vectors)

        assert checked.ok
        assert checked.verdict == "identical"
        assert "完全一致" in repr(checked)


def test_an_unknown_language_is_refused_with_the_known_ones(made, monkeypatch):
    with pytest.raises(ValueError, match="language must be 'en' or 'zh'; got 'cn'"):
        mm.report(made[1], language="cn")
    monkeypatch.setenv("MMTOOLKIT_LANGUAGE", "zn")
    with pytest.raises(ValueError, match="MMTOOLKIT_LANGUAGE must be 'en' or 'zh'; got 'zn'"):
        made[1].figure()


def test_the_variable_chooses_the_language(made, monkeypatch):
    monkeypatch.setenv("MMTOOLKIT_LANGUAGE", "zh")

    assert "个簇" in repr(made[1])
    assert mm.report(made[1]).language == "zh"


def test_no_word_of_the_explorer_is_english(emb):
    ex = mm.explore(
        emb, y="label", clusters=mm.cluster(emb, 3), projection=np.asarray(emb.vectors[:, :2]), language="zh"
    )
    view = ex.widget
    seen = []

    def look():
        seen.extend(text for html in view.html.values() for text in texts_of(html.value))

    def tree(widget):
        yield widget
        for child in getattr(widget, "children", ()):
            yield from tree(child)

    for widget in tree(view):
        seen += texts_of(str(getattr(widget, "value", "")) if "HTML" in type(widget).__name__ else "")
        seen.append(str(getattr(widget, "description", "")))
        seen += [label for label, _ in getattr(widget, "_options_full", ())]
    steps = [
        lambda: ex.select([3, 7, 0]),
        lambda: ex.search("天上的鸟", k=3),
        lambda: ex.similar(3, k=3),
        lambda: ex.label("鸟"),
        lambda: ex.show(4),
        lambda: ex.review("outliers", n=3),
        lambda: ex.answer(True),
        lambda: ex.label("鱼"),
        lambda: ex.review("audit", n=4),
        lambda: ex.skip(),
        lambda: ex.review(None),
        lambda: ex.undo(),
        lambda: view._open_tab("counts"),
        lambda: view._open_tab("table"),
        lambda: setattr(ex, "where", ex.labels > 0),
        lambda: ex.select([*ex.look.groups[0].rows, *np.flatnonzero(ex.labels == 0)]),
        lambda: setattr(ex, "where", None),
        lambda: ex.select(ex.look.groups[0].rows),
        lambda: ex.invert(),
        lambda: ex.clear(),
        lambda: view._open_tab("gallery"),
    ]
    for step in steps:
        step()
        look()

    assert (
        foreign(
            seen,
            {"code", "lasso", "invert", "label", "search", "similar", "to", "Enter", "Shift", "Alt", "Esc", "journal"},
        )
        == []
    )
    assert foreign(texts_of_figure(ex.figure())) == []


@pytest.mark.parametrize("command", ["classify", "cluster", "project", "embed", "estimate", "search", "report"])
def test_no_word_of_a_command_is_english(command, tmp_path, capfd):
    frame, _ = items()
    frame.head(30).to_csv(tmp_path / "样本.csv", index=False)
    more = {
        "classify": ["--no-inference"],
        "report": ["--no-inference", "--out", str(tmp_path / "报告")],
        "search": ["鱼"],
    }

    asked = [command, str(tmp_path / "样本.csv"), *more.get(command, []), "--model", "local", "--language", "zh"]
    assert main(asked) == 0

    said = capfd.readouterr()
    lines = [line.replace(str(tmp_path), "") for line in [*said.out.splitlines(), *said.err.splitlines()]]
    assert lines
    assert foreign([line for line in lines if "|" not in line], {"local", "inference", "false"}) == []


def test_no_word_of_a_check_of_new_data_is_english(tmp_path, capfd):
    frame, _ = items()
    frame.head(45).to_csv(tmp_path / "旧.csv", index=False)
    frame.tail(45).to_csv(tmp_path / "新.csv", index=False)

    main(["check-new", str(tmp_path / "旧.csv"), str(tmp_path / "新.csv"), "--model", "local", "--language", "zh"])

    assert foreign(line for line in capfd.readouterr().out.splitlines()) == []


def test_no_word_of_the_doctor_is_english_except_names_and_paths(capfd):
    assert main(["doctor", "--language", "zh"]) == 0

    groups, rows = [], []
    for line in capfd.readouterr().out.splitlines():
        (rows if line.startswith("  ") else groups).append(line)
    assert foreign(groups) == []
    assert {row.split()[0] for row in rows} <= {"正常", "-", "有误"}
    told = {line.split()[1]: line for line in rows}
    assert told["终端"].split()[2].startswith("输出编码为")
    assert "数据不离开本机" in told["默认模型"]


def test_what_programs_read_is_english_in_every_language(tmp_path, capfd):
    main(["doctor", "--json", "--language", "zh"])

    assert all(map(str.isascii, json.dumps(json.loads(capfd.readouterr().out), ensure_ascii=False).splitlines()))
