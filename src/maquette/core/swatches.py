"""A picture's few colours: k-means in a space where distances are as eyes see them.

Lloyd's algorithm on OKLab (Ottosson, 2020), begun from colours far from one another (Gonzalez,
1985), so that the same picture always has the same swatches.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import BaseModel, ConfigDict

from maquette.core.colour import linear, to_oklab

__all__ = ["Swatch", "swatches"]

SIDE = 64
"""So many places a side are looked at: a palette is of surfaces, not of pixels."""
ROUNDS = 20
NEAR = 0.02
"""Swatches nearer than this are one."""


class Swatch(BaseModel):
    """A colour as ``#rrggbb`` and the share of the picture that it stands for, 0 to 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    colour: str
    share: float


def swatches(picture: Image.Image, count: int = 5) -> tuple[Swatch, ...]:
    """At most ``count`` colours of a picture, the largest share first. Fewer where it has fewer;
    transparent places do not count."""
    image = picture.convert("RGBA")
    # Nearest: averaging would make colours along edges that the picture does not have.
    image.thumbnail((SIDE, SIDE), Image.Resampling.NEAREST)
    pixels = np.asarray(image).reshape(-1, 4)
    seen = pixels[pixels[:, 3] > 127][:, :3]
    if not len(seen) or count < 1:
        return ()
    lab = to_oklab(linear(seen)).astype(np.float64)
    labels = _clusters(lab, count)
    found: list[Swatch] = []
    for label in np.unique(labels):
        mine = seen[labels == label].astype(np.float64)
        red, green, blue = (round(float(part)) for part in mine.mean(axis=0))
        share = round(len(mine) / len(seen), 4)
        found.append(Swatch(colour=f"#{red:02x}{green:02x}{blue:02x}", share=share))
    return tuple(sorted(found, key=lambda swatch: (-swatch.share, swatch.colour)))


def _clusters(lab: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.int64]:
    """For each colour (n, 3) the number of its cluster."""
    centres = [lab.mean(axis=0)]
    away = np.linalg.norm(lab - centres[0], axis=1)
    centres = [lab[int(away.argmin())]]
    away = np.linalg.norm(lab - centres[0], axis=1)
    while len(centres) < count and float(away.max()) > NEAR:
        centres.append(lab[int(away.argmax())])
        away = np.minimum(away, np.linalg.norm(lab - centres[-1], axis=1))
    middle = np.stack(centres)
    labels = np.zeros(len(lab), np.int64)
    for _ in range(ROUNDS):
        distances = np.linalg.norm(lab[:, None] - middle[None], axis=2)
        labels = distances.argmin(axis=1)
        moved = np.stack(
            [
                lab[labels == number].mean(axis=0) if (labels == number).any() else centre
                for number, centre in enumerate(middle)
            ]
        )
        if np.allclose(moved, middle, atol=1e-4):
            break
        middle = moved
    return labels
