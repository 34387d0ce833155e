"""Pictures as arrays: comparing them, shaping masks, drawing what was measured.

Pure functions. A picture is uint8 of shape (rows, columns, 3), a mask uint8 of shape
(rows, columns) with 255 = edit; a plane is float32 of shape (rows, columns).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["seam_score"]

Bytes = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]

_SEAM_FLOOR = 8.0


def seam_score(picture: Bytes, mask: Bytes) -> float:
    """How visible the border of an edit is: 0 invisible, towards 1 as bad as it gets.

    ``across`` is the mean absolute step (0 to 255, over channels) between horizontal and vertical
    neighbours of which one lies inside the mask (> 0) and one outside; ``beside`` the same for the
    pairs directly next to those, on either side. With ``excess = max(0, across - beside)`` the
    score is ``excess / (excess + beside + 8)``: a step counts against how busy the picture is
    there, and 8 levels, about what an eye notices in a flat area, halve it.

    A mask without a border inside the picture scores 0.
    """
    inside = mask > 0
    across: list[Plane] = []
    beside: list[Plane] = []
    for axis in (0, 1):
        values = np.moveaxis(picture, axis, 0).astype(np.int16)
        side = np.moveaxis(inside, axis, 0)
        if len(side) < 2:
            continue
        step = np.abs(np.diff(values, axis=0)).mean(axis=-1, dtype=np.float32)
        border = side[1:] != side[:-1]
        near = np.zeros_like(border)
        near[1:] |= border[:-1]
        near[:-1] |= border[1:]
        across.append(step[border])
        beside.append(step[near & ~border])
    steps = np.concatenate(across) if across else np.zeros(0, np.float32)
    if not steps.size:
        return 0.0
    natural = np.concatenate(beside)
    calm = float(natural.mean()) if natural.size else 0.0
    excess = max(0.0, float(steps.mean()) - calm)
    return excess / (excess + calm + _SEAM_FLOOR)
