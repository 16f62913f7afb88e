"""Shared by all tests: a clean environment, a throw-away cache, a seeded generator, small real data."""

from __future__ import annotations

import os
import signal
from importlib.util import find_spec

import numpy as np
import offline
import pytest
from emulator.fixtures import emulator, emulator_server, openai, openai_server, quick, service  # noqa: F401 - fixtures
from hypothesis import settings

collect_ignore = ["plugin"]  # packages to be installed, one of them broken

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, and all it starts

for _name in [
    n for n in os.environ if n.startswith(("DASHSCOPE_", "MMTOOLKIT_")) and not n.startswith("MMTOOLKIT_REQUIRE_")
]:
    del os.environ[_name]

settings.register_profile("no deadline", deadline=None)  # a busy machine may take its time
settings.load_profile("no deadline")

WORLD = offline.World()
WORLD.install()


@pytest.fixture(autouse=True)
def _nothing_leaves_the_machine():
    """Fail a test that looks up a public name or connects to an address other than loopback; none gets through."""
    before = len(WORLD.refused)
    yield
    refused, WORLD.names, WORLD.routes = WORLD.refused[before:], {}, {}
    assert not refused, f"left the machine, or would have: {refused}"


@pytest.fixture
def internet():
    """Public names and addresses that exist in this test only, and lead to servers on this machine."""
    return WORLD


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items):
    """Keep each file on one worker, and all that share a Spark session or a browser; notebooks go one by one.

    The longest go first, so that the workers end together.
    """
    slow = {"spark": 0, "browser": 1, "notebook": 2, "test_docs.py": 3, "test_record.py": 4}

    def kind(item):
        if item.get_closest_marker("notebook"):
            return "notebook"
        if item.get_closest_marker("spark"):  # wherever it lies
            return "spark"
        return next((name for name in slow if name in item.path.parts), item.path.as_posix())

    for item in items:
        if kind(item) != "notebook":
            item.add_marker(pytest.mark.xdist_group(kind(item)))
    for item in items:  # what is optional; Spark's tests have a fixture that says so
        problem = _lacking(item.name) if isinstance(item, pytest.DoctestItem) else None
        if item.get_closest_marker("video") and not find_spec("av"):
            problem = "no PyAV"
        if problem:
            item.add_marker(pytest.mark.skip(problem))
    items.sort(key=lambda item: slow.get(kind(item), len(slow)))


def _lacking(example):
    """Say what an example needs that is not here: PySpark and a Java for Spark, PyAV for the frames of videos; None for nothing."""
    if example.startswith("mmtoolkit.spark."):
        from mmtoolkit.spark import java_problem

        return java_problem() if find_spec("pyspark") else "no pyspark"
    films = (
        "mmtoolkit.content.Video.sample",
        "mmtoolkit.content.Video.stream",
        "mmtoolkit.embedding.verbs.embed_videos",
    )
    return "no PyAV" if example in films and not find_spec("av") else None


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """Keep the tests' vectors and derived results out of the user's cache; one store a run, shared by its processes."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    os.environ["MMTOOLKIT_CACHE"] = str(shared / "cache")
    os.environ["HOME"] = str(tmp_path_factory.mktemp("home"))  # no key file of the user's, no settings
    yield
    del os.environ["MMTOOLKIT_CACHE"]


@pytest.fixture
def rng():
    """A generator of its own for each test."""
    return np.random.default_rng(7)


@pytest.fixture(scope="session")
def stamps():
    """Embeddings of 140 stamps, ten of each class, by the offline model."""
    import mmtoolkit as mm

    frame = mm.load_dataset("stamps").groupby("label").head(10).reset_index(drop=True)
    return mm.embed(frame, model="local", progress=False)


@pytest.fixture(scope="session")
def glosses():
    """Embeddings of 480 dictionary definitions, thirty of each class, by the offline model."""
    import mmtoolkit as mm

    frame = mm.load_dataset("glosses").groupby("label").head(30).reset_index(drop=True)
    return mm.embed(frame, model="local", progress=False)


QUICK_SPARK = """
spark.driver.extraJavaOptions -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote
spark.sql.codegen.wholeStage false
spark.sql.adaptive.enabled false
"""


@pytest.fixture(scope="session")
def java(tmp_path_factory):
    """Skip without PySpark and a Java for it (fail where they are required); settings for small data, as a user may have."""
    from mmtoolkit.spark import java_problem

    problem = java_problem() if find_spec("pyspark") else "no pyspark"
    if problem is not None:
        if os.environ.get("MMTOOLKIT_REQUIRE_SPARK") == "1":
            pytest.fail(problem)
        pytest.skip(problem)
    folder = tmp_path_factory.mktemp("spark")
    (folder / "spark-defaults.conf").write_text(QUICK_SPARK)
    os.environ["SPARK_CONF_DIR"] = str(folder)
    yield
    del os.environ["SPARK_CONF_DIR"]


@pytest.fixture(scope="session")
def spark(java, _own_cache):
    """One local Spark session for all Spark tests; it ends with them."""
    from mmtoolkit.spark import start

    few = {"spark.sql.shuffle.partitions": "2"}
    session = start("local[2,4]", app_name="mmtoolkit-tests", memory="2g", config=few)
    yield session
    session.stop()


@pytest.fixture(scope="session")
def to_spark(spark):
    """Turn an items frame into a Spark frame."""
    import pyarrow as pa

    def convert(frame, **columns):
        return spark.createDataFrame(pa.Table.from_pandas(frame.assign(**columns), preserve_index=False))

    return convert
