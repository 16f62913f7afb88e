"""The data in a report: classes with examples, what was left out, where it came from; and clusters against classes."""

import numpy as np
import pandas as pd
import pytest

import mmtoolkit as mm
from mmtoolkit.reporting.blocks import Drawing, Groups, Table


def emb(n=120, **columns):
    y = np.arange(n) % 3
    X = np.random.default_rng(0).normal(size=(n, 8)) + 4 * np.eye(3, 8)[y]
    labels = np.array(["<i>cat</i>", "狗", "bird"])[np.where((y == 2) & (np.arange(n) % 2 == 1), 1, y)]
    frame = pd.DataFrame({"text": [f"مرحبا {i}" for i in range(n)], "label": labels, **columns})
    return mm.Embeddings(X.astype(np.float32), items=frame)


def section(rep, name="data"):
    return next(s for s in rep.sections if s.name == name)


def facts(rep, name="data"):
    return next(b.frame["value"] for b in section(rep, name).blocks if isinstance(b, Table))


def test_classes_stand_with_counts_shares_and_examples():
    rep = mm.report(mm.classify(emb(), normalize=False, inference=False))

    groups = next(b for b in section(rep).blocks if isinstance(b, Groups))
    assert [(g.name, g.detail) for g in groups.entries] == [
        ("狗", "60 items (50.0 %)"),
        ("<i>cat</i>", "40 items (33.3 %)"),
        ("bird", "20 items (16.7 %)"),
    ]
    assert all(len(g.frame) == 6 for g in groups.entries)
    assert "“狗” has 3 times as many items as “bird”." in groups.caption
    assert "<i>cat</i>" not in rep.to_html()


def test_origin_sizes_dates_duplicates_and_what_was_left_out_are_told(tmp_path):
    for i in range(24):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        (tmp_path / "ab"[i % 2] / f"{i}.txt").write_text(f"{'owl' if i % 2 else 'boat'} number {i * 37}", "utf-8")
    (tmp_path / "rare").mkdir()
    (tmp_path / "rare" / "x.txt").write_text("one of its kind", "utf-8")
    (tmp_path / "notes.xyz").write_text("?", "utf-8")
    items = mm.read_folder(tmp_path, texts=True)
    items["taken"] = pd.date_range("2026-01-01", periods=len(items), freq="D")

    rep = mm.report(mm.classify(mm.embed(items, model="local"), inference=False, duplicates="ignore"))

    told = facts(rep)
    assert told["items"] == "25"
    assert told["taken"] == "2026-01-01 to 2026-01-25"
    assert "xyz" in told["left out"]
    assert told["classes too small"] == "“rare” 1"
    assert told["characters"].startswith("1")
    assert told["model"].startswith("local, revision")
    assert told["from"] == tmp_path.name or told["from"] == "."


def test_one_item_that_is_not_there_is_told_in_the_singular(tmp_path):
    for i in range(24):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        (tmp_path / "ab"[i % 2] / f"{i}.txt").write_text(f"{'owl' if i % 2 else 'boat'} number {i * 37}", "utf-8")
    vectors = mm.embed(mm.read_folder(tmp_path, texts=True), model="local")

    rep = mm.report(mm.cluster(vectors[1:], 2))

    assert facts(rep)["left out"] == "1 failed or was not chosen"
    assert "# 1 item was left out" in rep.to_markdown()


def test_a_report_without_classification_or_classes_has_its_data_too():
    frame = emb()
    unnamed = mm.Embeddings(frame.vectors, items=frame.items.drop(columns="label"))

    assert facts(mm.report(mm.cluster(unnamed, 3)))["items"] == "120"
    assert not any(isinstance(b, Groups) for b in section(mm.report(mm.project(unnamed, method="pca"))).blocks)
    assert [s.name for s in mm.report(mm.cluster(frame.vectors, 3)).sections][:2] == ["summary", "cluster"]


def test_clusters_stand_against_the_classes_and_lead_to_their_items():
    source = emb()
    r, c = mm.classify(source, normalize=False, inference=False), mm.cluster(source, 3, normalize=False)

    both, alone = mm.report(r, c), mm.report(c)

    drawing = next(b for b in section(both, "cluster").blocks if isinstance(b, Drawing) and b.links)
    assert list(drawing.links) == ["cluster-0", "cluster-1", "cluster-2"]
    assert drawing.caption.startswith("Of the classes, “狗” is spread most: its largest cluster holds 66.7 % of it.")
    page = both.to_html()
    assert 'data-links="cluster-0 cluster-1 cluster-2"' in page
    assert all(f'id="cluster-{k}"' in page for k in range(3))
    assert not any(isinstance(b, Drawing) and b.links for b in section(alone, "cluster").blocks)


def test_clusters_that_a_person_split_and_merged_are_told_as_such():
    c = mm.cluster(emb(), 3, normalize=False)

    page = mm.report(c.split(0).merge([1, 2])).to_markdown()
    untouched = mm.report(c).to_markdown()

    said = "Afterwards they were changed by hand: 1 was split, 1 time some were merged."
    assert page.count(said) == 2  # in the summary and where the clusters are described
    assert "number given" not in page
    assert "number given" in untouched
    assert "by hand" not in untouched


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_speaks_the_readers_language(language):
    rep = mm.report(mm.classify(emb(), normalize=False, inference=False), language=language)

    assert section(rep).title == {"en": "The data", "zh": "数据"}[language]
