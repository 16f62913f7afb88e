"""The widgets, fed with the messages that the page sends; no browser."""

from __future__ import annotations

import gc
import re
import weakref

import comm
import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances

import mmtoolkit as mm

HOSTILE = "<img src=x onerror=alert(1)>&\"'"


@pytest.fixture
def view(ex):
    assert ex.widget is ex.widget
    return ex.widget


def message(view, kind, polygon=None, **content):
    """Deliver a message the way the comm does, buffers included."""
    buffers = [] if polygon is None else [memoryview(np.asarray(polygon, dtype=np.float64).tobytes())]
    view.bridge._handle_custom_msg({"kind": kind, **content}, buffers)


def act(view, name, value="", mode="replace"):
    message(view, "action", name=name, value=str(value), mode=mode)


def test_polygon_from_the_page_becomes_a_selection_a_gallery_and_dimmed_points(view, around):
    message(view, "lasso", around(1), mode="replace", version=0)

    assert view.ex.selected["id"].tolist() == [f"item-{i}" for i in range(10, 20)]
    assert 'data-n="10"' in view.html["body"].value
    assert view.map.figure.data[0].selectedpoints == tuple(range(10, 20))
    message(view, "box", around(0), mode="add", version=0)
    assert set(view.ex.selected["how"]) == {"lasso", "box"}


def test_hover_answers_with_a_tip_of_the_right_item(view):
    sent = []
    view.bridge.send = lambda content, buffers=None: sent.append(content)
    heard = []
    view.ex.observe(heard.append, "hovered")

    message(view, "hover", row=5)

    assert sent[0]["kind"] == "tip"
    assert sent[0]["row"] == 5
    assert "data:image/webp" in sent[0]["html"]
    assert heard[0]["new"] == "item-5"


def test_new_name_and_chip_annotate_the_selection(view, around):
    message(view, "lasso", around(3), mode="replace", version=0)

    act(view, "new-label", "  blue  ")
    assert set(view.ex.annotations["annotation"]) == {"blue"}
    assert "blue" in view.html["keys"].value
    act(view, "label", 0)
    assert set(view.ex.annotations["annotation"]) == {view.ex.annotation_names[0]}


def test_alt_and_a_click_in_the_gallery_throws_out(view, around):
    message(view, "lasso", around(1), mode="replace", version=0)

    act(view, "focus", 12, mode="remove")

    assert len(view.ex.selected) == 9
    assert "item-12" not in set(view.ex.selected["id"])
    act(view, "focus", 15)
    assert len(view.ex.selected) == 9


def test_tap_finds_the_nearest_dot_within_a_finger(view):
    x, y = view.ex.coords[17]

    message(view, "tap", [(x + 0.01, y), (x + 0.06, y)], mode="replace", version=0)
    assert view.ex.focus == 17
    message(view, "tap", [(x + 0.01, y), (x + 0.06, y)], mode="add", version=0)
    assert view.ex.selected["id"].tolist() == ["item-17"]
    message(view, "tap", [(90, 90), (91, 90)], mode="add", version=0)  # on nothing
    assert view.ex.focus == 17


def test_legend_group_selects_its_items_and_says_so(view):
    place = [g.name.startswith("c ") for g in view.ex.look.groups].index(True)

    act(view, "group", place)

    assert view.ex.selected["id"].tolist() == [f"item-{i}" for i in range(20, 30)]
    assert set(view.ex.selected["how"]) == {"class: c"}


def test_tabs_table_and_counts_lead_to_items(view, around):
    message(view, "lasso", around(0), mode="replace", version=0)

    act(view, "tab", "table")
    assert 'data-mm="focus" data-value="4"' in view.html["body"].value
    act(view, "focus", 4)
    assert view.ex.focus == 4
    assert 'data-row="4"' in view.html["card"].value
    act(view, "tab", "counts")
    assert "mmx-cross" in view.html["body"].value
    act(view, "cell", "0,0")
    assert len(view.ex.selected) == 10
    act(view, "column", 1)
    assert len(view.ex.selected) == 10
    act(view, "row", 2)
    assert len(view.ex.selected) == 10


def test_review_by_buttons(view):
    act(view, "review", "audit")
    assert "Drawn at random" in view.html["queue"].value
    assert "class" not in re.sub(r'class="[^"]*"', "", view.html["card"].value)  # an audit does not show the class
    message(view, "key", key="1")
    assert view.ex.audited.sum() == 1
    act(view, "skip")
    act(view, "review", "outliers")
    act(view, "answer", "no")
    assert "39 of 40" in view.html["queue"].value
    act(view, "review", "")
    assert view.ex.queue is None


def test_search_and_similar_from_the_page(view):
    act(view, "similar", 12)
    assert view.ex.selected["id"].iloc[0] == "item-12"

    act(view, "search", "a bird")  # these vectors have no model

    assert "SpaceError" in view.html["status"].value
    assert 'role="alert"' in view.html["status"].value


def test_what_goes_wrong_is_shown_logged_and_does_not_stop_the_queue(view, caplog, around):
    view.ex.observe(lambda event: 1 / 0, "selected")

    message(view, "lasso", around(1), mode="replace", version=0)

    assert "ZeroDivisionError" in view.html["status"].value
    assert "could not do what the page asked" in caplog.text
    assert len(view.ex.selected) == 10
    message(view, "hover", row=1)


def test_what_goes_wrong_is_told_in_the_language_of_the_page(emb):
    ex = mm.explore(emb, language="zh")
    place = [facet.name for facet in ex.state.filter.facets].index("size")

    act(ex.widget, "range", f"{place}:low:viel")

    assert (
        "操作未能完成（ValueError：&#x27;viel&#x27; 不是数字；列 &#x27;size&#x27; 按数字筛选）"
        in ex.widget.html["status"].value
    )
    act(ex.widget, "search", "bird")
    assert "ValueError" not in ex.widget.html["status"].value
    assert "SpaceError：这些向量未附模型" in ex.widget.html["status"].value
    act(ex.widget, "search", "\u200b")  # nothing that can be seen: nothing is done
    act(ex.widget, "new-label", "\u200b")
    assert "SpaceError" in ex.widget.html["status"].value
    assert ex.widget.map.figure._config["locale"] == "zh-CN"


def test_why_a_classifier_could_not_be_trained_is_told_in_the_language_of_the_page(emb):
    ex = mm.explore(emb, y=["a"] * 39 + ["b"], language="zh")
    act(ex.widget, "review", "label_issues")

    ex.reviews.later[2].exception()
    message(ex.widget, "tick")

    told = ex.widget.html["status"].value
    assert "无法训练分类器；初步查看的结果保留" in told
    assert "传入自己的分类器：类别 &#x27;b&#x27; 有 1 个样本，对 cv=5 来说太少" in told


def test_slow_hover_does_not_lose_lassos(view, around):
    got = []
    view.ex.observe(lambda event: got.append(len(event["new"])), "selected")
    for group in (0, 1, 2, 3) * 5:
        message(view, "hover", row=group)
        message(view, "lasso", around(group), mode="replace", version=0)
        message(view, "hover", row=group + 1)

    assert got == [10] * 20


def test_colour_menu_and_slider_follow_and_lead(emb, coords):
    ex = mm.explore(emb, clusters=mm.cluster(emb, range(2, 7)), projection=coords)
    view = ex.widget

    view.k.value = 5
    assert ex.n_clusters == 5
    assert len(set(ex.labels)) == 5
    view.colors.value = "size"
    assert ex.color_by == "size"
    assert view.map.figure.data[0].marker.showscale
    ex.color_by = "cluster"
    assert view.colors.value == "cluster"
    ex.n_clusters = 3
    assert view.k.value == 3


def test_slider_keeps_tab_brings_card_and_review_up_to_date(emb, coords):
    ex = mm.explore(emb, y=np.repeat(list("abcd"), 10), projection=coords)
    view = ex.widget
    assert ">boundary<" not in view.html["queue"].value
    ex.show(3)
    ex.n_clusters = 4
    assert ">boundary<" in view.html["queue"].value
    assert "cluster" in view.html["card"].value
    act(view, "tab", "counts")
    ex.n_clusters = 3
    assert view.html["body"].value.count('data-mm="column"') == 3
    act(view, "tab", "gallery")

    view.k.value = 5

    assert view.tab == "gallery"
    assert "mmx-cross" not in view.html["body"].value
    assert ex.facts(3)["cluster"] in view.html["card"].value


def test_map_changes_reach_the_figure_and_late_pages(view):
    figure = view.map.figure
    view.ex.show(7)
    np.testing.assert_allclose([figure.data[1].x[0], figure.data[1].y[0]], view.ex.coords[7])
    view.ex._repr_mimebundle_()
    assert figure._widget_data[1]["x"] is not None
    view.ex.color_by = "flag"
    before = figure._last_trace_edit_id
    message(view, "ready")
    assert figure._last_trace_edit_id > before  # what came too early is said again


def test_share_button_and_plotlys_own_lasso_are_gone(view):
    assert {"sendChartToCloud", "lasso2d", "select2d"} <= set(view.map.figure.layout.modebar.remove)


def test_everything_from_users_is_escaped(view):
    act(view, "review", "outliers")
    view.ex.review(None)
    view.ex.label(HOSTILE, items=[0, 4])
    view.ex.select([4, 0], how=HOSTILE)
    view.ex.show(4)
    view.ex.color_by = "kind"
    pages = [w.value for w in view.html.values()]
    for tab in ("table", "counts"):
        act(view, "tab", tab)
        pages.append(view.html["body"].value)
    view.ex.status = HOSTILE
    act(view, "label", "not a number")
    pages += [view.html["status"].value, view.ex._repr_mimebundle_()["text/html"]]
    for page in pages:
        assert "<img src=x" not in page
    assert len(view.html["card"].value) < 5_000  # ten thousand characters are cut


def test_missing_pictures_leave_words(view):
    view.ex.select([1, 2, 3], how="code")

    page = view.html["body"].value

    assert page.count("data:image/webp") == 2  # bytes and PIL; the third file is gone
    assert "no picture (image)" in page


def test_buttons_and_pictures_have_names(view):
    view.ex.select(np.arange(12), how="code")
    page = "".join(w.value for w in view.html.values())

    assert all(re.search(r'alt="[^"]+"', img) for img in re.findall(r"<img [^>]*>", page))
    assert all(re.sub(r"<[^>]*>", "", b).strip() for b in re.findall(r"<button.*?</button>", page))
    assert 'aria-live="polite"' in page


def test_a_gallery_is_bounded(emb, rng):
    ex = mm.explore(rng.normal(size=(500, 4)), projection=rng.normal(size=(500, 2)))
    view = ex.widget
    ex.invert()

    assert view.html["body"].value.count("<button") == 48
    assert "and 452 more" in view.html["body"].value
    act(view, "tab", "table")
    assert view.html["body"].value.count("<tr>") == 101


def test_the_first_message_of_map_and_bridge_says_all(ex, monkeypatch):
    said = []
    make = comm.create_comm
    monkeypatch.setattr(comm, "create_comm", lambda **told: said.append(told["data"]["state"]) or make(**told))
    ex.color_by = "flag"
    ex.select([1, 2], how="code")
    ex.show(3)

    view = ex.widget

    (figure,) = [state for state in said if "_widget_data" in state]
    points, ring = figure["_widget_data"]
    assert points["selectedpoints"] == [1, 2]
    assert points["marker"]["cmax"] == view.map.figure.data[0].marker.cmax
    assert ring["x"]["shape"] == (1,)
    assert figure["_widget_layout"]["height"] == view.map.figure.layout.height
    (bridge,) = [state for state in said if "models" in state]
    assert bridge["models"] == [view.bridge.model_id, view.map.figure.model_id]
    assert "40 items" in bridge["label"]


def test_items_without_a_place_do_not_shift_the_others(emb, coords):
    places = coords.copy()
    places[:10] = np.nan
    ex = mm.explore(emb, projection=places)
    figure = ex.widget.map.figure

    assert len(figure.data[0].x) == 40
    np.testing.assert_allclose(figure.data[0].x[25], coords[25, 0])
    ex.layout._layouts.append(places.astype("f")[::-1])
    ex.changed("layout")
    np.testing.assert_allclose(figure.data[0].x[5], coords[34, 0])


def test_names_on_the_map_are_those_of_groups_only(rng):
    y = np.array([f"class {i % 60}" for i in range(300)] + [None] * 300, dtype=object)
    ex = mm.explore(rng.normal(size=(600, 4)), y=y, projection=rng.normal(size=(600, 2)))

    names = [name["text"] for name in ex.widget.bridge.names]

    assert len(names) == 47
    assert all(name.startswith("class ") for name in names)


def test_names_stand_on_an_item_of_their_group_and_follow_filter_and_colour(view):
    def places():
        return {name["text"]: (name["x"], name["y"]) for name in view.bridge.names}

    assert list(places()) == [f"{HOSTILE[:17]}…{HOSTILE[-10:]}", "b", "c", "d"]
    at = np.array(places()["c"], dtype=np.float32)
    assert (view.ex.coords[20:30] == at).all(axis=1).any()
    view.ex.where = {"flag": True}
    assert (view.ex.coords[20:30:2] == np.array(places()["c"], dtype=np.float32)).all(axis=1).any()
    view.ex.color_by = "size"
    assert places() == {}


def test_moving_k_keeps_names_and_looks_of_the_clusters_that_stay(emb, coords):
    named = mm.cluster(emb, 4).with_names(function=lambda frame: f"like {frame['row'].iloc[0]}")
    ex = mm.explore(emb, clusters=named, projection=coords)
    looks = {g.name: (g.color, g.symbol) for g in ex.look.groups}
    assert all(name.startswith("like ") for name in looks)

    ex.split(1)

    after = {g.name: (g.color, g.symbol) for g in ex.look.groups}
    assert len(set(after) & set(looks)) == 3
    assert all(after[name] == look for name, look in looks.items() if name in after)
    assert len(set(after.values())) == 5
    ex.n_clusters = 4
    assert {g.name: (g.color, g.symbol) for g in ex.look.groups} == looks


def test_a_cluster_pressed_in_the_legend_can_be_split_and_several_made_one(emb, coords):
    ex = mm.explore(emb, clusters=mm.cluster(emb, 4), projection=coords)
    view = ex.widget
    assert 'data-mm="split"' not in view.html["legend"].value

    act(view, "group", 1)
    assert 'data-mm="split" data-value="1"' in view.html["legend"].value
    act(view, "split", "1")
    assert view.k.value == ex.n_clusters == 5
    assert view.html["legend"].value.count('data-mm="group"') == 5
    assert "make one of 2" in view.html["legend"].value  # the two parts are selected

    act(view, "merge", "4,5")
    assert ex.n_clusters == 4
    assert len(ex.selected) == (ex.labels == 6).sum()

    ex.select(ex.selected["id"].tolist()[1:])
    assert 'data-mm="split"' not in view.html["legend"].value  # a part of a cluster is no cluster
    ex.color_by = "nothing"
    assert 'data-mm="group"' not in view.html["legend"].value


def test_a_review_opened_in_code_shows_what_is_most_like_its_item(ex):
    ex.review("outliers", n=5)
    assert "most like it" in ex.widget.html["body"].value

    ex.select([1, 2])
    assert "most like it" not in ex.widget.html["body"].value
    ex.clear()
    assert "most like it" in ex.widget.html["body"].value


def test_the_card_of_a_text_says_it_once_and_that_of_a_picture_in_words(ex):
    ex.show(4)
    assert "<p>" not in ex.widget.html["card"].value

    ex.show(5)
    assert "<p>number 5</p>" in ex.widget.html["card"].value


def test_long_names_that_begin_alike_can_be_told_apart(emb, coords):
    ex = mm.explore(emb, y=[f"{'a class with a long name ' * 3}{i % 4}" for i in range(40)], projection=coords)

    view = ex.widget
    assert [name["text"][-1] for name in view.bridge.names] == list("0123")
    assert all(f"name {i}</bdi></button>" in view.html["keys"].value for i in range(4))
    assert all(f"name {i}</bdi> (10)</button>" in view.html["legend"].value for i in range(4))


def test_the_status_line_does_not_repeat_a_long_query(stamps):
    ex = mm.explore(stamps, projection=np.zeros((len(stamps), 2)))
    ex.search("a bird " * 100, k=3)

    assert len(ex.status) < 150


def test_names_of_facts_end_with_the_colon_of_the_language(emb, coords):
    styles = [
        mm.explore(emb, projection=coords, language=language).widget.children[0].value for language in ("en", "zh")
    ]

    assert ['--colon: ": "' in style for style in styles] == [True, False]
    assert ['--colon: "："' in style for style in styles] == [False, True]


def test_closing_frees_the_widgets_and_the_explorer_can_be_shown_again(ex):
    before = len(_instances)
    ex.widget.receive({"kind": "key", "key": "i"}, [])
    figure = weakref.ref(ex.widget.map.figure)
    box = ex.widget

    ex.close()

    del box
    gc.collect()
    assert len(_instances) == before
    assert figure() is None
    ex.select([3])
    assert ex.widget.map.figure.data[0].selectedpoints == (3,)
    ex.widget.close_all()
    assert len(_instances) == 0
    assert "application/vnd.jupyter.widget-view+json" in ex._repr_mimebundle_()
    ex.close()
    ex.close()


def test_an_observer_may_close_the_explorer_while_the_page_waits(ex):
    ex.observe(lambda _: ex.close(), "selected")
    view = ex.widget

    view.receive({"kind": "key", "key": "i"}, [])

    assert view.comm is None
    assert len(ex.selected) == 40
