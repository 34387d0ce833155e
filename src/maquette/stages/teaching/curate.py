"""Curation: what is amiss with the pictures of a dataset, and which part of each counts.

Looked at are duplicates (also mirrored ones), blur, size, pictures with nothing on them, and
captions that say nothing; where a judge has looked, it suggests one. What a person has said of an
entry counts before any remark.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core.dataset import Entry, Remark
from maquette.core.geometry import Box, Size
from maquette.core.raster import luminance
from maquette.core.salience import standing_out
from maquette.stages.teaching.captions import Shown, captioned

__all__ = ["GLANCE", "Glance", "crop_for", "curate", "glance_at"]

Plane = npt.NDArray[np.float32]

THUMB = 32
"""Side of the small pictures by which duplicates are told."""
ALIKE = 5.0
"""Root of the mean squared difference of two small pictures, of 255, below which they are one."""
LOOKED = 256
"""Longer side at which sharpness is measured, so that sizes can be compared."""
BLURRED = 0.25
"""A picture is blurred below this share of the set's median sharpness …"""
SOFT = 120.0
"""… and below this sharpness."""
BLANK = 6.0
"""Standard deviation of the brightness, of 255, below which nothing is to be seen."""
SMALL = 0.5
"""A picture is too small below this share of what it is brought to."""
GLANCE = "glance-1"
"""What a kept glance is called; another number when ``glance_at`` sees otherwise."""


@dataclass(frozen=True, eq=False)
class Glance:
    """A picture as curation sees it: ``thumb`` (THUMB, THUMB, 3), ``bright`` its deviation."""

    thumb: Plane
    sharpness: float
    bright: float

    def packed(self) -> dict[str, Any]:
        """As plain values: the thumb's bytes lose nothing, for it was reduced from bytes."""
        thumb = base64.b64encode(self.thumb.astype(np.uint8).tobytes()).decode()
        return {"thumb": thumb, "sharpness": self.sharpness, "bright": self.bright}

    @classmethod
    def unpacked(cls, told: Mapping[str, Any]) -> Glance:
        """Read what ``packed`` wrote.

        Raises:
            ValueError: it is something else.
        """
        try:
            data = base64.b64decode(told["thumb"], validate=True)
            thumb = np.frombuffer(data, np.uint8).reshape(THUMB, THUMB, 3).astype(np.float32)
            return cls(thumb, float(told["sharpness"]), float(told["bright"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"no glance: {error}") from error


def glance_at(image: Image.Image) -> Glance:
    """Look at a picture once."""
    rgb = image.convert("RGB")
    thumb = np.asarray(rgb.resize((THUMB, THUMB), Image.Resampling.BOX), np.float32)
    looked = rgb.copy()
    looked.thumbnail((LOOKED, LOOKED), Image.Resampling.LANCZOS)
    plane = luminance(np.asarray(looked))
    return Glance(thumb, _sharpness(plane), float(plane.std()))


def _sharpness(plane: Plane) -> float:
    """The variance of the Laplacian (Pech-Pacheco and others, "Diatom autofocusing in brightfield
    microscopy", ICPR 2000)."""
    if min(plane.shape) < 3:
        return 0.0
    middle = plane[1:-1, 1:-1]
    around = plane[:-2, 1:-1] + plane[2:, 1:-1] + plane[1:-1, :-2] + plane[1:-1, 2:]
    return float((around - 4 * middle).var())


def curate(
    entries: Sequence[Entry],
    glances: Sequence[Glance],
    size: Size,
    shown: Sequence[Shown] | None = None,
    subject: str = "",
) -> tuple[Entry, ...]:
    """The entries with their remarks, for a model that is taught at ``size``. Of duplicates the
    largest is kept, then the sharpest, then the first. ``shown`` is what a judge sees in each: it
    suggests captions for those that nothing else says one of; ``subject`` is what they show."""
    entries = captioned(entries, shown, subject)
    doubles = _doubles(entries, glances)
    median = float(np.median([glance.sharpness for glance in glances])) if glances else 0.0
    return tuple(
        entry.model_copy(
            update={
                "sharpness": round(glance.sharpness, 1),
                "remarks": (
                    *doubles.get(number, ()),
                    *_single(entry, glance, median, size),
                ),
            }
        )
        for number, (entry, glance) in enumerate(zip(entries, glances, strict=True))
    )


def _single(entry: Entry, glance: Glance, median: float, size: Size) -> Iterable[Remark]:
    if glance.bright < BLANK:
        yield Remark(name="blank", message="there is nothing to be seen", fatal=True)
    elif glance.sharpness < min(SOFT, BLURRED * median):
        much = f"{glance.sharpness:.0f}, the others' median is {median:.0f}"
        yield Remark(name="blur", message=f"blurred: sharpness {much}", fatal=True)
    shown = entry.size if entry.box is None else entry.box
    share = min(shown.width / size.width, shown.height / size.height)
    if share < SMALL:
        told = f"{shown.width}x{shown.height} pixels, for {size}"
        yield Remark(name="small", message=f"small: {told}", fatal=True)
    elif share < 1:
        told = f"{shown.width}x{shown.height} pixels are enlarged to {size}"
        yield Remark(name="small", message=told)
    if entry.box is None and _shape_apart(entry.size, size) > 1.34:
        yield Remark(
            name="crop", message=f"of {entry.size} only the middle is learned: give it a crop"
        )
    if entry.told == "seen":
        yield Remark(name="caption", message="the caption was suggested by looking: read it")
    elif not entry.caption.strip():
        yield Remark(
            name="caption", message="no caption: all that it shows goes to the trigger word"
        )


def _shape_apart(one: Size, other: Size) -> float:
    a, b = one.width / one.height, other.width / other.height
    return max(a / b, b / a)


def _doubles(entries: Sequence[Entry], glances: Sequence[Glance]) -> dict[int, tuple[Remark, ...]]:
    """The remarks of those that are the same as another that is kept."""
    order = sorted(
        range(len(entries)),
        key=lambda n: (-entries[n].size.area, -glances[n].sharpness, n),
    )
    kept: list[int] = []
    found: dict[int, tuple[Remark, ...]] = {}
    seen = np.zeros((len(entries), THUMB * THUMB * 3), np.float32)
    for number in order:
        own = glances[number].thumb
        double = _double(seen[: len(kept)], own)
        if double is None:
            seen[len(kept)] = own.reshape(-1)
            kept.append(number)
            continue
        name, place = double
        first = kept[place] + 1
        same = f"the same as {first}"
        says = same if name == "duplicate" else f"{same} mirrored, which is learned anyway"
        found[number] = (Remark.model_validate({"name": name, "message": says, "fatal": True}),)
    return found


def _double(seen: Plane, own: Plane) -> tuple[str, int] | None:
    """Which of those that were seen is this one, as it is or mirrored."""
    for name, side in (("duplicate", own), ("mirrored", own[:, ::-1])):
        if len(seen):
            apart = np.sqrt(np.square(seen - side.reshape(-1)).mean(axis=1))
            if apart.min() < ALIKE:
                return name, int(apart.argmin())
    return None


def crop_for(image: Image.Image, size: Size) -> Box | None:
    """The part of a picture in the shape of ``size`` where most is to be seen; None where the
    picture has about that shape already.

    What is to be seen is told by the spectral residual (Hou and Zhang, CVPR 2007): what stands out
    from the picture's own spectrum.
    """
    whole = Size(width=image.width, height=image.height)
    if _shape_apart(whole, size) <= 1.1:
        return None
    side = min(whole.width / size.width, whole.height / size.height)
    width, height = round(size.width * side), round(size.height * side)
    salient = standing_out(image)
    if width < whole.width:
        at = _densest(salient.sum(axis=0), width / whole.width)
        return Box(x=round(at * (whole.width - width)), y=0, width=width, height=whole.height)
    at = _densest(salient.sum(axis=1), height / whole.height)
    return Box(x=0, y=round(at * (whole.height - height)), width=whole.width, height=height)


def _densest(line: Plane, share: float) -> float:
    """Where a window of that share holds most, 0 (at the start) to 1 (at the end)."""
    width = max(1, round(share * len(line)))
    sums = np.convolve(line, np.ones(width), mode="valid")
    return float(sums.argmax() / max(1, len(sums) - 1))
