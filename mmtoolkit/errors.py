"""Every exception mmtoolkit raises on its own account.

The tree::

    MMToolkitError
    ├── ItemError                 one item is wrong; carries row, item_id and the item's short name
    │   ├── UnreadableItemError   the bytes are not what they claim to be (broken, empty, too many pixels)
    │   ├── UnsupportedItemError  this model cannot take such an item
    │   └── RefusedItemError      the service refused this item
    ├── EmbeddingError            a run ended with failed items; everything else is cached, or in its vectors
    ├── ProviderError             the service as a whole said no, or broke; status_code, code, request_id
    │   ├── ServiceStopError      nothing but a change by the user can heal it (key, bill, model, region)
    │   ├── ServiceUnavailableError  it could have healed, but not within our tries
    │   └── ProtocolError         an answer that is not what the protocol promises
    ├── BudgetError               the next call would cross ``budget=``
    ├── DriftError                the model's space has changed since the cache was filled
    ├── CacheError                the store on disk cannot be used as asked
    │   └── CacheVersionError     written by a newer version of mmtoolkit
    ├── SpaceError                vectors of different models or dimensions were brought together
    ├── VerifyError               a report or a saved model that cannot be checked or loaded
    └── MissingExtraError         an optional dependency is not installed (also an ImportError)

Bad arguments are plain ``ValueError`` or ``TypeError``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "BudgetError",
    "CacheError",
    "CacheVersionError",
    "DriftError",
    "EmbeddingError",
    "ItemError",
    "MMToolkitError",
    "MissingExtraError",
    "ProtocolError",
    "ProviderError",
    "RefusedItemError",
    "ServiceStopError",
    "ServiceUnavailableError",
    "SpaceError",
    "UnreadableItemError",
    "UnsupportedItemError",
    "VerifyError",
]


class MMToolkitError(Exception):
    """Root of every exception raised by mmtoolkit.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> try:
    ...     mm.embed_texts(["a cat", " "], model="local", cache=False)
    ... except mm.MMToolkitError as error:
    ...     print(type(error).__name__)
    EmbeddingError
    """


class ItemError(MMToolkitError):
    """One item is wrong.

    Parameters
    ----------
    reason : str
        What is wrong, what was expected and what to do.
    name : str, default=""
        Short name of the item: a file name, the start of a text.
    row : int or None, default=None
        Position in the input, from 0.
    item_id : str or None, default=None
        The item's id.
    status_code : int or None, default=None
        HTTP status, when a service refused the item.
    code : str or None, default=None
        The service's own error code.
    request_id : str or None, default=None
        The service's id of the request.
    """

    def __init__(
        self,
        reason: str,
        *,
        name: str = "",
        row: int | None = None,
        item_id: str | None = None,
        status_code: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.name = name
        self.row = row
        self.item_id = item_id
        self.status_code = status_code
        self.code = code
        self.request_id = request_id

    def at(self, row: int, item_id: str) -> ItemError:
        """Return the same error, placed at a row of the input.

        Parameters
        ----------
        row : int
            Position in the input, from 0.
        item_id : str
            The item's id.

        Returns
        -------
        ItemError
            A new error of the same class; the original is its cause.
        """
        placed = type(self)(
            self.reason,
            name=self.name,
            row=row,
            item_id=item_id,
            status_code=self.status_code,
            code=self.code,
            request_id=self.request_id,
        )
        placed.__cause__ = self
        return placed

    def __str__(self) -> str:
        """Say where, which, what, and the service's own words for it."""
        where = [] if self.row is None else [f"row {self.row}"]
        where += [] if self.item_id is None else [f"id {self.item_id!r}"]
        where += [self.name] if self.name and self.name != self.item_id else []
        service = [
            f"{word}{value}"
            for word, value in (("HTTP ", self.status_code), ("", self.code), ("request_id=", self.request_id))
            if value
        ]
        text = f"{', '.join(where)}: {self.reason}" if where else self.reason
        return f"{text} ({', '.join(service)})" if service else text


class UnreadableItemError(ItemError):
    """The item's bytes are broken, empty, not what they claim to be, or too large to open safely."""


class UnsupportedItemError(ItemError):
    """The item is sound but this model cannot take it."""


class RefusedItemError(ItemError):
    """The service refused the item."""


class EmbeddingError(MMToolkitError):
    """Some items could not be embedded; all the others were, and are cached, or stand in `vectors`.

    Parameters
    ----------
    message : str
        How many failed, the first of them, and what to do.
    errors : sequence of ItemError
        One per failed item, in the order of the input.
    vectors : ndarray of shape (n_items, n_features), float32, or None, default=None
        What was computed where no cache has it (``cache=False``, a full disk), with NaN in the rows of failed items.
    """

    def __init__(
        self, message: str, errors: tuple[ItemError, ...] = (), vectors: NDArray[np.float32] | None = None
    ) -> None:
        super().__init__(message)
        self.errors = errors
        self.vectors = vectors


class ProviderError(MMToolkitError):
    """The service said no, or broke.

    Parameters
    ----------
    message : str
        What happened and what to do.
    status_code : int or None, default=None
        HTTP status.
    code : str or None, default=None
        The service's own error code.
    request_id : str or None, default=None
        The service's id of the request.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.code = code
        self.request_id = request_id


class ServiceStopError(ProviderError):
    """An error that only the user can solve: key, bill, model name, region. It is never retried."""


class ServiceUnavailableError(ProviderError):
    """The service did not answer well within the allowed tries."""


class ProtocolError(ProviderError):
    """An answer that is not what the protocol promises; it was not cached."""


class BudgetError(MMToolkitError):
    """The next call would cross ``budget=``; what arrived is cached, run again to resume."""


class DriftError(MMToolkitError):
    """The model's vectors have changed since the cache was filled."""


class CacheError(MMToolkitError):
    """The store on disk cannot be used as asked."""


class CacheVersionError(CacheError):
    """The store was written by a newer version of mmtoolkit."""


class SpaceError(MMToolkitError):
    """Vectors of different models, dimensions or parameters were brought together."""


class VerifyError(MMToolkitError):
    """A report or saved model cannot be checked or loaded."""


class MissingExtraError(MMToolkitError, ImportError):
    """An optional dependency is not installed.

    Parameters
    ----------
    extra : str
        Name of the extra.
    purpose : str
        What needs it, as the start of a sentence.
    """

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(f'{purpose} needs an optional dependency: pip install "mmtoolkit[{extra}]"')
        self.extra = extra
