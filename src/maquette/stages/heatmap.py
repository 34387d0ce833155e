"""Heatmaps: which places of a picture answered to which word."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from maquette.core.heat import heat, statistics
from maquette.core.picture import size_of
from maquette.core.raster import heat_overlay
from maquette.core.trace import Trace

__all__ = ["Heat", "heatmaps"]


@dataclass(frozen=True)
class Heat:
    """A word's map over its picture. ``share`` is its part of all words' attention (0 to 1),
    ``peak`` the hottest place in picture pixels (x, y), ``map`` float32 (rows, columns) in 0..1
    relative to its own maximum, ``image`` the map laid over the picture."""

    token: str
    share: float
    peak: tuple[int, int]
    map: np.ndarray
    image: Image.Image


def heatmaps(trace: Trace, picture: Image.Image, token: str | None = None) -> list[Heat]:
    """The map of one word or phrase, or of every word of the prompt in its order.

    Raises:
        WordUnknown: the prompt does not hold the token.
    """
    size = size_of(picture)
    found: list[Heat] = []
    for statistic in statistics(trace, size, token):
        values = heat(trace, size, statistic.token)
        overlay = heat_overlay(picture, values)
        found.append(Heat(statistic.token, statistic.share, statistic.peak, values, overlay))
    return found
