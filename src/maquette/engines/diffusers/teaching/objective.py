"""What a model is asked while it learns: to say what was added to a picture.

The noise, the timesteps and the answer are those that the model's own configuration states: noise
in variance-preserving form with epsilon, velocity (arXiv 2202.00512) or the picture itself as the
answer, or flow matching (arXiv 2210.02747) with timesteps from a logit-normal (arXiv 2403.03206)
under the model's own shift.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from maquette.engines.diffusers.samplers import build_flow, build_scheduler, flow_shift
from maquette.engines.diffusers.sampling import Settings
from maquette.engines.diffusers.text import Encoded
from maquette.engines.diffusers.weights import Parts

__all__ = ["Objective"]

GUIDANCE = 1.0
"""What a model that is told its guidance is told while it learns."""


class Objective:
    """The loss of a model, for latents of one ``shape`` (n, channels, rows, columns)."""

    def __init__(self, parts: Parts, shape: Sequence[int]) -> None:
        self.family = parts.card.driver
        self.shape = shape
        self.settings = Settings(self.family.samplers[0], 1, GUIDANCE)
        if self.family.flow:
            self.scheduler: Any = build_flow(parts.scheduler)
        else:
            self.scheduler = build_scheduler("ddim", parts.scheduler)
        self.last = int(self.scheduler.config.num_train_timesteps)
        self.shift = self._shift(parts)

    def loss(
        self,
        parts: Parts,
        clean: torch.Tensor,
        texts: Sequence[Encoded],
        generator: torch.Generator,
    ) -> torch.Tensor:
        """(n): how wrong the model is about each of ``clean`` (n, …), at a timestep of its own,
        having read ``texts`` (n). Chance comes from the generator, on the processor."""
        noise = torch.randn(clean.shape, generator=generator).to(clean)
        noisy, target, timesteps = self._asked(clean, noise, generator)
        context = torch.cat([text.context for text in texts])
        extra = self.family.beside(parts, texts, self.settings, clean.shape)
        told = self.family.predict(parts, noisy.to(parts.dtype), timesteps, context, extra)
        return (told.float() - target).square().flatten(1).mean(dim=1)

    def _asked(
        self, clean: torch.Tensor, noise: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What the model is given, what it shall answer, and the timesteps of both."""
        count = len(clean)
        if self.family.flow:
            share = torch.randn(count, generator=generator).sigmoid()
            sigma = self.shift * share / (1 + (self.shift - 1) * share)
            wide = sigma.to(clean).view(-1, 1, 1, 1)
            return wide * noise + (1 - wide) * clean, noise - clean, (sigma * self.last).to(clean)
        times = torch.randint(0, self.last, (count,), generator=generator).to(clean.device)
        noisy = self.scheduler.add_noise(clean, noise, times)
        match self.scheduler.config.prediction_type:
            case "v_prediction":
                return noisy, self.scheduler.get_velocity(clean, noise, times), times
            case "sample":
                return noisy, clean, times
            case _:
                return noisy, noise, times

    def _shift(self, parts: Parts) -> float:
        """By which timesteps of flow matching are moved towards noise; 1 moves none."""
        told = parts.scheduler
        if not self.family.flow:
            return 1.0
        if told.get("use_dynamic_shifting"):
            patch = parts.card.patch
            places = (self.shape[-2] // patch) * (self.shape[-1] // patch)
            return math.exp(flow_shift(told, places, getattr(self.family, "max_shift", 1.15)))
        return float(told.get("shift") or 1.0)
