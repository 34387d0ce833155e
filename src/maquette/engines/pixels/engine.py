"""Pillow, NumPy and OpenCV on the CPU: upscale, import, retouch, composite."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence

import cv2
import numpy as np
import PIL
from PIL import Image

from maquette.core.capabilities import Capabilities
from maquette.core.picture import size_of
from maquette.core.recipe import Composite, Import, Recipe, Retouch, Upscale
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
from maquette.engines.pixels.composite import composited
from maquette.engines.pixels.resample import upscaled
from maquette.engines.pixels.retouch import retouched
from maquette.errors import Cancelled, EngineFailed, RecipeRefused

__all__ = ["VERSION", "Pixels", "create"]

VERSION = 2
"""Raised when a change alters any picture that this engine makes."""

_Steps = Generator[tuple[int, int], None, tuple[Image.Image, dict[str, float]]]
"""(step, steps) after each, and in the end the picture and what was measured."""


def create() -> Engine:
    """The engine; it takes no options."""
    return Pixels()


class Pixels:
    """The same recipe gives the same bytes with the same libraries."""

    name = "pixels"

    @property
    def build(self) -> str:
        """Versions of the engine and of what it computes with."""
        return (
            f"pixels {VERSION}; Pillow {PIL.__version__};"
            f" NumPy {np.__version__}; OpenCV {cv2.__version__}"
        )

    def capabilities(self) -> Capabilities:
        """Its tasks, pictures of any size, no model, no words."""
        return Capabilities(
            engine=self.name,
            tasks=frozenset({"upscale", "import", "retouch", "composite"}),
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
            steps = _work(recipe, task, _given(inputs, task.image), _reader(inputs))
            while True:
                try:
                    step, total = next(steps)
                except StopIteration as done:
                    result, notes = done.value
                    break
                yield Progress(index, step, total)
                _stop_if(cancel)
            _stop_if(cancel)
            yield Picture(index, result, time.perf_counter() - started, notes=notes)


_Task = Upscale | Import | Retouch | Composite


def _own_task(recipe: Recipe) -> _Task:
    if not isinstance(recipe.task, _Task):
        raise RecipeRefused(
            f"engine 'pixels' does no {recipe.task.kind}",
            hint="it does import, upscale, retouch and composite; choose an engine with a model",
        )
    if isinstance(recipe.task, Upscale) and recipe.task.method != "lanczos":
        raise RecipeRefused(
            "engine 'pixels' has no network to upscale with", hint="engine 'learned' has"
        )
    if recipe.conditionings:
        raise RecipeRefused("engine 'pixels' has no model to put a LoRA on")
    return recipe.task


def _work(
    recipe: Recipe, task: _Task, source: Image.Image, read: Callable[[str], Image.Image]
) -> _Steps:
    if isinstance(task, Upscale):
        _check_scale(source, recipe, task)
        result = source
        for step, steps, drawn in upscaled(source, recipe.size, task.tile):
            result = drawn
            yield step, steps
        return result, {}
    if size_of(source) != recipe.size:
        raise EngineFailed(
            f"the picture has {size_of(source)} pixels, its recipe says {recipe.size}"
        )
    if isinstance(task, Retouch):
        mask = read(task.mask) if task.mask is not None else None
        return (yield from retouched(source, task, mask)), {}
    if isinstance(task, Composite):
        return (yield from composited(source, task, read))
    return source, {}


def _reader(inputs: Inputs) -> Callable[[str], Image.Image]:
    return lambda digest: _given(inputs, digest)


def _given(inputs: Inputs, digest: str) -> Image.Image:
    image = inputs.get(digest)
    if image is None:
        raise EngineFailed(f"picture {digest[:SHORT]} was not given to engine 'pixels'")
    return image if image.mode in {"RGB", "RGBA", "L"} else image.convert("RGB")


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
