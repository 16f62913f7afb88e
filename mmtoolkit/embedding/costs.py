"""What a run would cost, before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

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
    calls : int
        Requests to the service; 0 for the offline model.
    tokens : int
        Tokens of what is missing, a generous guess: the service alone can count them, and publishes no rule for pictures.
    cost : float or None
        Of these tokens, in `currency`; None when the models table has no price.
    currency : str
        ISO code; "" when nothing is paid.
    price_as_of : str
        ISO date on which the price was read.
    minutes : float
        Least duration at the account's rate limit, which other programs of the account share.
    """

    model: str
    items: int
    cached: int
    equal: int
    wrong: int
    to_compute: int
    calls: int = 0
    tokens: int = 0
    cost: float | None = 0.0
    currency: str = ""
    price_as_of: str = ""
    minutes: float = 0.0

    def _summary(self) -> str:
        start = (
            f"{self.items} items with {self.model!r}: {self.cached} cached, {self.equal} equal to others, "
            f"{self.wrong} wrong, {self.to_compute} to compute"
        )
        if not self.calls:
            return start
        money = (
            "price unknown"
            if self.cost is None
            else f"about {self.cost:.2g} {self.currency} (prices of {self.price_as_of})"
        )
        return (
            f"{start} in {self.calls} calls, about {self.tokens} tokens, {money}, at least {self.minutes:.1f} minutes"
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
        Counts of items, cached, equal, wrong and to compute; for a service also calls, tokens, cost and minutes.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> plan = mm.estimate(["a cat", "a dog", "a cat"], model="multimodal-embedding-v1", cache=False)
    >>> plan.to_compute, plan.equal, plan.calls, plan.currency
    (2, 1, 2, 'CNY')
    """
    from mmtoolkit.embedding.encoder import make_encoder
    from mmtoolkit.embedding.gathering import gather
    from mmtoolkit.embedding.planning import plan_errand

    encoder = make_encoder(model, dimension=dimension, params=params, cache=cache, announce=False)
    contents, frame = gather(items)
    plan = encoder.plan(contents, frame["id"].tolist())
    lacking = np.ones(len(plan.unique), dtype=bool)
    if encoder.cache is not None and plan.unique:
        lacking = np.asarray(encoder.cache.missing(plan.unique, encoder.space))
    missing = plan.lacking(~lacking)
    errand = plan_errand(encoder.provider, encoder.space, encoder.cache, missing)
    sent = list(errand.send.values())
    money = vars(encoder.provider.forecast(sent, encoder.space.params)) if sent else {}
    return Estimate(
        model=encoder.provider.spec.name,
        items=len(contents),
        cached=len(plan.unique) - len(missing),
        equal=plan.equal,
        wrong=len(plan.errors) + len(errand.errors),
        to_compute=len(missing) - len(errand.errors),
        **money,
    )
