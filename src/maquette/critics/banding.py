"""Staircases of brightness where a picture should run smoothly."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["banded_share"]

Plane = npt.NDArray[np.float32]

PLATEAU = 6
"""A step of a staircase is at least so many pixels of one brightness."""
STEPS = 5
"""So many steps in one direction make a staircase; layered hills have fewer."""
LOWEST, HIGHEST = 1.5, 12.0
"""How high a step is, in levels: 8 bits cannot avoid one, and more than twelve is an edge."""
EDGE = 3
"""Pixels that a step may take."""
_LINES = 192


def banded_share(bright: Plane) -> float:
    """The share of the picture that lies in staircases, 0 to 1, in the worse of two directions.

    ``bright`` is brightness from 0 to 255. At most 192 rows and columns are looked at, evenly
    spread.
    """
    return max(_share_of_lines(bright), _share_of_lines(bright.T))


def _share_of_lines(bright: Plane) -> float:
    lines = bright[:: max(1, len(bright) // _LINES)]
    level = np.zeros((len(lines), lines.shape[1] + 1), np.int8)
    level[:, 1:-1] = np.abs(np.diff(lines, axis=1)) <= 0.5
    turns = np.diff(level, axis=1)
    (rows, starts), (_, ends) = np.nonzero(turns == 1), np.nonzero(turns == -1)
    long = ends - starts >= PLATEAU - 1
    rows, starts, ends = rows[long], starts[long], ends[long]
    if len(starts) <= STEPS:
        return 0.0
    # From each plateau to the next one of its line; lines never join.
    rise = lines[rows[1:], starts[1:]] - lines[rows[:-1], ends[:-1]]
    step = (np.abs(rise) >= LOWEST) & (np.abs(rise) <= HIGHEST)
    step &= (starts[1:] - ends[:-1] <= EDGE) & (rows[1:] == rows[:-1])
    direction = np.where(step, np.sign(rise), 0).astype(np.int8)
    changes = np.flatnonzero(np.diff(direction)) + 1
    firsts = np.concatenate([[0], changes])
    lasts = np.concatenate([changes, [len(direction)]])
    stairs = (direction[firsts] != 0) & (lasts - firsts >= STEPS)
    return float((ends[lasts[stairs]] - starts[firsts[stairs]]).sum() / lines.size)
