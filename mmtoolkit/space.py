"""Spaces: which vectors may be compared with one another, and the keys of the items in them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mmtoolkit._json import read_json
from mmtoolkit._text import shorten
from mmtoolkit.errors import SpaceError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Space", "space_of"]

_FORMAT = 1  # of the key; a change makes every cached vector unfindable
_REVISION = 12  # letters shown of a revision


@dataclass(frozen=True, eq=False, repr=False)
class Space:
    """A set of vectors that may be compared with one another.

    Parameters
    ----------
    model : str
        Name of the model; "" for vectors of unknown origin.
    revision : str
        Changes when the same name gives other vectors; "" where the model does not tell.
    dimension : int
        Number of features.
    params : mapping, default={}
        Parameters that change the vector; JSON values.
    centers : mapping of str to ndarray of shape (dimension,), float32, default={}
        Means that were subtracted from the unit rows, by modality; empty for vectors as the model returned them.

    Examples
    --------
    >>> from mmtoolkit.space import Space
    >>> a = Space("some-model", "1", 3)
    >>> a == Space("some-model", "1", 3), a == Space("some-model", "2", 3)
    (True, False)
    """

    model: str
    revision: str
    dimension: int
    params: Mapping[str, Any] = field(default_factory=dict)
    centers: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise for values that cannot describe a space; make the mappings read-only."""
        for name in ("model", "revision"):
            if not isinstance(value := getattr(self, name), str):
                msg = f"{name} of a space must be a text, got {shorten(repr(value))}"
                raise TypeError(msg)
        try:
            dimension = operator.index(self.dimension)  # numpy's integers mean nothing to SQLite
        except TypeError:
            dimension = 0
        if dimension < 1 or isinstance(self.dimension, bool):
            msg = f"dimension must be a positive integer, got {self.dimension!r}"
            raise ValueError(msg)
        for name in ("params", "centers"):
            if not isinstance(value := getattr(self, name), Mapping):
                msg = f"{name} of a space must be a mapping, got {shorten(repr(value))}"
                raise TypeError(msg)
        for modality, center in self.centers.items():
            if center.shape != (dimension,):
                msg = f"the mean of {modality!r} has shape {center.shape}, expected ({dimension},)"
                raise ValueError(msg)
        frozen = {"dimension": dimension, "params": MappingProxyType(dict(self.params))}
        frozen["centers"] = MappingProxyType(dict(self.centers))
        self.__dict__.update(frozen)

    @property
    def raw(self) -> Space:
        """The space of the vectors as the model returned them; caches store vectors of this space."""
        return dataclasses.replace(self, centers={}) if self.centers else self

    @cached_property
    def params_json(self) -> str:
        """The parameters, always written the same way."""
        return json.dumps(dict(self.params), sort_keys=True, ensure_ascii=True)

    @cached_property
    def _names(self) -> list[Any]:
        return [self.model, self.revision, self.dimension, sorted(self.params.items())]

    @cached_property
    def _head(self) -> str:
        return json.dumps([_FORMAT, *self._names], ensure_ascii=True)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all that defines the space, in hexadecimal."""
        state = hashlib.sha256(json.dumps(self._names).encode())
        for modality, center in sorted(self.centers.items()):
            state.update(modality.encode())
            state.update(center.tobytes())
        return state.hexdigest()

    def key(self, modality: str, digest: bytes, recipe: str = "") -> bytes:
        """Return the 32-byte cache key of one item.

        Parameters
        ----------
        modality : str
            What is embedded.
        digest : bytes
            SHA-256 of the source.
        recipe : str, default=""
            Id of the transcoding it goes through.

        Returns
        -------
        bytes
            SHA-256; the same for centered vectors, which are made from cached ones.
        """
        state = _started(self._head).copy()
        state.update(f"\n{modality}\n{recipe}\n".encode())
        state.update(digest)
        return bytes(state.digest())

    def center(self, unit: NDArray[np.float32], modalities: Sequence[str]) -> NDArray[np.float32]:
        """Subtract the space's means from unit rows.

        Parameters
        ----------
        unit : ndarray of shape (n_items, dimension), float32
            Unit rows.
        modalities : sequence of str
            One per row.

        Returns
        -------
        ndarray of shape (n_items, dimension), float32
            A new array.

        Raises
        ------
        SpaceError
            If a modality has no mean.
        """
        import numpy as np

        unknown = sorted(set(modalities) - set(self.centers))
        if unknown:
            msg = f"these vectors were centered by modality and have no mean for {unknown[0]!r}; they have {', '.join(self.centers)}"
            raise SpaceError(msg)
        out = np.array(unit, dtype=np.float32)
        for kind, center in self.centers.items():
            out[np.array([k == kind for k in modalities], dtype=bool)] -= center
        return out

    def differences(self, other: Space) -> list[str]:
        """Return in words how `other` differs from this space; "" when vectors of both may be mixed."""
        short = self.revision[:_REVISION], other.revision[:_REVISION]
        pairs = {
            "model": (repr(self.model), repr(other.model)),
            "revision": tuple(map(repr, short if short[0] != short[1] else (self.revision, other.revision))),
            "dimension": (str(self.dimension), str(other.dimension)),
            "params": (self.params_json, other.params_json),
        }
        found = [f"{name} {mine} against {theirs}" for name, (mine, theirs) in pairs.items() if mine != theirs]
        if not found and self != other:
            mine, theirs = self._centering, other._centering
            found.append(f"{mine} against {theirs}{' by other means' if mine == theirs else ''}")
        return found

    @property
    def _centering(self) -> str:
        return f"centered by {', '.join(sorted(self.centers))}" if self.centers else "not centered"

    def refuse(self, other: Space, what: str, advice: str) -> None:
        """Raise unless vectors of `other` may be mixed with those of this space.

        Parameters
        ----------
        other : Space
            The other vectors'.
        what : str
            Whose vectors these two are, such as "the classifier's vectors and these".
        advice : str
            What to do.

        Raises
        ------
        SpaceError
            With every difference.
        """
        found = self.differences(other)
        if found:
            msg = f"{what} are of different spaces: {', '.join(found)}; {advice}"
            raise SpaceError(msg)

    def to_dict(self) -> dict[str, Any]:
        """Return the space as plain data: model, revision, dimension, params, centers."""
        from mmtoolkit.results import plain

        centers = {name: center.tolist() for name, center in self.centers.items()}
        return {**{name: getattr(self, name) for name in _NAMES}, "params": plain(self.params), "centers": centers}

    @classmethod
    def from_dict(cls, said: Any) -> Space:
        """Make a space from the value of `to_dict`; `params` may also be a JSON text, as in vector tables.

        Parameters
        ----------
        said : mapping
            Further entries are not looked at.

        Returns
        -------
        Space
            The space.

        Raises
        ------
        KeyError, TypeError, ValueError
            If something is missing or of another kind.
        """
        import numpy as np

        if not isinstance(said, Mapping):
            msg = f"a space must be a mapping, got {shorten(repr(said))}"
            raise TypeError(msg)
        params = read_json(said["params"]) if isinstance(said["params"], str) else said["params"]
        with np.errstate(over="ignore"):
            centers = {str(k): np.asarray(v, dtype=np.float32) for k, v in (said.get("centers") or {}).items()}
        for name, center in centers.items():
            if not np.isfinite(center).all():
                msg = f"the mean of {name!r} must be finite numbers that float32 can hold"
                raise ValueError(msg)
        if type(said["dimension"]) is not int:
            msg = f"dimension of a space must be an integer, got {shorten(repr(said['dimension']))}"
            raise TypeError(msg)
        return cls(said["model"], said["revision"], said["dimension"], params, centers)

    def __repr__(self) -> str:
        named = ", ".join(f"{name}={getattr(self, name)!r}" for name in _NAMES)
        return f"Space({named}, params={dict(self.params)!r}{f', {self._centering}' if self.centers else ''})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Space):
            return NotImplemented
        return self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __reduce__(self) -> tuple[Any, ...]:
        return Space, (*(getattr(self, name) for name in _NAMES), dict(self.params), dict(self.centers))


_NAMES = ("model", "revision", "dimension")


@lru_cache(maxsize=64)
def _started(head: str) -> Any:
    return hashlib.sha256(head.encode())


def space_of(embeddings: Any) -> Space:
    """Return the space of Embeddings; a plain array has only a dimension.

    Parameters
    ----------
    embeddings : Embeddings, Space, or array-like of shape (n_items, n_features)
        What a user handed in.

    Returns
    -------
    Space
        With the model "" where none is known.
    """
    known = embeddings if isinstance(embeddings, Space) else getattr(embeddings, "space", None)
    if isinstance(known, Space):
        return known
    import numpy as np

    return Space("", "", int(np.shape(embeddings)[1]))
