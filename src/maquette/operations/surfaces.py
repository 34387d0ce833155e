"""Finding the surface of a thing in a picture: the wall of a mug or bottle, the front of a box.

Measured from what the thing covers: the straight run of its sides and the sag of its lower edge.
Handles, necks and spouts are left out, because the sides are looked for around the middle.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core.surface import Surface
from maquette.errors import SettingRefused

__all__ = ["find_surface", "thing_mask"]

Flags = npt.NDArray[np.bool_]

_LEAST = 12
"""Rows and columns that a surface has at least, in pixels."""
_ARC = 120.0
"""Degrees of a round wall that a label takes; what lies further round is too slanted to read."""
_MARGIN = 0.1
"""The share of the wall's height that stays free above and below."""
_MOSTLY = 0.6
"""The share of a column in the thing's colour from which the rest is something on it."""
_BAND = 0.25
"""The share of a row in the thing's colour below which something goes all around it there."""
_ABOVE = 0.03
"""How much of the thing, in parts of its height, stands above and below such a band."""
_MOST_BEND = 0.12
_ALIKE = 28.0
"""CIELAB distance, lightness counting half, within which a place is of the wall's colour."""


def thing_mask(picture: Image.Image, rough: Image.Image) -> Image.Image:
    """A mask of the whole thing of which ``rough`` (white = here) covers a part, by colour.

    Rother, Kolmogorov and Blake, "GrabCut: interactive foreground extraction using iterated graph
    cuts", SIGGRAPH 2004: what lies far from the rough mask is surely something else.
    """
    inside = np.asarray(rough.convert("L")) > 127
    if not inside.any():
        raise _nothing()
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    reach = max(4, round(0.35 * max(len(rows), len(columns))))
    likely = np.full(inside.shape, cv2.GC_BGD, np.uint8)
    likely[
        max(0, rows[0] - reach) : rows[-1] + 1 + reach,
        max(0, columns[0] - reach) : columns[-1] + 1 + reach,
    ] = cv2.GC_PR_BGD
    likely[inside] = cv2.GC_PR_FGD
    if (likely == cv2.GC_BGD).any():
        cv2.setRNGSeed(1)
        none: Any = None
        cv2.grabCut(
            np.ascontiguousarray(np.asarray(picture.convert("RGB"))[..., ::-1]),
            likely,
            none,
            np.zeros((1, 65)),
            np.zeros((1, 65)),
            4,
            cv2.GC_INIT_WITH_MASK,
        )
    flags = ((likely == cv2.GC_FGD) | (likely == cv2.GC_PR_FGD)).astype(np.uint8)
    flags &= _of_one_colour(picture, flags)
    # The soft border of a label must not cut a bottle in two.
    tall = int(flags.any(axis=1).sum())
    near = np.ones((max(3, tall // 40 * 2 + 1),) * 2, np.uint8)
    found: Any = cv2.connectedComponents(
        cv2.morphologyEx(flags, cv2.MORPH_CLOSE, near), connectivity=4
    )
    parts = found[1] * flags
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    if not sizes.any():
        raise _nothing()
    return Image.fromarray((parts == int(sizes.argmax())).astype(np.uint8) * np.uint8(255))


def find_surface(covered: Image.Image, *, round_: bool = True) -> Surface:
    """The surface of the thing that a mask (white = the thing) covers.

    ``round_`` takes it for a cylinder and answers the middle ``120`` degrees of its wall; else it
    is a flat front.

    Raises:
        SettingRefused: too small, or no shape with two sides.
    """
    inside = np.asarray(covered.convert("L")) > 127
    runs = _runs(inside)
    if len(runs) < _LEAST:
        raise _nothing()
    widths = runs[:, 2] - runs[:, 1]
    # Handles only ever add to the width, so the narrower rows tell the wall's.
    usual = float(np.percentile(widths, 30))
    body = _longest(runs[(widths > 0.7 * usual) & (widths < 1.35 * usual)])
    body, usual = _below_neck(inside, runs, body, usual)
    if len(body) < _LEAST or usual < _LEAST:
        raise _nothing()
    rows = body[:, 0].astype(np.float64)
    left, right = _line(rows, body[:, 1]), _line(rows, body[:, 2])
    # Beside a handle the rows are wider, but the wall goes on.
    wall = _longest(runs[_covers(runs, left, right)])
    top, bottom = float(wall[0, 0]), float(wall[-1, 0]) + 1
    tall = bottom - top
    bend = _sag(inside, body) / tall if round_ else 0.0
    bend = min(max(bend, 0.0), _MOST_BEND)
    first, last = top + _MARGIN * tall, bottom - (_MARGIN + bend) * tall
    chord = math.sin(math.radians(_ARC) / 2) if round_ else 1 - 2 * _MARGIN

    def ends(row: float) -> tuple[float, float]:
        x0, x1 = left[0] + left[1] * row, right[0] + right[1] * row
        middle, half = (x0 + x1) / 2, (x1 - x0) / 2 * chord
        return middle - half, middle + half

    (a, b), (d, c) = ends(first), ends(last)
    # The ellipse sags less over the label than over the whole wall.
    part = 1 - math.cos(math.radians(_ARC) / 2)
    sag = round(bend * tall * part / (last - first), 4) if round_ else 0.0
    corners = [(a, first), (b, first), (c, last), (d, last)]
    return Surface.model_validate(
        {
            "corners": tuple((round(x, 2), round(y, 2)) for x, y in corners),
            "arc": _ARC if round_ else 0.0,
            "bend": sag,
        }
    )


def _of_one_colour(picture: Image.Image, flags: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """What has the colour of the thing's middle: not the gap in a handle, nor what it holds."""
    deep = cv2.distanceTransform(np.pad(flags, 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    core = deep > 0.5 * deep.max()
    if not core.any():
        return flags
    colours = np.asarray(picture.convert("RGB"), np.float32) / np.float32(255)
    lab = np.asarray(cv2.cvtColor(colours, cv2.COLOR_RGB2LAB))
    apart = (lab - np.median(lab[core], axis=0)) * np.array([0.5, 1, 1], np.float32)
    near = (np.linalg.norm(apart, axis=-1) <= _ALIKE).astype(np.uint8)
    if (near & flags).sum() <= 0.3 * flags.sum():
        return flags
    return near | _between(near & flags)


def _between(near: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """What lies on the thing, a label or a print: columns that mostly have its colour have it from
    their first row to their last (of a handle they have little above and below its gap), and a
    band all around it belongs to it whole."""
    above, below = (np.cumsum(each, axis=0, dtype=np.int64) for each in (near, near[::-1]))
    below = below[::-1]
    span = (above > 0) & (below > 0)
    most = near.sum(axis=0) > _MOSTLY * np.maximum(1, span.sum(axis=0))
    rows = np.flatnonzero(near.any(axis=1))
    tall = _ABOVE * (rows[-1] - rows[0] + 1)
    inner = span & (above > tall) & (below > tall)
    band = near.sum(axis=1) < _BAND * inner.sum(axis=1)
    return ((span & most) | (inner & band[:, None])).astype(np.uint8)


def _nothing() -> SettingRefused:
    return SettingRefused(
        "no surface to put something on was found", hint="give its corners (and arc and bend)"
    )


def _runs(inside: Flags) -> npt.NDArray[np.int64]:
    """Of each row that has one, (row, left, right past the end) of the run around the middle."""
    columns = np.flatnonzero(inside.any(axis=0))
    if not columns.size:
        return np.zeros((0, 3), np.int64)
    # Closing small gaps: a highlight must not cut the wall in two.
    reach = max(3, (int(columns[-1]) - int(columns[0])) // 20 * 2 + 1)
    closed = cv2.morphologyEx(
        inside.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8)
    )
    deep = cv2.distanceTransform(np.pad(closed, 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    middle = int(np.unravel_index(int(np.argmax(deep)), deep.shape)[1]) - 1
    found: list[tuple[int, int, int]] = []
    for row in np.flatnonzero(closed[:, middle]):
        line = np.flatnonzero(closed[row] == 0)
        before, after = line[line < middle], line[line > middle]
        left = int(before[-1]) + 1 if before.size else 0
        right = int(after[0]) if after.size else closed.shape[1]
        found.append((int(row), left, right))
    return np.array(found, np.int64).reshape(-1, 3)


def _below_neck(
    inside: Flags,
    runs: npt.NDArray[np.int64],
    narrow: npt.NDArray[np.int64],
    usual: float,
) -> tuple[npt.NDArray[np.int64], float]:
    """The wider body under a neck, where ``narrow`` is one: it stands around the neck's own middle
    and has about as many rows or more. Beside a neck there is nothing; beside a wall that is
    narrow where it has handles, these are."""
    widths = runs[:, 2] - runs[:, 1]
    wide = runs[widths >= 1.35 * usual]
    if len(narrow) < 2 or len(wide) < _LEAST:
        return narrow, usual
    wider = float(np.median(wide[:, 2] - wide[:, 1]))
    body = _longest(runs[(widths > 0.7 * wider) & (widths < 1.35 * wider)])
    if len(body) < max(_LEAST, 0.7 * len(narrow)):
        return narrow, usual
    middles = [float(np.median((part[:, 1] + part[:, 2]) / 2)) for part in (narrow, body)]
    lower = float(body[:, 0].mean()) > float(narrow[:, 0].mean())
    beside = np.array([inside[row].sum() - inside[row, a:b].sum() for row, a, b in narrow])
    handles = float((beside > 0.05 * usual).mean()) > 0.25
    if handles or not lower or abs(middles[0] - middles[1]) > 0.06 * wider:
        return narrow, usual
    return body, wider


def _covers(
    runs: npt.NDArray[np.int64], left: tuple[float, float], right: tuple[float, float]
) -> Flags:
    """Which rows cover nearly all between two sides."""
    start, end = (side[0] + side[1] * runs[:, 0] for side in (left, right))
    shared = np.minimum(runs[:, 2], end) - np.maximum(runs[:, 1], start)
    return shared > 0.94 * (end - start)


def _longest(body: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The longest stretch of rows that follow each other (gaps of two rows are none)."""
    if not len(body):
        return body
    starts = [0, *(np.flatnonzero(np.diff(body[:, 0]) > 3) + 1).tolist(), len(body)]
    first, last = max(pairwise(starts), key=lambda part: part[1] - part[0])
    return body[first:last]


def _line(rows: npt.NDArray[np.float64], edge: npt.NDArray[np.int64]) -> tuple[float, float]:
    """A straight side (x at row 0, x a row) that outliers do not move: Theil and Sen's."""
    sides = edge.astype(np.float64)
    picked = np.unique(np.linspace(0, len(rows) - 1, 48).round().astype(np.int64))
    y, x = rows[picked], sides[picked]
    apart = y[:, None] - y[None, :]
    some = apart > (y[-1] - y[0]) / 4
    slope = float(np.median((x[:, None] - x[None, :])[some] / apart[some])) if some.any() else 0.0
    slope = min(max(slope, -0.35), 0.35)
    return float(np.median(x - slope * y)), slope


def _sag(inside: Flags, body: npt.NDArray[np.int64]) -> float:
    """How far, in pixels, the lower edge hangs deeper in the middle than at the sides."""
    left, right = int(np.median(body[:, 1])), int(np.median(body[:, 2]))
    wide = right - left
    lowest = np.array(
        [np.flatnonzero(inside[:, x])[-1] if inside[:, x].any() else -1 for x in range(left, right)]
    )
    middle = np.median(lowest[int(0.4 * wide) : max(int(0.6 * wide), int(0.4 * wide) + 1)])
    edge = max(1, int(0.08 * wide))
    sides = np.median(np.concatenate([lowest[edge : 2 * edge], lowest[-2 * edge : -edge]]))
    # At 0.12 and 0.88 of the width an ellipse hangs 0.65 of its depth above its lowest point.
    return max(0.0, float(middle - sides)) / 0.35
