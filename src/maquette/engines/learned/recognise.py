"""Whose face it is, by networks of ArcFace's kind (Deng et al., 2019, arXiv:1801.07698) in ONNX.

Such a network reads a face of 112 x 112 pixels whose eyes, nose and corners of the mouth lie at
fixed places, and answers a vector: the smaller the angle between two, the more likely they are one
person's. The person brings the file: InsightFace's recognisers (512 numbers) and OpenCV's SFace
(128) are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core.value import ModelRef
from maquette.engines.learned.catalogue import Network, networks
from maquette.engines.learned.shapes import FACE_SIDE, recognises
from maquette.engines.onnx import Onnx
from maquette.errors import ModelMissing, ModelRefused

__all__ = ["Marks", "Recogniser", "aligned", "by_ref", "recogniser"]

Floats = npt.NDArray[np.float32]
Marks = Sequence[tuple[float, float]]
"""Five points in pixels: the person's right eye, left eye, nose, right and left corner of the
mouth, which is from left to right as they are seen."""

_FRAME = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
"""Where recognisers were taught to find them, of 112 (InsightFace's mean of frontal faces)."""


def aligned(image: Image.Image, marks: Marks, side: int = FACE_SIDE) -> Image.Image:
    """The face, turned, scaled and shifted so that its marks lie as near as they can to where
    recognisers want them (least squares; Umeyama, 1991), RGB, ``side`` pixels; black beyond the
    picture.

    Raises:
        ValueError: not five marks, or all at one place.
    """
    there = np.asarray(marks, np.float64)
    if there.shape != (5, 2) or not np.isfinite(there).all() or np.ptp(there, axis=0).max() < 1e-3:
        raise ValueError("a face has five marks")
    matrix = _similarity(there, _FRAME * (side / FACE_SIDE))
    pixels = np.ascontiguousarray(np.asarray(image.convert("RGB")))
    turned = cv2.warpAffine(pixels, matrix, (side, side), borderValue=(0, 0, 0))
    return Image.fromarray(np.asarray(turned, np.uint8))


def _similarity(source: npt.NDArray[np.float64], target: npt.NDArray[np.float64]) -> Any:
    """(2, 3): turning, one scale and shifting that bring points (n, 2) nearest to others."""
    middle, other = source.mean(axis=0), target.mean(axis=0)
    from_, to = source - middle, target - other
    left, sizes, right = np.linalg.svd(to.T @ from_ / len(source))
    flip = np.array([1.0, np.sign(np.linalg.det(left) * np.linalg.det(right)) or 1.0])
    turn = left @ np.diag(flip) @ right
    scale = (sizes * flip).sum() / from_.var(axis=0).sum()
    return np.hstack([scale * turn, (other - scale * turn @ middle)[:, None]])


class Recogniser:
    """A recogniser's file, loaded on first use."""

    def __init__(self, path: Path, *, threads: int = 0) -> None:
        """Raises: ModelRefused, ModelMissing."""
        self.path = path
        self._shape = recognises(path)
        self._network = Onnx(path, threads=threads)

    @property
    def width(self) -> int:
        """How many numbers a face has."""
        return self._shape.width

    def vector(self, face: Image.Image) -> Floats:
        """(width) of an aligned face, as long as the network makes it.

        Raises:
            ExtraMissing, ModelRefused, EngineFailed.
        """
        pixels = np.asarray(face.convert("RGB").resize((FACE_SIDE, FACE_SIDE)), np.float32)
        if not self._shape.scaled:
            pixels = (pixels - np.float32(127.5)) / np.float32(127.5)
        given = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])
        (port,) = self._network.inputs
        if port.kind == "tensor(float16)":
            given = given.astype(np.float16)
        told = self._network.run({port.name: given})[0].astype(np.float32).ravel()
        if told.shape != (self.width,) or not np.isfinite(told).all() or not told.any():
            raise ModelRefused(f"{self.path.name} answers no vector for a face")
        return told


@lru_cache(maxsize=1)
def recogniser(path: Path, digest: str) -> Recogniser:  # noqa: ARG001 (its bytes are the key)
    """A recogniser, loaded once for as long as no other is asked for."""
    return Recogniser(path)


def by_ref(ref: ModelRef, models: Path | None) -> Network:
    """The recogniser that a recipe names, by its bytes, whatever it is called here.

    Raises:
        ModelMissing: it is not at hand.
    """
    at_hand = [each for each in networks("recognisers", models) if not each.problem]
    for each in sorted(at_hand, key=lambda each: each.name != ref.name):
        if each.ref.digest == ref.digest:
            return each
    raise ModelMissing(
        f"the recogniser of faces '{ref.name}' ({ref.digest[:12]}) is not at hand",
        hint="put its file into MAQUETTE_MODELS/recognisers",
    )
