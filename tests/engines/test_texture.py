"""Whether a layer keeps its texture: kept, blurred, recoloured, none at all."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from maquette.core.geometry import Box
from maquette.core.pixel_tasks import Layer
from maquette.core.surface import surface_of_box
from maquette.engines.pixels.texture import texture_kept

AT = Box(x=20, y=10, width=120, height=120)
LAYER = Layer(image="0" * 64, surface=surface_of_box(AT))


def _cloth(size: int = 120) -> Image.Image:
    rows, columns = np.mgrid[:size, :size] * 120 // size
    weave = ((rows // 3 + columns // 4) % 2 * 70 + 120).astype(np.uint8)
    return Image.merge("RGB", [Image.fromarray(part) for part in (weave, weave // 2, weave // 3)])


def _laid(cloth: Image.Image) -> Image.Image:
    page = Image.new("RGB", (200, 160), (200, 210, 220))
    page.paste(cloth.resize((120, 120), Image.Resampling.LANCZOS), (20, 10))
    return page


@pytest.mark.parametrize("size", [60, 120, 240])
def test_kept_larger_or_smaller(size: int) -> None:
    found = texture_kept(_laid(_cloth(size)), _cloth(size).convert("RGBA"), LAYER)
    assert found["texture"] > 0.9 and found["tint"] < 1


def test_lost_where_it_is_blurred_or_another() -> None:
    cloth = _cloth().convert("RGBA")
    blurred = _laid(_cloth()).filter(ImageFilter.GaussianBlur(6))
    assert texture_kept(blurred, cloth, LAYER)["texture"] < 0.5
    other = Image.fromarray(np.random.default_rng(1).integers(0, 255, (120, 120, 3), np.uint8))
    assert abs(texture_kept(_laid(other), cloth, LAYER)["texture"]) < 0.2


def test_light_is_no_loss_and_colour_is_told() -> None:
    darker = _laid(_cloth()).point(lambda v: round(v * 0.7))
    assert texture_kept(darker, _cloth().convert("RGBA"), LAYER)["texture"] > 0.9
    swapped = Image.merge("RGB", _laid(_cloth()).split()[::-1])
    assert texture_kept(swapped, _cloth().convert("RGBA"), LAYER)["tint"] > 5


def test_what_has_no_texture_is_not_judged() -> None:
    plain = Image.new("RGBA", (120, 120), "teal")
    assert texture_kept(_laid(plain.convert("RGB")), plain, LAYER) == {}
    clear = Image.new("RGBA", (120, 120), (0, 0, 0, 0))
    assert texture_kept(_laid(_cloth()), clear, LAYER) == {}
