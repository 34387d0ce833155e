"""Where faces are, seen from the front."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from maquette.core.geometry import Box
from maquette.core.pixel_tasks import Face
from maquette.errors import ModelRefused

__all__ = ["MOST_FACES", "face_region", "find_faces"]

MOST_FACES = 64
_LARGEST = 1600
"""Faces are looked for in a copy of at most so many pixels a side."""
_LEAST_SCORE = 0.7
_AROUND = 0.4
"""Shares of a face's side that belong to its neighbourhood on each side: hair and chin."""


def find_faces(picture: Image.Image, detector: Path | None = None) -> list[Face]:
    """Faces seen from the front, the largest first: by Haar's cascade (Viola and Jones, 2001; no
    marks), or by a YuNet file (Wu, Peng and Yu, 2023), which finds more of them and their marks.

    Raises:
        ModelRefused: the detector is no YuNet.
    """
    shrunk = min(1.0, _LARGEST / max(picture.size))
    small = picture.convert("RGB")
    if shrunk < 1:
        size = round(picture.width * shrunk), round(picture.height * shrunk)
        small = small.resize(size, Image.Resampling.BOX)
    pixels = np.ascontiguousarray(np.asarray(small)[..., ::-1])
    rows = _by_cascade(pixels) if detector is None else _by_yunet(pixels, detector)
    found = [_face(row, 1 / shrunk, picture) for row in rows]
    kept = [face for face in found if face is not None]
    return sorted(kept, key=lambda face: -face.box.width * face.box.height)[:MOST_FACES]


def face_region(image: Image.Image) -> Box | None:
    """The neighbourhood of the largest face from the front, or None."""
    found = find_faces(image)
    if not found:
        return None
    face = found[0].box
    more = round(_AROUND * max(face.width, face.height))
    left, top = max(0, face.x - more), max(0, face.y - more)
    right = min(image.width, face.right + more)
    bottom = min(image.height, face.bottom + more)
    return Box(x=left, y=top, width=right - left, height=bottom - top)


def _by_cascade(pixels: Any) -> list[list[float]]:
    file = Path(str(cv2.__file__)).parent / "data" / "haarcascade_frontalface_default.xml"
    grey = cv2.equalizeHist(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY))
    least = max(24, min(grey.shape) // 20)
    found: Any = cv2.CascadeClassifier(str(file)).detectMultiScale(
        grey, scaleFactor=1.08, minNeighbors=6, minSize=(least, least)
    )
    return [[float(side) for side in box] for box in found]


def _by_yunet(pixels: Any, file: Path) -> list[list[float]]:
    try:
        network = cv2.FaceDetectorYN.create(
            str(file), "", (pixels.shape[1], pixels.shape[0]), _LEAST_SCORE
        )
        found: Any = network.detect(pixels)[1]
    except cv2.error as error:
        raise ModelRefused(
            f"{file.name} finds no faces: it is no YuNet network",
            hint="face_detection_yunet_….onnx of the OpenCV zoo is one",
        ) from error
    return [] if found is None else [[float(side) for side in row] for row in found]


def _face(row: list[float], scale: float, picture: Image.Image) -> Face | None:
    left, top, right, bottom = (
        round(side * scale) for side in (row[0], row[1], row[0] + row[2], row[1] + row[3])
    )
    left, top = max(0, left), max(0, top)
    right, bottom = min(picture.width, right), min(picture.height, bottom)
    if right - left < 8 or bottom - top < 8:
        return None
    marks = [value * scale for value in row[4:14]] if len(row) >= 14 else []
    return Face(
        box=Box(x=left, y=top, width=right - left, height=bottom - top),
        marks=tuple(
            (round(x, 2), round(y, 2)) for x, y in zip(marks[::2], marks[1::2], strict=True)
        ),
    )
