"""Models from installed packages, found by their entry points: two such packages lie in `tests/plugin`."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest

import mmtoolkit as mm
from mmtoolkit import models
from mmtoolkit.errors import MMToolkitError

PLUGINS = Path(__file__).parent / "plugin"


@pytest.fixture
def installed(monkeypatch):
    """Make a package of `tests/plugin` look installed for one test."""
    monkeypatch.setattr(models, "_TABLE", dict(models._TABLE))  # what a test loads is forgotten again

    def install(name):
        monkeypatch.syspath_prepend(PLUGINS / name)
        monkeypatch.delitem(sys.modules, f"mmtoolkit_{name}_model", raising=False)

    return install


def test_a_model_of_an_installed_package_works_by_its_name(installed):
    installed("tiny")

    emb = mm.embed_texts(["abba", "cab"], model="tiny-letters", cache=False)

    assert emb.vectors[:, :4].tolist() == [[1, 2, 2, 0], [1, 1, 1, 1]]
    assert emb.model.startswith("tiny-letters")


def test_a_package_that_cannot_be_loaded_concerns_its_own_model_only(installed):
    installed("broken")

    assert mm.embed_texts(["a"], model="local", cache=False).ok.all()
    with pytest.raises(MMToolkitError, match=r"broken-model.*ModuleNotFoundError: No module named 'a_library"):
        mm.embed_texts(["a"], model="broken-model", cache=False)


@pytest.mark.parametrize("name", ["tiny", "broken"])
def test_the_packages_say_what_they_bring(installed, name):
    installed(name)

    (point,) = metadata.distribution(f"mmtoolkit-{name}-model").entry_points

    assert (point.group, point.value) == ("mmtoolkit.models", f"mmtoolkit_{name}_model:{name.title()}Model")
