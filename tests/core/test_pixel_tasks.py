"""Tasks on finished pixels: as values, and under names that never change."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from maquette.core.geometry import Box, Size
from maquette.core.pixel_tasks import Composite, Curve, Face, Layer, Palette, Restore, Retouch
from maquette.core.recipe import ModelRef, Recipe, Task, Upscale, load_recipe
from maquette.core.surface import Surface

A, B, C = "a" * 64, "b" * 64, "c" * 64
WALL = Surface(corners=((60, 40), (200, 40), (200, 160), (60, 160)), arc=120, bend=0.1)
TASKS: dict[str, Task] = {
    "plain": Retouch(image=A, exposure=0.3),
    "whole": Retouch(
        image=A,
        mask=B,
        temperature=20,
        tint=-5,
        contrast=0.2,
        saturation=-0.3,
        curves=(Curve(channel="red", points=((0, 0), (1, 0.9))),),
        palette=Palette(mean=(0.01, 0.02), spread=(0.001, 0, 0.002)),
        match=0.5,
        sharpness=1,
        radius=2,
        grain=0.1,
        seed=7,
    ),
    "faces": Restore(
        image=A, faces=(Face(box=Box(x=1, y=2, width=30, height=40), marks=((3, 4),)),)
    ),
    "layers": Composite(
        image=A, layers=(Layer(image=B, surface=WALL, mask=C, blend="multiply", shading=1),)
    ),
    "learned": Upscale(image=A, scale=4, method="learned", tile=256),
}
GOLDEN = {
    "plain": "9593792d7a03bab740f8ff7e038f52f45e915d7616c30c43bbd75e1f9c73c55a",
    "whole": "83415846eb026a068a6e276f47f09c57e303d51bc0a19e04535e12c7b71e14c1",
    "faces": "64c2cf7119aaa441890fbab04f3f3f173e7a7fe89a22b9af24733a0cc6b2fb9d",
    "layers": "54eba971b67fb00b8cf1dfbd71a57b03007d8f83804ebe74e4be9902ba3cf69a",
    "learned": "793298a28a0d371714a2b451256921b96aebe065f8e1801cf77963fd3c70d4e4",
}


def recipe(name: str) -> Recipe:
    return Recipe(
        engine="learned" if name in {"faces", "learned"} else "pixels",
        task=TASKS[name],
        size=Size(width=256, height=192),
        model=ModelRef(name="net", digest=C) if name in {"faces", "learned"} else None,
    )


@pytest.mark.parametrize("name", TASKS)
def test_a_digest_never_changes(name: str) -> None:
    """If this fails, versions that were made have lost their names: add a class instead."""
    assert recipe(name).digest == GOLDEN[name]


@pytest.mark.parametrize("name", TASKS)
def test_a_recipe_comes_back_from_json(name: str) -> None:
    made = recipe(name)
    assert load_recipe(made.model_dump(mode="json")) == made
    assert Recipe.model_validate_json(made.canonical).digest == made.digest


def test_inputs_are_all_pictures_and_masks() -> None:
    assert recipe("whole").inputs == (A, B) and recipe("layers").inputs == (A, B, C)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (Retouch, {"exposure": 6}),
        (Retouch, {"swatches": ("blue",)}),
        (Retouch, {"palette": {"mean": (0, 0)}}),
        (Restore, {"faces": ()}),
        (Composite, {"layers": ()}),
        (Layer, {"surface": WALL, "window": (0, 0.5, 1, 0.5)}),
        (Layer, {"surface": WALL, "blend": "dissolve"}),
        (Curve, {"points": ((0.5, 0), (0.5, 1))}),
    ],
)
def test_what_is_out_of_range_is_no_value(kind: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        kind.model_validate({**({} if kind is Curve else {"image": A}), **fields})
