"""Anchors: where each word had its place in a drawing, to let it grow there and nowhere else.

A weight that is raised everywhere lets a thing grow, but often somewhere else: the model may find
a better place for a large moon than for a small one. Held to the places that its own token map
gave to it, and some way around them, it grows where it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core.raster import feather, grow
from maquette.core.trace import Trace

__all__ = ["Anchors", "as_planes", "from_planes", "place_of"]

Plane = npt.NDArray[np.float32]

FINE = 8
"""Places are outlined this much finer than the maps are."""
REACH = 0.15
"""How far around its place a word grows when it weighs e times as much, in parts of the width."""


@dataclass(frozen=True)
class Anchors:
    """The words of a drawing with their weights, and their maps, (words, rows, columns)."""

    words: tuple[tuple[str, float], ...]
    maps: Plane


def as_planes(trace: Trace) -> Image.Image:
    """A trace's maps as a picture of numbers (mode F), below one another: that is how an engine is
    handed everything that a recipe names."""
    count, rows, columns = trace.maps.shape
    stacked = np.ascontiguousarray(trace.maps, dtype=np.float32).reshape(count * rows, columns)
    image = Image.fromarray(stacked)
    image.info = {"rows": rows, "words": tuple((word.text, word.weight) for word in trace.words)}
    return image


def from_planes(image: Image.Image) -> Anchors:
    """What ``as_planes`` made.

    Raises:
        ValueError: for any other picture.
    """
    rows, words = image.info.get("rows"), image.info.get("words")
    if image.mode != "F" or not isinstance(rows, int) or not isinstance(words, tuple):
        raise ValueError("these are no maps")
    found = cast("tuple[tuple[str, float], ...]", words)
    if rows < 1 or image.height != rows * len(found):
        raise ValueError(f"{image.height} rows are not {len(found)} maps of {rows}")
    maps = np.array(image, dtype=np.float32).reshape(len(found), rows, image.width)
    return Anchors(found, maps)


def place_of(plane: Plane, times: float) -> Plane:
    """Where a word may grow that weighs ``times`` as much as before: wherever its map reaches half
    of its maximum, and the further around the more it weighs, with a soft edge; 0 to 1, eight times
    as fine as the map. Everywhere for a word that has no place."""
    rows, columns = plane.shape
    highest = float(plane.max(initial=0.0))
    if highest <= 0 or times <= 1:
        return np.ones((rows * FINE, columns * FINE), np.float32)
    wide = Image.fromarray(plane).resize((columns * FINE, rows * FINE), Image.Resampling.BILINEAR)
    hot = (np.asarray(wide) >= 0.5 * highest).astype(np.uint8) * np.uint8(255)
    around = max(1, round(REACH * math.log(times) * columns * FINE))
    soft = feather(grow(hot, around), columns * FINE / 64)
    return np.asarray(soft, np.float32) / np.float32(255)
