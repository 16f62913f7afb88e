"""The protocol between ``embedding.py`` and whoever computes vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mmtoolkit.content import Content
    from mmtoolkit.errors import ItemError
    from mmtoolkit.models import ModelSpec

__all__ = ["Outcome", "Provider", "Sink"]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one content: a vector, or an error.

    Parameters
    ----------
    index : int
        Position in the `contents` given to ``embed``.
    vector : ndarray of shape (dimension,), float32, or None
        Checked: right length, finite, not zero.
    error : ItemError or None
        Why there is no vector.
    usage : mapping of str to int
        What the service counted for this content, as far as it can be told apart.
    note : str
        What was changed before sending ("4.1 MB PNG sent as 2.8 MB JPEG"); empty when nothing was.
    """

    index: int
    vector: NDArray[np.float32] | None = None
    error: ItemError | None = None
    usage: Mapping[str, int] = field(default_factory=dict)
    note: str = ""


Sink = Callable[[Sequence[Outcome]], None]


class Provider(Protocol):
    """Anything that turns contents into vectors."""

    @property
    def spec(self) -> ModelSpec:
        """The model's row, its `revision` filled in."""
        ...

    @property
    def leaves_machine(self) -> bool:
        """Whether items are sent to a service."""
        ...

    def check(self, content: Content, *, dimension: int, params: Mapping[str, Any]) -> None:
        """Raise an ItemError if this model cannot take `content`; cheap, before anything is paid."""
        ...

    def recipe(self, content: Content) -> str:
        """Return the id of the transcoding that `content` will go through; part of the cache key."""
        ...

    def embed(
        self,
        contents: Sequence[Content],
        *,
        dimension: int,
        params: Mapping[str, Any],
        sink: Sink,
        budget: float | None = None,
    ) -> None:
        """Compute all `contents`, handing outcomes to `sink` as they come, in any order, from any thread.

        `budget` is in the currency of the model's price; the call that would cross it is not made and BudgetError is
        raised. A provider that costs nothing ignores it.

        Every content gets exactly one outcome unless the call raises. Errors of single items are outcomes;
        what stops the whole run is raised, after everything that had arrived went to `sink`. The same holds for
        KeyboardInterrupt, after which `sink` may still be called with what was under way.
        """
        ...
