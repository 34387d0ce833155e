"""A small network that marks damaged regions of a picture, for the vision critic."""

from __future__ import annotations

from pathlib import Path

import torch

from training.faults.network import Localiser
from training.fitting import read


def load(folder: Path, device: str | torch.device = "cpu") -> Localiser:
    """The exported localiser of a folder (faults.safetensors), ready to be used."""
    network = Localiser()
    read(network, folder / "faults.safetensors")
    return network.to(device)


__all__ = ["Localiser", "load"]
