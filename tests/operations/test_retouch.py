"""Retouch as a recipe."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import Image

from maquette import operations
from maquette.core.recipe import Retouch
from maquette.core.version import Version
from maquette.errors import SettingRefused


def test_the_recipe_holds_every_number(version: Version) -> None:
    recipe = operations.retouch(
        version,
        exposure=0.3,
        curves=[("red", [(0, 0), (1, 0.9)])],
        swatches=["#ABC", "102030"],
        grain=0.2,
        seed=5,
        mask_digest="c" * 64,
    )
    task = recipe.task
    assert isinstance(task, Retouch) and recipe.engine == "pixels" and recipe.size == version.size
    assert (task.exposure, task.grain, task.seed, task.mask) == (0.3, 0.2, 5, "c" * 64)
    assert task.swatches == ("#aabbcc", "#102030") and task.curves[0].channel == "red"
    assert recipe.inputs == (version.image, "c" * 64)


def test_a_palette_is_kept_as_numbers(version: Version) -> None:
    recipe = operations.retouch(version, palette=Image.new("RGB", (9, 9), (200, 120, 60)))
    assert isinstance(recipe.task, Retouch) and recipe.task.palette is not None
    assert recipe.task.palette.mean[1] > 0.05 and recipe.task.palette.spread[0] < 1e-6


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"grain": 0.0, "seed": 3},
        {"exposure": 6},
        {"exposure": float("nan")},
        {"temperature": -91},
        {"contrast": 1.1},
        {"sharpness": -1},
        {"sharpness": 1, "radius": 0.1},
        {"grain": 0.5, "seed": -1},
        {"curves": [("all", [(0, 0)])]},
        {"curves": [("all", [(0.5, 0), (0.2, 1)])]},
        {"curves": [("all", [(0, 0), (2, 1)])]},
        {"curves": [("alpha", [(0, 0), (1, 1)])]},
        {"curves": [("red", [(0, 0), (1, 1)])] * 2},
        {"swatches": ["blue"]},
        {"swatches": ["#123456"] * 17},
        {"swatches": ["#123456"], "match": 0.0},
        {"swatches": ["#123456"], "palette": Image.new("RGB", (4, 4))},
    ],
)
def test_what_cannot_be_done_is_refused(version: Version, given: dict[str, Any]) -> None:
    with pytest.raises(SettingRefused):
        operations.retouch(version, **given)
