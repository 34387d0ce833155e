"""The judge's network: where each noun is, and from there its colour, count and position."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from training.world.facts import NOUNS, POSITIONS, TIMES
from training.world.palette import COLOURS

#: Side of the pictures it looks at, and of its map.
SIDE, CELLS = 128, 16
COUNTS = (1, 2, 3)
#: Answers about each noun, by their widths.
ASKED = {"present": 1, "colour": len(COLOURS), "count": len(COUNTS), "position": len(POSITIONS)}


class Residual(nn.Module):
    """Two 3x3 convolutions around which the features pass unchanged."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(8, width), nn.GroupNorm(8, width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N x width x H x W to the same."""
        y = self.conv1(F.silu(self.norm1(x)))
        return x + self.conv2(F.silu(self.norm2(y)))


@dataclass
class Answers:
    """Logits: about each noun (N x nouns x …), of the whole picture, and where nouns are."""

    present: torch.Tensor
    colour: torch.Tensor
    count: torch.Tensor
    position: torch.Tensor
    time: torch.Tensor
    places: torch.Tensor


class Judge(nn.Module):
    """Pictures (N x 3 x 128 x 128, -1..1) to `Answers`."""

    def __init__(self, widths: tuple[int, int, int, int] = (24, 48, 96, 160)) -> None:
        super().__init__()
        a, b, c, d = widths
        self.stem = nn.Conv2d(3, a, 4, stride=2, padding=1)
        self.down1 = nn.Conv2d(a, b, 4, stride=2, padding=1)
        self.block1 = Residual(b)
        self.down2 = nn.Conv2d(b, c, 4, stride=2, padding=1)
        self.block2 = Residual(c)
        self.down3 = nn.Conv2d(c, d, 3, stride=2, padding=1)
        self.block3 = Residual(d)
        self.up = nn.Conv2d(d, c, 1)
        self.where = nn.Parameter(torch.zeros(1, c, CELLS, CELLS))
        self.block4 = Residual(c)
        self.norm = nn.GroupNorm(8, c)
        self.places = nn.Conv2d(c, len(NOUNS), 1)
        self.value = nn.Conv2d(c, c, 1)
        self.nouns = nn.Parameter(0.1 * torch.randn(len(NOUNS), 24))
        self.about = nn.Sequential(
            nn.Linear(c + CELLS + 2 + 24, 160), nn.SiLU(), nn.Linear(160, sum(ASKED.values()))
        )
        self.whole = nn.Sequential(nn.Linear(b + c + d, 128), nn.SiLU(), nn.Linear(128, len(TIMES)))
        nn.init.constant_(self.places.bias, -3.0)

    def forward(self, pictures: torch.Tensor) -> Answers:
        """Look at a batch."""
        fine = self.block1(self.down1(F.silu(self.stem(pictures))))
        middle = self.block2(self.down2(F.silu(fine)))
        coarse = self.block3(self.down3(F.silu(middle)))
        mixed = middle + F.interpolate(self.up(F.silu(coarse)), scale_factor=2) + self.where
        features = F.silu(self.norm(self.block4(mixed)))
        places = self.places(features).float()
        # Every noun gathers what is seen where it seems to be.
        share = places.sigmoid().flatten(2)
        values = self.value(features).float().flatten(2)
        mass = share.sum(2, keepdim=True)
        gathered = share @ values.transpose(1, 2) / (mass + 0.3)
        columns = share.unflatten(2, (CELLS, CELLS)).sum(2)
        known = torch.cat(
            [
                gathered,
                torch.log1p(columns),
                torch.log1p(mass),
                share.amax(2, keepdim=True),
                self.nouns.float().expand(len(pictures), -1, -1),
            ],
            2,
        )
        present, colour, count, position = self.about(known).split(list(ASKED.values()), 2)
        sums = torch.cat([x.float().mean((2, 3)) for x in (fine, middle, coarse)], 1)
        return Answers(present[..., 0], colour, count, position, self.whole(sums), places)
