"""The money of a run: set aside before a request, paid when it was computed, given back when it was not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mmtoolkit.providers.queue import tokens

if TYPE_CHECKING:
    from mmtoolkit.models import Price

__all__ = ["Purse"]


class Purse:
    """The money of one call of `embed`; all its requests, checks and probes included. Not safe for threads by itself.

    Parameters
    ----------
    price : Price or None
        Of a million tokens; None counts nothing.
    budget : float or None
        The most that may be spent, in the price's currency; None is no limit.
    """

    def __init__(self, price: Price | None, budget: float | None) -> None:
        self._price, self._budget = price, budget
        self._spent = self._aside = 0.0

    def cost(self, text: int, media: int) -> float:
        """Return the cost of some tokens."""
        return 0.0 if self._price is None else tokens.cost(self._price, text, media)

    def set_aside(self, cost: float) -> bool:
        """Set `cost` aside; False when the budget does not allow it."""
        if self._budget is not None and self._spent + self._aside + cost > self._budget:
            return False
        self._aside += cost
        return True

    def give_back(self, cost: float) -> None:
        """Take back what was set aside."""
        self._aside -= cost

    def pay(self, text: int, media: int) -> None:
        """Count tokens as paid."""
        self._spent += self.cost(text, media)

    def refusal(self, cost: float) -> str:
        """Return the error for a request that the budget does not allow."""
        money = "" if self._price is None else f" {self._price.currency}"
        return (
            f"the next request, about {cost:.6f}{money}, would cross budget={self._budget}{money}: "
            f"{self._spent:.6f}{money} are spent"
        )
