"""Attention to a reference without a network for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.engines.conditions.adapters import state
from tests.engines.making import array, digest, draw, photo, recipe
from tests.engines.tiny import build

from maquette.core.recipe import Reference
from maquette.engines.diffusers import DiffusersEngine, create
from maquette.errors import RecipeRefused


@pytest.fixture(scope="module", params=["sd15", "postcard"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return create(build(tmp_path_factory.mktemp("models") / "tiny", request.param), threads=1)


def drawn(engine: DiffusersEngine, image: Image.Image, **more: Any) -> np.ndarray:
    inputs = {digest(image): image}
    told: list[Reference] = []
    if more:
        if (region := more.pop("region", None)) is not None:
            inputs[digest(region)] = region
            more["mask"] = digest(region)
        told = [Reference(role="style", image=digest(image), **more)]
    before = state(engine)
    asked = recipe(engine, "a red boat", steps=4, size=(128, 128))
    (picture,) = draw(engine, asked.change(conditionings=tuple(told)), inputs)
    assert state(engine) == before
    return array(picture.image)


def test_strength_goes_from_nothing_to_much(engine: DiffusersEngine) -> None:
    image = photo(100, 80, seed=12)
    plain = drawn(engine, image)
    moved = [np.abs(drawn(engine, image, strength=s) - plain).mean() for s in (0.0, 0.2, 1.0)]
    assert moved[0] == 0
    assert 0 < moved[1] < moved[2]


def test_another_picture_gives_another_drawing_and_the_same_the_same(
    engine: DiffusersEngine,
) -> None:
    one = drawn(engine, photo(seed=12), strength=1.0)
    assert np.array_equal(one, drawn(engine, photo(seed=12), strength=1.0))
    assert np.abs(one - drawn(engine, photo(seed=13), strength=1.0)).mean() > 0


def test_a_region_keeps_it_to_a_part(engine: DiffusersEngine) -> None:
    nowhere, everywhere = (Image.new("L", (128, 128), value) for value in (0, 255))
    image = photo(seed=12)
    plain = drawn(engine, image)
    free = drawn(engine, image, strength=1.0)
    assert np.abs(drawn(engine, image, strength=1.0, region=everywhere) - free).max() <= 1
    little = np.abs(drawn(engine, image, strength=1.0, region=nowhere) - plain).mean()
    assert little < 0.05 * np.abs(free - plain).mean() + 0.05


def test_two_of_them_are_refused(engine: DiffusersEngine) -> None:
    told = tuple(Reference(role="style", image=c * 64) for c in "ab")
    with pytest.raises(RecipeRefused, match="one alone"):
        engine.check(recipe(engine).change(conditionings=told))
    assert isinstance(engine.card.folder, Path)
