"""Damage: broken places are found, styles are left alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from maquette.core.geometry import Box
from maquette.core.version import Version
from maquette.critics.damage import Damage, has_localiser
from maquette.critics.damage.blocks import dead_block, noisy_part
from maquette.critics.damage.critic import marked_part
from maquette.critics.registry import load_critics
from maquette.errors import ModelRefused

MakeVersion = Callable[..., Version]


def scene(side: int = 256) -> np.ndarray:
    """A smooth sky over dark hills, with the little grain that a decoder leaves."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[0:side, 0:side] / side
    sky = np.stack([60 + 90 * y, 80 + 80 * y, 160 - 40 * y], axis=-1)
    hills = (y > 0.65 + 0.08 * np.sin(9 * x))[..., None]
    grain = rng.normal(0, 1.2, (side, side, 3))
    return np.clip(np.where(hills, sky * 0.4, sky) + grain, 0, 255).astype(np.uint8)


def test_a_whole_picture_has_none() -> None:
    pixels = scene()
    assert dead_block(pixels) is None
    assert noisy_part(pixels.mean(axis=-1).astype(np.float32)) is None


@pytest.mark.parametrize("place", [(0, 0), (100, 60), (200, 190)])
def test_a_lost_block(place: tuple[int, int]) -> None:
    pixels, (x, y) = scene(), place
    pixels[y : y + 50, x : x + 40] = (128, 20, 200)
    box = dead_block(pixels)
    assert box is not None
    left, top, right, bottom = box.corners
    assert left <= x and top <= y and right >= min(256, x + 40) and bottom >= min(256, y + 50)
    assert box.width <= 40 + 18 and box.height <= 50 + 18


def test_noise_in_one_part() -> None:
    bright = scene().mean(axis=-1).astype(np.float32)
    bright[90:150, 30:110] = np.random.default_rng(1).uniform(0, 255, (60, 80))
    box = noisy_part(bright)
    assert box is not None
    left, top, right, bottom = box.corners
    assert left <= 32 and top <= 92 and right >= 108 and bottom >= 148
    assert box.width < 110 and box.height < 90


def test_a_style_is_no_damage() -> None:
    rough = np.random.default_rng(2).uniform(0, 255, (256, 256)).astype(np.float32)
    assert noisy_part(rough) is None, "noise everywhere"
    poster = Image.new("RGB", (256, 256), "navy")
    pen = ImageDraw.Draw(poster)
    pen.rectangle((40, 40, 120, 160), "gold")
    pen.ellipse((140, 90, 220, 170), "white")
    assert dead_block(np.asarray(poster)) is None, "drawn in flat colours"
    pixels = scene()
    pixels[60:120, 60:140] = pixels[60, 60] + np.random.default_rng(5).integers(0, 3, (60, 80, 1))
    assert dead_block(pixels) is None, "a plain thing is no block of one colour"


def test_a_lost_block_in_a_smooth_night() -> None:
    night = np.full((256, 256, 3), 12, np.uint8)
    night[128:] = 14
    grain = np.random.default_rng(4).integers(0, 40, (64, 256, 3))
    night[192:] = grain
    night[:, ::7] += 2
    night[40:90, 60:120] = (200, 0, 200)
    box = dead_block(night)
    assert box is not None and box.x <= 60 and box.right >= 120


def test_a_localiser_says_where_a_drawing_falls_apart(make: MakeVersion, tmp_path: Path) -> None:
    picture = Image.fromarray(scene())
    version = make()
    assert Damage().look(version, picture, None) == []
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    from maquette.critics.damage.network import Localiser

    network = Localiser()
    torch.nn.init.zeros_(network.head.weight)
    torch.nn.init.constant_(network.head.bias, 3.0)  # damage everywhere
    folder = tmp_path / "faults"
    folder.mkdir()
    assert not has_localiser(folder)
    save_file({k: v.half() for k, v in network.state_dict().items()}, folder / "faults.safetensors")
    damage = next(c for c in load_critics(tmp_path) if c.name == "damage")
    (found,) = damage.look(version, picture, None)
    assert found.name == "damage"
    assert found.region == Box(x=0, y=0, width=256, height=256)
    assert "falls apart" in found.message


def test_only_one_part_and_no_speck_is_marked() -> None:
    picture, marks = Image.new("RGB", (512, 256)), np.zeros((64, 64), np.float32)
    marks[3, 3] = 0.97
    assert marked_part(marks, picture) is None
    marks[40:50, 20:30] = 0.97
    found = marked_part(marks, picture)
    assert found is not None
    assert found.corners == (144, 144, 256, 216)


def test_a_broken_localiser_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from maquette.critics.damage.network import load_localiser

    (tmp_path / "faults.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelRefused, match="cannot be read"):
        load_localiser(tmp_path)
