"""The critic ``vision``: faults that show in the pixels alone.

Only what is certain is a fault: an empty picture, a visible seam. Taste is not judged: a night is
dark and a product stands on white, so those are notes at most.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core.finding import Finding, Severity, Suggestion
from maquette.core.geometry import Box
from maquette.core.raster import luminance
from maquette.core.recipe import Inpaint, Outpaint, Upscale
from maquette.core.trace import Trace
from maquette.core.version import Version
from maquette.critics.banding import banded_share

__all__ = ["Vision"]

Plane = npt.NDArray[np.float32]

BLANK = 2.0
"""A standard deviation of brightness (0 to 255) below this is one flat colour."""
EDGE = 40.0
"""Steps of brightness within ``_WINDOW`` pixels that count as an edge."""
SHARP = 0.12
"""Edges whose Laplacian stays below this part of their step are blurred, as by a Gaussian of two
pixels or more."""
CLIPPED = 0.08
"""Share of pixels at the end of the range that is worth a look."""
RUNNING_IN = 0.6
"""Clipping is a fault when so much of its border runs smoothly into the end of the range; a white
backdrop ends in hard edges."""
BANDED = 0.04
"""Share of the picture in long staircases."""
SEAM_SHOWS, SEAM_SPOILS = 0.25, 0.5

_WINDOW = 15
_LARGEST = 2048


class Vision:
    """Looks for blankness, blur, bad exposure, banding and seams."""

    name = "vision"

    def look(
        self,
        version: Version,
        picture: Image.Image,
        trace: Trace | None,  # noqa: ARG002 - words do not matter here
        notes: Mapping[str, float] | None = None,
    ) -> list[Finding]:
        """``blank``, ``blur``, ``dark``, ``bright``, ``clipped-shadows``, ``clipped-highlights``,
        ``banding`` and ``seam``, worst first."""
        pixels = np.asarray(_shown(picture))
        bright = luminance(pixels)
        seam = _seam(version, (notes or {}).get("seam", 0.0))
        if float(bright.std()) < BLANK:
            return [*_blank(), *seam]
        found = [
            *seam,
            *_blur(bright, softened=isinstance(version.recipe.task, Upscale)),
            *_exposure(bright),
            *_clipped(bright, high=True),
            *_clipped(bright, high=False),
            *_banding(bright),
        ]
        return sorted(found, key=lambda finding: -finding.score)


def _shown(picture: Image.Image) -> Image.Image:
    """The picture on white where it is transparent, and cut to its middle where it is huge."""
    if picture.mode == "RGBA":
        ground = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(ground, picture)
    width, height = (min(side, _LARGEST) for side in picture.size)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.convert("RGB").crop((left, top, left + width, top + height))


def _finding(
    name: str,
    message: str,
    severity: Severity,
    score: float,
    *,
    region: Box | None = None,
    suggestion: Suggestion | None = None,
) -> Finding:
    return Finding(
        critic="vision",
        name=name,
        message=message,
        severity=severity,
        score=min(max(score, 0.0), 1.0),
        region=region,
        suggestion=suggestion,
    )


def _blank() -> list[Finding]:
    return [_finding("blank", "the picture is one flat colour", "fault", 1.0)]


def _blur(bright: Plane, *, softened: bool) -> list[Finding]:
    """The sharpest edges against what a sharp one would be.

    ``sharpness`` is the 99th percentile, over places next to an edge, of |Laplacian| divided by
    the range of brightness around: about 1 for a hard step, 0.4 behind a Gaussian of one pixel,
    0.07 behind one of three. Fog and flat colour have no edges and get no verdict.
    """
    window = np.ones((_WINDOW, _WINDOW), np.uint8)
    reach: Plane = cv2.dilate(bright, window) - cv2.erode(bright, window)  # pyright: ignore[reportAssignmentType]
    edges = reach > EDGE
    if edges.mean() < 0.002:
        return []
    bend = np.abs(cv2.Laplacian(bright, cv2.CV_32F))[edges] / reach[edges]
    sharpness = float(np.percentile(bend, 99))
    if sharpness >= SHARP:
        return []
    return [
        _finding(
            "blur",
            f"even the sharpest edges are soft ({sharpness:.3f}; sharp ones reach {SHARP:g})",
            "note" if softened else "warning",
            0.2 if softened else 0.4 + 0.6 * (1 - sharpness / SHARP),
        )
    ]


def _exposure(bright: Plane) -> list[Finding]:
    lowest, mean, highest = (
        float(np.percentile(bright, 0.5)),
        float(bright.mean()),
        float(np.percentile(bright, 99.5)),
    )
    if highest < 48:
        return [_finding("dark", "nothing in the picture is bright", "warning", 1 - highest / 96)]
    if lowest > 215:
        return [
            _finding("bright", "nothing in the picture is dark", "warning", (lowest - 175) / 80)
        ]
    if mean < 45:
        return [_finding("dark", "the picture is very dark, as a night is", "note", 0.1)]
    if mean > 232:
        return [_finding("bright", "the picture is very bright", "note", 0.1)]
    return []


def _clipped(bright: Plane, *, high: bool) -> list[Finding]:
    """Highlights or shadows that run into the end of the range and are cut there."""
    depth = 255 - bright if high else bright
    ends = depth < 1.5
    share = float(ends.mean())
    if share < CLIPPED:
        return []
    ring = cv2.dilate(ends.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~ends
    if not ring.any():
        return []
    running_in = float((depth[ring] < 12).mean())
    if running_in < RUNNING_IN:
        return []
    name = "highlights" if high else "shadows"
    return [
        _finding(
            f"clipped-{name}",
            f"{share:.0%} of the picture has lost its detail in the {name}",
            "warning",
            0.3 + share,
        )
    ]


def _banding(bright: Plane) -> list[Finding]:
    share = banded_share(bright)
    if share < BANDED:
        return []
    return [
        _finding(
            "banding",
            f"{share:.0%} of the picture shows steps where it should run smoothly",
            "warning",
            0.3 + share,
        )
    ]


def _seam(version: Version, score: float) -> list[Finding]:
    task = version.recipe.task
    if score < SEAM_SHOWS or not isinstance(task, Inpaint | Outpaint):
        return []
    return [
        _finding(
            "seam",
            f"the edge of the edit shows ({score:.2f}; {SEAM_SHOWS:g} is where eyes notice)",
            "fault" if score >= SEAM_SPOILS else "warning",
            score,
            region=task.region if isinstance(task, Inpaint) else None,
            suggestion=_softer(version, task) if isinstance(task, Inpaint) else None,
        )
    ]


def _softer(version: Version, task: Inpaint) -> Suggestion | None:
    recipe = version.recipe
    if recipe.prompt is None or recipe.sampling is None or not version.parents:
        return None
    feather = min(256, max(4, task.feather * 2))
    return Suggestion(
        operation="inpaint",
        arguments={
            # On the picture before the edit: what was drawn over cannot be blended with.
            "version": version.parents[0],
            "mask": task.mask,
            "prompt": recipe.prompt.text,
            "negative": recipe.prompt.negative,
            "seed": recipe.sampling.seed,
            "strength": task.strength,
            "feather": feather,
        },
        says=f"inpaint again with a feather of {feather} pixels",
    )
