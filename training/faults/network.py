"""The localiser: a U-shaped network from a picture to the probability of damage by place.

Plain torch and nothing of the training, so that a critic can take it over as it is.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

#: Side of the pictures it learns on, and of its answer; any multiples of 16 do.
SIDE, CELLS = 256, 64


class Residual(nn.Module):
    """Two normalised 3x3 convolutions around which the features pass unchanged."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(4, width), nn.GroupNorm(4, width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N x width x H x W to the same."""
        y = self.conv1(F.silu(self.norm1(x)))
        return x + self.conv2(F.silu(self.norm2(y)))


class Localiser(nn.Module):
    """Pictures (N x 3 x H x W, -1..1) to logits of damage (N x H/4 x W/4)."""

    def __init__(self, widths: tuple[int, int, int, int] = (12, 24, 48, 88)) -> None:
        super().__init__()
        a, b, c, d = widths
        self.down1 = nn.Conv2d(3, a, 4, stride=2, padding=1)
        self.down2 = nn.Conv2d(a, b, 4, stride=2, padding=1)
        self.block2 = Residual(b)
        self.down3 = nn.Conv2d(b, c, 4, stride=2, padding=1)
        self.down4 = nn.Conv2d(c, d, 4, stride=2, padding=1)
        self.block4 = Residual(d)
        self.up3 = nn.Conv2d(d, c, 1)
        self.block3 = Residual(c)
        self.up2 = nn.Conv2d(c, b, 1)
        self.block1 = Residual(b)
        self.norm = nn.GroupNorm(4, b)
        self.head = nn.Conv2d(b, 1, 1)
        nn.init.constant_(self.head.bias, -3.0)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Mark a batch."""
        fine = self.block2(self.down2(F.silu(self.down1(pictures))))
        middle = self.down3(F.silu(fine))
        coarse = self.block4(self.down4(F.silu(middle)))
        middle = self.block3(middle + F.interpolate(self.up3(F.silu(coarse)), scale_factor=2))
        fine = self.block1(fine + F.interpolate(self.up2(F.silu(middle)), scale_factor=2))
        return self.head(F.silu(self.norm(fine)))[:, 0]
