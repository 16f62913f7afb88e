"""The base class of services behind the queue: sending requests and reading answers. Derive from `Service` to add one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmtoolkit.providers.queue.rules import Answer, Rule

__all__ = ["Service"]


class Service(ABC):
    """One service behind the queue: it sends requests and reads answers.

    Attributes
    ----------
    address : str
        Where requests go; stands in messages.
    distinct : bool
        Whether different contents of one request never have equal vectors; an answer that has them is wrong then.
    probe : mapping
        The content object that is sent to see whether the service still works, unless something of the same kind that
        is no text was answered well. By default a text of one word.

    Notes
    -----
    Content objects are plain dicts: ``{"text": str}``, ``{"image": URL or data URI}``, ``{"video": URL}``,
    ``{"multi_images": list of URLs or data URIs}``, or several of these keys in one object for a fused vector.
    A service translates them in `send`. All methods are called from several threads at once.
    """

    address: str
    distinct: ClassVar[bool] = False
    probe: Mapping[str, Any] = {"text": "ok"}

    def prepare(self) -> None:  # noqa: B027 - most services have nothing to prepare
        """Load what is slow the first time; otherwise waiting requests would all leave at once, against the rate."""

    @abstractmethod
    def send(self, objects: Sequence[Mapping[str, Any]], grouped: bool) -> Answer:
        """Send one request and return the answer, good or bad.

        Parameters
        ----------
        objects : sequence of dict
            Content objects, in order.
        grouped : bool
            Whether they make one vector together.

        Returns
        -------
        Answer
            With a body only when it looks like a success. A failure of the connection is an answer without a status;
            nothing is raised for it.
        """

    @abstractmethod
    def vectors(self, body: Mapping[str, Any], n: int, dimension: int) -> Sequence[NDArray[Any]]:
        """Read the vectors of a good answer.

        Parameters
        ----------
        body : mapping
            The body of the answer.
        n : int
            How many vectors were asked for.
        dimension : int
            How long each has to be.

        Returns
        -------
        sequence of ndarray of shape (dimension,), float32
            Finite and not zero, in the order of the content objects; `vector_of` checks one.

        Raises
        ------
        ValueError
            If anything is not as it has to be; the request is sent once more, nothing is cached.
        """

    @abstractmethod
    def meaning(self, answer: Answer) -> Rule:
        """Return the meaning of a failure; see `mmtoolkit.providers.queue.rules.meaning`."""

    def counted(self, body: Mapping[str, Any]) -> tuple[int, int] | None:  # noqa: ARG002
        """Return the text tokens and media tokens that the service counted; None, the default, keeps the estimate."""
        return None

    def pack_limit(self, message: str) -> int | None:  # noqa: ARG002
        """Return how many contents a request may hold, read from a refusal with the act "shrink"; None when it is not given."""
        return None
