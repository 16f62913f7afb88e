"""The counts of a run, and the bill for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

import pandas as pd

from mmtoolkit.providers.queue.tokens import cost

if TYPE_CHECKING:
    from mmtoolkit.providers.base import Provider

__all__ = ["Charge", "Usage", "charged"]


@dataclass(frozen=True)
class Charge:
    """One line of a bill.

    Parameters
    ----------
    model : str
        Name of the model.
    calls : int
        Requests that were answered well.
    text_tokens, media_tokens : int
        As the service counted them.
    cost : float or None
        Of these tokens, in `currency`; None when the models table has no price.
    currency : str
        ISO code; "" where nothing is paid.
    price_as_of : str
        ISO date on which the price was read.
    """

    model: str
    calls: int = 0
    text_tokens: int = 0
    media_tokens: int = 0
    cost: float | None = 0.0
    currency: str = ""
    price_as_of: str = ""


class Usage(dict[str, int]):
    """The counts of a run, by name; `to_frame` makes a bill of them.

    Parameters
    ----------
    counts : mapping of str to int, default={}
        Numbers of items that were cached, computed and equal, and what the service counted.
    charges : iterable of Charge, default=()
        By model.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> emb = mm.embed_texts(["a cat", "a dog"], model="local", cache=False)
    >>> emb.usage["computed"], emb.usage.to_frame()["cost"].to_dict()
    (2, {'local': 0.0})
    """

    def __init__(self, counts: Mapping[str, int] | None = None, charges: Iterable[Charge] = ()) -> None:
        super().__init__(counts or {})
        self.charges = tuple(charges)

    def add(self, other: Mapping[str, int]) -> None:
        """Add the counts of another run.

        Parameters
        ----------
        other : Usage or mapping
            A mapping brings no charges.
        """
        self.update(Counter(self) + Counter(other))
        self.update({name: 0 for name in other if name not in self})  # a Counter drops zeros
        lines: dict[tuple[str, str, str], Charge] = {}
        for one in (*self.charges, *getattr(other, "charges", ())):
            key = (one.model, one.currency, one.price_as_of)
            lines[key] = _sum(lines[key], one) if key in lines else one
        paid = {one.model for one in lines.values() if one.calls}
        self.charges = tuple(one for one in lines.values() if one.calls or one.model not in paid)

    def to_frame(self) -> pd.DataFrame:
        """Return the bill.

        Returns
        -------
        DataFrame
            One row per model (two, when its price has changed meanwhile): calls, text_tokens, media_tokens, cost (NaN
            when no price is known), currency, price_as_of.
        """
        names = [f.name for f in fields(Charge)]
        frame = pd.DataFrame([astuple(one) for one in self.charges], columns=names).set_index("model")
        return frame.astype({"cost": "float64"})


def _sum(a: Charge, b: Charge) -> Charge:
    cost = None if a.cost is None or b.cost is None else a.cost + b.cost
    counts = (a.calls + b.calls, a.text_tokens + b.text_tokens, a.media_tokens + b.media_tokens)
    return Charge(a.model, *counts, cost, a.currency, a.price_as_of)


def charged(provider: Provider, counts: Mapping[str, int]) -> Usage:
    """Return counts with what they cost.

    Parameters
    ----------
    provider : Provider
        Who computed.
    counts : mapping of str to int
        Of one run; "calls", "text_tokens" and "media_tokens" are what a service charges.

    Returns
    -------
    Usage
        With one charge.
    """
    calls, text, media = (counts.get(name, 0) for name in ("calls", "text_tokens", "media_tokens"))
    name = provider.spec.name
    if not (calls or text or media):
        return Usage(counts, [Charge(name)])
    price = provider.price
    if price is None:
        return Usage(counts, [Charge(name, calls, text, media, None)])
    return Usage(counts, [Charge(name, calls, text, media, cost(price, text, media), price.currency, price.as_of)])
