"""Technical quality: a picture is put before its own damaged copies."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from maquette.stages.technique import WEIGHTS, technique_of


@pytest.fixture(scope="module")
def clean() -> Image.Image:
    """A still life: a table, a mug with a handle, a lemon, a lit wall."""
    wall = np.linspace(200, 120, 128)[None, :, None] * np.array([1.0, 0.95, 0.85])
    picture = Image.fromarray(np.broadcast_to(wall, (128, 128, 3)).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 88, 128, 128), fill=(110, 66, 34))
    draw.rectangle((40, 50, 74, 98), fill=(190, 24, 30))
    draw.ellipse((68, 60, 88, 84), outline=(190, 24, 30), width=5)
    draw.ellipse((84, 84, 112, 104), fill=(244, 214, 60))
    draw.rectangle((44, 54, 50, 92), fill=(240, 150, 150))
    return picture


def noisy(picture: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, 8, np.asarray(picture).shape)
    return Image.fromarray(np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8))


def packed(picture: Image.Image) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=15)
    return Image.open(file).convert("RGB")


def levels(gain: float, more: float) -> Callable[[Image.Image], Image.Image]:
    return lambda picture: picture.point(lambda value: int(gain * (value - 128) + 128 + more))


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (lambda picture: picture.filter(ImageFilter.GaussianBlur(2)), "sharp"),
        (noisy, "clean"),
        (packed, "clean"),
        (levels(0.5, 0), "contrast"),
        (levels(1, 110), "light"),
        (lambda picture: picture.convert("L").convert("RGB"), "colour"),
    ],
)
def test_damage_costs_the_part_that_it_hits(
    clean: Image.Image, damage: Callable[[Image.Image], Image.Image], part: str
) -> None:
    before, after = technique_of(clean), technique_of(damage(clean))
    assert after.score < before.score
    assert getattr(after, part) < getattr(before, part) - 0.1
    assert 0 <= after.score <= 1


def test_what_is_cut_by_the_border_is_not_framed() -> None:
    inside, cut = Image.new("RGB", (128, 128), "white"), Image.new("RGB", (128, 128), "white")
    ImageDraw.Draw(inside).ellipse((48, 48, 80, 80), fill="navy")
    ImageDraw.Draw(cut).ellipse((-16, 48, 16, 80), fill="navy")
    assert technique_of(inside).framed > technique_of(cut).framed


def test_a_picture_without_edges_is_not_called_soft() -> None:
    fog = technique_of(Image.new("RGB", (64, 64), "grey"))
    assert fog.sharp is None
    assert fog.least.split()[0] in WEIGHTS and 0 <= fog.score <= 1


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (17, 9)])
def test_any_size_will_do(size: tuple[int, int]) -> None:
    assert 0 <= technique_of(Image.new("RGBA", size, (10, 20, 30, 40))).score <= 1


def test_pixel_art_is_not_taken_for_compression(clean: Image.Image) -> None:
    cells = np.random.default_rng(3).choice([30, 110, 220], (16, 16)).astype(np.uint8)
    art = Image.fromarray(cells).resize((128, 128), Image.Resampling.NEAREST)
    assert technique_of(art).clean > 0.9 > technique_of(packed(clean)).clean
