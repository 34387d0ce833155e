"""What the model sees in pictures: the states of its network as it looks at them, a little noised.

Diffusion features (DIFT, arXiv 2306.03881): places that show the same part of the same thing have
states that point the same way, wherever they stand in the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from maquette.core.geometry import Size
from maquette.engines.diffusers.latents import encode_image, pixels
from maquette.engines.diffusers.sampling import Settings
from maquette.engines.diffusers.teaching.material import Reader, fitted
from maquette.engines.diffusers.weights import Parts

__all__ = ["features"]

TIMESTEP = 200
"""Of 1000: enough that the network has to understand, not so much that details are gone."""

DRAWS = 4
"""Noises that a picture's states are averaged over."""


@torch.inference_mode()
def features(parts: Parts, images: Sequence[Image.Image], size: Size) -> npt.NDArray[np.float32]:
    """(pictures, places, numbers), each place of unit length; the same every time."""
    family = parts.card.driver
    text = Reader(parts, [], fresh=False)("")
    found: list[npt.NDArray[np.float32]] = []
    seen: list[torch.Tensor] = []
    hook = _middle(parts.network).register_forward_hook(
        lambda _module, _given, answer: seen.append(_states(answer))
    )
    try:
        for image in images:
            latents = encode_image(parts, pixels(fitted(image, None, size)))
            settings = Settings(family.samplers[0], 1, 1.0)
            schedule = family.schedule(parts, settings, latents.shape)
            generator = torch.Generator("cpu").manual_seed(0)
            noise = torch.randn(DRAWS, *latents.shape[1:], generator=generator).to(parts.device)
            times = torch.full((DRAWS,), TIMESTEP, device=parts.device)
            noisy = schedule.at(latents.expand(DRAWS, -1, -1, -1), noise, times)
            extra = family.beside(parts, [text] * DRAWS, settings, noisy.shape)
            context = text.context.expand(DRAWS, -1, -1)
            seen.clear()
            family.predict(parts, noisy.to(parts.dtype), times, context, extra)
            states = seen[-1].float().mean(dim=0)
            states = states - states.mean(dim=0)
            found.append(torch.nn.functional.normalize(states, dim=-1).cpu().numpy())
    finally:
        hook.remove()
    return np.stack(found)


def _middle(network: Any) -> Any:
    """Where things are understood: a UNet's last block but one, a transformer's block two thirds
    of the way."""
    if hasattr(network, "up_blocks"):
        return network.up_blocks[max(0, len(network.up_blocks) - 2)]
    blocks = network.transformer_blocks
    return blocks[(2 * len(blocks)) // 3]


def _states(answer: Any) -> torch.Tensor:
    """(rows, places, numbers), of a UNet's (rows, numbers, y, x) or a transformer's pair of text
    and picture."""
    if isinstance(answer, tuple):
        answer = answer[1]
    return answer.flatten(2).transpose(1, 2) if answer.ndim == 4 else answer
