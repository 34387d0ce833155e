"""The bench's measures on inputs whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from bench.likeness import alike, cases
from bench.localisation import head_words, iou, noun_map
from bench.moon import ground_of, moonlight, moved, region_of, rises, ssim_outside
from bench.row import spread
from PIL import Image
from training.world import Caption

from maquette.core.geometry import Size
from maquette.core.raster import ssim
from maquette.core.trace import Trace, TracedWord

SIDE = 128


def disc(radius: float, brightness: int = 230, sky: int = 40) -> np.ndarray:
    """A night sky with a moon in the middle of its upper half."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    inside = (rows - 40) ** 2 + (columns - 64) ** 2 <= radius**2
    picture = np.full((SIDE, SIDE, 3), sky, np.uint8)
    picture[inside] = brightness
    return picture


def spot(radius: float) -> np.ndarray:
    """A map that is hot where the disc is."""
    return (disc(radius, 255, 0)[..., 0] / 255).astype(np.float32)


def test_intersection_over_union() -> None:
    a, b = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    assert iou(a, b) == 1
    a[:2], b[1:3] = True, True
    assert iou(a, b) == pytest.approx(4 / 12)
    assert iou(a, a) == 1
    assert iou(a, ~a) == 0


def test_the_head_word_of_a_phrase_is_its_last() -> None:
    caption = Caption(
        "full moon, misty forest and a moon",
        ((0, 4, "moon"), (5, 9, "moon"), (11, 16, "forest"), (17, 23, "forest"), (30, 34, "moon")),
    )
    assert head_words(caption) == {"moon": [(5, 9), (30, 34)], "forest": [(17, 23)]}


def test_a_nouns_map_is_the_mean_of_its_words() -> None:
    maps = np.zeros((3, 4, 4), np.float32)
    maps[0, 0, 0], maps[2, 3, 3] = 0.5, 0.5
    words = (
        TracedWord(text="moon", start=0, end=4),
        TracedWord(text="and", start=5, end=8),
        TracedWord(text="moon", start=9, end=13),
    )
    trace = Trace(words=words, maps=maps)
    plane = noun_map(trace, [(0, 4), (9, 13)], Size(width=32, height=32))
    assert plane is not None
    assert plane.shape == (32, 32)
    assert plane[2, 2] > 0.8
    assert plane[29, 29] > 0.8
    assert plane[16, 16] < 0.2
    assert noun_map(trace, [(20, 24)], Size(width=32, height=32)) is None


def test_moonlight_is_the_discs_area_times_its_brightness() -> None:
    region = region_of([spot(20)])
    full = moonlight(disc(12, brightness=255), region, ground=40)
    assert full == pytest.approx(100 * np.pi * 12**2 / SIDE**2, rel=0.03)
    half = moonlight(disc(12, brightness=40 + 215 // 2), region, ground=40)
    assert half == pytest.approx(full / 2, rel=0.02)
    assert moonlight(disc(0, brightness=40), region, ground=40) == pytest.approx(0, abs=1e-5)


def test_moonlight_grows_with_the_disc_and_with_its_light() -> None:
    region = region_of([spot(10), spot(16)])
    ground = ground_of(disc(10), region)
    assert ground == pytest.approx(40, abs=0.5)
    small, large, bright = (
        moonlight(picture, region, ground) for picture in (disc(10), disc(13), disc(10, 255))
    )
    assert rises(small, large)
    assert rises(small, bright)
    assert not rises(small, small * 1.01)
    assert not rises(0, 0)


def test_the_region_holds_every_moon_and_some_sky() -> None:
    region = region_of([spot(8), spot(14)])
    assert region[spot(14) > 0.5].all()
    assert region.sum() > (spot(14) > 0.5).sum()
    assert region.mean() < 0.3


def test_light_elsewhere_is_no_moonlight() -> None:
    region = region_of([spot(12)])
    lamp = disc(10)
    lamp[110:120, 10:30] = 255
    assert moonlight(lamp, region, 40) == moonlight(disc(10), region, 40)


def test_likeness_outside_the_region_ignores_the_moon() -> None:
    rng = np.random.default_rng(7)
    ground = rng.integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    other = ground.copy()
    region = region_of([spot(14)])
    other[region] = 255
    assert ssim_outside(ground, other, region) == pytest.approx(1)
    other[100:] = 255 - other[100:]
    assert ssim_outside(ground, other, region) < 0.9
    assert ssim_outside(ground, other, np.ones_like(region)) == 1


def test_without_a_region_it_is_plain_ssim() -> None:
    rng = np.random.default_rng(8)
    a = rng.integers(0, 255, (64, 64, 3), np.uint8)
    b = np.clip(a.astype(int) + rng.integers(-30, 30, a.shape), 0, 255).astype(np.uint8)
    nothing = np.zeros((64, 64), bool)
    assert ssim_outside(a, b, nothing) == pytest.approx(ssim(a, b), abs=1e-3)


def test_spread() -> None:
    assert spread([3.0, 1.0, 2.0]) == {"min": 1.0, "median": 2.0, "max": 3.0, "n": 3}


def test_how_far_a_map_moved() -> None:
    here, there = np.zeros((20, 40), np.float32), np.zeros((20, 40), np.float32)
    here[5:9, 10:14] = there[5:9, 14:18] = 1
    here[0, 0] = 0.3
    assert moved(here, there) == pytest.approx(0.1) and moved(here, here) == 0


def test_how_alike_two_pictures_are() -> None:
    grey = Image.new("RGB", (10, 10), (100, 100, 100))
    other = grey.copy()
    other.putpixel((3, 4), (100, 107, 100))
    same, near = alike(grey, grey.copy()), alike(grey, other)
    assert same.exact and str(same) == "exact" and same.share == 0
    assert not near.exact and (near.share, near.step) == (0.01, 7) and near.psnr > 40


def test_every_case_of_likeness_names_what_it_starts_from() -> None:
    found = list(cases(("ddim", "euler"), Size(width=256, height=256)))
    names = [name for name, _, _ in found]
    assert len(set(names)) == len(names) and "words, dpm++" not in names
    for _, recipe, inputs in found:
        task = recipe.task
        needed = {getattr(task, field, None) for field in ("image", "mask")} - {None}
        assert needed == set(inputs)
