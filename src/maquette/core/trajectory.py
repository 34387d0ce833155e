"""Trajectories: the unfinished drawing after a few of its steps, kept to go on from.

What a sampler has after some steps is a tensor of latents at one timestep. Kept beside the token
maps it costs a few kilobytes, and a drawing with other words or more steps can begin there instead
of in noise. It is kept in the form that the network reads, so that any sampler can take it up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

__all__ = ["KEEP_AT", "Kept", "as_picture", "from_picture", "nearest", "steps_to_keep"]

KEEP_AT = (0.1, 0.25, 0.5, 0.75)
"""The shares of a drawing's steps before which its latents are kept. After a tenth things have
their places, but neither their size nor their light."""


class Kept(BaseModel):
    """The latents before step ``step`` (from 0) of ``steps``, at ``timestep`` of the noise
    schedule (the trained one's: 999 is noise, 0 the finished picture, for most models).

    ``latents`` has the shape (channels, rows, columns), float32.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
    step: int = Field(ge=1)
    steps: int = Field(ge=1)
    timestep: float = Field(ge=0)
    latents: npt.NDArray[np.float32]

    @property
    def share(self) -> float:
        """How much of the steps lay behind it, 0 to 1."""
        return self.step / self.steps


def steps_to_keep(steps: int) -> frozenset[int]:
    """Before which of so many steps (from 0) the latents are kept: none before the first."""
    return frozenset(step for share in KEEP_AT if 0 < (step := round(share * steps)) < steps)


def nearest(kept: Sequence[Kept], share: float) -> Kept | None:
    """What was kept nearest to a share of the steps, the earlier one of two; None of nothing."""
    return min(kept, key=lambda each: (abs(each.share - share), each.step), default=None)


def as_picture(kept: Kept) -> Image.Image:
    """Latents as a picture of numbers (mode F), the channels below one another: that is how an
    engine is handed everything else that a recipe names."""
    channels, rows, columns = kept.latents.shape
    image = Image.fromarray(
        np.ascontiguousarray(kept.latents, dtype=np.float32).reshape(channels * rows, columns)
    )
    image.info = {"rows": rows, "timestep": kept.timestep}
    return image


def from_picture(image: Image.Image) -> tuple[npt.NDArray[np.float32], float]:
    """What ``as_picture`` made: latents (channels, rows, columns) and their timestep.

    Raises:
        ValueError: for any other picture.
    """
    rows, timestep = image.info.get("rows"), image.info.get("timestep")
    if image.mode != "F" or not isinstance(rows, int) or not isinstance(timestep, float):
        raise ValueError("these are no latents")
    if rows < 1 or image.height % rows:
        raise ValueError(f"{image.height} rows are not whole channels of {rows}")
    latents = np.array(image, dtype=np.float32)
    return latents.reshape(image.height // rows, rows, image.width), timestep
