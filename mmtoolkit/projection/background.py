"""A map computed in another process, so that the notebook's kernel stays free."""

from __future__ import annotations

import atexit
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.errors import MMToolkitError
from mmtoolkit.projection.engine import Layout, quick_layout
from mmtoolkit.projection.result import Projection

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PendingProjection"]

logger = logging.getLogger(__name__)
_HELPER = """import json, sys
sys.path[:] = json.loads(sys.argv[2])
from mmtoolkit.projection.worker import main
main(sys.argv[1])"""
_SECRET = re.compile(
    "KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE
)  # in the name of a variable: not for the helper
_RUNNING: weakref.WeakSet[PendingProjection] = weakref.WeakSet()


class PendingProjection:
    """A map on its way.

    The helper ends with its job, with `cancel`, or when this process ends, however it ends.

    Attributes
    ----------
    quick : Projection
        The PCA map, to show meanwhile; its trust is not known.
    """

    def __init__(
        self, X: NDArray[np.float32], params: Mapping[str, Any], recipe: Mapping[str, Any], source: Any
    ) -> None:
        self._X, self._params, self._recipe, self._source = X, params, recipe, source
        self._layout: Layout | None = None
        self._error: str | None = None
        self._finished = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[PendingProjection], object]] = []
        self._folder = Path(tempfile.mkdtemp(prefix="mmtoolkit-map-"))
        np.save(self._folder / "X.npy", X, allow_pickle=False)
        (self._folder / "params.json").write_text(json.dumps(dict(params)))
        command = [sys.executable, "-P", "-c", _HELPER, str(self._folder), json.dumps(sys.path)]
        secretless = {name: value for name, value in os.environ.items() if not _SECRET.search(name)}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=secretless
        )
        _RUNNING.add(self)
        threading.Thread(target=self._watch, name="mmtoolkit-map", daemon=True).start()

    def _watch(self) -> None:
        try:
            self._layout = self._answer()
        except Exception as error:  # whatever it is, `result` must tell it and never hang
            self._error = str(error) or type(error).__name__
        shutil.rmtree(self._folder, ignore_errors=True)
        with self._lock:
            self._finished.set()
            waiting, self._callbacks = self._callbacks, []
        for call in waiting:
            self._tell(call)

    def _answer(self) -> Layout:
        with self._process as process:
            assert process.stderr is not None
            complaint = process.stderr.read().decode("utf-8", "replace").strip()  # not communicate: it closes stdin
            process.wait()
        if self._process.returncode != 0:
            raise MMToolkitError(complaint.rsplit("\n", 1)[-1] or f"exit code {self._process.returncode}")
        with np.load(self._folder / "map.npz", allow_pickle=False) as kept:
            score, method, note = float(kept["trustworthiness"]), str(kept["method"]), str(kept["note"])
            return Layout(kept["coords"], kept["trust"], score, method, note)

    def _tell(self, call: Callable[[PendingProjection], object]) -> None:
        try:
            call(self)
        except Exception:
            logger.exception("a callback of a finished map failed")

    @cached_property
    def quick(self) -> Projection:
        """The PCA map, to show meanwhile; its trust is not known."""
        return Projection.of(quick_layout(self._X), self._recipe, self._source)

    @property
    def done(self) -> bool:
        """Whether `result` answers at once, be it with an error."""
        return self._finished.is_set()

    def result(self, timeout_s: float | None = None) -> Projection:
        """Wait for the map.

        Parameters
        ----------
        timeout_s : float or None, default=None
            Seconds; None waits as long as it takes.

        Returns
        -------
        Projection
            The same bits as ``project(..., wait=True)``.

        Raises
        ------
        TimeoutError
            If it is not there in time; it is still being computed.
        MMToolkitError
            If the helper failed or was cancelled.
        """
        if not self._finished.wait(timeout_s):
            msg = f"the map is not ready after {timeout_s:g} s; it is still being computed"
            raise TimeoutError(msg)
        if self._layout is None:
            msg = f"the map could not be computed in the helper process: {self._error}; project(..., wait=True) tries here"
            raise MMToolkitError(msg)
        return Projection.of(self._layout, self._recipe, self._source)

    def on_done(self, call: Callable[[PendingProjection], object]) -> None:
        """Call `call(self)` when the map is there or has failed, from another thread; at once if it is already.

        Parameters
        ----------
        call : callable
            What it raises is logged.
        """
        with self._lock:
            if not self._finished.is_set():
                self._callbacks.append(call)
                return
        self._tell(call)

    def cancel(self) -> None:
        """Stop computing; does nothing when the map is done."""
        if self._process.poll() is None:
            self._process.kill()
        self._finished.wait(10)

    def __repr__(self) -> str:
        state = "computing" if not self.done else "failed" if self._layout is None else "done"
        return f"<PendingProjection: {len(self._X):,} items, {self._params['method']}, {state}>"


@atexit.register
def _stop_all() -> None:
    for pending in list(_RUNNING):
        pending.cancel()
