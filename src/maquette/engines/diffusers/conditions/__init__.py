"""What steers a drawing beside its words: one file for each kind of conditioning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from maquette.core.recipe import Recipe
from maquette.engines.base import Inputs
from maquette.engines.diffusers.conditions.catalogue import Catalogue
from maquette.engines.diffusers.conditions.check import check, fitting, triggers
from maquette.engines.diffusers.conditions.presets import draft_preset

if TYPE_CHECKING:
    from maquette.engines.diffusers.hooks import Steering
    from maquette.engines.diffusers.weights import Parts

__all__ = [
    "Catalogue",
    "check",
    "draft_preset",
    "fitting",
    "prepare",
    "triggers",
]


def prepare(parts: Parts, recipe: Recipe, inputs: Inputs) -> Steering:
    """The conditionings of a checked recipe, ready for a model.

    Raises:
        RecipeRefused: a map of another size than the picture.
    """
    from maquette.engines.diffusers.conditions.steering import Conditioned

    return Conditioned(recipe, inputs, Catalogue(parts.card))
