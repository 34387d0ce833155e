"""Drift: colours that have left their reference."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from maquette.core.recipe import Recipe, Reference
from maquette.core.version import Version
from maquette.critics.drift import Drift, apart

MakeVersion = Callable[..., Version]


def ground(colour: tuple[int, int, int]) -> Image.Image:
    ramp = np.linspace(0.5, 1.0, 64)[:, None, None] * np.array(colour)
    return Image.fromarray(np.broadcast_to(ramp, (64, 64, 3)).astype(np.uint8))


NIGHT, SUNSET = ground((40, 50, 110)), ground((240, 140, 60))


def test_where_colours_stand_does_not_matter() -> None:
    assert apart(NIGHT, NIGHT) == 0
    assert apart(NIGHT, NIGHT.transpose(Image.Transpose.ROTATE_90)) == pytest.approx(0, abs=1)
    assert apart(NIGHT, SUNSET) > 60


def test_only_style_is_judged(make: MakeVersion) -> None:
    critic = Drift(lambda digest: {"a" * 64: NIGHT, "b" * 64: SUNSET}[digest])

    def names(shown: Image.Image, *roles: str, image: str = "a") -> list[str]:
        told = tuple(Reference(role=role, image=image * 64) for role in roles)  # pyright: ignore[reportArgumentType]
        version = make()
        recipe: Recipe = version.recipe.change(conditionings=told)
        asked = version.model_copy(update={"recipe": recipe})
        return [each.name for each in critic.look(asked, shown, None)]

    assert names(SUNSET, "style") == ["drift"]
    assert names(NIGHT, "style") == []
    assert names(SUNSET, "character") == [] and names(SUNSET) == []
