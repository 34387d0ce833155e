"""Faces are found at any size, the largest first, and said not to be there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
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


@pytest.mark.parametrize("side", [150, 900, 2400])
def test_faces_of_any_size_are_found_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, side: int
) -> None:
    """A detector that sees faces of 10 to 300 pixels alone, in a picture with a small and a large
    one, as shares of it."""

    class Short:
        def setInputSize(self, size: tuple[int, int]) -> None:
            self.side = size[0]

        def detect(self, pixels: np.ndarray) -> tuple[int, Any]:
            assert pixels.shape[0] == self.side
            rows = []
            for left, wide in ((0.1, 0.6), (0.75, 0.1)):
                box = np.array([left, left, wide, wide]) * self.side
                if 10 <= box[2] <= 300:
                    rows.append([*box, *np.tile(box[:2] + box[2] / 2, 5), 0.9])
            return 1, np.array(rows, np.float32) if rows else None

    monkeypatch.setattr("cv2.FaceDetectorYN.create", lambda *_: Short())
    found = operations.find_faces(Image.new("RGB", (side, side)), tmp_path / "yunet.onnx")
    wide = [0.6, 0.1]
    assert [face.box.width / side for face in found] == pytest.approx(wide, abs=0.01)
    assert [face.marks[2][0] / side for face in found] == pytest.approx([0.4, 0.8], abs=0.01)


def test_a_detector_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "yunet.onnx"
    file.write_bytes(b"\x08\x07nothing")
    with pytest.raises(ModelRefused):
        operations.find_faces(portrait(), file)
