"""What an engine with its model can do, said before anything is queued or billed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from maquette.core.geometry import Size
from maquette.core.recipe import Interpreter, ModelRef

__all__ = ["Capabilities", "Preset", "Quality"]

Quality = Literal["draft", "preview", "final"]


class Preset(BaseModel):
    """A quality by name: sampler, steps, guidance."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    sampler: str
    steps: int
    guidance: float


class Capabilities(BaseModel):
    """``best_size`` is what the model was trained at, ``multiple`` the grid sizes must lie on,

    ``min_side``/``max_side`` the range of a side in pixels. ``vocabulary`` is the set of words the
    model knows, or None when it is open (any word).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    engine: str
    tasks: frozenset[str]
    model: ModelRef | None = None
    best_size: Size = Size(width=512, height=512)
    multiple: int = 8
    min_side: int = 64
    max_side: int = 2048
    max_steps: int = 1000
    interpreters: frozenset[Interpreter] = frozenset({"plain"})
    samplers: tuple[str, ...] = ()
    presets: Mapping[str, Preset] = {}
    token_maps: bool = False
    vocabulary: frozenset[str] | None = None
