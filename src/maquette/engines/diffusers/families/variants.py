"""Models that draw in a few steps: how they are known, and the qualities that fit them.

A folder says so itself (``MODEL.json``: ``"variant": "turbo"``), or by its scheduler, or by a word
of its name, as their publishers call them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from maquette.core.capabilities import Preset

if TYPE_CHECKING:
    from maquette.engines.diffusers.models import ModelCard

__all__ = ["VARIANTS", "few_steps", "variant_of", "with_spacing"]


def _presets(sampler: str, steps: tuple[int, int, int], guidance: float) -> dict[str, Preset]:
    return {
        quality: Preset(sampler=sampler, steps=count, guidance=guidance)
        for quality, count in zip(("draft", "preview", "final"), steps, strict=True)
    }


VARIANTS: Mapping[str, Mapping[str, Preset]] = {
    # Latent consistency (arXiv 2310.04378): 2 to 8 steps.
    "lcm": _presets("lcm", (2, 4, 8), 1.0),
    # Adversarial distillation (arXiv 2311.17042): 1 to 4 steps, no guidance.
    "turbo": _presets("euler-a", (1, 2, 4), 0.0),
    # Progressive adversarial distillation (arXiv 2402.13929): 2, 4 or 8 steps.
    "lightning": _presets("euler", (2, 4, 8), 0.0),
    # Trajectory segmented consistency (arXiv 2404.13686).
    "hyper": _presets("ddim", (2, 4, 8), 0.0),
}

_TRAILING = frozenset({"turbo", "lightning", "hyper"})


def variant_of(name: str, about: Mapping[str, Any], scheduler: Mapping[str, Any]) -> str | None:
    """Which few-step variant a model is, or None."""
    stated = about.get("variant")
    if stated is not None:
        return str(stated) if stated in VARIANTS else None
    if scheduler.get("_class_name") == "LCMScheduler":
        return "lcm"
    words = set(re.split(r"[^a-z]+", name.lower()))
    return next((variant for variant in VARIANTS if variant in words), None)


def with_spacing(variant: str | None, scheduler: Mapping[str, Any]) -> Mapping[str, Any]:
    """The scheduler's configuration: distilled models step from the very last timestep."""
    if variant in _TRAILING and scheduler.get("timestep_spacing") != "trailing":
        return {**scheduler, "timestep_spacing": "trailing"}
    return scheduler


def few_steps(card: ModelCard) -> Mapping[str, Preset] | None:
    """The qualities of a few-step model, or None for an ordinary one."""
    if card.few is None:
        return None
    found = VARIANTS[card.few]
    if card.few == "lcm" and card.configs[card.driver.network].get("time_cond_proj_dim"):
        # Distilled with the guidance as an input: it wants to be told an ordinary one.
        return {
            quality: preset.model_copy(update={"guidance": 8.0})
            for quality, preset in found.items()
        }
    return found
