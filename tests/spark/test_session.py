from __future__ import annotations

import os
import stat

import pytest

import mmtoolkit as mm
from mmtoolkit.spark import java_problem


def fake_java(folder, version):
    """A program that answers as a Java of that version would."""
    binary = folder / "bin" / "java"
    binary.parent.mkdir()
    binary.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2020-01-01' >&2\n")
    binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    return os.fspath(folder)


@pytest.mark.parametrize(("version", "found"), [("1.8.0_292", "found 8"), ("11.0.2", "found 11")])
def test_old_java_is_named(tmp_path, monkeypatch, version, found):
    monkeypatch.setenv("JAVA_HOME", fake_java(tmp_path, version))

    assert found in java_problem()
    assert "openjdk-17-jre-headless" in java_problem()


def test_new_java_is_no_problem(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", fake_java(tmp_path, "21.0.1"))

    assert java_problem() is None


def test_missing_java_stops_before_anything_starts(tmp_path, monkeypatch):
    pytest.importorskip("pyspark")  # without it that is what is said
    monkeypatch.setenv("JAVA_HOME", os.fspath(tmp_path))

    with pytest.raises(mm.MMToolkitError, match="Java 17 or newer, found none"):
        mm.spark.start("local[1]")
