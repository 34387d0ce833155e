"""What an engine with its model can do, said before anything is queued or billed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from maquette.core.geometry import Size, fit_size
from maquette.core.recipe import Interpreter, Lora, ModelRef

__all__ = ["Capabilities", "Preset", "Quality"]

Quality = Literal["draft", "preview", "final"]


class Preset(BaseModel):
    """A quality by name: sampler, steps, guidance, and the LoRAs that it draws with."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    sampler: str
    steps: int
    guidance: float
    loras: tuple[Lora, ...] = ()


class Capabilities(BaseModel):
    """``best_size`` is what the model was trained at, ``multiple`` the grid sizes must lie on,

    ``min_side``/``max_side`` the range of a side in pixels; ``sizes``, where there are any, are
    the only ones. ``vocabulary`` is the set of words the model knows, or None when it is open (any
    word). ``seeds``: the same seed draws the same picture; ``weights``: words can weigh more and
    less; ``negatives``: there is a negative prompt; ``references``: how many pictures it can be
    shown beside the one to edit; ``looks``: it can be like a picture by its own attention, with no
    adapter; ``billed``: somebody sends a bill. ``family`` names the kind of local model, ``notes``
    say where words, weights and maps mean less than one might think; ``licence`` is the model's,
    as its files state it.
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
    sizes: tuple[Size, ...] = ()
    seeds: bool = True
    weights: bool = True
    negatives: bool = True
    references: int = 0
    looks: bool = False
    billed: bool = False
    family: str = ""
    notes: tuple[str, ...] = ()
    licence: str = ""

    def nearest(self, size: Size) -> Size:
        """The size that can be drawn and is most like this one in shape, then in area."""
        if not self.sizes:
            return fit_size(size, self.multiple, self.min_side, self.max_side)

        def strain(other: Size) -> tuple[float, float]:
            shape = abs(math.log(size.width / size.height * other.height / other.width))
            return round(shape, 3), abs(math.log(size.area / other.area))

        return min(self.sizes, key=strain)
