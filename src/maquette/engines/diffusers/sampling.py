"""The drawing loop: noise to latents, many pictures at a time, over stock networks and schedulers.

Given the same noise the numbers are those of diffusers' own pipelines. Several conditional rows a
picture (``AND``) are joined as composable diffusion does (arXiv 2206.01714):
``u + guidance x sum of weight x (c - u)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from maquette.engines.base import Cancel
from maquette.engines.diffusers.anchoring import Held, Locally
from maquette.engines.diffusers.attention import Aim, Watch, log_weights
from maquette.engines.diffusers.hooks import Call, Condition, added
from maquette.engines.diffusers.models import ModelCard
from maquette.engines.diffusers.samplers import Schedule
from maquette.engines.diffusers.text import Encoded
from maquette.engines.diffusers.weights import Parts
from maquette.errors import Cancelled

__all__ = ["Canvas", "Look", "Row", "Settings", "denoise"]


@dataclass(frozen=True)
class Settings:
    """What all pictures of a batch share. ``strength`` below 1 starts from the canvas' picture;
    ``begun`` is the timestep at which the canvas' latents were kept, to go on from there."""

    sampler: str
    steps: int
    guidance: float
    strength: float = 1.0
    begun: float | None = None


@dataclass(frozen=True, eq=False)
class Row:
    """A conditional row: an encoded text and its weight among the rows of its picture."""

    text: Encoded
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Canvas:
    """What a single picture starts from.

    Attributes:
        generator: the picture's own source of noise, on the CPU.
        shape: (1, channels, rows, columns) of its latents.
        rows: its conditional rows at each step.
        negative: its unconditional text; None where the guidance reads none.
        init: latents of the picture to start from or to keep, of ``shape``; or, where the
            settings say ``begun``, the latents of the unfinished drawing.
        mask: (1, 1, rows, columns), 1 = draw, 0 = keep; needs ``init``.
        masked: latents of the picture with a grey hole, for UNets with 9 input channels.
        held: the words that are raised in their places alone.
    """

    generator: torch.Generator
    shape: tuple[int, int, int, int]
    rows: Sequence[Sequence[Row]]
    negative: Encoded | None
    init: torch.Tensor | None = None
    mask: torch.Tensor | None = None
    masked: torch.Tensor | None = None
    held: Held | None = None


@dataclass(eq=False)
class Look:
    """Where a drawing is: ``step`` of ``steps`` done, and the latents so far.

    ``guess`` computes the finished latents as they are expected now, (pictures, channels, rows,
    columns). ``given`` is what the network was given for this step (latents in the form that the
    network reads, whatever the sampler), ``timestep`` where, and ``number`` the step's place in the
    whole schedule, from 0. ``aims`` are the texts that were looked at so far, each with what it
    recorded, and ``owners`` the picture of each conditional row of the same aim.
    """

    step: int
    steps: int
    latents: torch.Tensor
    guess: Callable[[], torch.Tensor]
    given: torch.Tensor | None = None
    timestep: float = 0.0
    number: int = 0
    aims: list[tuple[Aim, list[int], list[Row]]] = field(
        default_factory=list[tuple[Aim, list[int], list[Row]]]
    )


@torch.inference_mode()
def denoise(
    parts: Parts,
    canvases: Sequence[Canvas],
    settings: Settings,
    watch: Watch,
    *,
    cancel: Cancel | None = None,
    conditions: Sequence[Condition] = (),
) -> Iterator[Look]:
    """Draw canvases of one size together; yields after every step, at the end with the result.

    ``conditions`` are asked before every call of the network and hold for all canvases.

    Raises:
        Cancelled: before a step, once ``cancel`` is set.
    """
    device = parts.device
    family, shape = parts.card.driver, canvases[0].shape
    schedule = family.schedule(parts, settings, shape)
    schedule.set(device)
    begin = _first(settings, schedule)
    schedule.begin(begin)
    timesteps = schedule.timesteps

    noise = torch.cat(
        [torch.randn(canvas.shape, generator=canvas.generator) for canvas in canvases]
    ).to(device)
    init, mask, masked = (_stack(canvases, name, device) for name in ("init", "mask", "masked"))
    hole = None if mask is None or masked is None else (mask, masked)
    if settings.begun is not None and init is not None:
        latents = schedule.resumed(init)
    elif settings.strength < 1 and init is not None:
        latents = schedule.noised(init, noise, 0)
    else:
        latents = schedule.pure(noise)

    generators = [canvas.generator for canvas in canvases]
    look = Look(0, len(timesteps), latents, lambda: latents)
    batches: dict[tuple[int, ...], _Batch] = {}
    for number, timestep in enumerate(timesteps):
        if cancel:
            raise Cancelled("stopped while drawing")
        rows = [canvas.rows[begin + number] for canvas in canvases]
        key = tuple(id(row) for picture in rows for row in picture)
        if (batch := batches.get(key)) is None:
            negatives = [canvas.negative for canvas in canvases]
            helds = [canvas.held for canvas in canvases]
            batch = batches[key] = _Batch(
                parts, rows, negatives, helds, settings=settings, shape=shape
            )
            look.aims.append((batch.aim, batch.owners, batch.flat))
        watch.look(batch.aim)
        scaled = schedule.scaled(latents, timestep)
        given = scaled if hole is None else torch.cat([scaled, *hole], dim=1)
        call = Call(
            parts=parts,
            latents=scaled,
            spread=batch.spread,
            timestep=timestep,
            share=(begin + number) / settings.steps,
            steps=settings.steps,
            aim=batch.aim,
            owners=batch.places,
            watch=watch,
            extra=batch.extra,
            scheduler=schedule.scheduler,
            guidance=settings.guidance,
        )
        more = {**batch.extra, **added(conditions, call)}
        spread = batch.spread(given).to(parts.dtype)
        predicted = family.predict(parts, spread, timestep, batch.aim.context, more)
        joined = batch.join(predicted)
        latents = schedule.step(joined, timestep, latents, generators)
        if mask is not None and init is not None and hole is None:
            kept = init
            if number + 1 < len(timesteps):
                kept = schedule.noised(init, noise, number + 1)
            latents = (1 - mask) * kept + mask * latents
        look.step, look.latents = number + 1, latents
        look.given, look.timestep, look.number = scaled, float(timestep), begin + number
        look.guess = schedule.guess(scaled, joined, timestep)
        yield look


def _first(settings: Settings, schedule: Schedule) -> int:
    """The place in the schedule of the first step to take."""
    if settings.begun is not None:
        return int((schedule.timesteps.float() - settings.begun).abs().argmin())
    if settings.strength < 1:
        return schedule.skipped(settings.strength)
    return 0


class _Batch:
    """The rows of a call of the network: unconditional ones first, where there are any."""

    def __init__(
        self,
        parts: Parts,
        rows: Sequence[Sequence[Row]],
        negatives: Sequence[Encoded | None],
        helds: Sequence[Held | None],
        *,
        settings: Settings,
        shape: Sequence[int],
    ) -> None:
        card = parts.card
        self.guidance = settings.guidance
        self.flat = [row for picture in rows for row in picture]
        self.owners = [index for index, picture in enumerate(rows) for _ in picture]
        self.plain = all(len(picture) == 1 and picture[0].weight == 1 for picture in rows)
        free = card.driver.free(card, settings.guidance) or not self.plain
        self.free = len(rows) if free else 0
        self.places = [*range(self.free), *self.owners]
        against = [text for text in negatives[: self.free] if text is not None]
        texts = [*against, *(row.text for row in self.flat)]
        weights, local = self._weighed(texts, helds, card, shape)
        context = torch.cat([text.context for text in texts])
        self.aim = Aim(context, self.free, log_weights(weights, card.weight_gain), local)
        concepts = [row.text.concepts for row in self.flat]
        self.aim.concepts = [each for each in concepts if each is not None]
        self.extra = card.driver.beside(parts, texts, settings, shape)

    def _weighed(
        self,
        texts: Sequence[Encoded],
        helds: Sequence[Held | None],
        card: ModelCard,
        shape: Sequence[int],
    ) -> tuple[torch.Tensor, Locally | None]:
        """The rows' weights, (rows, tokens), and what more they weigh in some places."""
        owners = [None] * self.free + [helds[owner] for owner in self.owners]
        found = [
            (text.weights, []) if held is None else held.split(text, card.weight_gain)
            for text, held in zip(texts, owners, strict=True)
        ]
        parts = [each for _, each in found]
        grids = card.driver.grids(card, shape)
        return torch.stack([weights for weights, _ in found]), (
            Locally(parts, grids) if any(parts) else None
        )

    def spread(self, latents: torch.Tensor) -> torch.Tensor:
        """(pictures, …) to (rows, …)."""
        if self.plain:
            return torch.cat([latents] * 2) if self.free else latents
        return torch.cat([latents, latents[self.owners]])

    def join(self, predicted: torch.Tensor) -> torch.Tensor:
        """(rows, …) to (pictures, …), guided."""
        if not self.free:
            return predicted
        free, told = predicted[: self.free], predicted[self.free :]
        if self.plain:
            return free + self.guidance * (told - free)
        pull = torch.zeros_like(free)
        for row, owner, told_row in zip(self.flat, self.owners, told, strict=True):
            pull[owner] += row.weight * (told_row - free[owner])
        return free + self.guidance * pull


def _stack(canvases: Sequence[Canvas], name: str, device: torch.device) -> torch.Tensor | None:
    found: list[Any] = [getattr(canvas, name) for canvas in canvases]
    return None if found[0] is None else torch.cat(found).float().to(device)
