"""Search on Spark beside the local one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import mmtoolkit as mm
from mmtoolkit.errors import SpaceError
from mmtoolkit.spark.frames import from_array

pytestmark = pytest.mark.spark


def test_search_equals_the_local_search(vectors, small):
    found = mm.spark.search(vectors, small.vectors[:2], k=7)

    local = mm.search(small, small.vectors[:2], k=7).table
    assert found["id"].tolist() == local["id"].tolist()
    assert found["rank"].tolist() == [*range(1, 8)] * 2


def test_query_of_words_is_embedded_by_the_named_model(spark, glosses):
    part = glosses[:20]
    table = pa.table({"id": part.ids.tolist(), "text": part.items["text"].tolist()})
    df = spark.createDataFrame(table.append_column("vector", from_array(part.vectors)))

    found = mm.spark.search(df, part.items["text"][3], k=1, model="local")

    assert found["id"].tolist() == [part.ids[3]]


def test_query_of_another_space_is_refused(vectors):
    with pytest.raises(SpaceError, match="3 features"):
        mm.spark.search(vectors, np.ones(3, dtype=np.float32))
