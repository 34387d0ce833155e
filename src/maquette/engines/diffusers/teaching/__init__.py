"""Teaching a model: LoRA, DreamBooth and textual inversion on any loaded family."""

from __future__ import annotations

from maquette.engines.diffusers.teaching.check import check_training
from maquette.engines.diffusers.teaching.usual import usual

__all__ = ["check_training", "usual"]
