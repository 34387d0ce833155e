"""Faces are found at any size, the largest first, and said not to be there."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from tests.operations.faces import portrait

from maquette import operations
from maquette.errors import ModelRefused
from maquette.operations.faces import face_region

EMPTY = Image.new("RGB", (200, 200), "white")


@pytest.mark.parametrize("scale", [0.7, 1.0, 7.0])
def test_a_face_is_found_at_any_size(scale: float) -> None:
    [face] = operations.find_faces(portrait(scale))
    middle = face.box.x + face.box.width / 2, face.box.y + face.box.height / 2
    assert middle == pytest.approx((160 * scale, 160 * scale), abs=20 * scale)


def test_faces_come_the_largest_first() -> None:
    both = Image.new("RGB", (700, 400), (96, 110, 128))
    both.paste(portrait(0.6), (20, 60))
    both.paste(portrait(1.1), (300, 20))
    widths = [face.box.width for face in operations.find_faces(both)]
    assert len(widths) == 2 and widths[0] > widths[1]


def test_where_nobody_is_nothing_is_found() -> None:
    assert operations.find_faces(EMPTY) == []
    assert face_region(EMPTY) is None


def test_the_neighbourhood_of_the_largest_face_holds_it_with_hair_and_chin() -> None:
    both = Image.new("RGB", (700, 400), (96, 110, 128))
    both.paste(portrait(0.6), (20, 60))
    both.paste(portrait(1.1), (300, 20))
    face, region = operations.find_faces(both)[0].box, face_region(both)
    assert region is not None
    assert region.x < face.x and region.y < face.y
    assert region.right > face.right and region.bottom > face.bottom
    assert region.right <= both.width and region.bottom <= both.height


def test_a_detector_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "yunet.onnx"
    file.write_bytes(b"\x08\x07nothing")
    with pytest.raises(ModelRefused):
        operations.find_faces(portrait(), file)
