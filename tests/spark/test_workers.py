"""What the workers import: every new one waits for it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.spark

SCRIPT = """
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import mmtoolkit as mm
from mmtoolkit.spark.frames import from_array

rng = np.random.default_rng(0)
y = np.arange(200) % 2
X = (rng.normal(size=(200, 6)) + 3 * y[:, None]).astype(np.float32)
r = mm.classify(X, y, cv=2, duplicates="ignore", inference=False)
spark = mm.spark.start("local[1]")
table = pa.table({"id": np.arange(200).astype(str), "label": y.astype(str), "vector": from_array(X)})
pq.write_table(table, sys.argv[1])
mm.spark.cluster(spark.read.parquet(sys.argv[1]), 2, n_init=1, max_iter=2)  # first: nothing has imported more than it needs
df = spark.createDataFrame(table)
mm.spark.cluster(df, 2, n_init=1, max_iter=2)
mm.spark.classify(df, cv=2, Cs=(10.0,), max_iter=2)
mm.spark.search(df, X[:1], k=3)
mm.spark.project(df, method="pca", sample=50).rows.count()
mm.spark.predict(df, r).count()

def modules(batches):
    import sys
    for batch in batches:
        yield pa.RecordBatch.from_pydict({"name": sorted(sys.modules)})

print(*{row["name"] for row in df.mapInArrow(modules, "name string").collect()})
"""


SPARSE = "import sys, scipy.sparse; print(*sys.modules)"  # which brings scipy.linalg with it in SciPy 1.15


def test_the_workers_do_not_load_what_fits_models(spark, tmp_path):
    env = {**os.environ, "PYTHONWARNINGS": "ignore"}

    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "rows.parquet")]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    loaded = done.stdout.split()

    assert {"numpy", "pyarrow", "mmtoolkit.spark.dealing", "mmtoolkit.spark.carrying"} <= set(loaded)
    heavy = {  # pandas is there: Spark's own worker loads it
        "sklearn",
        "scipy.linalg",
        "scipy.stats",
        "scipy.optimize",
        "plotly",
        "umap",
        "numba",
    }
    alone = subprocess.run([sys.executable, "-c", SPARSE], env=env, capture_output=True, text=True, check=True)
    assert not heavy & set(loaded) - set(alone.stdout.split())
