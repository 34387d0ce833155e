"""Control pictures for training: some of the conditions, worn as those of users are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

from training.control.conditions import ABSENT, ARRAYS, CHANNELS, PALETTE, SIDE, WIDTH
from training.degrade import blur, each

Rng = np.random.Generator

#: How many conditions a sample has: none, one, two, three, all.
SHARES = (0.06, 0.6, 0.18, 0.08, 0.08)


def pick(rng: Rng, count: int, posed: np.ndarray) -> np.ndarray:
    """Which conditions each sample has, bool N x 4 in the order of `CHANNELS`.

    posed: which of the pictures have figures (N); no other has a pose. A figure's pose is given
    more often than another condition, since most pictures have none to give.
    """
    names = list(CHANNELS)
    chosen = np.zeros((count, len(names)), bool)
    for row, number in enumerate(rng.choice(len(SHARES), count, p=SHARES)):
        weight = np.ones(len(names))
        weight[names.index("pose")] = 2.0 if posed[row] else 0.0
        most = int((weight > 0).sum())
        kept = rng.choice(len(names), min(number, most), replace=False, p=weight / weight.sum())
        chosen[row, kept] = True
    return chosen


class Conditions:
    """The packed conditions of a run, and control pictures made of them."""

    def __init__(self, folder: Path, where: torch.device) -> None:
        """folder: RUN/control. Raises FileNotFoundError where nothing was drawn."""
        if not (folder / "line.npy").exists():
            raise FileNotFoundError(f"{folder} holds no conditions: training.control.conditions")
        self.where = where
        self.arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ARRAYS}
        self.palette = torch.from_numpy(PALETTE).to(where)

    def __len__(self) -> int:
        return len(self.arrays["line"])

    def _put(self, name: str, rows: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(self.arrays[name][rows])).to(self.where)

    def posed(self, rows: np.ndarray) -> np.ndarray:
        """Which pictures have a figure."""
        return np.isfinite(self.arrays["joints"][rows, 0, 0, 0])

    def _bits(self, name: str, rows: np.ndarray) -> torch.Tensor:
        packed = self._put(name, rows)[..., None]
        places = torch.arange(7, -1, -1, device=self.where)
        return ((packed >> places) & 1).flatten(2)[:, None].float()

    def _lines(self, rows: np.ndarray, rng: Rng) -> torch.Tensor:
        """Line art or edges, some of them broad, with gaps, or soft."""
        count = len(rows)
        drawn = each(rng.random(count) < 0.5, self.palette)
        lines = torch.where(drawn > 0.5, self._bits("line", rows), self._bits("canny", rows))
        broad = each(rng.random(count) < 0.15, lines)
        lines = torch.lerp(lines, F.max_pool2d(lines, 3, 1, 1), broad)
        holes = torch.from_numpy(rng.random((count, 1, 16, 16)).astype(np.float32)).to(self.where)
        gaps = each(np.where(rng.random(count) < 0.2, rng.uniform(0, 0.35, count), 0), lines)
        lines = lines * F.interpolate((holes >= gaps).float(), size=(SIDE, SIDE))
        soft = each(np.where(rng.random(count) < 0.25, rng.random(count), 0), lines)
        return torch.lerp(lines, blur(lines, 0.8), soft)

    def _depth(self, rows: np.ndarray, rng: Rng) -> torch.Tensor:
        """Depth, on another scale as often as not: estimators agree on the order, not on values."""
        count = len(rows)
        near = self._put("depth", rows)[:, None].float() / 255
        bent = near.clamp(min=1e-4) ** each(np.exp(rng.uniform(-0.5, 0.5, count)), near)
        near = torch.lerp(near, bent, each(rng.random(count) < 0.5, near))
        worn = torch.lerp(near, blur(near, 1.5), each(rng.random(count) * 0.7, near))
        return F.interpolate(worn, size=(SIDE, SIDE), mode="bilinear")

    def _pose(self, rows: np.ndarray) -> torch.Tensor:
        """The skeletons in their colours."""
        colours = self.palette[self._put("pose", rows).long()].permute(0, 3, 1, 2).float() / 255
        return F.interpolate(colours, size=(SIDE, SIDE), mode="bilinear")

    def _tile(self, rows: np.ndarray, rng: Rng) -> torch.Tensor:
        """The picture at a quarter, softened."""
        small = self._put("tile", rows).permute(0, 3, 1, 2).float() / 255
        soft = torch.lerp(small, blur(small, 1.6), each(rng.random(len(rows)), small))
        return F.interpolate(soft, size=(SIDE, SIDE), mode="bilinear")

    def make(self, rows: np.ndarray, rng: Rng, chosen: np.ndarray | None = None) -> torch.Tensor:
        """Control pictures of some rows, N x 8 x 256 x 256; `chosen` as `pick` gives it."""
        if chosen is None:
            chosen = pick(rng, len(rows), self.posed(rows))
        control = torch.full((len(rows), WIDTH, SIDE, SIDE), ABSENT, device=self.where)
        makers = {
            "line": lambda r: self._lines(r, rng),
            "depth": lambda r: self._depth(r, rng),
            "pose": self._pose,
            "tile": lambda r: self._tile(r, rng),
        }
        for k, name in enumerate(CHANNELS):
            own = np.flatnonzero(chosen[:, k])
            if len(own):
                made = makers[name](rows[own])
                control[torch.from_numpy(own).to(self.where), CHANNELS[name]] = made
        return control
