"""Our layout of UMAP: umap-learn's curve and quality, its own places."""

import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

import mmtoolkit
from mmtoolkit.projection import layouts, neighbors, trust


@pytest.fixture(scope="module")
def umap_():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        from umap import umap_

    return umap_


@pytest.mark.parametrize("min_dist", [0.0, 0.1, 0.5, 1.0])
def test_the_curve_is_umap_learns(min_dist, umap_):
    assert layouts.closeness(min_dist) == pytest.approx(umap_.find_ab_params(1.0, min_dist), rel=1e-3)


def test_digits_are_kept_as_well_as_by_umap_learn():
    """umap-learn's default has 0.986 and 0.53 here, as the mean of five seeds (benchmarks/projection.py)."""
    X = load_digits().data.astype(np.float32)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    near = neighbors.exact(X, 16)

    coords = layouts.umap_layout(X, layouts.pca_layout(X), near, n_neighbors=15, min_dist=0.1, random_state=7)

    found = trust.map_neighbors(coords, 15)
    assert trust.trustworthiness(X, found, 0) > 0.976
    assert trust.neighbor_recall(X, found, near[1][:, 15]).mean() > 0.52


def test_min_dist_keeps_points_apart(rng):
    X = rng.normal(size=(200, 10)).astype(np.float32)
    near = neighbors.exact(X, 15)

    close, far = (
        gap(layouts.umap_layout(X, X[:, :2], near, n_neighbors=15, min_dist=d, random_state=0)) for d in (0.0, 0.9)
    )

    assert far > 2 * close


def gap(coords):
    """Median distance to the nearest point; `min_dist` is in the map's own units."""
    found = trust.map_neighbors(coords, 1)[:, 0]
    return np.median(np.linalg.norm(coords - coords[found], axis=1))


def test_a_bar_is_shown_when_asked(rng, capsys):
    mmtoolkit.project(rng.normal(size=(30, 4)), progress=True)
    assert "500/500" in capsys.readouterr().err

    mmtoolkit.project(rng.normal(size=(30, 4)), progress=False)
    assert capsys.readouterr().err == ""


def test_compiled_code_is_kept_where_the_package_cannot_be_written(tmp_path):
    """As in an image whose site-packages are read-only: the second process compiles nothing."""
    home = tmp_path / "site"
    shutil.copytree(Path(mmtoolkit.__file__).parent, home / "mmtoolkit", ignore=shutil.ignore_patterns("__pycache__"))
    kept = tmp_path / "kept"
    code = (
        "import numpy as np\nfrom mmtoolkit.projection import forces, layouts, neighbors\n"
        "X = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)\n"
        "layouts.umap_layout(X, X[:, :2], neighbors.exact(X, 15), n_neighbors=15, min_dist=0.1, random_state=0)\n"
        "print(sum(forces.move.stats.cache_hits.values()), forces.__file__)"
    )
    env = os.environ | {"PYTHONPATH": str(home), "NUMBA_CACHE_DIR": str(kept)}

    first, second = (
        subprocess.run([sys.executable, "-c", code], env=env, cwd=tmp_path, capture_output=True, text=True, check=True)
        for _ in range(2)
    )

    assert first.stdout.split() == ["0", str(home / "mmtoolkit/projection/forces.py")]
    assert second.stdout.split()[0] == "1"
    assert list(kept.rglob("*.nbi"))
