"""How the trials of an attack end, counted."""

from __future__ import annotations

import operator
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mmtoolkit
from mmtoolkit.errors import MMToolkitError

HOME = Path(mmtoolkit.__file__).parent
CLEAR = (ValueError, TypeError, MMToolkitError)


def ours(error: BaseException) -> bool:
    """Tell whether an error is one of ours: a class of ours, or a bad argument raised by a line of ours."""
    if isinstance(error, MMToolkitError):
        return True
    last = traceback.extract_tb(error.__traceback__)[-1].filename
    if type(error) not in (ValueError, TypeError):
        return isinstance(error, CLEAR) and type(error).__module__.startswith("mmtoolkit")
    return Path(last).is_relative_to(HOME)


class Tally:
    """Counts of how trials ended; the first examples of what must not happen are kept."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: dict[str, str] = {}

    def trial(
        self, name: str, look: Callable[[], Any], sound: Any = None, same: Callable[[Any, Any], bool] = operator.eq
    ) -> None:
        """Run one trial: it ends in the sound result, in another one, in an error of ours, or in a raw one."""
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                found = look()
            except Exception as error:
                kind = "told" if ours(error) else "raw"
                if kind == "raw":
                    at = traceback.extract_tb(error.__traceback__)
                    mine = [f"{Path(f.filename).name}:{f.lineno}" for f in at if Path(f.filename).is_relative_to(HOME)]
                    place = mine[-1] if mine else "?"
                    self.examples.setdefault(f"{type(error).__name__} at {place}: {str(error)[:80]}", name)
            else:
                kind = "same" if sound is None or same(found, sound) else "other"
                if kind == "other":
                    self.examples.setdefault("another result", name)
        for warning in told:
            if not issubclass(warning.category, UserWarning):
                self.counts["foreign warnings"] += 1
                self.examples.setdefault(
                    f"{warning.category.__name__}: {str(warning.message)[:80]} ({Path(warning.filename).name}:{warning.lineno})",
                    name,
                )
        self.counts[kind] += 1

    def done(self, **further: Any) -> dict[str, Any]:
        """Return the counts, as they are printed."""
        names = ("same", "told", "other", "raw", "foreign warnings")
        return {
            "trials": sum(self.counts[n] for n in names[:4]),
            **{n: self.counts[n] for n in names},
            **further,
            "examples": self.examples,
        }
