"""Operations on pixels alone: upscale, import, roll back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from maquette import operations
from maquette.core.geometry import Size
from maquette.core.recipe import Import, ModelRef, PromptText, Sampling, Upscale
from maquette.core.version import Version
from maquette.errors import SettingRefused

MakeVersion = Callable[..., Version]


@pytest.mark.parametrize(
    ("scale", "size"), [(2, (512, 512)), (1.37, (351, 351)), (8, (2048, 2048))]
)
def test_upscale(version: Version, scale: float, size: tuple[int, int]) -> None:
    recipe = operations.upscale(version, scale=scale)
    assert recipe.engine == "pixels" and recipe.prompt is None and recipe.sampling is None
    assert recipe.task == Upscale(image=version.image, scale=scale)
    assert (recipe.size.width, recipe.size.height) == size


@pytest.mark.parametrize("scale", [1, 0, -2, 8.01, float("nan")])
def test_a_scale_has_a_range(version: Version, scale: float) -> None:
    with pytest.raises(SettingRefused):
        operations.upscale(version, scale=scale)


def test_a_result_has_a_limit(make: MakeVersion) -> None:
    with pytest.raises(SettingRefused, match="32000x32000 pixels"):
        operations.upscale(make(width=4000, height=4000), scale=8)


def test_import_keeps_what_the_file_told() -> None:
    prompt, model = PromptText(text="a boat"), ModelRef(name="other", digest="c" * 64)
    recipe = operations.import_picture(
        image_digest="a" * 64,
        original="b" * 64,
        size=Size(width=30, height=20),
        source="a1111",
        prompt=prompt,
        sampling=Sampling(steps=20, seed=1),
        model=model,
    )
    assert recipe.task == Import(image="a" * 64, original="b" * 64, source="a1111")
    assert (recipe.engine, recipe.prompt, recipe.model) == ("pixels", prompt, model)
    bare = operations.import_picture(image_digest="a" * 64, size=Size(width=30, height=20))
    assert bare.prompt is None and bare.inputs == ("a" * 64,)
