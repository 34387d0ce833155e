"""Faces are found at any size, the largest first, and said not to be there."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from tests.engines import nets
from tests.operations.faces import nosed, portrait

from maquette import operations
from maquette.errors import ModelRefused, PictureRefused
from maquette.operations.faces import around_face, one_face

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
    with pytest.raises(PictureRefused, match="no face"):
        one_face(EMPTY)


def test_the_neighbourhood_of_the_largest_face_holds_it_with_hair_and_chin() -> None:
    both = Image.new("RGB", (700, 400), (96, 110, 128))
    both.paste(portrait(0.6), (20, 60))
    both.paste(portrait(1.1), (300, 20))
    face = one_face(both).box
    cut, there = around_face(one_face(both), both)
    assert there.box.x > 0 and there.box.y > 0
    assert there.box.right < cut.width and there.box.bottom < cut.height
    within = (there.box.x, there.box.y, there.box.right, there.box.bottom)
    assert cut.crop(within).tobytes() == both.crop(face.corners).tobytes()


def test_a_detector_tells_where_eyes_nose_and_mouth_are(tmp_path: Path) -> None:
    finder = nets.face_finder(tmp_path / "yunet.onnx")
    small, large = (nets.NOSE, 88, 88), (nets.LARGE_NOSE, 256, 96)
    [face] = operations.find_faces(nosed(small), finder)
    assert face.marks == tuple((88.0 + x, 88.0 + y) for x, y in nets.MARKS)
    assert one_face(nosed(small, large), finder).box.width == 128
    cut, there = around_face(face, nosed(small))
    nose = there.marks[2]
    assert cut.getpixel((int(nose[0]) + 4, int(nose[1]) + 4)) == nets.NOSE
    with pytest.raises(PictureRefused, match="2 faces of about one size"):
        one_face(nosed(small, (nets.NOSE, 288, 88)), finder)
    for which, x in ((1, 88), (2, 288)):
        found = one_face(nosed((nets.NOSE, 288, 88), small), finder, which)
        assert found.box.x + 32 == x
    with pytest.raises(PictureRefused, match="2 faces, and number 3"):
        one_face(nosed(small, (nets.NOSE, 288, 88)), finder, 3)


def test_a_detector_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "yunet.onnx"
    file.write_bytes(b"\x08\x07nothing")
    with pytest.raises(ModelRefused):
        operations.find_faces(portrait(), file)
