"""Invented detail: an honest enlargement passes, a made-up place is found where it is."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from maquette.core.detail import Detail, invented
from maquette.core.geometry import Box

SCALE = 4


def source() -> Image.Image:
    """Flat on the left, busy on the right."""
    random = np.random.default_rng(0)
    values = np.full((64, 96, 3), 120, np.uint8)
    values[:, 48:] = random.integers(60, 200, (64, 48, 3))
    return Image.fromarray(values)


def plain() -> Image.Image:
    return source().resize((96 * SCALE, 64 * SCALE), Image.Resampling.LANCZOS)


@pytest.mark.parametrize(
    "how", [Image.Resampling.NEAREST, Image.Resampling.BOX, Image.Resampling.LANCZOS]
)
def test_an_honest_enlargement_passes(how: Image.Resampling) -> None:
    large = source().resize((96 * SCALE, 64 * SCALE), how)
    found = invented(source(), large)
    assert found.regions == () and found.fidelity > 28


def test_sharpness_on_detail_passes() -> None:
    large = np.asarray(plain()).astype(int)
    checks = np.where(np.indices(large.shape[:2]).sum(axis=0) % 2, 20, -20)[..., None]
    large[:, 48 * SCALE :] += checks[:, 48 * SCALE :]
    assert (
        invented(source(), Image.fromarray(np.clip(large, 0, 255).astype(np.uint8))).regions == ()
    )


def test_a_texture_on_nothing_is_found() -> None:
    large = np.array(plain()).astype(int)
    checks = np.where(np.indices((64, 64)).sum(axis=0) % 2, 15, -15)[..., None]
    large[64:128, 64:128] += checks
    [(box, decibels)] = invented(source(), Image.fromarray(large.astype(np.uint8))).regions
    assert box == Box(x=64, y=64, width=64, height=64), "on whole blocks"
    assert decibels > 28, "reduced again it vanishes; it is the flat source that tells"


def test_a_changed_place_is_found_with_its_decibels() -> None:
    large = plain()
    large.paste((20, 220, 40), (260, 130, 300, 170))
    found = invented(source(), large)
    box, decibels = found.regions[0]
    assert box.x <= 260 and box.right >= 300 and box.y <= 130 and box.bottom >= 170
    assert decibels < 25 and found.fidelity < 40


def test_the_worst_come_first_and_not_too_many() -> None:
    random = np.random.default_rng(1)
    flat = Image.new("RGB", (320, 320), (100, 100, 100))
    large = np.array(flat.resize((640, 640)))
    for at in range(8):
        x = y = at * 80
        large[y : y + 20, x : x + 20] = 100 + (at + 2) * 15 * random.integers(0, 2)
        large[y : y + 20, x : x + 20] = min(255, 120 + at * 15)
    found = invented(flat, Image.fromarray(large))
    worst = [decibels for _, decibels in found.regions]
    assert len(worst) == 5 and worst == sorted(worst)


def test_odd_sizes_stay_inside() -> None:
    small = Image.effect_noise((37, 23), 60).convert("RGB")
    large = Image.effect_noise((93, 58), 60).convert("RGB")
    for box, _ in invented(small, large).regions:
        assert box.right <= 93 and box.bottom <= 58


def test_it_travels_as_notes() -> None:
    large = plain()
    large.paste((20, 220, 40), (260, 130, 300, 170))
    found = invented(source(), large)
    again = Detail.read(found.notes())
    assert again is not None and again.fidelity == pytest.approx(found.fidelity, abs=0.01)
    assert [box for box, _ in again.regions] == [box for box, _ in found.regions]
    assert Detail.read({"seam": 0.2}) is None
