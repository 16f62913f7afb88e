"""The public face: search, figures and files."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

import mmtoolkit as mm


def test_search_lights_up_the_nearest_and_keeps_their_scores(stamps):
    ex = mm.explore(stamps, projection=np.zeros((len(stamps), 2)) + np.arange(len(stamps))[:, None])

    hits = ex.search("a bird", k=5)

    assert ex.selected["id"].tolist() == hits["id"].tolist()
    assert set(ex.selected["how"]) == {"search: a bird"}
    assert "search score" in ex.color_choices
    assert np.isfinite(ex.scores).sum() == 5
    assert (ex.search("鸟", k=5)["id"].isin(stamps.ids)).all()


def test_a_vector_is_a_query_too(ex, emb):
    hits = ex.search(emb.vectors[12], k=3)

    assert hits["id"].iloc[0] == "item-12"
    assert set(ex.selected["how"]) == {"search"}


def test_similar_puts_the_item_itself_first(ex):
    hits = ex.similar("item-12", k=6)

    assert hits["id"].iloc[0] == "item-12"
    assert all(10 <= int(name.split("-")[1]) < 20 for name in hits["id"])


def test_repr_is_one_cheap_line(ex):
    assert repr(ex) == "<Explorer: 40 items, 0 selected, 0 annotated>"


def test_save_writes_one_escaped_file_without_addresses(ex, tmp_path):
    ex.save(tmp_path / "map.html")

    page = (tmp_path / "map.html").read_text("utf-8")
    assert "data:image/webp" in page
    assert "<img src=x" not in page
    assert "https://" not in page


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


FULL = """
import resource, sys, numpy as np, mmtoolkit as mm
from mmtoolkit.errors import MMToolkitError
ex = mm.explore(np.eye(3), projection=np.eye(3)[:, :2])
ex.figure()
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    ex.save(sys.argv[1])
except MMToolkitError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_full_disk_leaves_the_saved_map_as_it_was(tmp_path):
    path = tmp_path / "map.html"
    path.write_text("the map of yesterday")

    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stderr
    assert f"the map cannot be written to {str(path)!r} (File too large)" in done.stdout
    assert path.read_text() == "the map of yesterday"
    assert list(tmp_path.iterdir()) == [path]
