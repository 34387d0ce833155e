"""The four tasks: what each recipe asks to be drawn, and how the drawing becomes its picture."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from PIL import Image

from maquette.core.anchors import from_planes
from maquette.core.conditioning import Conditioning
from maquette.core.geometry import Size
from maquette.core.recipe import Anchored, Continue, ImageToImage, Inpaint, Outpaint, Recipe
from maquette.core.trajectory import from_picture
from maquette.engines.base import Cancel, Event, Inputs, Picture, Preview, Progress
from maquette.engines.diffusers.anchoring import hold
from maquette.engines.diffusers.drawing import NOTHING, Drawn, Order, batches, draw_group
from maquette.engines.diffusers.hooks import Steering
from maquette.engines.diffusers.outpaint import draw_outpaint
from maquette.engines.diffusers.plans import Plan, Writer
from maquette.engines.diffusers.sampling import Settings
from maquette.engines.diffusers.weights import Parts
from maquette.engines.local import close_region, open_region
from maquette.errors import RecipeRefused

__all__ = ["draw_all"]


def draw_all(
    parts: Parts,
    recipes: Sequence[Recipe],
    inputs: Inputs,
    *,
    maps: bool,
    previews: bool,
    cancel: Cancel | None,
    together: int | None = None,
    keep_texts: bool = False,
) -> Iterator[Event]:
    """Draw checked recipes: those of one kin in batches of at most ``together``, outpaints one by
    one after them. What steers a recipe beside its words is put on the model for the recipes that
    share it, and taken off again. ``keep_texts``: what was encoded holds for later runs, because
    the model is its own (one that is being taught is another at each step)."""
    how: dict[str, Any] = {"maps": maps, "previews": previews, "cancel": cancel}
    alike: dict[tuple[Conditioning, ...], list[int]] = {}
    for index, recipe in enumerate(recipes):
        alike.setdefault(recipe.conditionings, []).append(index)
    for conditionings, indexes in alike.items():
        steering = NOTHING
        if conditionings:
            from maquette.engines.diffusers.conditions import prepare

            steering = prepare(parts, recipes[indexes[0]], inputs)
        with steering.around(parts) as steered:
            chosen = {index: recipes[index] for index in indexes}
            writer = Writer(steered, maps=maps, steered=conditionings if keep_texts else None)
            yield from _draw(steered, chosen, inputs, steering, writer, together=together, **how)


def _draw(
    parts: Parts,
    recipes: Mapping[int, Recipe],
    inputs: Inputs,
    steering: Steering,
    writer: Writer,
    *,
    together: int | None,
    **how: Any,
) -> Iterator[Event]:
    """Draw recipes, by their index, that share what steers them."""
    began = time.perf_counter()
    orders: list[Order] = []
    extensions: list[tuple[int, Recipe, Outpaint, Plan]] = []
    for index, recipe in recipes.items():
        assert recipe.prompt is not None and recipe.sampling is not None  # noqa: S101 (checked)
        plan = writer.plan(recipe.prompt, recipe.sampling.steps, recipe.sampling.guidance)
        if isinstance(recipe.task, Outpaint):
            extensions.append((index, recipe, recipe.task, plan))
        else:
            orders.append(_order(index, recipe, inputs, plan, steering))
    text_seconds = (time.perf_counter() - began) / max(1, len(recipes))

    for group in batches(parts, orders, together):
        started = time.perf_counter()
        for event in draw_group(parts, group, text_seconds=text_seconds, **how):
            if isinstance(event, Progress | Preview):
                yield event
                continue
            order, drawn = event
            seconds = text_seconds + (time.perf_counter() - started) / len(group)
            yield _finished(recipes[order.index], inputs, order, drawn, seconds)
    for index, recipe, task, plan in extensions:
        order = _plain_order(index, recipe, plan, task.work, steering)
        image = _input(inputs, task.image)
        yield from draw_outpaint(parts, order, task, image, recipe.size, **how)


def _plain_order(index: int, recipe: Recipe, plan: Plan, size: Size, steering: Steering) -> Order:
    sampling = recipe.sampling
    assert sampling is not None  # noqa: S101 (checked)
    return Order(
        index=index,
        size=size,
        plan=plan,
        settings=Settings(sampling.sampler, sampling.steps, sampling.guidance),
        generator=torch.Generator("cpu").manual_seed(sampling.seed),
        steering=steering,
    )


def _order(index: int, recipe: Recipe, inputs: Inputs, plan: Plan, steering: Steering) -> Order:
    task = recipe.task
    if isinstance(task, Inpaint):
        image, mask = _input(inputs, task.image), _input(inputs, task.mask)
        _same_size(image, recipe.size)
        start, cut = open_region(image, mask, task.region, task.work)
        order = _plain_order(index, recipe, plan, task.work, steering)
        return order.started(start, cut, task.strength, task.region)
    order = _plain_order(index, recipe, plan, recipe.size, steering)
    if isinstance(task, ImageToImage):
        size = (recipe.size.width, recipe.size.height)
        start = _input(inputs, task.image).convert("RGB")
        if start.size != size:
            start = start.resize(size, Image.Resampling.LANCZOS)
        return order.started(start, None, task.strength)
    if isinstance(task, Continue | Anchored):
        latents, timestep = from_picture(_input(inputs, task.latents))
        settings = replace(order.settings, begun=timestep)
        order = replace(order, settings=settings, latents=torch.from_numpy(latents)[None])
    if isinstance(task, Anchored):
        anchors = from_planes(_input(inputs, task.maps))
        return replace(order, held=hold(anchors, plan.words))
    return order


def _finished(
    recipe: Recipe, inputs: Inputs, order: Order, drawn: Drawn, seconds: float
) -> Picture:
    task = recipe.task
    if not isinstance(task, Inpaint):
        return Picture(order.index, drawn.image, seconds, drawn.trace)
    image, seam = close_region(
        _input(inputs, task.image),
        _input(inputs, task.mask),
        task.region,
        drawn.image,
        task.feather,
    )
    trace = drawn.trace and drawn.trace.model_copy(update={"region": task.region})
    return Picture(order.index, image, seconds, trace, {"seam": seam})


def _input(inputs: Inputs, digest: str) -> Image.Image:
    if digest not in inputs:
        raise RecipeRefused(f"the picture {digest[:12]} that the recipe names was not handed over")
    return inputs[digest]


def _same_size(image: Image.Image, size: Size) -> None:
    if image.size != (size.width, size.height):
        raise RecipeRefused(
            f"the recipe is for a picture of {size}, the one given has {image.width}x{image.height}"
        )
