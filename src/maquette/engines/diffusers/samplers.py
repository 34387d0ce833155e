"""The samplers by name, each a stock scheduler set up from the model's own configuration.

A ``Schedule`` is what the drawing loop asks of it: the same questions whether noise is added in
variance-preserving form (Stable Diffusion) or by flow matching (SD3, FLUX).
"""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

__all__ = [
    "LCM_STEPS",
    "SAMPLERS",
    "FlowSchedule",
    "Schedule",
    "build_flow",
    "build_scheduler",
    "flow_shift",
]

SAMPLERS = ("ddim", "dpm++", "euler", "euler-a", "lcm")
LCM_STEPS = 50
"""Latent consistency starts from this many steps and can take no more."""


def build_scheduler(sampler: str, config: Mapping[str, Any]) -> Any:
    """A fresh scheduler: it holds state, so every drawing gets its own.

    The configuration's noise schedule, prediction type, spacing and zero terminal SNR
    (arXiv 2305.08891) hold for every sampler.

    Raises:
        KeyError: for a sampler that is not in ``SAMPLERS``.
    """
    # To set one up takes the library five times as long as to copy it: it reads signatures.
    return copy.deepcopy(_built(sampler, json.dumps(config, sort_keys=True)))


@lru_cache(maxsize=16)
def _built(sampler: str, told: str) -> Any:
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler
    from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
    from diffusers.schedulers.scheduling_euler_ancestral_discrete import (
        EulerAncestralDiscreteScheduler,
    )
    from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
    from diffusers.schedulers.scheduling_lcm import LCMScheduler

    config: dict[str, Any] = json.loads(told)
    # Clipping to -1..1 is for models of pixels: latents go beyond, and would turn grey.
    kinds: dict[str, tuple[Any, dict[str, Any]]] = {
        "ddim": (DDIMScheduler, {"clip_sample": False}),
        "dpm++": (DPMSolverMultistepScheduler, {"algorithm_type": "dpmsolver++"}),
        "euler": (EulerDiscreteScheduler, {}),
        "euler-a": (EulerAncestralDiscreteScheduler, {}),
        "lcm": (
            LCMScheduler,
            {
                "original_inference_steps": config.get("original_inference_steps", LCM_STEPS),
                "clip_sample": False,
            },
        ),
    }
    kind, extra = kinds[sampler]
    # Another sampler's own settings (its solver's order, say) mean nothing here.
    known = inspect.signature(kind.__init__).parameters
    shared = {key: value for key, value in config.items() if key in known}
    return kind.from_config({**shared, **extra})


def build_flow(config: Mapping[str, Any]) -> Any:
    """A fresh scheduler for flow matching, with the shift that the model's configuration states."""
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
        FlowMatchEulerDiscreteScheduler,
    )

    known = inspect.signature(FlowMatchEulerDiscreteScheduler.__init__).parameters
    return FlowMatchEulerDiscreteScheduler.from_config(
        {key: value for key, value in config.items() if key in known}
    )


def flow_shift(config: Mapping[str, Any], places: int, most: float) -> float:
    """How far timesteps are shifted for so many places: a line through the two stated ends."""
    low, high = config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096)
    least, most = config.get("base_shift", 0.5), config.get("max_shift", most)
    slope = (most - least) / (high - low)
    return places * slope + least - slope * low


class Schedule:
    """A stock scheduler, asked in the loop's words. Noise in variance-preserving form."""

    def __init__(self, scheduler: Any, steps: int, **how: Any) -> None:
        self.scheduler = scheduler
        self.steps = steps
        self.how = how
        self.start = 0

    def set(self, device: torch.device) -> None:
        """Compute the timesteps."""
        steps = None if "sigmas" in self.how else self.steps
        self.scheduler.set_timesteps(steps, device=device, **self.how)

    @property
    def timesteps(self) -> torch.Tensor:
        """Those that are to be taken."""
        return self.scheduler.timesteps[self.start :]

    def begin(self, number: int) -> None:
        """Leave out the first ``number`` steps."""
        self.start = number
        if number and hasattr(self.scheduler, "set_begin_index"):  # DDIM keeps no index
            self.scheduler.set_begin_index(number)

    def skipped(self, strength: float) -> int:
        """How many steps a start from a picture leaves out."""
        return self.steps - max(1, min(int(self.steps * strength), self.steps))

    def pure(self, noise: torch.Tensor) -> torch.Tensor:
        """What drawing from nothing starts from."""
        return noise * self.scheduler.init_noise_sigma

    def noised(self, init: torch.Tensor, noise: torch.Tensor, number: int) -> torch.Tensor:
        """A picture's latents as they are before the step ``number`` of ``timesteps``."""
        at = self.timesteps[number : number + 1].expand(len(init))
        return self.scheduler.add_noise(init, noise, at)

    def resumed(self, given: torch.Tensor) -> torch.Tensor:
        """Latents that a network was given, in the form that the sampler works on."""
        # Some samplers work on a scaled form of what the network reads.
        import torch

        return given / self.scheduler.scale_model_input(torch.ones_like(given), self.timesteps[0])

    def scaled(self, latents: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """Latents as the network reads them."""
        return self.scheduler.scale_model_input(latents, timestep)

    def step(
        self,
        predicted: torch.Tensor,
        timestep: torch.Tensor,
        latents: torch.Tensor,
        generators: Sequence[torch.Generator],
    ) -> torch.Tensor:
        """The latents after a step."""
        takes = inspect.signature(self.scheduler.step).parameters
        extra: dict[str, Any] = {"generator": list(generators)} if "generator" in takes else {}
        return self.scheduler.step(predicted, timestep, latents, **extra, return_dict=False)[0]

    def guess(
        self, scaled: torch.Tensor, predicted: torch.Tensor, timestep: torch.Tensor
    ) -> Callable[[], torch.Tensor]:
        """The finished latents that a prediction implies, computed only if somebody looks."""
        scheduler = self.scheduler

        def compute() -> torch.Tensor:
            # What the UNet was given is always variance-preserving, whatever the scheduler.
            alpha = scheduler.alphas_cumprod[int(timestep)].to(scaled)
            kind = scheduler.config.prediction_type
            if kind == "v_prediction":
                return alpha.sqrt() * scaled - (1 - alpha).sqrt() * predicted
            if kind == "sample":
                return predicted
            return (scaled - (1 - alpha).sqrt() * predicted) / alpha.sqrt().clamp_min(1e-3)

        return compute

    def at(self, init: torch.Tensor, noise: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        """Latents at any timesteps of 1000, for looking at a finished picture."""
        return self.scheduler.add_noise(init, noise, times)


class FlowSchedule(Schedule):
    """Flow matching (arXiv 2210.02747): a straight line from the picture to noise."""

    def skipped(self, strength: float) -> int:
        return int(max(self.steps - min(self.steps * strength, self.steps), 0))

    def pure(self, noise: torch.Tensor) -> torch.Tensor:
        return noise

    def noised(self, init: torch.Tensor, noise: torch.Tensor, number: int) -> torch.Tensor:
        sigma = self.scheduler.sigmas[self.start + number].to(init)
        return sigma * noise + (1.0 - sigma) * init

    def resumed(self, given: torch.Tensor) -> torch.Tensor:
        return given

    def scaled(self, latents: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        return latents

    def step(
        self,
        predicted: torch.Tensor,
        timestep: torch.Tensor,
        latents: torch.Tensor,
        generators: Sequence[torch.Generator],  # noqa: ARG002
    ) -> torch.Tensor:
        # Its generator is for stochastic sampling, which none of the families asks for.
        return self.scheduler.step(predicted, timestep, latents, return_dict=False)[0]

    def guess(
        self, scaled: torch.Tensor, predicted: torch.Tensor, timestep: torch.Tensor
    ) -> Callable[[], torch.Tensor]:
        sigma = timestep / self.scheduler.config.num_train_timesteps
        return lambda: scaled - sigma.to(scaled) * predicted

    def at(self, init: torch.Tensor, noise: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        sigma = (times.float() / self.scheduler.config.num_train_timesteps).view(-1, 1, 1, 1)
        return sigma * noise + (1.0 - sigma) * init
