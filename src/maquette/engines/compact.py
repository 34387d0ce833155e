"""A small network that enlarges pictures four times, and how a picture goes through it in tiles.

The shape is that of the compact networks of Real-ESRGAN (Wang et al., 2021, arXiv:2107.10833):
3x3 convolutions with PReLU at the small size, one pixel shuffle, and the enlarged input added, so
that the network only has to draw what enlarging by repetition leaves out. Parameters are named as
there (``body.0``, ``body.1``, …), so that other weights of this shape load too.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from maquette.errors import ModelMissing, ModelRefused

__all__ = ["Compact", "enlarge", "load"]

_OVERLAP = 16
"""Pixels that a tile sees beyond its own; convolutions reach one each, so nearly all of it."""


class Compact(nn.Module):
    """RGB pictures (N, 3, height, width), 0 to 1, to ``scale`` times their size.

    Values may leave 0 to 1 a little; ``enlarge`` clips them.
    """

    def __init__(self, features: int = 48, convolutions: int = 14, scale: int = 4) -> None:
        super().__init__()
        self.features, self.convolutions, self.scale = features, convolutions, scale
        layers: list[nn.Module] = [nn.Conv2d(3, features, 3, padding=1), nn.PReLU(features)]
        for _ in range(convolutions):
            layers += [nn.Conv2d(features, features, 3, padding=1), nn.PReLU(features)]
        layers.append(nn.Conv2d(features, 3 * scale * scale, 3, padding=1))
        self.body = nn.ModuleList(layers)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """(N, 3, height, width) to (N, 3, scale * height, scale * width)."""
        out = picture
        for layer in self.body:
            out = layer(out)
        drawn = functional.pixel_shuffle(out, self.scale)
        return drawn + functional.interpolate(picture, scale_factor=self.scale, mode="nearest")


def load(folder: Path, name: str = "upscaler") -> Compact:
    """The network of ``folder/name.safetensors``, whose shape stands in ``folder/name.json``
    (``features``, ``convolutions``, ``scale``); float32, on the CPU.

    Raises:
        ModelMissing: when one of the two files is not there.
        ModelRefused: when they cannot be read or do not fit together.
    """
    card, weights = folder / f"{name}.json", folder / f"{name}.safetensors"
    if not (card.is_file() and weights.is_file()):
        raise ModelMissing(
            f"there is no upscaler in {folder}", hint=f"{weights.name} and {card.name} belong there"
        )
    try:
        shape = json.loads(card.read_text(encoding="utf-8"))
        network = Compact(shape["features"], shape["convolutions"], shape["scale"])
        network.load_state_dict({k: v.float() for k, v in load_file(weights).items()})
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelRefused(
            f"{weights.name} is no upscaler that can be read",
            hint=f"{card.name} beside it must name features, convolutions and scale",
        ) from error
    return network.eval()


@torch.inference_mode()
def enlarge(network: Compact, image: Image.Image, *, tile: int = 256) -> Image.Image:
    """An RGB picture of ``scale`` times the size, drawn tile by tile (``tile`` source pixels a
    side), so that memory does not grow with the picture."""
    weights = next(network.parameters())
    source = np.asarray(image.convert("RGB"))
    height, width = source.shape[:2]
    scale = network.scale
    result = np.empty((height * scale, width * scale, 3), np.uint8)
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            bottom, right = min(top + tile, height), min(left + tile, width)
            y0, x0 = max(0, top - _OVERLAP), max(0, left - _OVERLAP)
            window = source[y0 : bottom + _OVERLAP, x0 : right + _OVERLAP]
            batch = torch.from_numpy(np.array(window)).to(weights.device).permute(2, 0, 1)[None]
            drawn = network(batch.to(weights.dtype) / 255)[0].float().clamp(0, 1) * 255
            pixels = drawn.round().byte().permute(1, 2, 0).cpu().numpy()
            own = pixels[
                (top - y0) * scale : (bottom - y0) * scale,
                (left - x0) * scale : (right - x0) * scale,
            ]
            result[top * scale : bottom * scale, left * scale : right * scale] = own
    return Image.fromarray(result)
