"""Pictures to latents and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image

from maquette.engines.diffusers.weights import Parts

__all__ = ["decode", "encode_image", "hole", "mask_latents", "preview"]


def pixels(image: Image.Image) -> torch.Tensor:
    """(1, 3, height, width), -1 to 1."""
    array = np.asarray(image.convert("RGB"), dtype=np.float32)
    return torch.from_numpy(array).permute(2, 0, 1)[None] / 127.5 - 1


def hole(image: Image.Image, mask: Image.Image) -> torch.Tensor:
    """A picture as ``pixels``, grey (0) wherever the mask is at least half white."""
    keep = torch.from_numpy(np.asarray(mask.convert("L")) < 128)
    return pixels(image) * keep


@torch.inference_mode()
def encode_image(parts: Parts, image: torch.Tensor, *, shifted: bool = True) -> torch.Tensor:
    """(1, 3, height, width) in -1 to 1 to latents (1, channels, rows, columns), float32.

    The most likely latents, not a sample of them: the same picture always starts from the same.
    Not ``shifted``: scaled alone, as some ControlNets were trained to read them.
    """
    parts.turn(parts.vae)
    answer = parts.vae.encode(image.to(parts.device, parts.vae.dtype))
    found = answer.latents if hasattr(answer, "latents") else answer.latent_dist.mode()
    shift = _shift(parts)
    if shift and shifted:
        found = found - shift
    return (found * parts.vae.config.scaling_factor).float()


def mask_latents(mask: Image.Image, scale: int) -> torch.Tensor:
    """(1, 1, rows, columns): 1 for every latent cell that holds any white at all."""
    array = torch.from_numpy((np.asarray(mask.convert("L")) > 0).astype(np.float32))
    return torch.nn.functional.max_pool2d(array[None, None], scale)


@torch.inference_mode()
def decode(parts: Parts, latents: torch.Tensor) -> Image.Image:
    """Latents of one picture, (1, channels, rows, columns), to RGB."""
    unscaled = latents / parts.vae.config.scaling_factor
    shift = _shift(parts)
    if shift:
        unscaled = unscaled + shift
    parts.turn(parts.vae)
    image = parts.vae.decode(unscaled.to(parts.vae.dtype), return_dict=False)[0]
    array = (image[0].float() / 2 + 0.5).clamp(0, 1).permute(1, 2, 0).cpu().numpy()
    return Image.fromarray((array * 255).round().astype(np.uint8))


@torch.inference_mode()
def preview(parts: Parts, latents: torch.Tensor) -> Image.Image:
    """A small, rough picture: by the model's linear factors if it brings any, else decoded.

    MODEL.json's ``preview`` is ``{"weight": 3 lists of channels, "bias": 3 numbers}``, from
    scaled latents to RGB in -1 to 1; a cell becomes one pixel.
    """
    factors: Mapping[str, Any] | None = parts.card.about.get("preview")
    if not factors:
        return decode(parts, latents)
    weight = torch.tensor(factors["weight"], dtype=torch.float32).reshape(3, -1)
    bias = torch.tensor(factors["bias"], dtype=torch.float32)
    colours = torch.einsum("rc,chw->hwr", weight, latents[0].float().cpu()) + bias
    array = (colours / 2 + 0.5).clamp(0, 1).numpy()
    return Image.fromarray((array * 255).round().astype(np.uint8))


def _shift(parts: Parts) -> float:
    """What SD3's and FLUX's latents are moved by before they are scaled; 0 for the others."""
    return float(getattr(parts.vae.config, "shift_factor", None) or 0.0)
