"""Detail that an enlarged picture has and its source does not speak for.

An honest enlargement, reduced again, is its source. Where it is not, something was changed; where
the source is flat and the enlargement is not, a texture was made up. Detail that vanishes when it
is reduced and that stands on detail of the source is what enlarging is for: it passes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core.geometry import Box
from maquette.core.raster import luminance

__all__ = ["Detail", "invented"]

Plane = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]

BLOCK = 16
"""Source pixels a side of the places that are judged."""
FAITHFUL = 28.0
"""dB between source and reduced enlargement below which a place was changed."""
FLAT, TEXTURED = 1.2, 5.0
"""Standard deviations of brightness (of 255): of a flat source, and of what was made of it."""
MOST_REGIONS = 5


@dataclass(frozen=True)
class Detail:
    """``fidelity`` is the PSNR in dB of the reduced enlargement to its source over the whole
    picture (99 for equal), ``regions`` are places of the enlargement with made-up detail, the
    worst first, each with its own PSNR."""

    fidelity: float
    regions: tuple[tuple[Box, float], ...]

    def notes(self) -> dict[str, float]:
        """As an engine's measured facts."""
        told = {"fidelity": round(self.fidelity, 2), "invented": float(len(self.regions))}
        for at, (box, worst) in enumerate(self.regions, 1):
            sides = zip(
                ("x", "y", "width", "height"), (box.x, box.y, box.width, box.height), strict=True
            )
            told |= {f"invented.{at}.{name}": float(value) for name, value in sides}
            told[f"invented.{at}.dB"] = round(worst, 2)
        return told

    @classmethod
    def read(cls, notes: dict[str, float]) -> Detail | None:
        """What ``notes`` wrote; None where nothing was measured."""
        if "fidelity" not in notes:
            return None
        regions: list[tuple[Box, float]] = []
        for at in range(1, int(notes.get("invented", 0)) + 1):
            x, y, width, height = (
                int(notes[f"invented.{at}.{name}"]) for name in ("x", "y", "width", "height")
            )
            box = Box(x=x, y=y, width=width, height=height)
            regions.append((box, notes[f"invented.{at}.dB"]))
        return cls(notes["fidelity"], tuple(regions))


def invented(source: Image.Image, enlarged: Image.Image) -> Detail:
    """Compare an enlargement with its source."""
    small = luminance(np.asarray(source.convert("RGB")))
    reduced = enlarged.convert("RGB").resize(source.size, Image.Resampling.BOX)
    error = (luminance(np.asarray(reduced)) - small) ** 2
    scale = enlarged.width / source.width
    bad, worst = _judged(small, error, enlarged, scale)
    regions = [
        (_scaled(box, scale, enlarged), worst_of)
        for box, worst_of in sorted(_regions(bad, worst, small.shape), key=lambda each: each[1])
    ]
    return Detail(_decibels(float(error.mean())), tuple(regions[:MOST_REGIONS]))


def _judged(small: Plane, error: Plane, enlarged: Image.Image, scale: float) -> tuple[Flags, Plane]:
    """Block by block: whether detail was made up, and its PSNR."""
    rows, columns = (-(-side // BLOCK) for side in small.shape)
    bad, decibels = np.zeros((rows, columns), np.bool_), np.zeros((rows, columns), np.float32)
    for row in range(rows):
        top, bottom = row * BLOCK, min((row + 1) * BLOCK, small.shape[0])
        strip = enlarged.crop(
            (0, round(top * scale), enlarged.width, round(bottom * scale))
        ).convert("RGB")
        bright = luminance(np.asarray(strip))
        for column in range(columns):
            left, right = column * BLOCK, min((column + 1) * BLOCK, small.shape[1])
            place = small[top:bottom, left:right]
            own = _decibels(float(error[top:bottom, left:right].mean()))
            made = bright[:, round(left * scale) : round(right * scale)]
            textured = float(place.std()) < FLAT and float(made.std()) > TEXTURED
            bad[row, column], decibels[row, column] = own < FAITHFUL or textured, own
    return bad, decibels


def _regions(
    bad: Flags, decibels: Plane, shape: tuple[int, ...]
) -> list[tuple[tuple[int, int, int, int], float]]:
    """Blocks that hang together, as (left, top, right, bottom) in the source's pixels."""
    found: list[tuple[tuple[int, int, int, int], float]] = []
    left_over = {(int(row), int(column)) for row, column in np.argwhere(bad)}
    while left_over:
        waiting: list[tuple[int, int]] = [left_over.pop()]
        part: list[tuple[int, int]] = []
        while waiting:
            row, column = waiting.pop()
            part.append((row, column))
            beside = ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
            for place in left_over.intersection(beside):
                left_over.remove(place)
                waiting.append(place)
        rows, columns = [row for row, _ in part], [column for _, column in part]
        box = (
            min(columns) * BLOCK,
            min(rows) * BLOCK,
            min((max(columns) + 1) * BLOCK, shape[1]),
            min((max(rows) + 1) * BLOCK, shape[0]),
        )
        found.append((box, min(float(decibels[row, column]) for row, column in part)))
    return found


def _scaled(box: tuple[int, int, int, int], scale: float, enlarged: Image.Image) -> Box:
    left, top = round(box[0] * scale), round(box[1] * scale)
    right = min(enlarged.width, round(box[2] * scale))
    bottom = min(enlarged.height, round(box[3] * scale))
    return Box(x=left, y=top, width=max(1, right - left), height=max(1, bottom - top))


def _decibels(error: float) -> float:
    return 99.0 if error < 1e-5 else min(99.0, 10 * float(np.log10(255**2 / error)))
