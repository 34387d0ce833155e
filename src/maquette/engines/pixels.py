"""The engine ``pixels``: exact work without a model. Upscale, import, roll back."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import PIL
from PIL import Image

from maquette.core.capabilities import Capabilities
from maquette.core.geometry import Size
from maquette.core.picture import size_of
from maquette.core.recipe import Import, Recipe, Upscale
from maquette.core.version import SHORT
from maquette.engines.base import (
    Cancel,
    Engine,
    Event,
    Inputs,
    Picture,
    Progress,
    Substitution,
)
from maquette.errors import Cancelled, EngineFailed, RecipeRefused

__all__ = ["Pixels", "create"]

_VERSION = 1
"""Raised when a change alters any picture that this engine makes."""

_OVERLAP = 4
"""Source rows that a tile sees beyond its own; Lanczos with three lobes reaches three."""


def create() -> Engine:
    """The engine; it takes no options."""
    return Pixels()


class Pixels:
    """Pillow on the CPU: the same recipe gives the same bytes with the same Pillow."""

    name = "pixels"

    @property
    def build(self) -> str:
        """Engine and Pillow versions."""
        return f"pixels {_VERSION}; Pillow {PIL.__version__}"

    def capabilities(self) -> Capabilities:
        """Two tasks, pictures of any size, no model, no words."""
        return Capabilities(
            engine=self.name,
            tasks=frozenset({"upscale", "import"}),
            multiple=1,
            min_side=1,
            max_side=100_000,
        )

    def check(self, recipe: Recipe) -> tuple[Substitution, ...]:
        """Refuse what needs a model.

        Raises:
            RecipeRefused.
        """
        _own_task(recipe)
        return ()

    def run(
        self,
        recipes: Sequence[Recipe],
        inputs: Inputs,
        *,
        maps: bool = True,  # noqa: ARG002 - there are no words to map
        previews: bool = False,  # noqa: ARG002
        cancel: Cancel | None = None,
    ) -> Iterator[Event]:
        """Work through the recipes in order, tile by tile.

        Raises:
            Cancelled: between tiles.
            EngineFailed: a picture was not given, or has not the size that the recipe states.
            RecipeRefused: as ``check``.
        """
        for index, recipe in enumerate(recipes):
            task = _own_task(recipe)
            started = time.perf_counter()
            source = _given(inputs, task.image)
            result = source
            if isinstance(task, Upscale):
                _check_scale(source, recipe, task)
                for step, steps, drawn in _upscaled(source, recipe.size, task.tile):
                    result = drawn
                    yield Progress(index, step, steps)
                    _stop_if(cancel)
            elif size_of(source) != recipe.size:
                raise EngineFailed(
                    f"the picture has {size_of(source)} pixels, its recipe says {recipe.size}"
                )
            _stop_if(cancel)
            yield Picture(index, result, time.perf_counter() - started)


def _own_task(recipe: Recipe) -> Upscale | Import:
    if not isinstance(recipe.task, Upscale | Import):
        raise RecipeRefused(
            f"engine 'pixels' does no {recipe.task.kind}",
            hint="it does import and upscale; choose an engine with a model",
        )
    if recipe.conditionings:
        raise RecipeRefused("engine 'pixels' has no model to put a LoRA on")
    return recipe.task


def _given(inputs: Inputs, digest: str) -> Image.Image:
    image = inputs.get(digest)
    if image is None:
        raise EngineFailed(f"picture {digest[:SHORT]} was not given to engine 'pixels'")
    return image if image.mode in {"RGB", "RGBA"} else image.convert("RGB")


def _check_scale(source: Image.Image, recipe: Recipe, task: Upscale) -> None:
    width, height = round(source.width * task.scale), round(source.height * task.scale)
    if (width, height) != (recipe.size.width, recipe.size.height):
        raise EngineFailed(
            f"{size_of(source)} times {task.scale:g} is {width}x{height},"
            f" the recipe says {recipe.size}"
        )


def _stop_if(cancel: Cancel | None) -> None:
    if cancel:
        raise Cancelled("stopped while working on pixels")


def _upscaled(source: Image.Image, size: Size, tile: int) -> Iterator[tuple[int, int, Image.Image]]:
    """Lanczos in tiles of ``tile`` source pixels: (tiles done, tiles, picture so far).

    Each tile is computed with the source around it as far as the filter reaches, rows first and
    then columns, so that the picture is that of one resampling of the whole. (Left to itself,
    Pillow chooses the order by each tile's shape, and the clipping between the two passes shows.)
    """
    # Colours under transparency must not bleed: resample them multiplied by it.
    ground = source.convert("RGBa") if source.mode == "RGBA" else source
    result = Image.new(ground.mode, (size.width, size.height))
    across, down = source.width / size.width, source.height / size.height
    wide, tall = max(1, int(tile / across)), max(1, int(tile / down))
    boxes = [
        (x, y, min(x + wide, size.width), min(y + tall, size.height))
        for y in range(0, size.height, tall)
        for x in range(0, size.width, wide)
    ]
    for done, (left, top, right, bottom) in enumerate(boxes, 1):
        above = max(0, int(top * down) - _OVERLAP)
        below = min(source.height, int(bottom * down) + 1 + _OVERLAP)
        rows = ground.resize(
            (right - left, below - above),
            Image.Resampling.LANCZOS,
            box=(left * across, above, min(right * across, source.width), below),
        )
        part = rows.resize(
            (right - left, bottom - top),
            Image.Resampling.LANCZOS,
            box=(0, top * down - above, right - left, min(bottom * down, source.height) - above),
        )
        result.paste(part, (left, top))
        yield done, len(boxes), result if done < len(boxes) else result.convert(source.mode)
