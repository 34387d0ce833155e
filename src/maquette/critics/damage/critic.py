"""The critic ``damage``: a part of the picture that is broken, as a file or a drawing breaks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core.finding import Finding
from maquette.core.geometry import Box
from maquette.core.raster import luminance
from maquette.core.trace import Trace
from maquette.core.version import Version
from maquette.critics.damage.blocks import dead_block, noisy_part, rimmed

__all__ = ["Damage", "has_localiser", "marked_part"]

SURE = 0.9
"""Cells more probably damaged than this are marked. Of 60 pictures that Postcard drew, four are
then found broken (one of them is, to the eye), and 33 of 60 that were damaged in one place; at 0.6
it is 14 and 42."""
SMALLEST = 0.004
"""Part of the picture's cells that counts as a broken place: sixteen of 4096."""


def has_localiser(folder: Path) -> bool:
    """Whether a folder holds a fault localiser."""
    return (folder / "faults.safetensors").is_file()


class Damage:
    """Looks for a broken place; with the fault localiser of ``folder``, if one is given, also for
    what is smeared, melted, missing, foreign or bleeds. The network is loaded with the first
    look."""

    name = "damage"

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    def look(
        self,
        version: Version,  # noqa: ARG002 - whatever made it
        picture: Image.Image,
        trace: Trace | None,  # noqa: ARG002
        notes: Mapping[str, float] | None = None,  # noqa: ARG002
    ) -> list[Finding]:
        """``damage`` with its place, the larger one where there are two."""
        if picture.mode == "RGBA":
            return []  # what is cut out may have any shape
        pixels = np.asarray(picture.convert("RGB"))
        told: list[tuple[Box | None, str]] = [
            (dead_block(pixels), "a block of one single colour"),
            (noisy_part(luminance(pixels)), "noise where the rest is smooth"),
        ]
        if self._folder is not None:
            told.append((self._marked(picture, self._folder), "what is drawn there falls apart"))
        found = [(box, says) for box, says in told if box is not None]
        if not found:
            return []
        box, says = max(found, key=lambda each: each[0].width * each[0].height)
        share = box.width * box.height / (pixels.shape[0] * pixels.shape[1])
        return [
            Finding(
                critic=self.name,
                name="damage",
                message=f"a part of the picture is broken: {says}, {share:.0%} of it",
                severity="fault",
                score=round(min(1.0, 0.5 + share), 4),
                region=box,
            )
        ]

    def _marked(self, picture: Image.Image, folder: Path) -> Box | None:
        from maquette.critics.damage.network import load_localiser, mark  # torch

        return marked_part(mark(load_localiser(folder), picture), picture)


def marked_part(marks: npt.NDArray[np.float32], picture: Image.Image) -> Box | None:
    """The largest part of a picture whose cells (rows, columns, 0..1) are marked, with a rim."""
    rows, columns = marks.shape
    _, _, stats, _ = cv2.connectedComponentsWithStats(
        (marks > SURE).astype(np.uint8), connectivity=8
    )
    parts = sorted(stats[1:], key=lambda each: -each[cv2.CC_STAT_AREA])
    if not parts or parts[0][cv2.CC_STAT_AREA] < SMALLEST * marks.size:
        return None
    left, top, width, height, _ = (int(each) for each in parts[0])
    wide, high = picture.width / columns, picture.height / rows
    box = Box(
        x=round(left * wide),
        y=round(top * high),
        width=max(1, round(width * wide)),
        height=max(1, round(height * high)),
    )
    return rimmed(box, np.asarray(picture.convert("L")))
