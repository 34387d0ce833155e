"""The samplers by name, each a stock scheduler set up from the model's own configuration."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

__all__ = ["LCM_STEPS", "SAMPLERS", "build_scheduler"]

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
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler
    from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
    from diffusers.schedulers.scheduling_euler_ancestral_discrete import (
        EulerAncestralDiscreteScheduler,
    )
    from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
    from diffusers.schedulers.scheduling_lcm import LCMScheduler

    # Clipping to -1..1 is for models of pixels: latents go beyond, and would turn grey.
    kinds: dict[str, tuple[Any, dict[str, Any]]] = {
        "ddim": (DDIMScheduler, {"clip_sample": False}),
        "dpm++": (DPMSolverMultistepScheduler, {"algorithm_type": "dpmsolver++"}),
        "euler": (EulerDiscreteScheduler, {}),
        "euler-a": (EulerAncestralDiscreteScheduler, {}),
        "lcm": (
            LCMScheduler,
            {"original_inference_steps": LCM_STEPS, "clip_sample": False},
        ),
    }
    kind, extra = kinds[sampler]
    # Another sampler's own settings (its solver's order, say) mean nothing here.
    known = inspect.signature(kind.__init__).parameters
    shared = {key: value for key, value in config.items() if key in known}
    return kind.from_config({**shared, **extra})
