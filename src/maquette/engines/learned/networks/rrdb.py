"""ESRGAN's generator: residual blocks of densely connected blocks.

Wang et al., "ESRGAN: enhanced super-resolution generative adversarial networks", 2018,
arXiv:1809.00219; folding pixels into channels for scales 1 and 2 after Real-ESRGAN, 2021,
arXiv:2107.10833. Parameters are named as in their published weights.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

__all__ = ["Rrdb"]

_KEPT = 0.2
"""The share of a block's work that is added to what came in."""


def _leaky(x: torch.Tensor) -> torch.Tensor:
    return functional.leaky_relu(x, 0.2)


class _Dense(nn.Module):
    """Five convolutions, each of which sees what all before it made."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        for at in range(5):
            out = growth if at < 4 else features
            self.add_module(f"conv{at + 1}", nn.Conv2d(features + at * growth, out, 3, padding=1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, features, height, width), in and out."""
        seen = x
        for at in range(4):
            made = _leaky(self.get_submodule(f"conv{at + 1}")(seen))
            seen = torch.cat([seen, made], 1)
        return x + _KEPT * self.get_submodule("conv5")(seen)


class _Block(nn.Module):
    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        self.rdb1 = _Dense(features, growth)
        self.rdb2 = _Dense(features, growth)
        self.rdb3 = _Dense(features, growth)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, features, height, width), in and out."""
        return x + _KEPT * self.rdb3(self.rdb2(self.rdb1(x)))


class Rrdb(nn.Module):
    """RGB (N, 3, height, width), 0 to 1, to ``ups / folded`` times the size; sides must be
    multiples of ``folded``."""

    def __init__(self, features: int, growth: int, blocks: int, folded: int, ups: int) -> None:
        super().__init__()
        self.folded, self.ups = folded, ups
        self.conv_first = nn.Conv2d(3 * folded * folded, features, 3, padding=1)
        self.body = nn.Sequential(*(_Block(features, growth) for _ in range(blocks)))
        self.conv_body = nn.Conv2d(features, features, 3, padding=1)
        self.conv_up1 = nn.Conv2d(features, features, 3, padding=1)
        if ups == 4:
            self.conv_up2 = nn.Conv2d(features, features, 3, padding=1)
        self.conv_hr = nn.Conv2d(features, features, 3, padding=1)
        self.conv_last = nn.Conv2d(features, 3, 3, padding=1)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """See the class."""
        if self.folded > 1:
            picture = functional.pixel_unshuffle(picture, self.folded)
        x = self.conv_first(picture)
        x = x + self.conv_body(self.body(x))
        x = _leaky(self.conv_up1(functional.interpolate(x, scale_factor=2, mode="nearest")))
        if self.ups == 4:
            x = _leaky(self.conv_up2(functional.interpolate(x, scale_factor=2, mode="nearest")))
        return self.conv_last(_leaky(self.conv_hr(x)))
