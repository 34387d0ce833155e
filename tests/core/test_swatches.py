"""Swatches: a picture's few colours, always the same ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from maquette.core.swatches import swatches


def bands(*colours: tuple[int, int, int]) -> Image.Image:
    rows = np.repeat(np.array(colours, np.uint8)[:, None], 40, axis=0)
    return Image.fromarray(np.repeat(rows, 100, axis=1).reshape(len(colours) * 40, 100, 3))


def test_flat_bands_are_found_exactly() -> None:
    found = swatches(bands((200, 30, 30), (30, 60, 200), (240, 240, 240)), 3)
    assert {each.colour for each in found} == {"#c81e1e", "#1e3cc8", "#f0f0f0"}
    assert sum(each.share for each in found) == pytest.approx(1, abs=0.01)


def test_fewer_colours_fewer_swatches() -> None:
    assert len(swatches(bands((10, 20, 30)), 5)) == 1
    assert swatches(bands((10, 20, 30)), 0) == ()


def test_the_largest_comes_first_and_what_is_transparent_does_not_count() -> None:
    picture = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    picture.paste((255, 0, 0, 255), (0, 0, 64, 20))
    picture.paste((0, 0, 255, 255), (0, 20, 64, 25))
    assert swatches(picture)[0].colour == "#ff0000"
    assert swatches(Image.new("RGBA", (8, 8), (9, 9, 9, 0))) == ()


@given(st.integers(0, 50), st.integers(1, 8))
def test_the_same_picture_has_the_same_swatches(seed: int, count: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    first, again = (swatches(Image.fromarray(noise), count) for _ in range(2))
    assert first == again and 1 <= len(first) <= count
    assert [each.share for each in first] == sorted((e.share for e in first), reverse=True)
