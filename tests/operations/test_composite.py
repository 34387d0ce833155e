"""Composite, surfaces and logos as recipes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from maquette import operations
from maquette.core.geometry import Size
from maquette.core.recipe import Composite
from maquette.core.version import Version
from maquette.errors import SettingRefused
from maquette.operations import Placed

B = "b" * 64
WALL = [(60.0, 40.0), (200.0, 40.0), (200.0, 160.0), (60.0, 160.0)]


def recipe_of(version: Version, *placed: Placed) -> Any:
    layers = [(each, B, Size(width=40, height=20), None) for each in placed]
    return operations.composite(version, layers)


def test_a_layer_lies_at_its_own_size_in_a_box_or_on_a_surface(version: Version) -> None:
    surface = operations.surface(WALL, arc=90, bend=0.1)
    recipe = recipe_of(
        version,
        Placed(B, at=(3, 4)),
        Placed(B, box=(1, 2, 30, 40), opacity=0.5, blend="multiply"),
        Placed(B, surface=surface, shading=1.0),
        Placed(B),
    )
    assert isinstance(recipe.task, Composite) and recipe.engine == "pixels"
    places = [layer.surface.box for layer in recipe.task.layers]
    assert [box.corners if box else None for box in places] == [
        (3, 4, 43, 24),
        (1, 2, 31, 42),
        None,
        (0, 0, 40, 20),
    ]
    assert recipe.task.layers[2].surface == surface and recipe.inputs == (version.image, B)


def test_a_mapping_is_a_layer_too() -> None:
    placed = Placed.read({"picture": "@", "surface": {"corners": WALL, "arc": 90}, "shading": 1})
    assert placed.surface == operations.surface(WALL, arc=90) and placed.shading == 1
    assert Placed.read({"picture": "@", "at": [1, 2]}).at == (1, 2)


@pytest.mark.parametrize(
    "given",
    [
        {"at": (1, 1)},
        {"picture": B, "colour": "red"},
        {"picture": B, "surface": {"corners": WALL[:3]}},
        {"picture": B, "surface": {"corners": 7}},
        {"picture": B, "surface": {"middle": 7}},
    ],
)
def test_what_is_no_layer_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(SettingRefused):
        Placed.read(given)


@pytest.mark.parametrize(
    "placed",
    [
        Placed(B, at=(256, 0)),
        Placed(B, at=(-40, 0)),
        Placed(B, at=(0, 0), box=(0, 0, 9, 9)),
        Placed(B, box=(0, 0, 0, 9)),
        Placed(B, crop=(30, 0, 20, 20)),
        Placed(B, crop=(0, 0, 0, 0)),
        Placed(B, opacity=1.5),
        Placed(B, blend="dissolve"),
        Placed(B, window=(0.5, 0, 0.5, 1)),
        Placed(B, shading=float("nan")),
    ],
)
def test_what_cannot_be_laid_is_refused(version: Version, placed: Placed) -> None:
    with pytest.raises(SettingRefused):
        recipe_of(version, placed)


def test_there_is_one_layer_at_least(version: Version) -> None:
    with pytest.raises(SettingRefused):
        operations.composite(version, [])


@pytest.mark.parametrize(("width", "height"), [(300, 100), (100, 300), (50, 50)])
def test_a_logo_fits_without_being_stretched(width: int, height: int) -> None:
    surface = operations.surface(WALL, arc=120)
    window = operations.fitted(surface, Size(width=width, height=height), share=0.6, at=(0.9, 0.5))
    wide, tall = window[2] - window[0], window[3] - window[1]
    assert wide * surface.proportion / tall == pytest.approx(width / height)
    assert max(wide, tall) == pytest.approx(0.6) and window[2] <= 1
    with pytest.raises(SettingRefused):
        operations.fitted(surface, Size(width=1, height=1), share=0)


def mug(*, handles: bool) -> Image.Image:
    """A blue mug with a dark rim, white behind; its wall is 60 to 160, 50 to 150."""
    image = Image.new("RGB", (256, 220), (244, 244, 240))
    draw = ImageDraw.Draw(image)
    if handles:
        draw.ellipse((130, 70, 200, 130), outline=(40, 90, 200), width=12)
    draw.rectangle((60, 50, 160, 150), fill=(40, 90, 200))
    draw.ellipse((60, 138, 160, 162), fill=(40, 90, 200))
    draw.ellipse((60, 40, 160, 60), fill=(60, 30, 20))
    return image


@pytest.mark.parametrize("handles", [False, True])
def test_the_wall_of_a_mug_is_found(handles: bool) -> None:
    picture = mug(handles=handles)
    rough = Image.new("L", picture.size)
    ImageDraw.Draw(rough).ellipse((75, 65, 145, 150), fill=255)
    thing = operations.thing_mask(picture, rough)
    assert np.asarray(thing)[100, 110] == 255 and np.asarray(thing)[10, 10] == 0
    surface = operations.find_surface(thing)
    left, right = surface.corners[0][0], surface.corners[1][0]
    # The middle 120 degrees of a wall of 100 pixels are 86.6 wide.
    assert (left + right) / 2 == pytest.approx(110, abs=3)
    assert right - left == pytest.approx(86.6, abs=6)
    assert surface.corners[0][1] >= 50 and surface.corners[2][1] <= 152
    flat = operations.find_surface(thing, round_=False)
    assert flat.arc == 0 and flat.bend == 0


def test_where_nothing_is_no_surface_is_found() -> None:
    with pytest.raises(SettingRefused):
        operations.find_surface(Image.new("L", (64, 64)))
    with pytest.raises(SettingRefused):
        operations.thing_mask(Image.new("RGB", (64, 64)), Image.new("L", (64, 64)))
    speck = Image.new("L", (64, 64))
    speck.paste(255, (30, 30, 34, 34))
    with pytest.raises(SettingRefused):
        operations.find_surface(speck)
