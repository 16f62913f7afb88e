"""What a run would cost, before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmtoolkit.results import Result

if TYPE_CHECKING:
    import pandas as pd

    from mmtoolkit.cache import CacheLike
    from mmtoolkit.providers.base import Provider

__all__ = ["Estimate", "estimate"]


@dataclass(frozen=True, eq=False, repr=False)
class Estimate(Result):
    """What a run would take.

    Parameters
    ----------
    model : str
        Name of the model.
    items : int
        Rows handed in.
    cached : int
        Distinct contents that are in the cache.
    equal : int
        Rows that repeat another row.
    wrong : int
        Rows that cannot be embedded.
    to_compute : int
        Distinct contents that are missing.
    """

    model: str
    items: int
    cached: int
    equal: int
    wrong: int
    to_compute: int

    def _summary(self) -> str:
        return (
            f"{self.items} items with {self.model!r}: {self.cached} cached, {self.equal} equal to others, "
            f"{self.wrong} unusable, {self.to_compute} to compute"
        )

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        import pandas as pd

        return {"estimate": pd.DataFrame({"value": self.to_dict()})}


def estimate(
    items: Any,
    *,
    model: str | Provider | None = None,
    dimension: int | None = None,
    params: Mapping[str, Any] | None = None,
    cache: CacheLike = None,
) -> Estimate:
    """Say what `embed` would do, without computing or sending anything.

    Parameters
    ----------
    items, model, dimension, params, cache
        As `embed` takes them.

    Returns
    -------
    Estimate
        Counts of items, cached, equal, unusable and to compute.
    """
    from mmtoolkit.embedding.encoder import make_encoder
    from mmtoolkit.embedding.verbs import gather

    encoder = make_encoder(model, dimension=dimension, params=params, cache=cache, announce=False)
    contents, frame = gather(items)
    plan = encoder.plan(contents, frame["id"].tolist())
    missing = 0
    if plan.unique:
        missing = len(plan.unique) if encoder.cache is None else int(encoder.cache.missing(plan.unique, encoder.space).sum())
    return Estimate(
        model=encoder.provider.spec.name,
        items=len(contents),
        cached=len(plan.unique) - missing,
        equal=len(contents) - len(plan.unique) - len(plan.errors),
        wrong=len(plan.errors),
        to_compute=missing,
    )
