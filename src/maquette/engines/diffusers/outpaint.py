"""Outpainting: a larger canvas, drawn piece by piece where one piece would be too coarse."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from PIL import Image

from maquette.core.geometry import Box, Size
from maquette.core.recipe import Outpaint
from maquette.core.trace import Trace
from maquette.engines.base import Cancel, Event, Picture, Preview, Progress
from maquette.engines.diffusers.drawing import Drawn, Order, draw_group
from maquette.engines.diffusers.weights import Parts
from maquette.engines.local import close_region, evened, extend, open_region
from maquette.errors import RecipeRefused

__all__ = ["draw_outpaint", "regions"]

COARSEST = 2.0
"""A canvas is drawn whole while a pixel of the drawing covers at most so many of its own."""

SKEW = 1.2
"""And while its sides differ in shape from the working size by at most this factor."""

BLIND = 0.35
"""How far from the drawn-out edge a model starts whose noise hides everything at its first steps
(zero terminal SNR, arXiv 2305.08891): from pure noise it would lay the new places out as if nothing
stood beside them, and a horizon would jump at the border."""


def regions(canvas: Size, task: Outpaint) -> list[Box]:
    """The pieces of a canvas to draw, in turn: the whole of it, or tiles along the new sides.

    Each tile holds new places and at least half a tile of what is there already. The left and
    right sides come first, along the old picture's rows; the top and bottom then run over the
    whole width, corners included.
    """
    across, down = canvas.width / task.work.width, canvas.height / task.work.height
    if max(across, down) <= COARSEST and max(across / down, down / across) <= SKEW:
        return [Box(x=0, y=0, width=canvas.width, height=canvas.height)]
    found: list[Box] = []
    rows = (task.top, canvas.height - task.bottom)
    for depth, outward in ((task.left, -1), (task.right, 1)):
        width, height = _tile(task.work, canvas, 2 * depth / task.work.width)
        edge = task.left if outward < 0 else canvas.width - task.right
        for x in _steps(edge, depth, outward, width, canvas.width):
            found += [
                Box(x=x, y=y, width=width, height=height)
                for y in _spread(rows, height, canvas.height)
            ]
    for depth, outward in ((task.top, -1), (task.bottom, 1)):
        width, height = _tile(task.work, canvas, 2 * depth / task.work.height)
        edge = task.top if outward < 0 else canvas.height - task.bottom
        for y in _steps(edge, depth, outward, height, canvas.height):
            found += [
                Box(x=x, y=y, width=width, height=height)
                for x in _spread((0, canvas.width), width, canvas.width)
            ]
    return found


def _tile(work: Size, canvas: Size, scale: float) -> tuple[int, int]:
    """A tile of the shape of ``work``, ``scale`` (1 to COARSEST) times as large, in the canvas."""
    scale = min(max(scale, 1.0), COARSEST)
    scale = min(scale, canvas.width / work.width, canvas.height / work.height)
    return max(1, round(work.width * scale)), max(1, round(work.height * scale))


def _steps(edge: int, depth: int, outward: int, side: int, end: int) -> list[int]:
    """Where tiles begin that reach from an ``edge`` outward, half a tile at a time."""
    half = max(1, side // 2)
    reaches = [min(depth, half * number) for number in range(1, -(-depth // half) + 1)]
    starts = [edge + reach - side if outward > 0 else edge - reach for reach in reaches]
    return [min(max(start, 0), end - side) for start in starts]


def _spread(span: tuple[int, int], side: int, end: int) -> list[int]:
    """Where tiles begin that cover ``span``, a quarter of each over its neighbour."""
    low, high = span
    length = high - low
    if length <= side:
        return [min(max((low + high - side) // 2, 0), end - side)]
    count = 1 + -(-(length - side) * 4 // (side * 3))
    return [low + (length - side) * number // (count - 1) for number in range(count)]


def draw_outpaint(
    parts: Parts,
    order: Order,
    task: Outpaint,
    image: Image.Image,
    size: Size,
    *,
    maps: bool,
    previews: bool,
    cancel: Cancel | None,
) -> Iterator[Event]:
    """Draw the new places of a canvas around ``image``; the old pixels keep their bytes.

    Raises:
        RecipeRefused: when picture and sides do not make a canvas of ``size``.
    """
    began = time.perf_counter()
    blind = bool(parts.scheduler.get("rescale_betas_zero_snr"))
    strength = BLIND if blind else 1.0
    canvas, todo = extend(image, *task.sides, overlap=task.overlap, drawn_out=blind)
    if canvas.size != (size.width, size.height):
        raise RecipeRefused(
            f"the picture and its new sides make {canvas.width}x{canvas.height}, the recipe {size}"
        )
    pieces = regions(size, task)
    seams: list[float] = []
    traced: list[tuple[Box, Trace]] = []
    timings: dict[str, float] = {}
    for number, region in enumerate(pieces):
        if todo.crop(region.corners).getbbox() is None:
            yield Progress(
                order.index, (number + 1) * order.settings.steps, len(pieces) * order.settings.steps
            )
            continue
        start, cut = open_region(canvas, todo, region, task.work)
        drawn: Drawn | None = None
        for event in draw_group(
            parts,
            [order.started(start, cut, strength, region)],
            maps=maps,
            previews=previews,
            cancel=cancel,
        ):
            match event:
                case Progress():
                    done = number * event.steps + event.step
                    yield Progress(order.index, done, len(pieces) * event.steps)
                case Preview():
                    yield event
                case (_, drawn):
                    pass
        assert drawn is not None  # noqa: S101 (every order ends in its picture)
        fresh = evened(drawn.image, start, cut)
        canvas, seam = close_region(canvas, todo, region, fresh, task.feather)
        todo.paste(0, region.corners)
        seams.append(seam)
        timings = {key: timings.get(key, 0.0) + value for key, value in drawn.timings.items()}
        if drawn.trace is not None:
            traced.append((region, drawn.trace))
    trace = _joined(traced, size, parts.card.scale, timings) if traced else None
    seconds = time.perf_counter() - began
    yield Picture(order.index, canvas, seconds, trace, {"seam": max(seams, default=0.0)})


def _joined(
    traced: list[tuple[Box, Trace]], size: Size, scale: int, timings: dict[str, float]
) -> Trace:
    """The maps of all pieces on one grid over the canvas; later pieces lie on earlier ones."""
    first = traced[0][1]
    rows, columns = -(-size.height // scale), -(-size.width // scale)
    whole = np.zeros((len(first.words), rows, columns), np.float32)
    for region, trace in traced:
        top, left = region.y * rows // size.height, region.x * columns // size.width
        bottom = max(top + 1, round(region.bottom * rows / size.height))
        right = max(left + 1, round(region.right * columns / size.width))
        for word, plane in enumerate(trace.maps):
            small = Image.fromarray(plane).resize(
                (right - left, bottom - top), Image.Resampling.BILINEAR
            )
            whole[word, top:bottom, left:right] = np.asarray(small)
    return first.model_copy(update={"maps": whole, "timings": timings})
