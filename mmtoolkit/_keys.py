"""Cache keys: one digest of everything that makes a vector what it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

__all__ = ["KeyMaker"]

_FORMAT = 1  # of the key; a change makes every cached vector unfindable


class KeyMaker:
    """Makes cache keys for one model, dimension and set of parameters.

    Parameters
    ----------
    model, revision : str
        Name and revision of the model.
    dimension : int
        Number of features.
    params : mapping
        Parameters that change the vector; JSON values.
    """

    def __init__(self, model: str, revision: str, dimension: int, params: Mapping[str, Any]) -> None:
        head = json.dumps([_FORMAT, model, revision, dimension, sorted(params.items())], ensure_ascii=True)
        self._start = hashlib.sha256(head.encode())

    def key(self, modality: str, digest: bytes, recipe: str = "") -> bytes:
        """Return the 32-byte key of one item.

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
            SHA-256.
        """
        state = self._start.copy()
        state.update(f"\n{modality}\n{recipe}\n".encode())
        state.update(digest)
        return state.digest()
