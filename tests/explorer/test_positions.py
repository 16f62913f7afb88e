"""Places: PCA at once, UMAP from its helper process, and a lasso on the layout it was drawn on."""

from __future__ import annotations

import numpy as np

import mmtoolkit as mm
from mmtoolkit.errors import MMToolkitError
from mmtoolkit.explorer import Explorer
from mmtoolkit.explorer.positions import Places


def test_pca_is_there_at_once_and_umap_follows(stamps):
    ex = mm.explore(stamps)
    first = ex.coords.copy()
    assert ex.layout.waiting
    assert "PCA for now" in ex.layout.note
    heard = []
    ex.listen(heard.append)

    assert ex.wait(240)

    assert not ex.layout.waiting
    assert ex.layout.version == 1
    assert any("layout" in names for names in heard)
    np.testing.assert_array_equal(ex.coords, mm.project(stamps).coords)
    np.testing.assert_array_equal(ex.layout.at(0), first)
    assert "trust" in ex.color_choices


def test_lasso_is_tested_against_the_layout_it_was_drawn_on(ex):
    ex.layout._layouts.append(ex.coords[::-1].copy())  # as if the map had just arrived
    box = [(-1, -1), (2, -1), (2, 2), (-1, 2)]

    ex.lasso(box, version=0)
    assert ex.selected["id"].tolist() == [f"item-{i}" for i in range(10)]
    ex.lasso(box)
    assert ex.selected["id"].tolist() == [f"item-{i}" for i in range(30, 40)]


def test_closing_stops_a_map_of_our_own_until_somebody_asks_for_it(rng):
    ex = mm.explore(rng.normal(size=(3_000, 64)))
    helper = ex.layout._pending

    ex.close()

    assert helper.done
    assert ex.layout.waiting
    assert not ex.wait(0)
    assert ex.layout._pending is None
    assert ex.widget.bridge.waiting
    assert not ex.layout._pending.done
    ex.close()


def test_items_that_are_not_to_be_seen_are_counted(rng):
    xy = rng.normal(size=(300, 2))
    xy[:3], xy[7] = np.nan, (1e4, 0)
    ex = mm.explore(rng.normal(size=(300, 4)), projection=xy)

    assert ex.layout.unseen == (
        "3 points have no place and are not drawn. 1 point lies far outside; zoom out to see it."
    )
    assert "3 points have no place" in ex.widget.html["status"].value
    assert mm.explore(np.eye(4), projection=np.eye(4)[:, :2]).layout.unseen == ""


class Ready:
    """A map that its helper process has finished, though nobody has asked yet."""

    done = True

    def __init__(self, quick, final):
        self.quick, self._final = quick, final

    def result(self, timeout_s=None):
        return self._final


def test_pictures_without_a_page_take_the_finished_map(emb, tmp_path):
    first, final = mm.project(emb, method="pca"), mm.project(-emb.vectors, method="pca")

    def fresh():
        return mm.explore(emb, projection=Ready(first, final))

    for use in (Explorer.figure, Explorer._repr_mimebundle_, lambda ex: ex.save(tmp_path / "map.html")):
        ex = fresh()
        use(ex)
        np.testing.assert_array_equal(ex.coords, final.coords)
    assert "being computed" not in (tmp_path / "map.html").read_text("utf-8")


class Late(Ready):
    """A map that is not there yet."""

    done = False


def test_save_waits_for_the_map_unless_told_not_to(emb, tmp_path):
    first = mm.project(emb, method="pca")
    ex = mm.explore(emb, projection=Late(first, first))

    ex.save(tmp_path / "map.html", wait=False)
    assert ex.layout.waiting
    assert "PCA for now" in (tmp_path / "map.html").read_text("utf-8")
    ex.save(tmp_path / "map.html")
    assert not ex.layout.waiting


class Broken:
    """A map whose helper process died."""

    done = True

    def __init__(self, quick):
        self.quick = quick

    def result(self, timeout_s=None):
        msg = "the map could not be computed in the helper process: killed"
        raise MMToolkitError(msg)


def test_helper_that_died_leaves_the_pca_and_says_so(emb):
    places = Places(emb, Broken(mm.project(emb, method="pca")))

    assert places.poll()

    assert not places.waiting
    assert "this map is a PCA: the map could not be computed" in places.note
    assert places.version == 0
