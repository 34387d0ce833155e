"""Palettes and how far they lie apart."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from maquette.core.palette import palette_of, palettes_apart
from maquette.core.pixel_tasks import Palette


def _noise(seed: int, shift: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(60, 160, (64, 64, 3)) + np.array([shift, 0, 0])
    return Image.fromarray(pixels.astype(np.uint8))


def test_the_same_lies_nowhere_apart() -> None:
    assert palettes_apart(palette_of(_noise(1)), palette_of(_noise(1))) == pytest.approx(
        0, abs=1e-6
    )
    assert palettes_apart(palette_of(_noise(1)), palette_of(_noise(2))) < 0.005


def test_means_apart_count_as_they_are_and_so_do_spreads() -> None:
    a = Palette(mean=(0.0, 0.0), spread=(0.0004, 0.0, 0.0004))
    moved = Palette(mean=(0.03, 0.04), spread=(0.0004, 0.0, 0.0004))
    assert palettes_apart(a, moved) == pytest.approx(0.05)
    wider = Palette(mean=(0.0, 0.0), spread=(0.0016, 0.0, 0.0004))
    assert palettes_apart(a, wider) == pytest.approx(0.02), "the deviation grew by 0.02"
    assert palettes_apart(a, wider) == palettes_apart(wider, a)


def test_more_red_is_further_apart() -> None:
    start = palette_of(_noise(1))
    assert palettes_apart(start, palette_of(_noise(1, 20))) < palettes_apart(
        start, palette_of(_noise(1, 60))
    )
