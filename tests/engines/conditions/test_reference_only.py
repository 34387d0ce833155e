"""Attention to a reference without a network for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.engines.conditions.adapters import state
from tests.engines.making import array, digest, draw, photo, recipe
from tests.engines.tiny import build

from maquette.core.recipe import Reference
from maquette.engines.diffusers import DiffusersEngine, create


@pytest.fixture(scope="module", params=["sd15", "postcard"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return create(build(tmp_path_factory.mktemp("models") / "tiny", request.param), threads=1)


def drawn(engine: DiffusersEngine, *told: tuple[Image.Image, dict[str, Any]]) -> np.ndarray:
    """Our picture by some references, each with its settings; the model stays as it was."""
    inputs: dict[str, Image.Image] = {}
    found: list[Reference] = []
    for image, given in told:
        more = dict(given)
        inputs[digest(image)] = image
        if (region := more.pop("region", None)) is not None:
            inputs[digest(region)] = region
            more["mask"] = digest(region)
        found.append(Reference(role="style", image=digest(image), **more))
    before = state(engine)
    asked = recipe(engine, "a red boat", steps=4, size=(128, 128))
    (picture,) = draw(engine, asked.change(conditionings=tuple(found)), inputs)
    assert state(engine) == before
    return array(picture.image)


def test_strength_goes_from_nothing_to_much(engine: DiffusersEngine) -> None:
    image = photo(100, 80, seed=12)
    plain = drawn(engine)
    moved = [
        np.abs(drawn(engine, (image, {"strength": s})) - plain).mean() for s in (0.0, 0.2, 1.0)
    ]
    assert moved[0] == 0
    assert 0 < moved[1] < moved[2]


def test_another_picture_gives_another_drawing_and_the_same_the_same(
    engine: DiffusersEngine,
) -> None:
    one = drawn(engine, (photo(seed=12), {}))
    assert np.array_equal(one, drawn(engine, (photo(seed=12), {})))
    assert np.abs(one - drawn(engine, (photo(seed=13), {}))).mean() > 0


def test_a_region_keeps_it_to_a_part(engine: DiffusersEngine) -> None:
    nowhere, everywhere = (Image.new("L", (128, 128), value) for value in (0, 255))
    image = photo(seed=12)
    plain, free = drawn(engine), drawn(engine, (image, {}))
    assert np.abs(drawn(engine, (image, {"region": everywhere})) - free).max() <= 1
    little = np.abs(drawn(engine, (image, {"region": nowhere})) - plain).mean()
    assert little < 0.05 * np.abs(free - plain).mean() + 0.05


def test_strengths_add_up(engine: DiffusersEngine) -> None:
    """The same picture twice is that picture at the sum of both strengths."""
    image = photo(seed=12)
    twice = drawn(engine, (image, {"strength": 0.3}), (image, {"strength": 0.5}))
    assert np.abs(twice - drawn(engine, (image, {"strength": 0.8}))).max() <= 1
    assert np.abs(twice - drawn(engine, (image, {"strength": 0.3}))).mean() > 0


def test_several_pictures_each_with_its_strength_and_region(engine: DiffusersEngine) -> None:
    one, two = photo(100, 80, seed=12), photo(64, 90, seed=13)
    alone, both = drawn(engine, (one, {})), drawn(engine, (one, {}), (two, {}))
    assert np.abs(both - alone).mean() > 0
    assert np.abs(both - drawn(engine, (two, {}))).mean() > 0
    assert np.abs(both - drawn(engine, (two, {}), (one, {}))).max() <= 1, "no order"
    assert np.array_equal(drawn(engine, (one, {}), (two, {"strength": 0.0})), alone)
    nowhere = Image.new("L", (128, 128))
    little = np.abs(drawn(engine, (one, {}), (two, {"region": nowhere})) - alone).mean()
    assert little < 0.05 * np.abs(both - alone).mean() + 0.05


def test_it_acts_in_a_share_of_the_steps(engine: DiffusersEngine) -> None:
    image = photo(seed=12)
    whole = drawn(engine, (image, {}))
    early, late = ({"start": 0.0, "end": 0.5}, {"start": 0.5, "end": 1.0})
    first, second = drawn(engine, (image, early)), drawn(engine, (image, late))
    for some in (first, second):
        assert np.abs(some - whole).mean() > 0
        assert np.abs(some - drawn(engine)).mean() > 0
    # One takes over where the other ends.
    assert np.array_equal(drawn(engine, (image, early), (image, late)), whole)
