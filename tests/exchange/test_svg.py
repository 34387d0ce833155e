"""Drawings as pictures: bounded, closed in themselves, the same everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maquette import Settings, Studio
from maquette.errors import PictureRefused
from maquette.exchange.svg import LONGEST, is_svg, rasterise

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20">'
MARK = f'<?xml version="1.0"?>{HEAD}<rect width="20" height="20" fill="#d65430"/></svg>'


def test_a_drawing_is_drawn_large_on_nothing() -> None:
    assert is_svg(MARK.encode())
    image = rasterise(MARK.encode())
    assert image.mode == "RGBA" and image.size == (LONGEST, LONGEST // 2)
    pixels = np.asarray(image)
    assert tuple(pixels[100, 100]) == (0xD6, 0x54, 0x30, 255) and pixels[100, 900, 3] == 0


def test_a_picture_is_no_drawing(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    assert not is_svg((tmp_path / "a.png").read_bytes())


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (f'{HEAD}<image href="file:///etc/passwd"/></svg>', "outside itself"),
        (f'{HEAD}<use xlink:href="http://example.org/a.svg#b"/></svg>', "outside itself"),
        (f'{HEAD}<rect fill="url(http://example.org/x)"/></svg>', "outside itself"),
        (f'<!DOCTYPE svg [<!ENTITY a "b">]>{HEAD}</svg>', "outside itself"),
        (f"{HEAD}<style>@import 'x.css';</style></svg>", "outside itself"),
        (f"{HEAD}<text>Acme</text></svg>", "letters"),
        (f"{HEAD}</svg>", "nothing"),
        (f"{HEAD}<rect", "no SVG"),
        ('<svg xmlns="http://www.w3.org/2000/svg"><rect width="3" height="3"/></svg>', "its size"),
        ('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="99999"/>', "slender"),
        ('<svg xmlns="http://www.w3.org/2000/svg" width="1cm" height="99999px"/>', "its size"),
    ],
)
def test_what_is_refused(body: str, says: str) -> None:
    with pytest.raises(PictureRefused, match=says):
        rasterise(body.encode())


def test_a_vast_one_is_drawn_small() -> None:
    vast = MARK.replace('viewBox="0 0 40 20"', 'viewBox="0 0 40 20" width="400000" height="200000"')
    assert rasterise(vast.encode()).size == (LONGEST, LONGEST // 2)


def test_a_logo_may_be_a_drawing(tmp_path: Path) -> None:
    (tmp_path / "mark.svg").write_text(MARK)
    settings = Settings(home=tmp_path / "home", engine="fake")
    with Studio(tmp_path / "room", create=True, settings=settings) as studio:
        (mug,) = studio.generate("a mug", seed=1, size=(64, 64))
        place = {"corners": [[10, 10], [50, 10], [50, 50], [10, 50]]}
        marked = studio.logo(mug, tmp_path / "mark.svg", surface=place)
        assert marked.operation == "logo"
        assert studio.replay(marked).verdict == "exact"
