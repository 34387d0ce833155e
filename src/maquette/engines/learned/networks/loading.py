"""From a safetensors file to a network that is ready to draw."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from maquette.engines.compact import Compact
from maquette.engines.learned.networks.rrdb import Rrdb
from maquette.engines.learned.networks.swinir import SwinIR
from maquette.engines.learned.shapes import Shape, plain_name
from maquette.errors import ModelRefused

__all__ = ["drawer", "load_network"]

Floats = npt.NDArray[np.float32]

_COMPUTED = ("attn_mask", "relative_position_index")
"""Tensors of published files that follow from the sizes alone."""


def load_network(path: Path, shape: Shape) -> nn.Module:
    """The network with its weights, float32, on the processor or the GPU that torch sees.

    Raises:
        ModelRefused: a tensor is missing, too many, or of another shape.
    """
    network = _empty(shape)
    try:
        held = load_file(path)
        weights = {
            plain_name(name): tensor.float()
            for name, tensor in held.items()
            if not name.endswith(_COMPUTED)
        }
        network.load_state_dict(weights)
    except (OSError, SafetensorError, RuntimeError) as error:
        says = str(error).splitlines()
        raise ModelRefused(
            f"{path.name} does not fit its family ({shape.family}):"
            f" {(says[1] if len(says) > 1 else says[0]).strip()[:160]}",
            hint="get it again, or another network",
        ) from error
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return network.eval().to(device)


def _empty(shape: Shape) -> nn.Module:
    sizes: dict[str, Any] = dict(shape.sizes)
    try:
        match shape.family:
            case "compact":
                return Compact(**sizes, scale=shape.scale)
            case "rrdb":
                return Rrdb(**sizes)
            case "swinir":
                return SwinIR(**sizes, scale=shape.scale)
    except (ValueError, RuntimeError, ZeroDivisionError) as error:
        raise ModelRefused(f"no network has these sizes: {sizes}") from error


def drawer(network: nn.Module, multiple: int) -> Callable[[Floats], Floats]:
    """The network as a function of arrays (rows, columns, 3), 0 to 1; sides are brought to
    ``multiple`` by mirroring, and the answer is cut."""
    where = next(network.parameters()).device

    @torch.inference_mode()
    def draw(part: Floats) -> Floats:
        rows, columns = part.shape[:2]
        picture = torch.from_numpy(part).permute(2, 0, 1)[None].to(where)
        down, right = -rows % multiple, -columns % multiple
        if down or right:
            mirrored = down < rows and right < columns
            mode = "reflect" if mirrored else "replicate"
            picture = functional.pad(picture, (0, right, 0, down), mode)
        made = network(picture)[0].permute(1, 2, 0).float().cpu().numpy()
        scale = made.shape[0] // (rows + down)
        return np.ascontiguousarray(made[: rows * scale, : columns * scale])

    return draw
