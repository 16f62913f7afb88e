"""The helper process: PCA at once, the same map later, no process left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from mmtoolkit.errors import MMToolkitError
from mmtoolkit.projection import project


@pytest.fixture
def X(rng):
    return rng.normal(size=(80, 9)).astype(np.float32)


WORKER = "mmtoolkit.projection.worker"


def helpers(pid=None):
    """Helper processes below a process."""
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it may end while it is looked at
            found += [child] if WORKER in child.cmdline() else []
    return found


def gone(pid, patience_s=60):
    end = time.monotonic() + patience_s
    while psutil.pid_exists(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not psutil.pid_exists(pid)


def test_pca_is_there_at_once_and_the_map_later(X):
    told = threading.Event()

    pending = project(X, method="pca", wait=False)
    pending.on_done(lambda p: told.set())

    assert WORKER in pending._process.args  # what `helpers` looks for
    assert pending.quick.note == "PCA, while the map is computed"
    p = pending.result()
    assert np.array_equal(p.coords, project(X, method="pca").coords)
    assert np.array_equal(p.trust, project(X, method="pca").trust)
    assert p.recipe == pending.quick.recipe == project(X, method="pca").recipe
    assert p.source is X
    assert "wait" not in p.recipe.params
    assert pending.done
    assert told.wait(60)
    assert "done" in repr(pending)
    assert gone(pending._process.pid)
    assert not helpers()


def test_the_helper_knows_no_key_but_where_modules_are(X, tmp_path, monkeypatch):
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-not-for-helpers")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "numpy.py").write_text("raise SystemExit('a file of the user stood in the way')")
    pending = project(X, method="pca", wait=False)

    environment = psutil.Process(pending._process.pid).environ()

    assert not any(name.startswith("DASHSCOPE") for name in environment)
    assert "PATH" in environment
    assert pending.result().coords.shape == (80, 2)


def test_a_late_callback_is_called_at_once(X, caplog):
    pending = project(X, method="pca", wait=False)
    pending.result()
    called = []

    pending.on_done(called.append)
    pending.on_done(lambda p: 1 / 0)

    assert called == [pending]
    assert "a callback of a finished map failed" in caplog.text


def test_a_cancelled_map_says_so_and_leaves_nothing(X):
    pending = project(X, wait=False)
    folder = pending._folder
    pid = pending._process.pid

    pending.cancel()
    pending.cancel()

    with pytest.raises(MMToolkitError, match="could not be computed in the helper process"):
        pending.result()
    assert gone(pid)
    assert not folder.exists()


def test_waiting_has_an_end(X):
    pending = project(X, wait=False)
    try:
        with pytest.raises(TimeoutError, match="not ready after 0 s"):
            pending.result(timeout_s=0)
    finally:
        pending.cancel()


def test_an_error_in_the_helper_is_told(X):
    pending = project(X, method="pca", wait=False)
    pending._process.send_signal(signal.SIGSTOP)
    (pending._folder / "params.json").write_text('{"method": "none", "random_state": 0}')
    (pending._folder / "X.npy").write_bytes(b"not an array")
    pending._process.send_signal(signal.SIGCONT)

    with pytest.raises(MMToolkitError, match=r"helper process: .*(array|pickle|magic)"):
        pending.result()


def test_the_helper_ends_with_its_parent(X, tmp_path):
    """As when a kernel is killed and restarted in the middle."""
    script = tmp_path / "kernel.py"
    script.write_text(
        "import numpy as np, time\n"
        "from mmtoolkit.projection import project\n"
        "p = project(np.random.default_rng(0).normal(size=(3000, 40)), method='tsne', wait=False)\n"
        "print(p._process.pid, p._folder, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as kernel:
        pid, folder = kernel.stdout.readline().split()

        os.kill(kernel.pid, signal.SIGKILL)
        kernel.wait()

        assert gone(int(pid))
    assert not Path(folder).exists()
