"""A small network that reads depth and joints off a picture: the measure of a ControlNet.

Trained on rendered pictures only, never on a model's, so that it is independent of what it
measures. Writes RUN/control/reader (checkpoint, curve) and, beside the judges that ship,
RUN/judge/reader.safetensors and reader.json.
"""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from maquette.core.figure import JOINTS
from training import degrade, fitting
from training.autoencoder import held_out
from training.control.conditions import SIDE
from training.control.given import Conditions
from training.device import autocast
from training.faults.network import Residual
from training.files import to_unit

#: Side of what it says: depth and a map of each joint.
CELLS = 64
#: Spread of a joint in its map, in cells.
SPREAD = 1.5


FILE = "reader.safetensors"


class Reader(nn.Module):
    """Pictures (N x 3 x 256 x 256, -1..1) to N x (1 + joints) x 64 x 64: depth 0..1, and logits of
    where each joint is."""

    def __init__(self, widths: tuple[int, int, int, int] = (16, 32, 64, 96)) -> None:
        super().__init__()
        a, b, c, d = widths
        self.down1 = nn.Conv2d(3, a, 4, stride=2, padding=1)
        self.down2 = nn.Conv2d(a, b, 4, stride=2, padding=1)
        self.block2 = Residual(b)
        self.down3 = nn.Conv2d(b, c, 4, stride=2, padding=1)
        self.down4 = nn.Conv2d(c, d, 4, stride=2, padding=1)
        self.block4 = Residual(d)
        self.down5 = nn.Conv2d(d, d, 4, stride=2, padding=1)
        self.block5 = Residual(d)
        # What is near is low in the picture: places are worth knowing.
        self.where = nn.Parameter(torch.zeros(1, d, 8, 8))
        self.up4 = nn.Conv2d(d, d, 1)
        self.up3, self.up2 = nn.Conv2d(d, c, 1), nn.Conv2d(c, b, 1)
        self.block3, self.block1 = Residual(c), Residual(b)
        self.norm = nn.GroupNorm(4, b)
        self.head = nn.Conv2d(b, 1 + len(JOINTS), 1)
        nn.init.constant_(self.head.bias[1:], -4.0)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Read a batch."""

        def larger(x: torch.Tensor) -> torch.Tensor:
            return F.interpolate(x, scale_factor=2)

        fine = self.block2(self.down2(F.silu(self.down1(pictures))))
        middle = self.down3(F.silu(fine))
        coarse = self.block4(self.down4(F.silu(middle)))
        whole = self.block5(self.down5(F.silu(coarse)) + self.where)
        coarse = coarse + larger(self.up4(F.silu(whole)))
        middle = self.block3(middle + larger(self.up3(F.silu(coarse))))
        fine = self.block1(fine + larger(self.up2(F.silu(middle))))
        return self.head(F.silu(self.norm(fine)))


def heatmaps(joints: np.ndarray) -> np.ndarray:
    """Maps of joints (N x figures x joints x 3, as packed): float32 N x joints x 64 x 64, 1 at
    each joint that can be seen."""
    cells = np.arange(CELLS) + 0.5
    at = joints[..., :2] * (CELLS / SIDE)
    seen = np.nan_to_num(joints[..., 2])
    across, down = (
        np.exp(-0.5 * ((cells - np.nan_to_num(at[..., k, None], nan=-99)) / SPREAD) ** 2)
        for k in (0, 1)
    )
    maps = down[..., :, None] * across[..., None, :] * seen[..., None, None]
    return maps.max(1).astype(np.float32)


class Task:
    """Learning to read depth and joints off renders, some of them as soft as a model's pictures."""

    def __init__(self, network: Reader, run: Path, where: torch.device) -> None:
        self.network, self.where = network.to(where, memory_format=torch.channels_last), where
        self.pictures = np.load(run / "pictures.npy", mmap_mode="r")
        self.conditions = Conditions(run / "control", where)
        trained = len(self.pictures) - held_out(len(self.pictures))
        self.count = min(len(self.conditions), trained)

    def loss(self, rng: np.random.Generator, count: int) -> dict[str, torch.Tensor]:
        """Mean error of depth, and cross entropy of joints."""
        rows = np.sort(rng.integers(0, self.count, count))
        pictures = to_unit(np.array(self.pictures[rows])).to(self.where)
        worn = degrade.some(lambda x: degrade.soften(x, rng, 2.0), pictures, rng, 0.6)
        worn = degrade.some(lambda x: degrade.tint(x, rng), worn, rng, 0.3).clamp(-1, 1)
        with autocast(self.where):
            told = self.network(worn.contiguous(memory_format=torch.channels_last)).float()
        depth = torch.from_numpy(np.array(self.conditions.arrays["depth"][rows])).to(self.where)
        near = F.adaptive_avg_pool2d(depth[:, None].float() / 255, CELLS)[:, 0]
        maps = torch.from_numpy(heatmaps(self.conditions.arrays["joints"][rows])).to(self.where)
        missed = F.binary_cross_entropy_with_logits(told[:, 1:], maps, reduction="none")
        return {
            "depth": (told[:, 0] - near).abs().mean(),
            # A joint is few cells of many: each counts as much as a hundred without one.
            "joints": (missed * (1 + 100 * maps)).mean(),
        }


@torch.no_grad()
def look(network: Reader, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Depth (N x 64 x 64) and the most likely place of each joint (N x joints x 2, in pixels)."""
    where = network.head.weight.device
    told = torch.cat([network(x.to(where)).float().cpu() for x in to_unit(pictures).split(16)])
    best = told[:, 1:].flatten(2).argmax(2)
    # The mean around the highest cell is finer than the cell.
    maps = told[:, 1:].sigmoid()
    cells = torch.arange(CELLS) + 0.5
    near = [
        torch.exp(-0.5 * ((cells - (b[..., None] + 0.5)) / SPREAD) ** 2)
        for b in (best % CELLS, best // CELLS)
    ]
    around = maps * near[1][..., :, None] * near[0][..., None, :]
    mass = around.sum((2, 3)) + 1e-9
    x = (around.sum(2) * cells).sum(2) / mass
    y = (around.sum(3) * cells).sum(2) / mass
    return told[:, 0].numpy(), torch.stack([x, y], 2).numpy() * (SIDE / CELLS)


def load(folder: Path) -> Reader:
    """The exported reader of a folder, ready to look."""
    network = Reader()
    fitting.read(network, folder / FILE)
    return network


def readers(
    run: Path, where: torch.device, *, minutes: float = 4.0, steps: int | None = None
) -> Reader:
    """The reader of a run, trained when there is none."""
    folder = run / "control" / "reader"
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(3)
    network = Reader()
    if not (folder / "done").exists():
        until = math.inf if steps is not None else time.time() + 60 * minutes
        fitting.fit(
            Task(network, run, where),
            folder,
            until=until,
            most_steps=steps,
            rate=2e-3,
            batch=32 if where.type == "cpu" else 256,
        )
        (folder / "done").touch()
    network.cpu()
    steps = fitting.trained(network, folder)
    if not (run / "judge" / FILE).exists():
        fitting.export(network, run / "judge", "reader", {"steps": steps})
    return network.to(where, memory_format=torch.channels_last)
