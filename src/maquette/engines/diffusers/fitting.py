"""How a model is fitted to its machine: number type, what stays in memory, tiles, compiling.

The rule, each part of which a setting overrides:

- On a processor: float32, everything in memory, nothing tiled, nothing compiled.
- On an accelerator: bfloat16 for the transformers of SD3 and FLUX (float16 overflows in them),
  float16 for UNets. With W the bytes of all weights in that type, L those of the largest part,
  and R = 3 GiB for each million pixels of the model's best size: everything stays there while
  W + R <= 0.9 of the free memory; else one part at a time is brought there (``parts``) while
  L + R fits; else one layer at a time (``layers``), which is slow. The decoder works in tiles
  wherever not everything stays there.
- Compiling is never chosen: it pays after a few pictures of one size, which nobody knows here.

Offloading changes no number; tiles and compiling do, and the engine's build says them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from maquette.errors import SettingRefused

if TYPE_CHECKING:
    from maquette.engines.diffusers.models import ModelCard

__all__ = ["OFFLOADS", "Fit", "Offload", "Wish", "fit", "part_sizes"]

Offload = Literal["none", "parts", "layers"]
OFFLOADS: tuple[Offload, ...] = ("none", "parts", "layers")

USABLE = 0.9
"""Of the memory that is free: the rest is for the library's own use and for fragments."""

WORKING = 3 * 2**30
"""Bytes for states and the decoder, to a million pixels, in half precision: an estimate on the
safe side, not measured."""


@dataclass(frozen=True)
class Wish:
    """What was asked for; ``auto`` leaves it to the rule."""

    dtype: str = "auto"
    offload: str = "auto"
    tiles: str = "auto"
    compiled: bool = False

    def __post_init__(self) -> None:
        """Raises SettingRefused for a word that is none of the choices."""
        if self.offload not in {"auto", *OFFLOADS}:
            raise SettingRefused(
                f"'{self.offload}' is no way to offload", hint=f"use auto, {', '.join(OFFLOADS)}"
            )
        if self.tiles not in {"auto", "on", "off"}:
            raise SettingRefused(f"tiles are auto, on or off, not '{self.tiles}'")


@dataclass(frozen=True)
class Fit:
    """What was chosen."""

    dtype: str
    offload: Offload = "none"
    tiles: bool = False
    compiled: bool = False

    @property
    def said(self) -> str:
        """What of it changes numbers, beside the number type."""
        return (" tiled" if self.tiles else "") + (" compiled" if self.compiled else "")


def fit(card: ModelCard, device: str, free: int | None, wish: Wish) -> Fit:
    """Choose for a model on a kind of device with ``free`` bytes of memory (None: unknown, taken
    for enough). Looks at headers alone.

    Raises:
        SettingRefused: see ``Wish``.
    """
    processor = device == "cpu"
    half = "bfloat16" if card.driver.flow else "float16"
    dtype = wish.dtype if wish.dtype != "auto" else ("float32" if processor else half)
    offload: Offload = "none"
    if wish.offload != "auto":
        offload = next(way for way in OFFLOADS if way == wish.offload)
    elif not processor and free is not None:
        offload = _offload(card, dtype, free)
    tiles = offload != "none" and not processor if wish.tiles == "auto" else wish.tiles == "on"
    return Fit(dtype, offload, tiles, wish.compiled)


def _offload(card: ModelCard, dtype: str, free: int) -> Offload:
    width = 4 if dtype == "float32" else 2
    sizes = [count * width for count in part_sizes(card).values()]
    work = WORKING * card.native.width * card.native.height / 1e6 * width / 2
    usable = USABLE * free
    if sum(sizes) + work <= usable:
        return "none"
    return "parts" if max(sizes) + work <= usable else "layers"


def part_sizes(card: ModelCard) -> Mapping[str, int]:
    """How many numbers each network has, by the headers of its files."""
    from maquette.engines.diffusers.conditions.headers import network_shapes, read_header

    found: dict[str, int] = {}
    single = card.single
    if single is not None:
        shapes, _ = read_header(single.file)
        for part, prefix in single.prefixes.items():
            found[part] = sum(math.prod(s) for name, s in shapes.items() if name.startswith(prefix))
    for part in card.driver.parts:
        if part not in found and part in card.configs:
            shapes = network_shapes(card.base / part) or {}
            found[part] = sum(math.prod(shape) for shape in shapes.values())
    return found
