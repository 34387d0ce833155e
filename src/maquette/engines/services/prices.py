"""The price book: what services charged when it was last looked at (``prices.json``).

Estimates before a call, and the bill where a service does not say it. Amounts are US dollars.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from decimal import Decimal
from importlib.resources import files
from typing import Any

from maquette.core.cost import Money

__all__ = ["book", "picture_price", "token_price"]


@functools.cache
def book() -> Mapping[str, Any]:
    """The whole book: ``date``, ``sources``, ``engines``."""
    text = files("maquette.engines.services").joinpath("prices.json").read_text(encoding="utf-8")
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def picture_price(engine: str, model: str, *kinds: str) -> Money:
    """The price of a picture of a model, of a kind (``high 1024x1024``, ``high``) where that
    counts: the first of ``kinds`` that the book has, else the model's ``any``, else the engine's
    own guess for what it does not know, which is meant to be too high rather than too low."""
    shop = book()["engines"][engine]
    rates = shop["models"].get(model, {}).get("pictures", {})
    for kind in (*kinds, "any"):
        if kind in rates:
            return Money(amount=rates[kind])
    return Money(amount=shop["unknown"])


def token_price(engine: str, model: str, counts: Mapping[str, int]) -> Money | None:
    """The bill for so many tokens (``text_in``, ``image_in``, ``image_out``); None when the model
    is not billed by tokens, or not in the book."""
    rates = book()["engines"][engine]["models"].get(model, {}).get("million_tokens")
    if rates is None:
        return None
    amount = sum((rates[kind] * count for kind, count in counts.items()), Decimal(0)) / 1_000_000
    return Money(amount=amount.quantize(Decimal("0.000001")))
