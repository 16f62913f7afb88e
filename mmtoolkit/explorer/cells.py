"""Cells that end with an explorer: when such a cell runs again, its old widgets are on no page any more, and are closed."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any
from weakref import WeakSet, WeakValueDictionary

if TYPE_CHECKING:
    from mmtoolkit.explorer.view import View

__all__ = ["watch"]

_VIEWS: WeakSet[View] = WeakSet()
_ENDS: WeakValueDictionary[str, View] = WeakValueDictionary()  # by the cell that ended with it


def watch(view: View) -> None:
    """Hear which cells show a view, where IPython runs them."""
    if "IPython" not in sys.modules:
        return
    shell = importlib.import_module("IPython").get_ipython()
    if shell is not None:
        _VIEWS.add(view)
        shell.events.register("pre_run_cell", _runs)
        shell.events.register("post_run_cell", _ran)


def _runs(info: Any) -> None:
    """Close what a cell ended with before, unless something else shows it, too; hosts that do not name cells keep all."""
    before = _ENDS.pop(getattr(info, "cell_id", None) or "", None)
    if before is not None:
        before.users -= 1
        if not before.users:
            before.ex.close()


def _ran(result: Any) -> None:
    """Note what a cell ends with."""
    cell = getattr(result.info, "cell_id", None)
    end = next((view for view in _VIEWS if view.ex is result.result and view.comm is not None), None)
    if cell is not None and end is not None:
        _ENDS[cell] = end
