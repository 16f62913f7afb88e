"""Pairs of a query and an item behind the queue: one query a request, with as many items as the service takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mmtoolkit.content import Fused, Video
from mmtoolkit.errors import UnsupportedItemError
from mmtoolkit.providers.queue.packs import Item, Pack, Part, Wire
from mmtoolkit.providers.queue.splitting import Maker
from mmtoolkit.providers.reranker import Pair

__all__ = ["PairMaker"]

_MOST_BYTES = 6 * 1024 * 1024
_FULL = 1.0 + 1e-9  # of the shares of a request that its items take


@dataclass(frozen=True)
class PairMaker(Maker):
    """Turns pairs into the requests of one model.

    Parameters
    ----------
    queries : frozenset of str
        Modalities that a query may have.
    per_request : mapping of str to int
        By modality, how many items a request may hold. Of a mixture every item takes its share, so that no limit is
        crossed however the service counts.
    request_tokens : int
        Tokens that a request may hold: those of the query once for every item, and those of the items.
    template : int
        Tokens that the service adds to every pair.
    """

    queries: frozenset[str] = frozenset({"text"})
    per_request: Mapping[str, int] = field(default_factory=dict)
    request_tokens: int = 0
    template: int = 0

    def check(self, content: Any) -> None:
        """Raise for a pair that the model cannot score; see `Provider.check`."""
        if content.query.modality not in self.queries:
            what = f"takes no {content.query.modality} as a query, only {', '.join(sorted(self.queries))}"
            raise self._refused(content.query, what)
        for one in (content.query, content.document):
            if isinstance(one, Fused):
                raise self._refused(one, "scores one text, picture or video at a time, no fused items")
            if isinstance(one, Video) and one.frames is not None:
                raise self._refused(one, "scores whole videos, no means of frames")
            super().check(one)

    def _refused(self, content: Any, what: str) -> UnsupportedItemError:
        return UnsupportedItemError(f"{self.spec.name!r} {what}", name=content.name)

    def recipe(self, content: Any) -> str:
        """Return an id of the changes to query and item before sending; see `Provider.recipe`."""
        if not isinstance(content, Pair):  # a part of one
            return super().recipe(content)
        return f"{super().recipe(content.query)}|{super().recipe(content.document)}"

    def _part(self, content: Any, params: Mapping[str, Any]) -> Part:
        query, document = super()._part(content.query, params), super()._part(content.document, params)
        most = self.spec.text_tokens or query.text + document.text  # the service cuts what is longer
        return Part(
            document.kind,
            partial(self._build_pair, content),
            text=min(query.text, most) + min(document.text, most) + self.template,
            media=query.media + document.media,
            size=document.size,
        )

    def _build_pair(self, pair: Pair) -> tuple[Wire, str]:
        """Return the pair with its query as a function: of a whole request it is made only once."""
        objects, note = self._one(pair.document)  # type: ignore[arg-type]  # checked
        return [{"query": partial(self._wire, pair.query), "document": objects[0]}], note

    def _wire(self, content: Any) -> dict[str, Any]:
        return self._one(content)[0][0]

    def packs(self, slots: Iterator[tuple[Item, int, Part]], largest: Callable[[], int | None]) -> Iterator[Pack]:
        """Fill requests with items of one query, as many as the limits allow."""
        pack: list[tuple[Item, int, Part]] = []
        query: Any = None
        share = 0.0
        size = tokens = 0
        for slot in slots:
            pair: Any = slot[0].content
            part = slot[2]
            own = 1 / self.per_request[part.kind]
            full = (
                share + own > _FULL
                or size + part.size > _MOST_BYTES
                or tokens + part.text + part.media > self.request_tokens
                or len(pack) >= (largest() or len(pack) + 1)
            )
            if pack and (full or pair.query is not query):
                yield Pack(pack)
                pack = []
            if not pack:
                query, share, tokens = pair.query, 0.0, 0
                size = super()._part(query, {}).size
            pack.append(slot)
            share, size, tokens = share + own, size + part.size, tokens + part.text + part.media
        if pack:
            yield Pack(pack)
