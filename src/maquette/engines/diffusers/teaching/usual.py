"""How a model is usually taught, told from how large its network is. No torch."""

from __future__ import annotations

from math import prod

from maquette.core.training import Course
from maquette.engines.base import Usual
from maquette.engines.diffusers.conditions.headers import network_shapes
from maquette.engines.diffusers.models import ModelCard

__all__ = ["usual"]

LARGE = 100_000_000
"""Numbers of a network from which it knows so much that little has to change."""


def usual(card: ModelCard, kind: str, examples: int) -> Usual:
    """What goes well for a method and so many examples.

    A large network is changed at its attention alone, slowly, for about a hundred steps an example,
    as the field does; one of Postcard's size has to change everywhere, and takes it.
    """
    shapes = network_shapes(card.folder / card.driver.network) or {}
    large = not shapes or sum(map(prod, shapes.values())) > LARGE
    if kind == "embedding":
        steps = min(3000, max(600, 100 * examples))
        return Usual(Course(steps=steps, rate=5e-3, batch=1 if large else 4, silent=0.0))
    if large:
        steps = min(2000, max(400, 80 * examples))
        return Usual(Course(steps=steps, rate=1e-4, batch=1), "attention")
    return Usual(Course(steps=600, rate=1e-3, batch=4), "all")
