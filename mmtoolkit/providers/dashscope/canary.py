"""Notice when the vectors of a model change under the same name, before new ones are mixed with old ones."""

from __future__ import annotations

import datetime
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._files import replaced
from mmtoolkit._json import read_json_file
from mmtoolkit.content import Content, Image, Text
from mmtoolkit.errors import DriftError
from mmtoolkit.space import Space

if TYPE_CHECKING:
    from mmtoolkit.models import ModelSpec

__all__ = ["check_drift"]

_LEAST_COSINE = 0.999  # half-precision arithmetic moves vectors by far less
_TEXTS = ("a photo of a small bird on a branch", "银行在星期一早上开门", "The train to the coast leaves at 9:40.")


def _contents(spec: ModelSpec) -> list[Content]:
    contents: list[Content] = [Text(text) for text in _TEXTS]
    if "image" in spec.modalities:
        rows = np.arange(64, dtype=np.uint8)
        contents.append(
            Image(np.stack(np.broadcast_arrays(rows[:, None] * 4, rows[None, :] * 4, np.uint8(90)), axis=-1))
        )
    return contents


def check_drift(
    spec: ModelSpec,
    dimension: int,
    params: Mapping[str, Any],
    embed: Callable[[Sequence[Content]], Sequence[Any]],
    today: datetime.date | None = None,
) -> None:
    """Embed a few fixed inputs, at most once a day, and compare them with those of the first day.

    Parameters
    ----------
    spec : ModelSpec
        The model's row; its `revision` is part of what is compared.
    dimension : int
        Length of a vector.
    params : mapping
        Parameters of the model.
    embed : callable
        From contents to vectors.
    today : date or None, default=None
        In place of the real one.

    Raises
    ------
    DriftError
        If a vector points elsewhere than on the first day.
    """
    today = today or datetime.datetime.now(datetime.UTC).date()
    contents = _contents(spec)
    first = _load(path := _path(spec, dimension, params), (len(contents), dimension))
    if first is not None and first["checked"] == today.isoformat():
        return
    vectors = np.asarray(embed(contents), dtype=np.float64)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    if first is None:
        first = {"model": spec.name, "since": today.isoformat(), "units": units.tolist()}
    else:
        cosines = np.sum(units * np.asarray(first["units"]), axis=1)
        if cosines.min() < _LEAST_COSINE:
            msg = (
                f"the vectors of {spec.name!r} have changed since {first['since']}: a fixed input now has a cosine of "
                f"{cosines.min():.4f} with its first vector, expected at least {_LEAST_COSINE}. Nothing was embedded. To start a new "
                f"space beside the old one: mm.register_model(dataclasses.replace(mm.get_model({spec.name!r}), "
                f"revision={today.isoformat()!r})); then embed all items of an analysis again"
            )
            raise DriftError(msg)
    _save(path, {**first, "checked": today.isoformat()})


def _path(spec: ModelSpec, dimension: int, params: Mapping[str, Any]) -> Path:
    from mmtoolkit.cache import default_path

    space = Space(spec.name, spec.revision, dimension, params)
    return default_path() / "canary" / f"{space.fingerprint}.json"


def _save(path: Path, kept: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as part:
        part.write_text(json.dumps(kept), "utf-8")


def _load(path: Path, shape: tuple[int, int]) -> dict[str, Any] | None:
    """Return what `_save` wrote; None where it is missing, or is nothing to compare vectors with."""
    if not path.is_file():
        return None
    try:
        kept = read_json_file(path)
        units = np.asarray(kept["units"], dtype=np.float64)
        days = {name: datetime.date.fromisoformat(kept[name]).isoformat() for name in ("since", "checked")}
        if units.shape != shape or not np.isfinite(units).all():
            msg = f"units of shape {units.shape}, expected {shape} finite numbers"
            raise ValueError(msg)
    except (OSError, ValueError, KeyError, TypeError):
        warnings.warn(f"{path} is damaged; today's vectors become the new reference", UserWarning, stacklevel=2)
        return None
    return {**days, "model": kept.get("model"), "units": units.tolist()}
