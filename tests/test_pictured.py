"""What a notebook shows of items: pictures, names and what matters; bounded, escaped, and no walls of paths."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import mmtoolkit as mm

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def emb(tmp_path, rng):
    """60 pictures of two classes with hostile captions; two classes are wrong, two files are gone."""
    paths = [tmp_path / f"picture {k}.png" for k in range(60)]
    for k, path in enumerate(paths[2:]):
        Image.new("RGB", (8, 8), (4 * k, 80, 90)).save(path)
    items = pd.DataFrame(
        {
            "id": [f"{HOSTILE}{k}" for k in range(60)],
            "image": [str(path) for path in paths],
            "modality": "image",
            "text": f"{HOSTILE} caption",
            "label": ["a", "b"] * 30,
            "source": [str(path) for path in paths],
        }
    )
    X = rng.normal(size=(60, 8))
    X[::2, 0] += 8
    items.loc[[4, 7], "label"] = ["b", "a"]
    return mm.Embeddings(X.astype(np.float32), items=items)


def check(page, tmp_path, pictures):
    assert page.count("<img") == pictures
    assert "<script>" not in page
    assert str(tmp_path) not in page


def test_embeddings_show_pictures_names_and_columns(emb, tmp_path):
    page = emb._repr_html_()

    check(page, tmp_path, 10)  # twelve rows, of which two files are gone
    assert "picture 5.png" in page
    assert "and 48 more rows" in page
    assert len(page) < 60_000


def test_label_issues_show_pictures_classes_and_evidence_also_when_cut_or_sorted(emb, tmp_path):
    issues = mm.classify(emb, inference=False).label_issues()

    assert isinstance(issues, pd.DataFrame)
    assert {"row", "quality", "likely"} <= set(issues.columns)
    for frame in (issues, issues.head(2), issues.sort_values("p_suggested"), issues[issues["p_suggested"] > 0]):
        page = frame._repr_html_()
        check(page, tmp_path, len(frame))
        assert "held-out probability" in page
        assert ">suggested<" in page
        assert ">quality<" not in page
    assert issues[["row", "quality"]]._repr_html_().count("<img") == 0
    assert issues["row"].tolist()[:2] == sorted(issues["row"].tolist()[:2], key=issues["row"].tolist().index)
    pd.testing.assert_frame_equal(issues, pd.DataFrame(issues), check_frame_type=False)


def test_label_issues_of_plain_arrays_look_like_any_frame(rng):
    X = np.repeat(np.eye(2), 20, axis=0) + rng.normal(size=(40, 2)) / 50
    r = mm.classify(X, ["b"] + ["a"] * 19 + ["b"] * 20, duplicates="ignore", inference=False)

    assert "<img" not in r.label_issues()._repr_html_()


def test_failed_items_tell_the_reason(tmp_path):
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    Image.new("RGB", (8, 8), "red").save(good)
    bad.write_bytes(b"no picture")
    emb = mm.embed_images([str(good), str(bad)], model="local", on_error="nan", cache=False, progress=False)

    page = emb.failed._repr_html_()

    check(page, tmp_path, 0)
    assert "bad.png" in page
    assert "not a picture" in page
    assert "request_id" not in page
    assert "not a picture" in emb._repr_html_()


def test_audit_and_hardest_queries_show_the_items(emb, tmp_path):
    vectors = np.vstack([emb.vectors, emb.vectors[30:31]])
    items = pd.concat([emb.items, emb.items.iloc[30:31].assign(id="twin")], ignore_index=True)
    audit = mm.audit(mm.Embeddings(vectors, items=items))
    shown = [*audit.duplicates["id"][:12], *audit.outliers["id"][:12]]
    check(audit._repr_html_(), tmp_path, len([name for name in shown if name not in emb.ids[:2]]))

    found = mm.evaluate_search(emb, emb.vectors[10:13], [[emb.ids[k]] for k in (20, 30, 40)])
    check(found._repr_html_(), tmp_path, 3)


def test_notes_read_as_sentences(emb):
    notes = mm.classify(emb, inference=False).notes

    assert notes == tuple(notes)
    assert repr(notes) == "\n".join(notes)
    assert notes._repr_html_().count("<li>") == len(notes) > 0
