"""The Explorer without a page: every thing a mouse can do, as a method."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import mmtoolkit as mm

HOSTILE = "<img src=x onerror=alert(1)>&\"'"


def around(group):
    return [(4 * group - 1, -1), (4 * group + 2, -1), (4 * group + 2, 2), (4 * group - 1, 2)]


def test_lasso_gives_a_frame_of_the_items_inside(ex):
    ex.lasso(around(1))

    assert ex.selected["id"].tolist() == [f"item-{i}" for i in range(10, 20)]
    assert set(ex.selected["how"]) == {"lasso"}


def test_lassos_add_remove_invert_and_clear(ex):
    ex.lasso(around(0))
    ex.lasso(around(1), mode="add")
    assert len(ex.selected) == 20
    ex.lasso(around(0), mode="remove", how="box")
    assert len(ex.selected) == 10
    ex.invert()
    assert len(ex.selected) == 30
    ex.clear()
    assert len(ex.selected) == 0


def test_selected_can_be_set_to_ids_rows_a_mask_or_a_frame_in_any_order(ex):
    ex.selected = ["item-3", "item-1"]
    assert ex.selected["id"].tolist() == ["item-3", "item-1"]
    ex.selected = ex.items.iloc[[7, 2]]
    assert ex.selected["id"].tolist() == ["item-7", "item-2"]
    ex.selected = ex.items["size"].to_numpy() > 0.9
    assert ex.selected["id"].tolist() == [f"item-{i}" for i in range(36, 40)]
    ex.selected = None
    assert ex.selected.empty


def test_observers_hear_code_and_get_frames(ex):
    heard = []
    ex.observe(heard.append)

    ex.lasso(around(2))
    ex.label("third")

    assert [event["name"] for event in heard] == ["selected", "annotations"]
    assert len(heard[0]["new"]) == 10
    assert set(heard[1]["new"]["annotation"]) == {"third"}
    ex.unobserve(heard.append)
    ex.clear()
    assert len(heard) == 2


def test_observe_refuses_unknown_names(ex):
    with pytest.raises(ValueError, match="among selected, annotations, hovered, got 'moved'"):
        ex.observe(print, "moved")


def test_two_explorers_that_set_each_other_come_to_rest(ex, emb, coords):
    other = mm.explore(emb, projection=coords)
    ex.observe(lambda event: setattr(other, "selected", event["new"]), "selected")
    other.observe(lambda event: setattr(ex, "selected", event["new"]), "selected")

    ex.lasso(around(1))
    assert other.selected["id"].tolist() == ex.selected["id"].tolist()
    assert set(ex.selected["how"]) == {"lasso"}
    other.select([3, 5])

    assert ex.selected["id"].tolist() == ["item-3", "item-5"]


def test_number_of_clusters_must_be_whole(emb, coords):
    ex = mm.explore(emb, clusters=mm.cluster(emb, 4), projection=coords)

    with pytest.raises(ValueError, match=r"n_clusters must be an int, got 4\.7"):
        ex.n_clusters = 4.7


def test_items_frame_with_a_column_name_twice_is_refused_by_name(emb, coords):
    items = pd.concat([emb.items, emb.items[["kind"]]], axis=1)

    with pytest.raises(ValueError, match="more than one column named 'kind'; rename or drop"):
        mm.explore(mm.Embeddings(emb.vectors, items=items), projection=coords)


def test_label_undo_and_diff(ex):
    ex.lasso(around(1))
    assert ex.label("b") == 10
    ex.select([0, 10], how="click")
    ex.label("z")

    diff = ex.annotations_diff()
    assert diff[["id", "before", "after"]].values.tolist() == [["item-0", HOSTILE, "z"], ["item-10", "b", "z"]]
    assert ex.undo() == 2
    assert ex.annotations_diff().empty
    assert len(ex.annotations) == 10
    assert ex.annotated[10] == "b"


def test_blank_annotation_is_refused(ex):
    with pytest.raises(ValueError, match="at least one visible character"):
        ex.label("  ", items=[0])


def test_audit_sample_is_random_over_all_items_repeats_and_is_protected(ex):
    sample = ex.audit_sample(10, random_state=3)

    groups = {int(name.split("-")[1]) // 10 for name in sample["id"]}
    assert len(sample) == 10
    assert len(groups) > 2
    for _ in range(10):
        ex.label("judged")
    assert ex.audited.sum() == 10
    assert ex.waiting.empty
    ex.review(None)
    ex.select(np.arange(40), how="lasso")
    assert ex.label("lassoed") == 30
    assert ex.audited.sum() == 10
    assert ex.audit_sample(10, random_state=3)["id"].tolist() == sample["id"].tolist()
    assert ex.waiting.empty  # judged items are not asked again


def test_score_needs_both_an_audit_sample_and_other_annotations(ex):
    with pytest.raises(ValueError, match="0 items were judged in the audit sample and 0 elsewhere"):
        ex.score()


def test_score_is_measured_on_the_audit_sample_only(emb, coords):
    ex = mm.explore(emb, projection=coords)
    truth = np.repeat(["a", "b", "c", "d"], 10)
    place = {name: row for row, name in enumerate(ex.ids)}
    ex.audit_sample(16)
    for _ in range(16):
        ex.label(truth[place[ex.waiting["id"].iloc[0]]])
    ex.review(None)
    for group, name in enumerate("abcd"):
        ex.lasso(around(group))
        ex.label(name)

    result = ex.score(duplicates="ignore")

    assert result.n_scored == 16
    assert ((result.fold >= 0) == ex.audited).all()
    assert result.metrics.loc["accuracy", "value"] == 1.0


def test_class_found_only_in_the_audit_sample_counts_as_errors(emb, coords):
    ex = mm.explore(emb, projection=coords)
    ex.audit_sample(16)
    names = np.repeat(["a", "b", "c", "rare"], 10)[ex.queue.waiting]
    for name in names:
        ex.label(name)
    ex.review(None)
    for group, name in enumerate("abc"):
        ex.lasso(around(group))
        ex.label(name)

    result = ex.score(duplicates="ignore")

    rare = int((names == "rare").sum())
    assert result.metrics.loc["accuracy", "value"] == 1 - rare / 16
    assert f"No training row is of class 'rare': its {rare} test items count as errors." in result.notes


def test_review_of_outliers_ranks_and_moves_on(ex):
    waiting = ex.review("outliers", n=8)
    first = waiting["id"].iloc[0]

    ex.answer(False)

    assert len(ex.waiting) == 7
    assert first not in set(ex.waiting["id"])
    assert ex.annotations.empty  # "no" leaves an outlier as it is
    before = ex.waiting["id"].iloc[0]
    ex.skip()
    assert ex.waiting["id"].iloc[-1] == before


def test_review_of_label_issues_finds_the_planted_one_and_no_confirms(emb, coords):
    y = np.repeat(["a", "b", "c", "d"], 10)
    y[5] = "c"
    ex = mm.explore(emb, y=y, projection=coords)

    waiting = ex.review("label_issues")
    assert waiting["id"].iloc[0] == "item-5"
    ex.label("a")

    assert ex.annotations_diff()[["id", "before", "after", "how"]].values.tolist() == [
        ["item-5", "c", "a", "review: label_issues"]
    ]
    ex.undo()
    assert ex.waiting["id"].iloc[0] == "item-5"
    ex.answer(False)
    assert ex.annotations["annotation"].tolist() == ["c"]
    assert ex.annotations_diff().empty


def test_review_of_boundary_items_and_of_a_frame(emb, coords):
    c = mm.cluster(emb, 4)
    ex = mm.explore(emb, clusters=c, projection=coords)

    waiting = ex.review("boundary", n=5)
    assert waiting["id"].iloc[0] == c.per_item["silhouette"].idxmin()
    ex.review(ex.items.iloc[[8, 3]])
    assert ex.waiting["id"].tolist() == ["item-8", "item-3"]


@pytest.mark.parametrize(
    ("what", "words"), [("nonsense", "label_issues, outliers, boundary"), ("boundary", "need a clustering")]
)
def test_review_says_what_it_needs(ex, what, words):
    with pytest.raises(ValueError, match=words):
        ex.review(what)


def test_answers_without_a_queue_say_how_to_open_one(ex):
    with pytest.raises(ValueError, match=r"ex.review\(\.\.\.\) or ex.audit_sample\(\)"):
        ex.answer(True)


def test_number_of_clusters_recolours_and_relinks(emb, coords):
    ex = mm.explore(emb, clusters=mm.cluster(emb, range(2, 7)), projection=coords, y=np.repeat(list("abcd"), 10))
    ex.link()
    assert ex.k_range == (2, 6)

    ex.n_clusters = 4

    assert ex.color_by == "cluster"
    assert len(ex.look.groups) == 4
    assert ex.linked.counts.shape == (4, 4)
    np.testing.assert_array_equal(ex.labels, mm.cluster(emb, 4).labels)


def test_linked_cells_select_their_items(ex):
    counts = ex.link()

    ex.cell("b", "cluster 1")
    assert len(ex.selected) == counts.loc["b", "cluster 1"] == 10
    assert set(ex.selected["how"]) == {"table: class b, cluster cluster 1"}
    ex.cell(None, "cluster 2")
    assert ex.selected["id"].tolist() == [f"item-{i}" for i in range(20, 30)]
    with pytest.raises(ValueError, match="the table has no 'nothing'"):
        ex.cell("nothing")


def test_clusterings_of_other_items_are_refused_by_link_and_review(emb, coords):
    ex = mm.explore(emb, projection=coords)
    for other in (emb[::-1], emb[:30]):
        for use in (ex.link, lambda c: ex.review("boundary", result=c)):
            with pytest.raises(ValueError, match=r"result (is of other items or in another order|has 30 items)"):
                use(mm.cluster(other, 4))


def test_counts_without_classes_are_of_annotations(emb, coords):
    ex = mm.explore(emb, clusters=np.repeat([0, 1, 2, 3], 10), projection=coords)
    ex.label("bird", items=range(8, 12))

    counts = ex.link()

    assert counts.loc["bird"].to_dict() == {"cluster 0": 2, "cluster 1": 2}
    ex.cell("bird", "cluster 1")
    assert ex.selected["id"].tolist() == ["item-10", "item-11"]


def test_confusion_of_a_classification_leads_to_its_items(emb, coords):
    y = np.repeat(["a", "b", "c", "d"], 10)
    y[5] = "c"
    ex = mm.explore(emb, y=y, projection=coords)

    counts = ex.link(mm.classify(emb, y=y, duplicates="ignore"))
    ex.cell("c", "a")

    assert counts.loc["c", "a"] == 1
    assert ex.selected["id"].tolist() == ["item-5"]


def test_colours_know_classes_numbers_flags_and_annotations(ex):
    assert ex.color_choices == ("nothing", "class", "cluster", "annotation", "modality", "kind", "size", "flag")
    ex.color_by = "size"
    assert ex.look.values is not None
    ex.color_by = "flag"
    assert sorted(len(g.rows) for g in ex.look.groups) == [20, 20]
    with pytest.raises(ValueError, match="color_by must be one of nothing, class"):
        ex.color_by = "taste"


def test_two_hundred_categories_are_drawn(emb, coords, rng):
    X = rng.normal(size=(600, 8))
    ex = mm.explore(X, y=np.array([f"class {i % 200}" for i in range(600)]), projection=rng.normal(size=(600, 2)))

    marker = ex.look.marker(600)

    assert len(ex.look.groups) == 48
    assert marker["color"].max() == 47
    assert sum(len(g.rows) for g in ex.look.groups) == 600


def test_search_lights_up_the_nearest_and_keeps_their_scores(stamps):
    ex = mm.explore(stamps, projection=np.zeros((len(stamps), 2)) + np.arange(len(stamps))[:, None])

    hits = ex.search("a bird", k=5)

    assert ex.selected["id"].tolist() == hits["id"].tolist()
    assert set(ex.selected["how"]) == {"search: a bird"}
    assert "search score" in ex.color_choices
    assert np.isfinite(ex.scores).sum() == 5
    assert (ex.search("鸟", k=5)["id"].isin(stamps.ids)).all()


def test_similar_puts_the_item_itself_first(ex):
    hits = ex.similar("item-12", k=6)

    assert hits["id"].iloc[0] == "item-12"
    assert all(10 <= int(name.split("-")[1]) < 20 for name in hits["id"])


def test_arrow_keys_move_the_focus(ex):
    ex.show("item-0")
    ex.move("right")

    assert ex.focus == 1


def test_plain_arrays_work_and_one_point_too():
    ex = mm.explore(np.ones((1, 4)), projection=[[0.0, 0.0]])

    ex.lasso([(-1, -1), (1, -1), (0, 2)])

    assert ex.selected["id"].tolist() == ["0"]
    assert ex.figure() is not None


def test_all_points_equal(emb):
    ex = mm.explore(emb, projection=np.zeros((40, 2)))

    ex.lasso([(-1, -1), (1, -1), (0, 2)])

    assert len(ex.selected) == 40
    assert ex._repr_mimebundle_()["image/png"]


def test_repr_is_one_cheap_line(ex):
    assert repr(ex) == "<Explorer: 40 items, 0 selected, 0 annotated>"


def test_save_writes_one_escaped_file_without_addresses(ex, tmp_path):
    ex.save(tmp_path / "map.html")

    page = (tmp_path / "map.html").read_text("utf-8")
    assert "data:image/webp" in page
    assert "<img src=x" not in page
    assert "sendChartToCloud" in page


def test_figure_is_plain_plotly_with_the_present_colours(ex):
    ex.color_by = "cluster"

    figure = ex.figure()

    assert len(figure.data) == 4
    assert type(figure).__name__ == "Figure"
    assert "<img" not in json.dumps([t.name for t in mm.explore(ex.source, y=ex.y, projection=ex.coords).figure().data])


def test_figure_has_the_colours_of_the_live_map(ex):
    ex.label("bird", items=range(5))
    ex.color_by = "annotation"

    figure = ex.figure()

    assert {t.name: t.marker.color for t in figure.data} == {g.name: g.color for g in ex.look.groups}
    assert [g.name for g in ex.look.groups] == ["bird (5)", "(none) (35)"]


# ---- things that belong to other items


def test_array_of_another_length_is_refused(emb):
    with pytest.raises(ValueError, match=r"an array of shape \(40, 2\), got float64 of shape \(39, 2\)"):
        mm.explore(emb, projection=np.zeros((39, 2)))
    with pytest.raises(ValueError, match="39 values for 40 items"):
        mm.explore(emb, y=["a"] * 39, projection=np.zeros((40, 2)))
    with pytest.raises(ValueError, match=r"40 cluster numbers, got int64 of shape \(39,\)"):
        mm.explore(emb, clusters=np.zeros(39, dtype=int), projection=np.zeros((40, 2)))


def test_results_in_another_order_are_refused_by_name(emb, coords):
    other = emb[::-1]
    with pytest.raises(
        ValueError, match=r"projection is of other items or in another order: row 0 is 'item-39'.*emb\.ids"
    ):
        mm.explore(emb, projection=mm.project(other, method="pca"))
    with pytest.raises(ValueError, match="clusters is of other items or in another order"):
        mm.explore(emb, clusters=mm.cluster(other, 4), projection=coords)
    frame = pd.DataFrame({"id": emb.ids[::-1], "label": "a"})
    with pytest.raises(ValueError, match="y is of other items or in another order: row 0 is 'item-39'"):
        mm.explore(emb, y=frame, projection=coords)
    with pytest.raises(ValueError, match="y has 39 items, the vectors have 40"):
        mm.explore(emb, y=frame.head(39), projection=coords)
    with pytest.raises(ValueError, match="result is of other items or in another order"):
        mm.explore(emb, projection=coords).link(mm.classify(other, y=np.repeat(list("abcd"), 10), duplicates="ignore"))


def test_nan_rows_are_refused_with_the_way_out(emb, coords):
    X = emb.vectors.copy()
    X[7] = np.nan
    with pytest.raises(ValueError, match=r"first: row 7, id 'item-7'; use emb\.drop_failed"):
        mm.explore(mm.Embeddings(X, items=emb.items), projection=coords)


def test_no_items_and_no_places_are_refused(emb):
    with pytest.raises(ValueError, match="nothing to work on"):
        mm.explore(np.empty((0, 3)), projection=np.empty((0, 2)))
    with pytest.raises(ValueError, match="no item has a finite place"):
        mm.explore(emb, projection=np.full((40, 2), np.nan))
