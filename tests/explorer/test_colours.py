"""What points can be coloured by."""

from __future__ import annotations

import numpy as np
import pytest

import mmtoolkit as mm


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
