"""Orders drawn together: canvases in, progress and previews on the way, pictures and traces out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from maquette.core.geometry import Box, Size
from maquette.core.trace import Trace
from maquette.core.trajectory import Kept, steps_to_keep
from maquette.engines.base import Cancel, Preview, Progress
from maquette.engines.diffusers.anchoring import Held
from maquette.engines.diffusers.hooks import Steering, injected
from maquette.engines.diffusers.latents import decode, encode_image, hole, mask_latents, pixels
from maquette.engines.diffusers.latents import preview as rough
from maquette.engines.diffusers.maps import word_maps
from maquette.engines.diffusers.plans import Plan
from maquette.engines.diffusers.sampling import Canvas, Look, Settings, denoise
from maquette.engines.diffusers.weights import Parts
from maquette.errors import EngineFailed, RecipeRefused

__all__ = ["Drawn", "Order", "batches", "draw_group"]

TOGETHER = 8
"""Pictures drawn together at most on an accelerator, at the model's best size; fewer where they
are larger. On a processor it is one: a batch of another size rounds otherwise (by one level of 255
at most, on Postcard), so that a picture would depend on its neighbours and a replay would not be
exact. What that costs depends on the network: 64x64 latents were no faster in batches; the 16x16
of Postcard's second generation take 1.4 times less of a processor's time in a batch of 8, and on
two cores, which single pictures cannot keep busy, 2.4 times less time. ``MAQUETTE_TOGETHER`` asks
for it."""

PREVIEW_EVERY = 4
"""Steps between previews that have to be decoded."""

NOTHING = Steering()
"""Steers nothing: words alone."""


@dataclass(frozen=True, eq=False)
class Order:
    """One picture to draw at a working size: what its canvas is made of.

    ``start`` is a picture of that size to begin from or to keep around ``mask``; ``latents`` are
    those of an unfinished drawing, (1, channels, rows, columns), at the timestep of the settings.
    ``steering`` is what steers it beside its words, ``region`` the part of the picture that it
    shows (None: all of it), ``held`` the words that are raised in their places alone.
    """

    index: int
    size: Size
    plan: Plan
    settings: Settings
    generator: torch.Generator
    start: Image.Image | None = None
    mask: Image.Image | None = None
    latents: torch.Tensor | None = None
    steering: Steering = NOTHING
    region: Box | None = None
    held: Held | None = None

    def started(
        self,
        start: Image.Image,
        mask: Image.Image | None,
        strength: float,
        region: Box | None = None,
    ) -> Order:
        """The same order, begun from a picture, which may be a ``region`` of the whole."""
        settings = replace(self.settings, strength=strength)
        return replace(self, start=start, mask=mask, settings=settings, region=region)

    @property
    def kin(self) -> tuple[Any, ...]:
        """Orders of one kin can be drawn in one batch."""
        kept = self.start is not None, self.mask is not None
        # Where nothing steers, the region does not matter; else all canvases must show the same.
        steered = None if self.steering is NOTHING else (id(self.steering), self.region)
        return self.size, self.settings, self.plan.length, self.plan.composed, kept, steered


@dataclass(eq=False)
class Drawn:
    """A drawn picture at its working size. ``timings`` in seconds, its share of the batch's."""

    image: Image.Image
    trace: Trace | None
    timings: dict[str, float] = field(default_factory=dict[str, float])


def batches(
    parts: Parts, orders: Sequence[Order], together: int | None = None
) -> Iterator[list[Order]]:
    """Orders by kin, in the order of their first member, in batches that fit the memory.

    ``together`` is the most pictures of the model's best size to a batch (default: see TOGETHER).
    """
    kin: dict[tuple[Any, ...], list[Order]] = {}
    for order in orders:
        kin.setdefault(order.kin, []).append(order)
    native = parts.card.native.width * parts.card.native.height
    most = together or (1 if parts.device.type == "cpu" else TOGETHER)
    for group in kin.values():
        area = group[0].size.width * group[0].size.height
        count = max(1, min(most, most * native // area))
        for at in range(0, len(group), count):
            yield group[at : at + count]


def draw_group(
    parts: Parts,
    orders: Sequence[Order],
    *,
    maps: bool,
    previews: bool,
    cancel: Cancel | None,
    text_seconds: float = 0.0,
) -> Iterator[Progress | Preview | tuple[Order, Drawn]]:
    """Draw orders of one kin together; each ends in a pair (order, drawn)."""
    first, count = orders[0], len(orders)
    scale = parts.card.scale
    shape = (1, parts.card.latents, first.size.height // scale, first.size.width // scale)
    levels = parts.card.driver.grids(parts.card, shape)
    began = time.perf_counter()
    canvases = [_canvas(parts, order, shape) for order in orders]
    encoded = time.perf_counter()
    look: Look | None = None
    kept: list[list[Kept]] = [[] for _ in orders]
    keeping = steps_to_keep(first.settings.steps) if maps and first.mask is None else frozenset()
    pairs = [(order.start, order.mask) for order in orders]
    holes = [(start, mask) for start, mask in pairs if start is not None and mask is not None]
    conditions = first.steering.conditions(parts, first.size, first.region, holes)
    with (
        parts.card.driver.watch(parts, shape, record=maps, conditions=conditions) as watching,
        injected(conditions, parts),
    ):
        for look in denoise(
            parts, canvases, first.settings, watching, cancel=cancel, conditions=conditions
        ):
            for order in orders:
                yield Progress(order.index, look.step, look.steps)
            if look.number in keeping and look.given is not None:
                for mine, latents in zip(kept, look.given.float().cpu().numpy(), strict=True):
                    mine.append(_kept(look, first.settings.steps, latents))
            if previews and look.step < look.steps and _due(parts, look):
                guess = look.guess()
                for number, order in enumerate(orders):
                    image = rough(parts, guess[number : number + 1])
                    yield Preview(order.index, look.step, image)
    assert look is not None  # noqa: S101 (a recipe has at least one step)
    denoised = time.perf_counter()
    if not bool(torch.isfinite(look.latents).all()):
        raise EngineFailed(
            "the drawing ended in numbers that are none",
            hint="lower the weights or the guidance, or draw in float32",
        )
    for number, order in enumerate(orders):
        started = time.perf_counter()
        image = decode(parts, look.latents[number : number + 1])
        timings = {
            "text": text_seconds / count,
            "encode": (encoded - began) / count,
            "denoise": (denoised - encoded) / count,
            "decode": time.perf_counter() - started,
        }
        trace = None
        if maps:
            trace = Trace(
                words=order.plan.words,
                maps=word_maps(look.aims, number, order.plan.words, levels, shape[2:]),
                timings=timings,
                ran=_ran(parts, order.settings, look.steps, count),
                kept=tuple(kept[number]),
            )
        yield order, Drawn(image, trace, timings)


def _due(parts: Parts, look: Look) -> bool:
    return bool(parts.card.about.get("preview")) or look.step % PREVIEW_EVERY == 0


def _kept(look: Look, steps: int, latents: npt.NDArray[np.float32]) -> Kept:
    return Kept(step=look.number, steps=steps, timestep=look.timestep, latents=latents.copy())


def _ran(parts: Parts, settings: Settings, timesteps: int, batch: int) -> dict[str, Any]:
    return {
        "model": parts.card.ref.digest,
        "sampler": settings.sampler,
        "timesteps": timesteps,
        "device": str(parts.device),
        "dtype": str(parts.dtype).removeprefix("torch."),
        "batch": batch,
    }


def _canvas(parts: Parts, order: Order, shape: tuple[int, int, int, int]) -> Canvas:
    init = mask = masked = None
    if order.latents is not None:
        init = order.latents
        if init.shape != shape:
            raise RecipeRefused(
                f"the kept drawing has latents of {tuple(init.shape[1:])}, this one {shape[1:]}",
                hint="go on with the model and at the size of the version that kept it",
            )
    elif order.start is not None:
        init = encode_image(parts, pixels(order.start))
        if order.mask is not None:
            mask = mask_latents(order.mask, parts.card.scale)
            if parts.card.channels > parts.card.latents:
                masked = encode_image(parts, hole(order.start, order.mask))
    return Canvas(
        order.generator,
        shape,
        order.plan.rows,
        order.plan.negative,
        init,
        mask,
        masked,
        order.held,
    )
