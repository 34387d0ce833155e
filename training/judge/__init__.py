"""The judge: a small network, trained on rendered pictures only, that says what a picture shows."""

from __future__ import annotations

from pathlib import Path

import torch

from training.fitting import read
from training.judge.network import Judge


def load(folder: Path, device: str | torch.device = "cpu") -> Judge:
    """The exported judge of a folder (judge.safetensors), ready to be asked."""
    judge = Judge()
    read(judge, folder / "judge.safetensors")
    return judge.to(device)


__all__ = ["Judge", "load"]
