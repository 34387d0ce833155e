"""The judge's network: where each noun is, and from there its colour, count and position.

``training/judge`` makes its weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from maquette.critics.judge.claims import COLOURS, COUNTS
from maquette.errors import ModelRefused

__all__ = [
    "ASKED",
    "DAYTIMES",
    "TIMES",
    "Answers",
    "Looked",
    "Network",
    "Seen",
    "Sight",
    "load_sight",
]

ASKED = {"present": 1, "colour": len(COLOURS), "count": len(COUNTS), "position": 3}
"""Answers about each noun, by their widths."""
DAYTIMES = ("day", "sunset", "dawn", "night")
TIMES = len(DAYTIMES)
"""Answers about the time of day."""
_EMBEDDED = 24


@dataclass(frozen=True)
class Seen:
    """What is seen of a noun: how sure it is there (0 to 1), how probable each colour and each
    count is."""

    present: float
    colours: Mapping[str, float]
    counts: Mapping[int, float]


@dataclass(frozen=True)
class Looked:
    """A look at a picture: each noun, and how probable each of ``DAYTIMES`` is."""

    nouns: Mapping[str, Seen]
    times: Mapping[str, float]


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(8, width), nn.GroupNorm(8, width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv1(functional.silu(self.norm1(x)))
        return x + self.conv2(functional.silu(self.norm2(y)))


@dataclass(frozen=True)
class Answers:
    """Logits: about each noun (N x nouns x …), of the whole picture (N x times), and where nouns
    are (N x nouns x cells x cells)."""

    present: torch.Tensor
    colour: torch.Tensor
    count: torch.Tensor
    position: torch.Tensor
    time: torch.Tensor
    places: torch.Tensor


class Network(nn.Module):
    """Pictures (N x 3 x side x side, -1..1) to `Answers`; ``cells`` is an eighth of the side."""

    def __init__(self, widths: tuple[int, int, int, int], nouns: int, cells: int) -> None:
        super().__init__()
        a, b, c, d = widths
        self.cells = cells
        self.stem = nn.Conv2d(3, a, 4, stride=2, padding=1)
        self.down1 = nn.Conv2d(a, b, 4, stride=2, padding=1)
        self.block1 = _Residual(b)
        self.down2 = nn.Conv2d(b, c, 4, stride=2, padding=1)
        self.block2 = _Residual(c)
        self.down3 = nn.Conv2d(c, d, 3, stride=2, padding=1)
        self.block3 = _Residual(d)
        self.up = nn.Conv2d(d, c, 1)
        self.where = nn.Parameter(torch.zeros(1, c, cells, cells))
        self.block4 = _Residual(c)
        self.norm = nn.GroupNorm(8, c)
        self.places = nn.Conv2d(c, nouns, 1)
        self.value = nn.Conv2d(c, c, 1)
        self.nouns = nn.Parameter(0.1 * torch.randn(nouns, _EMBEDDED))
        self.about = nn.Sequential(
            nn.Linear(c + cells + 2 + _EMBEDDED, 160),
            nn.SiLU(),
            nn.Linear(160, sum(ASKED.values())),
        )
        self.whole = nn.Sequential(nn.Linear(b + c + d, 128), nn.SiLU(), nn.Linear(128, TIMES))
        assert self.places.bias is not None  # noqa: S101 (a convolution has one by default)
        nn.init.constant_(self.places.bias, -3.0)

    def forward(self, pictures: torch.Tensor) -> Answers:
        """Look at a batch."""
        fine = self.block1(self.down1(functional.silu(self.stem(pictures))))
        middle = self.block2(self.down2(functional.silu(fine)))
        coarse = self.block3(self.down3(functional.silu(middle)))
        wide = functional.interpolate(self.up(functional.silu(coarse)), scale_factor=2)
        features = functional.silu(self.norm(self.block4(middle + wide + self.where)))
        places = self.places(features).float()
        # Every noun gathers what is seen where it seems to be.
        share = places.sigmoid().flatten(2)
        values = self.value(features).float().flatten(2)
        mass = share.sum(2, keepdim=True)
        gathered = share @ values.transpose(1, 2) / (mass + 0.3)
        columns = share.unflatten(2, (self.cells, self.cells)).sum(2)
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


class Sight:
    """A loaded judge."""

    def __init__(self, network: nn.Module, nouns: tuple[str, ...], side: int) -> None:
        self.network, self.nouns, self.side = network, nouns, side

    def see(self, picture: Image.Image) -> Mapping[str, Seen]:
        """What a picture shows of each noun."""
        return self.look(picture).nouns

    @torch.inference_mode()
    def look(self, picture: Image.Image) -> Looked:
        """What a picture shows of each noun, and at what time of day."""
        pixels = torch.from_numpy(np.asarray(picture.convert("RGB"), np.float32) / 127.5 - 1)
        whole = pixels.permute(2, 0, 1)[None]
        small = functional.interpolate(whole, size=(self.side, self.side), mode="area")
        answers: Answers = self.network(small)
        sure = answers.present[0].sigmoid()
        colours, counts = answers.colour[0].softmax(1), answers.count[0].softmax(1)
        nouns = {
            noun: Seen(
                float(sure[place]),
                dict(zip(COLOURS, colours[place].tolist(), strict=True)),
                dict(zip(COUNTS, counts[place].tolist(), strict=True)),
            )
            for place, noun in enumerate(self.nouns)
        }
        times = answers.time[0].softmax(0).tolist()
        return Looked(nouns, dict(zip(DAYTIMES, times, strict=True)))


@lru_cache(maxsize=2)
def load_sight(folder: Path) -> Sight:
    """The judge of ``folder`` (``judge.json`` and ``judge.safetensors``), float32, on the CPU.

    Raises:
        ModelRefused: when they cannot be read or do not fit together.
    """
    try:
        card: dict[str, Any] = json.loads((folder / "judge.json").read_text(encoding="utf-8"))
        weights = {k: v.float() for k, v in load_file(folder / "judge.safetensors").items()}
        widths = tuple(
            len(weights[f"{name}.weight"]) for name in ("stem", "down1", "down2", "down3")
        )
        nouns = tuple(str(noun) for noun in card["nouns"])
        a, b, c, d = widths
        network = Network((a, b, c, d), len(nouns), int(card["cells"]))
        network.load_state_dict(weights)
        return Sight(network.eval(), nouns, int(card["side"]))
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelRefused(
            f"the judge in {folder} cannot be read", hint="take it away, or export it again"
        ) from error
