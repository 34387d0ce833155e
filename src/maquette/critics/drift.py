"""The critic ``drift``: a picture that has left the picture whose style it was to have.

Colours and light are compared, wherever they stand: the mean distance between the two pictures'
sorted values, channel by channel in CIE Lab (the Wasserstein distance of each channel's values).
What a character or an object is to keep cannot be told by colours, so only style is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core.finding import Finding
from maquette.core.recipe import Reference
from maquette.core.trace import Trace
from maquette.core.version import Version

__all__ = ["Drift", "apart"]

FAR = 36.0
"""Pictures of Postcard are 7 to 17 apart from their reference at strength 1, 15 to 33 at a half
and 34 to 62 at a tenth; two pictures that have nothing to do with one another 51 (median)."""
FARTHEST = 75.0
_SIDE = 64
_VALUES = 33


class Drift:
    """Holds a picture against its references. ``pictures`` brings one by its digest."""

    name = "drift"

    def __init__(self, pictures: Callable[[str], Image.Image]) -> None:
        self._pictures = pictures

    def look(
        self,
        version: Version,
        picture: Image.Image,
        trace: Trace | None,  # noqa: ARG002 - what is to be seen counts
        notes: Mapping[str, float] | None = None,  # noqa: ARG002
    ) -> list[Finding]:
        """``drift`` when no style that was asked for is near."""
        styles = [
            each
            for each in version.recipe.conditionings
            if isinstance(each, Reference) and each.role == "style" and each.mask is None
        ]
        if not styles or version.recipe.task.kind in {"inpaint", "outpaint"}:
            return []
        away = min(apart(picture, self._pictures(each.image)) for each in styles)
        if away < FAR:
            return []
        score = 0.4 + 0.6 * min(1.0, (away - FAR) / (FARTHEST - FAR))
        return [
            Finding(
                critic=self.name,
                name="drift",
                message=f"the colours have left those of the reference ({away:.0f} of Lab apart;"
                f" below {FAR:.0f} is near)",
                severity="warning",
                score=round(score, 4),
            )
        ]


def apart(one: Image.Image, other: Image.Image) -> float:
    """How far apart the colours of two pictures are, in units of CIE Lab; 0 for equal ones,
    wherever they stand."""
    return float(np.abs(_values(one) - _values(other)).mean(axis=0).sum())


def _values(picture: Image.Image) -> npt.NDArray[np.float64]:
    small = picture.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    scaled = np.asarray(small, np.float32) / np.float32(255)
    lab = cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB).reshape(-1, 3)
    return np.quantile(lab, np.linspace(0.02, 0.98, _VALUES), axis=0)
