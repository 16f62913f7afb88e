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


def test_one_name_from_two_packages_is_refused_and_names_both(installed, monkeypatch):
    installed("tiny")
    installed("broken")
    points = [
        point for name in ("tiny", "broken") for point in metadata.distribution(f"mmtoolkit-{name}-model").entry_points
    ]
    monkeypatch.setattr(models, "_plugins", lambda: {"tiny-letters": points})

    with pytest.raises(MMToolkitError, match=r"'mmtoolkit-tiny-model' and .*'mmtoolkit-broken-model'; uninstall one"):
        mm.get_model("tiny-letters")


def test_a_package_whose_model_has_another_name_is_refused(installed, monkeypatch):
    installed("tiny")
    (point,) = metadata.distribution("mmtoolkit-tiny-model").entry_points
    monkeypatch.setattr(models, "_plugins", lambda: {"other-letters": [point]})

    with pytest.raises(MMToolkitError, match=r"gives a model named 'tiny-letters'; both names must be equal"):
        mm.get_model("other-letters")


def test_a_package_that_takes_a_name_in_use_is_left_out_with_a_warning(installed, monkeypatch):
    installed("tiny")
    (point,) = metadata.distribution("mmtoolkit-tiny-model").entry_points
    monkeypatch.setattr(models, "_plugins", lambda: {"local": [point]})

    with pytest.warns(UserWarning, match=r"is left out: the model name 'local' is taken by"):
        assert mm.list_models().count("local") == 1
    assert mm.get_model("local").name == "local"
