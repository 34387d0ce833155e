"""Where faces are, seen from the front."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core.geometry import Box
from maquette.core.pixel_tasks import Face
from maquette.errors import ModelRefused, PictureRefused

__all__ = ["MOST_FACES", "Finder", "around_face", "find_faces", "one_face"]

MOST_FACES = 64
_LARGEST = 1600
"""Faces are looked for in a copy of at most so many pixels a side."""
_LEAST_SCORE = 0.7
_COPIES, _BEST = (800, 400, 200), 140
"""Longer sides of the copies that a YuNet looks at beside the picture itself, and how large it
likes faces, in pixels."""
_AROUND = 0.4
"""Shares of a face's side that belong to its neighbourhood on each side: hair and chin."""
_AS_LARGE = 0.7
"""A second face with at least this share of the largest one's side may be the one that is meant."""


Finder = Callable[[npt.NDArray[np.uint8]], list[list[float]]]
"""Faces in pixels (rows, columns, 3) as BGR: left, top, width, height and the marks of each."""


def find_faces(picture: Image.Image, detector: Path | Finder | None = None) -> list[Face]:
    """Faces seen from the front, the largest first: by Haar's cascade (Viola and Jones, 2001; no
    marks), by a YuNet file (Wu, Peng and Yu, 2023), which finds more of them and their marks, or by
    any other finder.

    Raises:
        ModelRefused: the detector is no YuNet.
    """
    shrunk = min(1.0, _LARGEST / max(picture.size))
    small = picture.convert("RGB")
    if shrunk < 1:
        size = round(picture.width * shrunk), round(picture.height * shrunk)
        small = small.resize(size, Image.Resampling.BOX)
    pixels = np.ascontiguousarray(np.asarray(small)[..., ::-1])
    if detector is None:
        rows = _by_cascade(pixels)
    else:
        rows = _by_yunet(pixels, detector) if isinstance(detector, Path) else detector(pixels)
    found = [_face(row, 1 / shrunk, picture) for row in rows]
    kept = [face for face in found if face is not None]
    return sorted(kept, key=lambda face: -face.box.width * face.box.height)[:MOST_FACES]


def one_face(
    picture: Image.Image, detector: Path | Finder | None = None, which: int | None = None
) -> Face:
    """The face that a picture shows: the largest by far, or the one that is ``which`` from the
    left, from 1.

    Raises:
        PictureRefused: there is none, or several might be meant.
        ModelRefused: the detector is no YuNet.
    """
    found = find_faces(picture, detector)
    if not found:
        raise PictureRefused(
            "there is no face to be seen in the reference",
            hint="give a picture with one face from the front, or the role 'character'",
        )
    if which is not None:
        if which > len(found):
            raise PictureRefused(
                f"the reference shows {len(found)} {'face' if len(found) == 1 else 'faces'}, and"
                f" number {which} is asked for",
                hint="they are counted from the left, from 1",
            )
        return sorted(found, key=lambda face: face.box.x)[which - 1]
    sides = [float(np.sqrt(face.box.width * face.box.height)) for face in found]
    alike = sum(side >= _AS_LARGE * sides[0] for side in sides)
    if alike > 1:
        raise PictureRefused(
            f"the reference shows {alike} faces of about one size: whose is meant cannot be told",
            hint="count it from the left, as in face#2=PICTURE, or cut it to the one that is meant",
        )
    return found[0]


def around_face(face: Face, picture: Image.Image) -> tuple[Image.Image, Face]:
    """The neighbourhood of a face, cut out, and the face as it lies there."""
    box = face.box
    more = round(_AROUND * max(box.width, box.height))
    left, top = max(0, box.x - more), max(0, box.y - more)
    right = min(picture.width, box.right + more)
    bottom = min(picture.height, box.bottom + more)
    there = Face(
        box=Box(x=box.x - left, y=box.y - top, width=box.width, height=box.height),
        marks=tuple((round(x - left, 2), round(y - top, 2)) for x, y in face.marks),
    )
    return picture.crop((left, top, right, bottom)), there


def _by_cascade(pixels: Any) -> list[list[float]]:
    file = Path(str(cv2.__file__)).parent / "data" / "haarcascade_frontalface_default.xml"
    grey = cv2.equalizeHist(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY))
    least = max(24, min(grey.shape) // 20)
    found: Any = cv2.CascadeClassifier(str(file)).detectMultiScale(
        grey, scaleFactor=1.08, minNeighbors=6, minSize=(least, least)
    )
    return [[float(side) for side in box] for box in found]


def _by_yunet(pixels: Any, file: Path) -> list[list[float]]:
    """YuNet was taught with faces of 10 to 300 pixels and finds larger ones badly or not at all:
    it looks at smaller copies too, and of a face the sight nearest to ``_BEST`` pixels counts."""
    seen: list[tuple[float, list[float]]] = []
    try:
        network = cv2.FaceDetectorYN.create(str(file), "", (320, 320), _LEAST_SCORE)
        longest = max(pixels.shape[:2])
        for side in [longest, *(side for side in _COPIES if side < longest)]:
            share = side / longest
            size = max(1, round(pixels.shape[1] * share)), max(1, round(pixels.shape[0] * share))
            small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
            network.setInputSize(size)
            found: Any = network.detect(small)[1]
            for row in () if found is None else found:
                off = abs(float(np.log(max(row[2], row[3], 1) / _BEST)))
                seen.append((off, [float(value) / share for value in row[:14]]))
    except cv2.error as error:
        raise ModelRefused(
            f"{file.name} finds no faces: it is no YuNet network",
            hint="face_detection_yunet_….onnx of the OpenCV zoo is one",
        ) from error
    kept: list[list[float]] = []
    for _, row in sorted(seen, key=lambda each: each[0]):
        if not any(_same(row, other) for other in kept):
            kept.append(row)
    return kept


def _same(one: list[float], other: list[float]) -> bool:
    """Whether two boxes are of one face: they share a third of what they cover together."""
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    tall = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(wide, 0.0) * max(tall, 0.0)
    return shared > (one[2] * one[3] + other[2] * other[3] - shared) / 3


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
