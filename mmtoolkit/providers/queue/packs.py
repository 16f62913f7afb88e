"""Parts travel in packs: as many in one request as the model's row, the service's last word, and their weight allow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmtoolkit.content import Content
    from mmtoolkit.models import ModelSpec
    from mmtoolkit.providers.queue.rules import Rule

__all__ = ["Item", "Pack", "Part", "Wire", "packs_of"]

Wire = list[dict[str, Any]]  # content objects

_PACK_BYTES = 6 * 1024 * 1024
_PACK_TOKENS = 30_000


@dataclass(eq=False)
class Part:
    """Something that gets one vector from the service.

    Parameters
    ----------
    kind : str
        "text", "image", "video" or "fused": what decides about packing.
    build : callable
        Returns the content objects and a note on what was changed; done just before sending.
    text, media : int
        Estimated tokens.
    size : int
        Rough number of bytes in the request.
    grouped : bool
        Several content objects, one vector: needs a request of its own.
    """

    kind: str
    build: Callable[[], tuple[Wire, str]]
    text: int = 0
    media: int = 0
    size: int = 0
    grouped: bool = False


@dataclass(eq=False)
class Item:
    """A content and what has arrived of it."""

    index: int
    content: Content
    vectors: list[Any] = field(default_factory=list)
    usage: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    done: bool = False


@dataclass(eq=False)
class Pack:
    """Parts that travel in one request."""

    slots: list[tuple[Item, int, Part]]
    tries: Counter[Rule] = field(default_factory=Counter)
    first_at: float | None = None
    sent_at: float | None = None

    @property
    def text(self) -> int:
        """Estimated tokens of texts."""
        return sum(part.text for _, _, part in self.slots)

    @property
    def media(self) -> int:
        """Estimated tokens of pictures and videos."""
        return sum(part.media for _, _, part in self.slots)

    def halves(self, size: int | None = None) -> list[Pack]:
        """Return two packs, or packs of at most `size`."""
        size = size or (len(self.slots) + 1) // 2
        return [Pack(self.slots[i : i + size], first_at=self.first_at) for i in range(0, len(self.slots), size)]


def packs_of(
    slots: Iterator[tuple[Item, int, Part]], spec: ModelSpec, largest: Callable[[], int | None]
) -> Iterator[Pack]:
    """Fill requests with as many parts as the model's row, the service's last word, and their weight allow."""
    pack: list[tuple[Item, int, Part]] = []
    size = text = 0
    for slot in slots:
        part = slot[2]
        alone = part.grouped or part.kind not in spec.packs
        most = min(spec.contents_per_call, largest() or spec.contents_per_call)
        full = len(pack) >= most or size + part.size > _PACK_BYTES or text + part.text > _PACK_TOKENS
        if pack and (alone or full):
            yield Pack(pack)
            pack, size, text = [], 0, 0
        if alone:
            yield Pack([slot])
            continue
        pack.append(slot)
        size, text = size + part.size, text + part.text
    if pack:
        yield Pack(pack)
