"""Short forms of the attacks in benchmarks/attack: nothing ends in another result or in an error that is not ours."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def attack(monkeypatch, tmp_path):
    """Run an attack with few trials."""
    monkeypatch.syspath_prepend(ROOT)
    monkeypatch.setenv("MMTOOLKIT_CACHE", str(tmp_path / "cache"))
    return lambda name, trials: importlib.import_module(f"benchmarks.attack.{name}").attack(trials, seed=1)


@pytest.mark.parametrize(("name", "trials"), [("flips", 140), ("damage", 140), ("verbs", 120), ("tables", 80)])
def test_nothing_gets_in_and_nothing_is_silently_other(attack, name, trials):
    counts = attack(name, trials)

    assert counts["trials"] == trials
    assert (counts["other"], counts["raw"], counts["examples"]) == (0, 0, {})
    assert counts["told"] > trials // 3


def test_what_runs_without_a_name_are_the_attacks_and_not_what_they_share(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    names = importlib.import_module("benchmarks.attack.__main__")._names()

    assert {"flips", "damage", "verbs", "tables"} < set(names)
    assert not {"subjects", "tally", "mutations"} & set(names)


def test_an_attack_that_finds_something_says_so():
    import mmtoolkit as mm

    tally = importlib.import_module("benchmarks.attack.tally").Tally()

    tally.trial("sound", lambda: 1, 1)
    tally.trial("another", lambda: 2, 1)
    tally.trial("ours", lambda: mm.cluster([[1.0]], 3))
    tally.trial("raw", lambda: {}["absent"])

    assert {name: tally.counts[name] for name in ("same", "other", "told", "raw")} == dict.fromkeys(
        ("same", "other", "told", "raw"), 1
    )
    assert set(tally.examples.values()) == {"another", "raw"}
