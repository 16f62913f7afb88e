"""A map that is computed in another process, so that the notebook's kernel stays free."""

from __future__ import annotations

import atexit
import json
import logging
import shutil
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit import _child
from mmtoolkit.errors import MMToolkitError
from mmtoolkit.projection.engine import note_of, quick_layout
from mmtoolkit.projection.result import Projection
from mmtoolkit.steps import UNRECORDED, Step
from mmtoolkit.words import say

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PendingProjection"]

logger = logging.getLogger(__name__)
_RUNNING: weakref.WeakSet[PendingProjection] = weakref.WeakSet()


class PendingProjection:
    """A map that another process computes.

    That process ends with its job, with `cancel`, or when this process ends, however it ends.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Finite rows.
    params : mapping
        Settings of the map, checked.
    """

    def __init__(self, X: NDArray[np.float32], params: Mapping[str, Any]) -> None:
        self._X, self._params = X, params
        self._recipe, self._source = UNRECORDED, None
        self._answer: Future[Projection] = Future()
        self._folder = Path(tempfile.mkdtemp(prefix="mmtoolkit-map-"))
        np.save(self._folder / "X.npy", X, allow_pickle=False)
        (self._folder / "params.json").write_text(json.dumps(dict(params)))
        self._process = _child.start(
            "mmtoolkit.projection.worker", str(self._folder), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        _RUNNING.add(self)
        threading.Thread(target=self._watch, name="mmtoolkit-map", daemon=True).start()

    def _recorded(self, step: Step, source: Any) -> PendingProjection:
        """Keep step and vectors for the map, and return the same object; called by `verb`."""
        self._recipe, self._source = step, source
        return self

    def _watch(self) -> None:
        """Wait for the other process, in a thread."""
        try:
            drawn, why = self._computed(), ""
        except Exception as error:  # whatever it is, `result` must tell it and never hang
            drawn, why = None, str(error) or type(error).__name__
        shutil.rmtree(self._folder, ignore_errors=True)
        if drawn is None:
            msg = say(
                "the map could not be computed in the helper process: {why}; project(..., wait=True) tries here",
                why=why,
            )
            self._answer.set_exception(MMToolkitError(msg))
        else:
            self._answer.set_result(drawn)

    def _computed(self) -> Projection:
        """Return the map that the other process has written."""
        with self._process as process:
            assert process.stderr is not None
            complaint = process.stderr.read().decode("utf-8", "replace").strip()  # not communicate: it closes stdin
            process.wait()
        if self._process.returncode != 0:
            raise MMToolkitError(complaint.rsplit("\n", 1)[-1] or f"exit code {self._process.returncode}")
        with np.load(self._folder / "map.npz", allow_pickle=False) as kept:
            words = {name: kept[name].item() for name in ("trustworthiness", "method")}
            note = note_of(self._X, self._params["method"])
            return Projection(kept["coords"], kept["trust"], **words, note=note)

    @cached_property
    def quick(self) -> Projection:
        """The PCA map, to show until the other is done; its trust is not computed."""
        return quick_layout(self._X)._recorded(self._recipe, self._source)

    @property
    def done(self) -> bool:
        """Whether the map is there or has failed, so that `result` returns or raises at once."""
        return self._answer.done()

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
        try:
            return self._answer.result(timeout_s)._recorded(self._recipe, self._source)
        except TimeoutError:
            msg = f"the map is not ready after {timeout_s:g} s; it is still being computed"
            raise TimeoutError(msg) from None

    def on_done(self, call: Callable[[PendingProjection], object]) -> None:
        """Call `call(self)` when the map is there or has failed, from another thread; at once if it is already.

        Parameters
        ----------
        call : callable
            What it raises is logged.
        """

        def tell(_: Future[Projection]) -> None:
            try:
                call(self)
            except Exception:
                logger.exception("a callback of a finished map failed")

        self._answer.add_done_callback(tell)

    def cancel(self) -> None:
        """Stop computing; does nothing when the map is done."""
        if self._process.poll() is None:
            self._process.kill()
        wait([self._answer], 10)

    def __repr__(self) -> str:
        state = "computing" if not self.done else "failed" if self._answer.exception() else "done"
        return f"<PendingProjection: {len(self._X):,} items, {self._params['method']}, {state}>"


@atexit.register
def _stop_all() -> None:
    for pending in list(_RUNNING):
        pending.cancel()
