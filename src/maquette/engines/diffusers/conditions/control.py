"""ControlNet (arXiv 2302.05543): a copy of the network's first half reads a map and adds to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image

from maquette.core.conditioning import Control
from maquette.core.geometry import Box, Size
from maquette.engines.diffusers.conditions.maps import Drawn, keeps, to_tensor, window
from maquette.engines.diffusers.hooks import Call, Condition, Hole

__all__ = ["CHANNELS", "ControlCondition", "active", "assemble", "for_rows"]

CHANNELS: Mapping[str, slice] = {
    "line": slice(0, 1),
    "depth": slice(1, 2),
    "pose": slice(2, 5),
    "tile": slice(5, 8),
}
"""Where a network of eight channels reads each condition; one that is not given holds -1."""
ABSENT = -1.0
_GROUPS = {"canny": "line", "lineart": "line", "scribble": "line"}


def assemble(maps: Sequence[Drawn], size: Size, region: Box | None) -> torch.Tensor:
    """A control picture of eight channels, (1, 8, height, width), 0 to 1 and -1 where none is."""
    control = torch.full((1, 8, size.height, size.width), ABSENT)
    for condition, image in maps:
        channels = CHANNELS[_GROUPS.get(condition, condition)]
        mode = "L" if channels.stop - channels.start == 1 else "RGB"
        control[:, channels] = to_tensor(window(image.convert(mode), size, region))
    return control


@dataclass(eq=False)
class ControlCondition(Condition):
    """Residuals of one ControlNet at each step, for one map or for several together.

    ``picture`` is (1, channels, height, width), or so many as there are canvases; ``network`` a
    diffusers ControlNetModel.
    """

    network: Any
    picture: torch.Tensor
    strength: float
    start: float
    end: float

    @classmethod
    def filling(cls, network: Any, control: Control, holes: Sequence[Hole]) -> ControlCondition:
        """For a network that fills holes: -1 there, as the first of them was trained."""
        seen = [to_tensor(image.convert("RGB")) for image, _ in holes]
        for picture, (_, mask) in zip(seen, holes, strict=True):
            picture.masked_fill_(keeps(mask) == 0, -1)
        return cls(network, torch.cat(seen), control.strength, control.start, control.end)

    @classmethod
    def of(
        cls,
        network: Any,
        controls: Sequence[Control],
        images: Sequence[Image.Image],
        size: Size,
        region: Box | None,
    ) -> ControlCondition:
        """For maps that go into one call: all of a network of eight channels, else one."""
        drawn = [(each.condition, image) for each, image in zip(controls, images, strict=True)]
        if network.config.conditioning_channels == 8:
            picture = assemble(drawn, size, region)
        else:
            mode = "L" if network.config.conditioning_channels == 1 else "RGB"
            picture = to_tensor(window(images[0].convert(mode), size, region))
        first = controls[0]
        return cls(network, picture, first.strength, first.start, first.end)

    def before(self, call: Call) -> Mapping[str, Any]:
        """``down_block_additional_residuals`` and ``mid_block_additional_residual``."""
        if not active(call, self.start, self.end) or self.strength == 0:
            return {}
        kind = self.network.dtype
        rows = call.spread(call.latents)
        options: dict[str, Any] = dict(call.extra)
        down, middle = self.network(
            rows.to(kind),
            call.timestep,
            encoder_hidden_states=call.aim.context.to(kind),
            controlnet_cond=for_rows(self.picture, call, rows).to(rows.device, kind),
            conditioning_scale=self.strength,
            return_dict=False,
            **options,
        )
        own = call.parts.dtype
        return {
            "down_block_additional_residuals": [each.to(own) for each in down],
            "mid_block_additional_residual": middle.to(own),
        }


def for_rows(picture: torch.Tensor, call: Call, rows: torch.Tensor) -> torch.Tensor:
    """What all canvases are shown, (1, …), or each its own, (pictures, …), for the rows."""
    alike = len(picture) == 1
    return picture.expand(len(rows), -1, -1, -1) if alike else call.spread(picture)


def active(call: Call, start: float, end: float) -> bool:
    """Whether a step lies wholly between two shares of the schedule, as the stock pipeline asks."""
    after = call.share + 1 / call.steps
    return call.share >= start - 1e-9 and after <= end + 1e-9
