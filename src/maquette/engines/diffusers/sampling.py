"""The drawing loop: noise to latents, many pictures at a time, over stock networks and schedulers.

Given the same noise the numbers are those of diffusers' own pipelines. Several conditional rows a
picture (``AND``) are joined as composable diffusion does (arXiv 2206.01714):
``u + guidance x sum of weight x (c - u)``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from maquette.engines.base import Cancel
from maquette.engines.diffusers.attention import Aim, Watch, log_weights
from maquette.engines.diffusers.hooks import Call, Condition, added
from maquette.engines.diffusers.samplers import build_scheduler
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
        negative: its unconditional text.
        init: latents of the picture to start from or to keep, of ``shape``; or, where the
            settings say ``begun``, the latents of the unfinished drawing.
        mask: (1, 1, rows, columns), 1 = draw, 0 = keep; needs ``init``.
        masked: latents of the picture with a grey hole, for UNets with 9 input channels.
    """

    generator: torch.Generator
    shape: tuple[int, int, int, int]
    rows: Sequence[Sequence[Row]]
    negative: Encoded
    init: torch.Tensor | None = None
    mask: torch.Tensor | None = None
    masked: torch.Tensor | None = None


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
    scheduler = build_scheduler(settings.sampler, parts.scheduler)
    scheduler.set_timesteps(settings.steps, device=device)
    timesteps = scheduler.timesteps
    if begin := _first(settings, timesteps):
        timesteps = timesteps[begin:]
        if hasattr(scheduler, "set_begin_index"):  # DDIM keeps no index
            scheduler.set_begin_index(begin)

    noise = torch.cat(
        [torch.randn(canvas.shape, generator=canvas.generator) for canvas in canvases]
    ).to(device)
    init, mask, masked = (_stack(canvases, name, device) for name in ("init", "mask", "masked"))
    hole = None if mask is None or masked is None else (mask, masked)
    if settings.begun is not None and init is not None:
        # Kept as the network reads it; some samplers work on a scaled form of that.
        latents = init / scheduler.scale_model_input(torch.ones_like(init), timesteps[0])
    elif settings.strength < 1 and init is not None:
        latents = scheduler.add_noise(init, noise, timesteps[:1].expand(len(canvases)))
    else:
        latents = noise * scheduler.init_noise_sigma

    takes = inspect.signature(scheduler.step).parameters
    extra: dict[str, Any] = (
        {"generator": [canvas.generator for canvas in canvases]} if "generator" in takes else {}
    )
    look = Look(0, len(timesteps), latents, lambda: latents)
    batches: dict[tuple[int, ...], _Batch] = {}
    for number, timestep in enumerate(timesteps):
        if cancel:
            raise Cancelled("stopped while drawing")
        rows = [canvas.rows[begin + number] for canvas in canvases]
        key = tuple(id(row) for picture in rows for row in picture)
        if (batch := batches.get(key)) is None:
            negatives = [canvas.negative for canvas in canvases]
            batch = _Batch(rows, negatives, settings.guidance, parts.card.weight_gain)
            batches[key] = batch
            look.aims.append((batch.aim, batch.owners, batch.flat))
        watch.look(batch.aim)
        scaled = scheduler.scale_model_input(latents, timestep)
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
            scheduler=scheduler,
        )
        predicted = parts.unet(
            batch.spread(given).to(parts.dtype),
            timestep,
            encoder_hidden_states=batch.aim.context,
            return_dict=False,
            **added(conditions, call),
        )[0].float()
        joined = batch.join(predicted)
        latents = scheduler.step(joined, timestep, latents, **extra, return_dict=False)[0]
        if mask is not None and init is not None and hole is None:
            kept = init
            if number + 1 < len(timesteps):
                at = timesteps[number + 1 : number + 2].expand(len(canvases))
                kept = scheduler.add_noise(init, noise, at)
            latents = (1 - mask) * kept + mask * latents
        look.step, look.latents = number + 1, latents
        look.given, look.timestep, look.number = scaled, float(timestep), begin + number
        look.guess = _guess(scheduler, scaled, joined, timestep)
        yield look


def _first(settings: Settings, timesteps: torch.Tensor) -> int:
    """The place in the schedule of the first step to take."""
    if settings.begun is not None:
        return int((timesteps.float() - settings.begun).abs().argmin())
    if settings.strength < 1:
        return settings.steps - max(1, min(int(settings.steps * settings.strength), settings.steps))
    return 0


class _Batch:
    """The rows of a UNet call: unconditional ones first, where there are any."""

    def __init__(
        self,
        rows: Sequence[Sequence[Row]],
        negatives: Sequence[Encoded],
        guidance: float,
        gain: float,
    ) -> None:
        self.guidance = guidance
        self.flat = [row for picture in rows for row in picture]
        self.owners = [index for index, picture in enumerate(rows) for _ in picture]
        self.plain = all(len(picture) == 1 and picture[0].weight == 1 for picture in rows)
        self.free = len(rows) if guidance > 1 or not self.plain else 0
        self.places = [*range(self.free), *self.owners]
        texts = [*negatives[: self.free], *(row.text for row in self.flat)]
        weights = torch.stack([text.weights for text in texts])
        context = torch.cat([text.context for text in texts])
        self.aim = Aim(context, self.free, log_weights(weights, gain))

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


def _guess(
    scheduler: Any, scaled: torch.Tensor, predicted: torch.Tensor, timestep: torch.Tensor
) -> Callable[[], torch.Tensor]:
    """The finished latents that a prediction implies, computed only if somebody looks."""

    def compute() -> torch.Tensor:
        # What the UNet was given is always the variance-preserving form, whatever the scheduler.
        alpha = scheduler.alphas_cumprod[int(timestep)].to(scaled)
        kind = scheduler.config.prediction_type
        if kind == "v_prediction":
            return alpha.sqrt() * scaled - (1 - alpha).sqrt() * predicted
        if kind == "sample":
            return predicted
        return (scaled - (1 - alpha).sqrt() * predicted) / alpha.sqrt().clamp_min(1e-3)

    return compute
