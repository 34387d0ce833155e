"""Faces and their marks by SCRFD (Guo et al., 2021, arXiv:2105.04714), as InsightFace's packs bring
it in ONNX (``det_10g.onnx``, ``det_500m.onnx``).

At each place of three grids, 8, 16 and 32 pixels apart, the network answers for every anchor how
likely a face is there, how far its box reaches to each side, and where five marks lie, in steps of
the grid. It reads RGB from -1 to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from maquette.engines.onnx import Onnx
from maquette.errors import ModelRefused

__all__ = ["STRIDES", "Scrfd"]

STRIDES = (8, 16, 32)
_SIDE = 640
_FILLS = (1.0, 0.6, 0.35)
"""How much of the network's sight a picture fills: a face that fills all of it is not seen, so that
where none is found the picture is shown smaller."""
_LEAST_SCORE, _OVERLAP = 0.5, 0.4
"""InsightFace's own: what counts as a face, and how much of one another two may cover."""


class Scrfd:
    """A detector's file, loaded on first use."""

    def __init__(self, path: Path, *, threads: int = 0) -> None:
        self._network = Onnx(path, threads=threads)

    def __call__(self, pixels: npt.NDArray[np.uint8]) -> list[list[float]]:
        """Faces in a picture (rows, columns, 3) as BGR: left, top, width and height, then five
        marks, in pixels; the surest first.

        Raises:
            ModelRefused, EngineFailed, ExtraMissing: it is no SCRFD, or does not run.
        """
        for fill in _FILLS:
            if found := self._look(pixels, fill):
                return found
        return []

    def _look(self, pixels: npt.NDArray[np.uint8], fill: float) -> list[list[float]]:
        (port,) = self._network.inputs
        side = port.shape[2] or _SIDE
        share = side * fill / max(pixels.shape[:2])
        size = max(1, round(pixels.shape[1] * share)), max(1, round(pixels.shape[0] * share))
        canvas = np.zeros((side, side, 3), np.uint8)
        canvas[: size[1], : size[0]] = cv2.resize(pixels, size)
        given = (canvas[..., ::-1].astype(np.float32) - np.float32(127.5)) / np.float32(128)
        told = self._network.run({port.name: np.ascontiguousarray(given.transpose(2, 0, 1)[None])})
        scores, boxes, marks = self._faces(told, side)
        picked: Sequence[Any] = cv2.dnn.NMSBoxes(
            boxes.tolist(), scores.tolist(), _LEAST_SCORE, _OVERLAP
        )
        rows = np.concatenate([boxes, marks], axis=1) / share
        return [[float(n) for n in rows[int(each)]] for each in np.ravel(np.asarray(picked, int))]

    def _faces(self, told: Sequence[Any], side: int) -> tuple[Any, Any, Any]:
        """Scores (n), boxes (n, 4) as left, top, width, height, and marks (n, 10)."""
        found: list[tuple[Any, Any, Any]] = []
        for number, stride in enumerate(STRIDES):
            cells = -(-side // stride)
            try:
                score, reach, marks = (
                    np.asarray(told[number + 3 * part], np.float32).reshape(cells * cells, -1, wide)
                    for part, wide in enumerate((1, 4, 10))
                )
            except (IndexError, ValueError) as error:
                raise ModelRefused(
                    f"{self._network.path.name} finds no faces: it is no SCRFD network"
                ) from error
            rows, columns = np.mgrid[:cells, :cells]
            places = np.stack([columns.ravel(), rows.ravel()], axis=1)[:, None, :] * stride
            start, end = places - reach[..., :2] * stride, places + reach[..., 2:] * stride
            boxes = np.concatenate([start, end - start], axis=-1)
            where = marks * stride + np.tile(places, 5)
            sure = score[..., 0] >= _LEAST_SCORE
            found.append((score[..., 0][sure], boxes[sure], where[sure]))
        scores, boxes, marks = (np.concatenate(each) for each in zip(*found, strict=True))
        return scores, boxes, marks
