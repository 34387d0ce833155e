"""What is known of a model before its weights are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from maquette.core.geometry import Size
from maquette.core.recipe import ModelRef
from maquette.engines.diffusers.families import FAMILIES, Family

if TYPE_CHECKING:
    from maquette.engines.diffusers.singles import Single

__all__ = ["ModelCard"]


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model before its weights are read.

    ``family`` names what drives it. ``scale`` is the number of pixels to a latent cell on each
    axis, ``patch`` the number of cells to a side of the network's finest place, ``latents`` the
    latent's channels, ``channels`` the network's (those of the latents, or more for an inpainting
    one), ``max_tokens`` the first text encoder's length with both end marks, ``attended`` whether
    each of the network's levels, finest first, has cross-attention, ``few`` which few-step variant
    it is, ``configs`` and ``variants`` the configuration and the kind of weights ("fp16") of each
    part, ``licence`` what it states, ``about`` what MODEL.json says; ``single`` is what is known
    of a checkpoint in one file, which is then the ``folder``. ``models`` is the folder of more
    models and of adapters where that is not the environment's, ``notes`` where it is noted which
    adapters were given by a path.
    """

    folder: Path
    ref: ModelRef
    native: Size
    scale: int
    latents: int
    channels: int
    max_tokens: int
    prediction: str
    vocabulary: frozenset[str] | None
    variant: str | None
    vae_class: str
    attended: tuple[bool, ...]
    scheduler: Mapping[str, Any]
    about: Mapping[str, Any] = field(default_factory=dict[str, Any])
    family: str = "sd"
    patch: int = 1
    few: str | None = None
    configs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    variants: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    licence: str = ""
    single: Single | None = None
    models: Path | None = None
    notes: Path | None = None

    @property
    def base(self) -> Path:
        """The folder of the tokenizers, and of the parts that are not in one file."""
        found = self.single.base if self.single is not None else None
        return found or self.folder

    @property
    def driver(self) -> Family:
        """What draws with it."""
        return FAMILIES[self.family]

    @property
    def weight_gain(self) -> float:
        """How strongly weights above 1 push: see ``attention.log_weights``; 1 unless stated."""
        gain = self.about.get("weight_gain", 1.0)
        return min(max(float(gain), 1.0), 16.0) if isinstance(gain, int | float) else 1.0

    @property
    def levels(self) -> int:
        """How many resolutions the network works at."""
        return len(self.attended)
