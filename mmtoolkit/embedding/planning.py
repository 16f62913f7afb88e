"""Plan the work for some contents before anything is computed: keys, equal contents, members, contents to send."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._rows import is_local
from mmtoolkit.content import Content, Image, Video
from mmtoolkit.errors import ItemError
from mmtoolkit.words import say

if TYPE_CHECKING:
    from mmtoolkit.cache import VectorStore
    from mmtoolkit.providers.base import Provider
    from mmtoolkit.space import Space

__all__ = ["Errand", "Plan", "Whole", "placed", "plan_contents", "plan_errand", "recall_files"]

_AT_ONCE = 5000  # files whose digests are looked up, and kept, at once


@dataclass(frozen=True, eq=False)
class Plan:
    """The keys of a list of contents, and which of them are equal.

    Parameters
    ----------
    contents : sequence of Content
        In the user's order.
    keys : list of bytes or None
        One per content; None where the content is wrong.
    errors : dict of int to ItemError
        Wrong contents, by row.
    unique : list of bytes
        Distinct keys, in order of first appearance.
    first : list of int
        Row of the first content with each unique key.
    """

    contents: Sequence[Content]
    keys: list[bytes | None]
    errors: dict[int, ItemError]
    unique: list[bytes]
    first: list[int]

    @property
    def equal(self) -> int:
        """How many contents repeat another one."""
        return len(self.contents) - len(self.unique) - len(self.errors)

    def lacking(self, there: NDArray[np.bool_]) -> dict[bytes, Content]:
        """Return the distinct contents that are not there, by key, in order."""
        return {self.unique[i]: self.contents[self.first[i]] for i in np.flatnonzero(~there).tolist()}


def plan_contents(
    provider: Provider,
    space: Space,
    cache: VectorStore | None,
    contents: Sequence[Content],
    ids: Sequence[str],
    progress: Any = False,
) -> Plan:
    """Fingerprint all contents and find equal ones; the cache remembers digests of unchanged local files.

    Parameters
    ----------
    provider : Provider
        Says what is done to a content before the model sees it.
    space : Space
        Of the vectors.
    cache : VectorStore or None
        Remembers files.
    contents, ids : sequence of Content, sequence of str
        Items and their names, for messages.
    progress : None, bool or a bar, default=False
        Whether reading many files shows a bar; a bar of the caller's counts items, not files.

    Returns
    -------
    Plan
        Wrong contents are in its `errors`.
    """
    if cache is not None:
        recall_files(cache, contents, progress)
    keys: list[bytes | None] = []
    errors: dict[int, ItemError] = {}
    first: dict[bytes, int] = {}
    for row, content in enumerate(contents):
        try:
            key = space.key(content.modality, content.digest(), provider.recipe(content))
        except ItemError as error:
            errors[row] = placed(error, content, row, ids)
            keys.append(None)
            continue
        keys.append(key)
        first.setdefault(key, row)
    return Plan(contents, keys, errors, list(first), list(first.values()))


def recall_files(cache: VectorStore, contents: Sequence[Content], progress: Any = False) -> None:
    """Take digests of unchanged local files from the cache; the others are hashed in parallel."""
    from tqdm.auto import tqdm

    local = [c for c in contents if isinstance(c, Image | Video) and is_local(c.source)]
    shown, delay = progress is None or progress is True, 0.0 if progress is True else 1.0
    with tqdm(
        total=len(local),
        unit=str(say("file")),
        desc=str(say("reading files")),
        disable=not shown,
        delay=delay,
        leave=False,
    ) as bar:
        for start in range(0, len(local), _AT_ONCE):
            part = local[start : start + _AT_ONCE]
            digests = cache.file_digests([os.path.abspath(content.source) for content in part])
            for content, digest in zip(part, digests, strict=True):
                if digest is not None:
                    content.expect_digest(digest)
            bar.update(len(part))


def placed(error: ItemError, content: Content, row: int, ids: Sequence[str]) -> ItemError:
    """Return an error with the name, row and id of its item."""
    error.name = error.name or content.name
    return error.at(row, str(ids[row]))


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
    """The contents to compute for some missing items, and which items wait for which members.

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
        """Take a vector; yield the items that are complete now, with the vectors of their members and notes."""
        for whole in self._waiting.get(member, []):
            self._held[member] = vector, note
            whole.lacking.discard(member)
            if not whole.lacking:
                held = [self._held[name] for name in whole.members]
                yield whole, [v for v, _ in held], list(dict.fromkeys(n for _, n in held if n))
                self._forget(whole)

    def failed(self, member: bytes) -> list[Whole]:
        """Return the items that cannot be completed any more, each only once."""
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


def plan_errand(provider: Provider, space: Space, cache: VectorStore | None, wanted: Mapping[bytes, Content]) -> Errand:
    """Check items, split those whose vector is a mean, and leave out the members that the cache has.

    Parameters
    ----------
    provider, space, cache
        As `plan_contents` takes them.
    wanted : mapping of bytes to Content
        Items that the cache lacks, by key.

    Returns
    -------
    Errand
        What to send.
    """
    errand = Errand()
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
    if parts and cache is not None:
        there, X = cache.get(list(parts), space)
        errand.there = {name: X[i] for i, name in enumerate(parts) if there[i]}
    for name, part in parts.items():
        if name not in errand.there:
            errand.send.setdefault(name, part)
    return errand
