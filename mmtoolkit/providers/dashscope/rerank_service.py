"""DashScope's rerank endpoint behind the queue: one query and some items in a request, a score for each in the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mmtoolkit.providers.dashscope.service import HostedModel
from mmtoolkit.providers.queue.reading import check_indexes
from mmtoolkit.providers.queue.rules import Answer
from mmtoolkit.providers.reranker import vector_of_score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["RerankService", "read_scores"]

_LARGEST = 1e300  # a whole number in JSON may be larger than any float
_MEDIA = "mmtoolkit_media"  # put into a body: whether a request held anything but texts


def _ok() -> dict[str, Any]:
    return {"text": "ok"}


class RerankService(HostedModel):
    """One rerank model of DashScope, as it is asked in one run."""

    probe = {"query": _ok, "document": {"text": "ok"}}  # noqa: RUF012 - as in Service

    def send(self, objects: Sequence[Mapping[str, Any]], grouped: bool) -> Answer:  # noqa: ARG002 - each has its score
        """Send one query with its items; see `Service.send`."""
        query, documents = objects[0]["query"](), [one["document"] for one in objects]
        bare = query.get("text", query)  # a text goes bare, anything else by its kind
        answer = self._ask("rerank", self.timeout_s, 0, query=bare, documents=self._sent(documents))
        if answer.body is None:
            return answer
        media = any("text" not in one for one in (query, *documents))
        return Answer(answer.status, {**answer.body, _MEDIA: media}, request_id=answer.request_id)

    def vectors(self, body: Mapping[str, Any], n: int, dimension: int) -> list[NDArray[np.float32]]:  # noqa: ARG002
        """Read the scores of a good answer, as vectors; see `Service.vectors`."""
        return [vector_of_score(score) for score in read_scores(body, n)]

    def counted(self, body: Mapping[str, Any]) -> tuple[int, int] | None:
        """Return the tokens that the answer names; without a split, those of a request with pictures count as media."""
        found = super().counted(body)
        if found is None or found[1] or not body.get(_MEDIA) or "image_tokens" in body["usage"]:
            return found
        return 0, found[0]


def read_scores(body: Mapping[str, Any], n: int) -> list[float]:
    """Return the scores of an answer in the order in which their items were sent.

    Parameters
    ----------
    body : mapping
        The answer's JSON.
    n : int
        How many items were sent.

    Returns
    -------
    list of float
        Higher is better.

    Raises
    ------
    ValueError
        If anything is not as it has to be.
    """
    output = body.get("output")
    results = output.get("results") if isinstance(output, Mapping) else None
    if not isinstance(results, list) or not all(isinstance(one, Mapping) for one in results):
        msg = "the answer has no list of results"
        raise ValueError(msg)
    indexes = [one.get("index") for one in results]
    check_indexes(indexes, n, "scores")
    found = {one["index"]: one.get("relevance_score") for one in results}
    wrong = [score for score in found.values() if type(score) not in (int, float) or abs(score) > _LARGEST]
    if wrong:
        msg = f"a score is {str(wrong[0])[:40]!r}, which is no number that fits"
        raise ValueError(msg)
    return [float(found[i]) for i in range(n)]
