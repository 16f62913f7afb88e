"""The daily check finds its file again, whichever version wrote it."""

from __future__ import annotations

import dataclasses

import mmtoolkit as mm
from mmtoolkit.providers.dashscope import canary

SPEC = mm.get_model("text-embedding-v4")


def test_the_file_has_the_name_that_it_always_had(monkeypatch, tmp_path):
    monkeypatch.setenv("MMTOOLKIT_CACHE", str(tmp_path))

    path = canary._path(SPEC, 1024, {"b": 1, "a": "x"})

    assert path.parent == tmp_path / "canary"
    assert path.name == "3359e8af25528497385352dd05759371b1a79b834e090a0e23a30fe16b83188a.json"
    assert path == canary._path(SPEC, 1024, {"a": "x", "b": 1})


def test_another_revision_dimension_or_parameter_has_a_file_of_its_own():
    spaces = [
        (SPEC, 1024, {}),
        (SPEC, 512, {}),
        (SPEC, 1024, {"a": 1}),
        (dataclasses.replace(SPEC, revision="2"), 1024, {}),
    ]

    assert len({canary._path(*space) for space in spaces}) == 4
