from __future__ import annotations

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.errors import SpaceError

pytestmark = pytest.mark.spark
COLUMNS = ["id", "modality", "text", "image"]


@pytest.fixture
def frame():
    stamps = mm.load_dataset("stamps").head(6)[COLUMNS]
    texts = mm.load_dataset("glosses").head(6)[COLUMNS]
    return mm.items(__import__("pandas").concat([stamps, texts], ignore_index=True))[COLUMNS]


def rows(df):
    return {row["id"]: row for row in df.collect()}


def test_keys_and_vectors_equal_the_local_ones(frame, to_spark, tmp_path):
    local = mm.embed(frame, model="local", progress=False)

    got = rows(mm.spark.embed(to_spark(frame), model="local", table=tmp_path / "table"))

    assert [bytes(got[i]["key"]).hex() for i in local.ids] == local.content_keys.tolist()
    assert np.array_equal(np.array([got[i]["vector"] for i in local.ids], dtype=np.float32), local.vectors)
    assert all(row["error"] is None for row in got.values())


def test_failed_rows_say_why_and_the_others_arrive(frame, to_spark, tmp_path):
    frame.loc[0, "image"] = "/nowhere/lost.png"
    frame.loc[1, "image"] = None
    frame.loc[7, "text"] = "   "

    got = rows(mm.spark.embed(to_spark(frame), model="local", table=tmp_path / "table"))

    bad = {i: row["error"] for i, row in got.items() if row["vector"] is None}
    assert set(bad) == set(frame["id"].iloc[[0, 1, 7]])
    assert "no file" in bad[frame["id"][0]]
    assert "image" in bad[frame["id"][1]]
    assert "blank" in bad[frame["id"][7]]


def test_second_run_embeds_nothing(frame, to_spark, tmp_path):
    table = tmp_path / "table"
    first = rows(mm.spark.embed(to_spark(frame), model="local", table=table))
    files = sorted(table.glob("*.parquet"))

    second = rows(mm.spark.embed(to_spark(frame), model="local", table=table))

    assert sorted(table.glob("*.parquet")) == files
    assert first == second


def test_table_of_another_space_is_refused(frame, to_spark, tmp_path):
    mm.spark.embed(to_spark(frame.tail(2)), model="local", table=tmp_path / "table")

    with pytest.raises(SpaceError, match="are of different spaces: model 'local' against"):
        mm.spark.embed(to_spark(frame), model="multimodal-embedding-v1", table=tmp_path / "table")


def test_missing_column_is_named(frame, to_spark):
    with pytest.raises(ValueError, match="no column 'modality'"):
        mm.spark.embed(to_spark(frame.drop(columns="modality")), model="local")


def test_column_of_wrong_type_is_named(frame, to_spark):
    with pytest.raises(TypeError, match="column 'text' must be string, got bigint"):
        mm.spark.embed(to_spark(frame, text=1), model="local")
