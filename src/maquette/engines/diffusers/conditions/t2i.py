"""T2I-Adapter (arXiv 2302.08453): features of a map, computed once, added to the way down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image

from maquette.core.conditioning import Control
from maquette.core.geometry import Box, Size
from maquette.engines.diffusers.conditions.control import active
from maquette.engines.diffusers.conditions.maps import to_tensor, window
from maquette.engines.diffusers.hooks import Call, Condition

__all__ = ["AdapterCondition"]


@dataclass(eq=False)
class AdapterCondition(Condition):
    """``features`` of the network's levels, each (1, channels, rows, columns), already scaled."""

    features: tuple[torch.Tensor, ...]
    start: float
    end: float

    @classmethod
    @torch.inference_mode()
    def of(
        cls, network: Any, control: Control, image: Image.Image, size: Size, region: Box | None
    ) -> AdapterCondition:
        """``network`` is a diffusers T2IAdapter, which reads one channel or three."""
        mode = "L" if network.config.in_channels == 1 else "RGB"
        picture = to_tensor(window(image.convert(mode), size, region))
        found = network(picture.to(network.device, network.dtype))
        scaled = tuple(each * control.strength for each in found)
        return cls(scaled, control.start, control.end)

    def before(self, call: Call) -> Mapping[str, Any]:
        """``down_intrablock_additional_residuals``; a new list each time, since the UNet empties
        it."""
        if not active(call, self.start, self.end):
            return {}
        rows = len(call.spread(call.latents))
        like = call.latents.device, call.parts.dtype
        spread = [each.to(*like).expand(rows, -1, -1, -1) for each in self.features]
        return {"down_intrablock_additional_residuals": spread}
