"""Retouching: each number does what it says, locally where asked, the same bytes every time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from maquette.core.colour import linear, to_oklab
from maquette.core.palette import palette_of
from maquette.core.picture import size_of
from maquette.core.pixel_tasks import Curve
from maquette.core.recipe import Recipe, Retouch
from maquette.engines.base import Picture
from maquette.engines.pixels import create, retouch

A, B = "a" * 64, "b" * 64


def noise(width: int = 40, height: int = 30, mode: str = "RGB") -> Image.Image:
    random = np.random.default_rng(1)
    return Image.fromarray(random.integers(0, 256, (height, width, len(mode)), dtype=np.uint8))


def flat(*colour: int, size: tuple[int, int] = (20, 10)) -> Image.Image:
    return Image.new("RGB", size, colour)


def done(source: Image.Image, mask: Image.Image | None = None, **numbers: Any) -> np.ndarray:
    task = Retouch(image=A, mask=B if mask is not None else None, **numbers)
    inputs = {A: source} | ({B: mask} if mask is not None else {})
    recipe = Recipe(engine="pixels", task=task, size=size_of(source))
    last = list(create().run([recipe], inputs))[-1]
    assert isinstance(last, Picture)
    assert last.image.mode == source.mode and last.image.size == source.size
    return np.asarray(last.image)


def lab(pixels: np.ndarray) -> np.ndarray:
    return to_oklab(linear(pixels[..., :3])).reshape(-1, 3).mean(axis=0)


def test_nothing_asked_is_nothing_done() -> None:
    source = noise(256, 256)
    assert np.array_equal(done(source), np.asarray(source)), "there and back without loss"


def test_exposure_is_a_factor_of_linear_light() -> None:
    source = flat(100, 80, 60)
    brighter = linear(done(source, exposure=1.0)[0, 0])
    assert brighter == pytest.approx(2 * linear(np.uint8([100, 80, 60])), rel=0.02)
    assert (done(flat(250, 250, 250), exposure=2) == 255).all()


def test_warm_is_warmer_and_white_keeps_its_brightness() -> None:
    grey = flat(128, 128, 128)
    warm, cool = done(grey, temperature=60)[0, 0], done(grey, temperature=-60)[0, 0]
    assert warm[0] > 128 > warm[2] and cool[0] < 128 < cool[2]
    luminance = [float(linear(pixel) @ [0.2126, 0.7152, 0.0722]) for pixel in (warm, cool)]
    assert luminance == pytest.approx([0.2159, 0.2159], rel=0.03)


def test_tint_goes_to_magenta_and_to_green() -> None:
    magenta, green = (done(flat(128, 128, 128), tint=t)[0, 0].astype(int) for t in (80, -80))
    assert magenta[1] < min(magenta[0], magenta[2]) and green[1] > max(green[0], green[2])


def test_contrast_spreads_and_gathers() -> None:
    source = Image.fromarray(np.tile(np.arange(256, dtype=np.uint8)[:, None, None], (1, 4, 3)))
    more, less = done(source, contrast=0.8), done(source, contrast=-0.8)
    assert more.std() > np.asarray(source).std() > less.std()
    for made in (more, less):
        assert (np.diff(made[:, 0, 0].astype(int)) >= 0).all(), "light stays lighter than dark"


def test_saturation_one_less_is_grey() -> None:
    assert np.ptp(done(flat(200, 90, 40), saturation=-1)[0, 0].astype(int)) <= 1
    before, after = (
        lab(np.asarray(flat(160, 110, 90))),
        lab(done(flat(160, 110, 90), saturation=0.5)),
    )
    assert np.hypot(*after[1:]) == pytest.approx(1.5 * np.hypot(*before[1:]), rel=0.05)
    assert after[0] == pytest.approx(before[0], abs=0.01)


def test_a_curve_goes_through_its_points() -> None:
    curve = Curve(points=((0.25, 0.125), (0.75, 0.875)))
    made = done(flat(64, 191, 128), curves=(curve,))[0, 0]
    assert made[:2] == pytest.approx([32, 223], abs=2) and abs(int(made[2]) - 128) < 4
    red = done(flat(64, 64, 64), curves=(Curve(channel="red", points=((0, 1), (1, 0))),))[0, 0]
    assert red.tolist() == [191, 64, 64], "one channel, and it may run downwards"


def test_sharpness_steepens_edges_and_leaves_the_flat_alone() -> None:
    source = flat(60, 60, 60, size=(60, 20))
    source.paste((180, 180, 180), (30, 0, 60, 20))
    made = done(source, sharpness=1.0, radius=2).astype(int)
    assert made[10, 29, 0] < 60 and made[10, 30, 0] > 180
    assert made[10, 2].tolist() == [60] * 3 and made[10, 57].tolist() == [180] * 3


def test_grain_comes_from_its_seed_and_spares_black_and_white() -> None:
    grey = flat(128, 128, 128, size=(64, 64))
    one, same, other = (done(grey, grain=0.5, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    assert 2 < one.std() < 12 and abs(float(one.mean()) - 128) < 1
    assert (np.ptp(one.astype(int), axis=-1) <= 2).all(), "grey stays grey"
    for end in (0, 255):
        assert (done(flat(end, end, end), grain=1.0) == end).all()


def test_a_palette_is_taken_on() -> None:
    warm = Image.fromarray((np.asarray(noise(64, 64)) * 0.3 + [120, 80, 40]).astype(np.uint8))
    cold = Image.fromarray((np.asarray(noise(64, 64))[::-1] * 0.2 + [60, 80, 120]).astype(np.uint8))
    goal = palette_of(warm)
    made = palette_of(Image.fromarray(done(cold, palette=goal)))
    half = palette_of(Image.fromarray(done(cold, palette=goal, match=0.5)))
    away = [
        float(np.hypot(*np.subtract(p.mean, goal.mean))) for p in (palette_of(cold), half, made)
    ]
    assert away[2] < 0.15 * away[0] and away[2] < away[1] < away[0]
    assert made.spread == pytest.approx(goal.spread, abs=0.25 * goal.spread[0])


def test_lightness_stays_when_a_palette_is_matched() -> None:
    source = Image.fromarray(np.tile(np.arange(40, 200, dtype=np.uint8)[:, None, None], (1, 8, 3)))
    made = done(source, palette=palette_of(flat(150, 110, 80)))
    before, after = (to_oklab(linear(p))[..., 0] for p in (np.asarray(source), made))
    assert np.abs(before - after).max() < 0.02


def test_swatches_draw_colours_to_the_nearest() -> None:
    source = flat(200, 60, 60, size=(20, 10))
    source.paste((60, 60, 200), (10, 0, 20, 10))
    made = done(source, swatches=("#c08000", "#008080"))
    red, blue = to_oklab(linear(made[5, 2])), to_oklab(linear(made[5, 17]))
    assert red[2] > 0.05 and blue[1] < 0, "red goes to ochre, blue to teal"
    assert red[0] == pytest.approx(to_oklab(linear(np.uint8([200, 60, 60])))[0], abs=0.02)


@settings(max_examples=30)
@given(
    exposure=st.floats(-5, 5),
    temperature=st.floats(-90, 90),
    contrast=st.floats(-1, 1),
    sharpness=st.floats(0, 5),
    grain=st.floats(0, 1),
    left=st.integers(0, 30),
    wide=st.integers(1, 10),
)
def test_outside_its_mask_every_byte_stays(  # noqa: PLR0917
    exposure: float,
    temperature: float,
    contrast: float,
    sharpness: float,
    grain: float,
    left: int,
    wide: int,
) -> None:
    source, mask = noise(), Image.new("L", (40, 30))
    mask.paste(255, (left, 5, left + wide, 20))
    made = done(
        source,
        mask,
        exposure=exposure,
        temperature=temperature,
        contrast=contrast,
        sharpness=sharpness,
        grain=grain,
    )
    outside = np.asarray(mask) == 0
    assert np.array_equal(made[outside], np.asarray(source)[outside])


def test_a_grey_mask_mixes() -> None:
    mask = Image.new("L", (20, 10), 128)
    whole, half = (done(flat(100, 100, 100), m, exposure=1.0) for m in (None, mask))
    assert half[0, 0, 0] == pytest.approx((100 + int(whole[0, 0, 0])) / 2, abs=1)


def test_transparency_is_kept() -> None:
    source = noise(mode="RGBA")
    made = done(source, exposure=1, grain=0.5, sharpness=1)
    assert np.array_equal(made[..., 3], np.asarray(source)[..., 3])


def test_strips_give_what_one_piece_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    source = noise(50, 200)
    numbers: dict[str, Any] = {
        "exposure": 0.4,
        "sharpness": 2,
        "radius": 3,
        "grain": 0.4,
        "seed": 9,
    }
    whole = done(source, **numbers)
    monkeypatch.setattr(retouch, "_STRIP", 1)
    monkeypatch.setattr(retouch, "_LEAST_ROWS", 7)
    assert np.array_equal(done(source, **numbers), whole)
