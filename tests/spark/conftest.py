"""One local Spark session for all Spark tests; it ends with them."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def spark(java, _own_cache):
    from mmtoolkit.spark import start

    few = {"spark.sql.adaptive.enabled": "false", "spark.sql.shuffle.partitions": "2"}
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
