"""Items that are the mean of other vectors: their members are cached items of their own, so that none is paid for twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mmtoolkit.errors import ItemError

if TYPE_CHECKING:
    from mmtoolkit.content import Content
    from mmtoolkit.embedding.encoder import Encoder

__all__ = ["Errand", "Whole", "plan_errand"]


@dataclass(eq=False)
class Whole:
    """An item that waits for its members.

    Parameters
    ----------
    key : bytes
        The item's.
    content : Content
        The item.
    members : list of bytes
        Keys, in the order in which the provider combines them; a member may stand there twice.
    """

    key: bytes
    content: Content
    members: list[bytes]

    def __post_init__(self) -> None:
        """Wait for each member."""
        self.lacking = set(self.members)


@dataclass(eq=False)
class Errand:
    """What has to be computed for some missing items, and which of them wait for what.

    Parameters
    ----------
    send : dict of bytes to Content
        By key: items that are sent as they are, and members that the cache lacks.
    errors : dict of bytes to ItemError
        Items that cannot be computed.
    there : dict of bytes to ndarray
        Members that the cache has.
    """

    send: dict[bytes, Content] = field(default_factory=dict)
    errors: dict[bytes, ItemError] = field(default_factory=dict)
    there: dict[bytes, Any] = field(default_factory=dict)
    _waiting: dict[bytes, list[Whole]] = field(default_factory=dict)
    _held: dict[bytes, tuple[Any, str]] = field(default_factory=dict)

    def wait(self, whole: Whole) -> None:
        """Let an item wait for its members."""
        for member in whole.lacking:
            self._waiting.setdefault(member, []).append(whole)

    def arrived(self, member: bytes, vector: Any, note: str = "") -> Iterator[tuple[Whole, list[Any], list[str]]]:
        """Take in a vector; yields the items that wait for nothing else, their members' vectors, and notes on these."""
        for whole in self._waiting.get(member, []):
            self._held[member] = vector, note
            whole.lacking.discard(member)
            if not whole.lacking:
                held = [self._held[name] for name in whole.members]
                yield whole, [v for v, _ in held], list(dict.fromkeys(n for _, n in held if n))
                self._forget(whole)

    def failed(self, member: bytes) -> list[Whole]:
        """Return the items that have waited in vain, each only once."""
        lost = list(self._waiting.get(member, []))
        for whole in lost:
            self._forget(whole)
        return lost

    def _forget(self, whole: Whole) -> None:
        for member in set(whole.members):
            left = [other for other in self._waiting.get(member, []) if other is not whole]
            if left:
                self._waiting[member] = left
            else:
                self._waiting.pop(member, None)
                self._held.pop(member, None)


def plan_errand(encoder: Encoder, wanted: Mapping[bytes, Content]) -> Errand:
    """Check items, take those apart that are means, and leave out the members that the cache has.

    Parameters
    ----------
    encoder : Encoder
        Names the provider and the cache.
    wanted : mapping of bytes to Content
        Items that the cache lacks, by key.

    Returns
    -------
    Errand
        What to send.
    """
    errand, provider, space = Errand(), encoder.provider, encoder.space
    parts: dict[bytes, Any] = {}
    for key, content in wanted.items():
        try:
            provider.check(content, dimension=space.dimension, params=space.params)
            found = provider.members(content)
            names = [space.key(part.modality, part.digest(), provider.recipe(part)) for part in found]
        except ItemError as error:
            errand.errors[key] = error
            continue
        if found:
            errand.wait(Whole(key, content, names))
            parts.update(zip(names, found, strict=True))
        else:
            errand.send[key] = content
    if parts and encoder.cache is not None:
        there, X = encoder.cache.get(list(parts), space)
        errand.there = {name: X[i] for i, name in enumerate(parts) if there[i]}
    for name, part in parts.items():
        if name not in errand.there:
            errand.send.setdefault(name, part)
    return errand
