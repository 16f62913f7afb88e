"""Put parts into packs, one pack per request: the model's row, the last limit that the service named, and the size of the parts decide how many."""

from __future__ import annotations

import math
from collections import Counter, deque
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
_LOOKAHEAD = 32


@dataclass(eq=False)
class Part:
    """A part of a content that gets one vector from the service.

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
    pictures : int
        How many pictures it holds.
    """

    kind: str
    build: Callable[[], tuple[Wire, str]]
    text: int = 0
    media: int = 0
    size: int = 0
    grouped: bool = False
    pictures: int = 0


@dataclass(eq=False)
class Item:
    """A content and the vectors that have arrived for it."""

    index: int
    content: Content
    vectors: list[Any] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    done: bool = False


@dataclass(eq=False)
class Pack:
    """Parts that travel in one request."""

    slots: list[tuple[Item, int, Part]]
    tries: Counter[Rule] = field(default_factory=Counter)
    first_at: float | None = None
    sent_at: float = 0.0

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

    def forget(self) -> None:
        """Forget the tries of the pack, because the service was not reachable."""
        self.tries.clear()
        self.first_at = None


def packs_of(
    slots: Iterator[tuple[Item, int, Part]], spec: ModelSpec, largest: Callable[[], int | None], *, mixed: bool = True
) -> Iterator[Pack]:
    """Fill requests as far as the row, the last limit that the service named, and size allow; with parts of one kind unless `mixed`."""
    begun: dict[str, Pack] = {}
    alone: deque[Pack] = deque()  # wait a little, so that packs before them are filled from what comes after
    for slot in slots:
        part = slot[2]
        if part.grouped or part.kind not in spec.packs:
            alone.append(Pack([slot]))
            if not begun or len(alone) > _LOOKAHEAD:
                yield alone.popleft()
            continue
        kind = "any" if mixed else part.kind
        pack = begun.setdefault(kind, Pack([]))
        if pack.slots and not _fits(pack, part, spec, largest()):
            yield pack
            begun[kind] = pack = Pack([])
        pack.slots.append(slot)
    yield from begun.values()
    yield from alone


def _fits(pack: Pack, part: Part, spec: ModelSpec, largest: int | None) -> bool:
    """Whether a request can take one part more."""
    parts = [*(there for _, _, there in pack.slots), part]
    most = min(spec.contents_per_call, largest or spec.contents_per_call)
    return (
        len(parts) <= most
        and sum(one.size for one in parts) <= _PACK_BYTES
        and sum(one.text for one in parts) <= (spec.tokens_per_call or _PACK_TOKENS)
        and sum(one.pictures for one in parts) <= (spec.pictures_per_call or math.inf)
    )
