from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

import mmtoolkit as mm
from mmtoolkit.errors import ServiceStopError

pytestmark = pytest.mark.spark
MODEL = "tongyi-embedding-vision-plus"
BATCH = 16


@pytest.fixture
def provider(emulator, request):
    """The service on a clock that runs faster, 40 times if nothing is said; workers find the key in the home directory's file."""
    key_file = Path(os.environ["HOME"]) / ".dashscope" / "api_key"
    key_file.parent.mkdir(exist_ok=True)
    key_file.write_text(emulator.api_key)
    scale = getattr(request, "param", 40.0)
    emulator.scale = scale

    def clock():
        return time.monotonic() * scale

    def sleep(seconds):
        time.sleep(seconds / scale)

    yield mm.DashScope(MODEL, base_url=emulator.base_url, clock=clock, sleep=sleep)
    key_file.unlink(missing_ok=True)


@pytest.fixture
def frame(spark):
    """400 rows, 300 of them distinct."""
    return spark.range(400).selectExpr(
        "cast(id as string) as id", "'text' as modality", "concat('text ', id % 300) as text"
    )


def asked(emulator):
    """How often each text was sent."""
    return Counter(c["text"] for r in emulator.calls for c in r.body["input"]["contents"])


def test_each_distinct_item_is_asked_once_and_nothing_is_lost(frame, provider, emulator, tmp_path):
    rows = mm.spark.embed(frame, model=provider, table=tmp_path / "table").collect()

    assert all(row["error"] is None and len(row["vector"]) == 1152 for row in rows)
    assert len(rows) == 400
    assert set(asked(emulator).values()) == {1}
    assert len(asked(emulator)) == 300


@pytest.mark.parametrize(
    "provider", [2.0], indirect=True
)  # 50 ms from call to call: what a busy machine delays is less
def test_rate_stays_below_the_accounts_limit(frame, provider, emulator, tmp_path):
    emulator.rpm = 600

    mm.spark.embed(frame, model=provider, table=tmp_path / "table").collect()

    assert sum(r.status == 429 for r in emulator.calls) <= 2  # on a busy machine requests that waited arrive together


def test_refused_items_come_back_with_the_reason(frame, provider, emulator, tmp_path):
    from pyspark.sql import functions as F

    poisoned = frame.withColumn(
        "text", F.when(F.col("id") == "7", "[[fault DataInspectionFailed]]").otherwise(F.col("text"))
    )

    rows = {r["id"]: r for r in mm.spark.embed(poisoned, model=provider, table=tmp_path / "table").collect()}

    assert "DataInspectionFailed" in rows["7"]["error"]
    assert all(r["error"] is None for i, r in rows.items() if i != "7")


def test_service_that_refuses_all_stops_the_job_in_one_sentence(frame, provider, emulator, tmp_path):
    (Path(os.environ["HOME"]) / ".dashscope" / "api_key").write_text("sk-wrong")

    with pytest.raises(ServiceStopError, match=r"InvalidApiKey|API key"):
        mm.spark.embed(frame, model=provider, table=tmp_path / "table")

    assert len(emulator.calls) <= 16  # those under way when the first was refused; Spark does not try four times


def kill_a_worker(port, when, killed):
    """Kill one of Spark's Python workers that talks to the service, as soon as `when` says so."""
    while not killed:
        time.sleep(0.01)
        for process in psutil.Process().children(recursive=True) if when() else ():
            with contextlib.suppress(psutil.Error):  # it may end while it is looked at
                if any(c.raddr and c.raddr.port == port for c in process.net_connections("tcp")):
                    process.kill()
                    killed.append(process.pid)
                    break


def test_killed_worker_costs_at_most_a_batch(frame, provider, emulator, tmp_path):
    row = mm.get_model("multimodal-embedding-v1")
    mm.register_model(dataclasses.replace(row, packs=()))  # one text a request, 120 a minute
    slow = dataclasses.replace(provider, model=row.name)
    port = int(emulator.base_url.split(":")[2].split("/")[0])
    killed: list[int] = []
    killer = threading.Thread(target=kill_a_worker, args=(port, lambda: len(emulator.calls) > 60, killed))
    killer.start()

    rows = mm.spark.embed(frame, model=slow, table=tmp_path / "table", batch=BATCH).collect()
    killer.join(timeout=30)
    mm.register_model(row)

    assert killed
    assert all(row["error"] is None for row in rows)
    assert len(asked(emulator)) == 300
    assert sum(asked(emulator).values()) - 300 <= BATCH + 8  # a batch, and what was under way
