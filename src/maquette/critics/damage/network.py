"""The fault localiser: a U-shaped network from a picture to the probability of damage by place.

``training/faults`` makes its weights, from renders that were damaged at known places; it is a
judge of such pictures only, so it stands beside the model that draws them.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from maquette.errors import ModelRefused

__all__ = ["CELLS", "SIDE", "Localiser", "Residual", "load_localiser", "mark"]

SIDE, CELLS = 256, 64
"""Side of the pictures it learns on, and of its answer; any multiples of 16 do."""


class Residual(nn.Module):
    """Two normalised 3x3 convolutions around which the features pass unchanged."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(4, width), nn.GroupNorm(4, width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N x width x H x W to the same."""
        y = self.conv1(functional.silu(self.norm1(x)))
        return x + self.conv2(functional.silu(self.norm2(y)))


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
        with torch.no_grad():
            self.head.bias.fill_(-3.0)  # pyright: ignore[reportOptionalMemberAccess]

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Mark a batch."""
        enlarged = functional.interpolate
        fine = self.block2(self.down2(functional.silu(self.down1(pictures))))
        middle = self.down3(functional.silu(fine))
        coarse = self.block4(self.down4(functional.silu(middle)))
        middle = middle + enlarged(self.up3(functional.silu(coarse)), scale_factor=2)
        middle = self.block3(middle)
        fine = fine + enlarged(self.up2(functional.silu(middle)), scale_factor=2)
        return self.head(functional.silu(self.norm(self.block1(fine))))[:, 0]


@torch.inference_mode()
def mark(network: Localiser, picture: Image.Image) -> npt.NDArray[np.float32]:
    """How probable damage is at each place of an RGB picture: CELLS x CELLS, whatever its size."""
    small = picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    batch = torch.from_numpy(np.array(small)).permute(2, 0, 1)[None].float() / 127.5 - 1
    return network(batch).sigmoid()[0].numpy()


@lru_cache(maxsize=2)
def load_localiser(folder: Path) -> Localiser:
    """The localiser of ``folder`` (``faults.safetensors``), float32, on the CPU.

    Raises:
        ModelRefused: when it cannot be read or has another shape.
    """
    try:
        network = Localiser()
        weights = load_file(folder / "faults.safetensors")
        network.load_state_dict({name: value.float() for name, value in weights.items()})
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelRefused(
            f"the fault localiser in {folder} cannot be read",
            hint="take it away, or export it again",
        ) from error
    return network.eval()
