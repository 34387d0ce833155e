"""Maps made from pictures whose lines, colours and sizes are known."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from maquette.errors import SettingRefused
from maquette.operations.controls import PURE, canny, lineart, make_map, scribble, tile


def disc(side: int = 256, radius: int = 70) -> Image.Image:
    image = Image.new("RGB", (side, side), (240, 230, 210))
    centre = side // 2
    box = (centre - radius, centre - radius, centre + radius, centre + radius)
    ImageDraw.Draw(image).ellipse(box, fill=(200, 40, 40))
    return image


def distances(image: Image.Image, threshold: int = 128) -> np.ndarray:
    """How far each white pixel is from the centre."""
    rows, columns = np.nonzero(np.asarray(image.convert("L")) >= threshold)
    return np.hypot(rows - (image.height - 1) / 2, columns - (image.width - 1) / 2)


@pytest.mark.parametrize("make", [canny, lineart, scribble])
def test_lines_lie_on_the_edge_and_nowhere_else(make: object) -> None:
    found = make(disc())  # type: ignore[operator]
    assert found.mode == "L" and found.size == (256, 256)
    away = np.abs(distances(found) - 70)
    assert len(away) > 200
    assert away.max() < 6


def test_an_edge_of_equal_brightness_is_a_line_too() -> None:
    image = Image.new("RGB", (128, 128), (180, 60, 60))
    image.paste((60, 118, 60), (0, 0, 64, 128))
    rows, columns = np.nonzero(np.asarray(lineart(image)) > 128)
    assert len(rows) > 100
    assert np.abs(columns - 63.5).max() < 4


def test_a_scribble_has_no_small_things_and_is_thick() -> None:
    image = disc()
    draw = ImageDraw.Draw(image)
    for x in range(10, 60, 12):
        draw.point((x, 12), fill=(0, 0, 0))
    found = scribble(image, thickness=5)
    assert np.asarray(found)[:30, :70].max() == 0
    middle = np.asarray(found)[128, :128] > 0
    assert 3 <= middle.sum() <= 10


@pytest.mark.parametrize("kind", ["canny", "lineart", "scribble"])
def test_an_even_picture_has_no_lines(kind: str) -> None:
    assert np.asarray(make_map(Image.new("RGB", (64, 48), (90, 120, 30)), kind)).max() == 0


def test_a_tile_keeps_colours_and_loses_detail() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (64, 96, 3), dtype=np.uint8)
    found = np.asarray(tile(Image.fromarray(noise)))
    assert found.shape == noise.shape
    assert np.abs(found.mean(axis=(0, 1)) - noise.mean(axis=(0, 1))).max() < 3
    assert found.std() < 0.4 * noise.std()


@pytest.mark.parametrize("kind", PURE)
@pytest.mark.parametrize("size", [(1, 1), (3, 200), (256, 64)])
def test_any_size_and_mode(kind: str, size: tuple[int, int]) -> None:
    for mode in ("L", "RGB", "RGBA"):
        assert make_map(Image.new(mode, size), kind).size == size


def test_unknown_kinds_and_thresholds() -> None:
    with pytest.raises(SettingRefused, match="no map 'mood'"):
        make_map(disc(), "mood")
    with pytest.raises(SettingRefused):
        canny(disc(), low=200, high=100)
