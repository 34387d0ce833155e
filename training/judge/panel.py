"""The exported judges, and all their answers about a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from training.files import to_unit
from training.fitting import read
from training.judge import style
from training.judge.network import SIDE, Judge
from training.judge.style import Style
from training.judge.train import ask


@dataclass(frozen=True)
class Panel:
    """Both judges: of what is shown, and of style."""

    judge: Judge
    style: Style

    def answers(self, pictures: np.ndarray) -> dict[str, np.ndarray]:
        """What pictures (uint8 N x H x W x 3) show: `present` in 0..1, colour, count, position as
        indices by noun (N x nouns), time and style by picture (N)."""
        whole = to_unit(pictures)
        small, usual = (
            torch.nn.functional.interpolate(whole, size=(side, side), mode="area")
            for side in (SIDE, 2 * SIDE)
        )
        return {**ask(self.judge, small), "style": style.ask(self.style, usual)}


def complete(folder: Path) -> bool:
    """Whether a folder holds both judges."""
    return all((folder / f"{name}.safetensors").is_file() for name in ("judge", "style"))


def load(folder: Path, device: str | torch.device = "cpu") -> Panel:
    """The exported judges of a folder (judge.safetensors, style.safetensors), ready to be asked."""
    panel = Panel(Judge(), Style())
    read(panel.judge, folder / "judge.safetensors")
    read(panel.style, folder / "style.safetensors")
    panel.judge.to(device)
    panel.style.to(device)
    return panel
