"""Damage done to whole batches of pictures: softness, noise, compression, slight warps.

Pictures are float N x 3 x H x W in -1..1. Strengths are drawn from a numpy generator, so that a
seed and a step say what is done; everything runs where the pictures are.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

Rng = np.random.Generator

#: Quantisation of luminance at quality 50 (ITU-T T.81, annex K), simplified to a smooth ramp.
_COARSEST, _FINEST = 110.0, 12.0
_TO_YCC = (
    (0.299, 0.587, 0.114),
    (-0.168736, -0.331264, 0.5),
    (0.5, -0.418688, -0.081312),
)


def each(values: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    """One number a picture, as N x 1 x 1 x 1 on the device of `like`."""
    return torch.from_numpy(values.astype(np.float32)).to(like.device)[:, None, None, None]


def noise_like(pictures: torch.Tensor, rng: Rng) -> torch.Tensor:
    """Normal noise of the pictures' shape, the same on every device."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    return torch.randn(pictures.shape, generator=generator).to(pictures.device)


def blur(pictures: torch.Tensor, sigma: float) -> torch.Tensor:
    """Gaussian blur of one width for all, edges mirrored."""
    reach = max(1, min(int(2.5 * sigma + 0.5), min(pictures.shape[-2:]) - 1))
    places = torch.arange(-reach, reach + 1, device=pictures.device)
    kernel = torch.exp(-0.5 * (places / max(sigma, 1e-3)) ** 2)
    kernel = (kernel / kernel.sum()).to(pictures.dtype)
    count = pictures.shape[1]
    padded = F.pad(pictures, (reach,) * 4, mode="reflect")
    rows = F.conv2d(padded, kernel.view(1, 1, -1, 1).expand(count, 1, -1, 1), groups=count)
    return F.conv2d(rows, kernel.view(1, 1, 1, -1).expand(count, 1, 1, -1), groups=count)


def soften(pictures: torch.Tensor, rng: Rng, most: float) -> torch.Tensor:
    """Each picture blurred by its own share of a blur of up to `most` pixels."""
    share = each(rng.random(len(pictures)), pictures)
    return torch.lerp(pictures, blur(pictures, float(rng.uniform(0.3, most))), share)


@functools.cache
def _cosines() -> torch.Tensor:
    """The orthonormal 8-point DCT-II as a matrix (frequency x place)."""
    k, n = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    matrix = torch.cos((2 * n + 1) * k * torch.pi / 16) / 2
    matrix[0] /= 2**0.5
    return matrix


@functools.cache
def _steps() -> torch.Tensor:
    """Quantisation step of each of the 8x8 frequencies at quality 50 (values of 0..255)."""
    far = (torch.arange(8.0)[:, None] + torch.arange(8.0)[None]) / 14
    return _FINEST + (_COARSEST - _FINEST) * far


def compress(pictures: torch.Tensor, coarseness: torch.Tensor) -> torch.Tensor:
    """Rounding of 8x8 cosine blocks as JPEG does it; sides are multiples of 8.

    coarseness: N x 1 x 1 x 1, 1 is about quality 50, 0.2 about 90, 3 about 17.
    """
    count, _, height, width = pictures.shape
    colours = torch.tensor(_TO_YCC, device=pictures.device)
    ycc = torch.einsum("oc,nchw->nohw", colours, pictures.float() * 127.5)
    blocks = ycc.reshape(count, 3, height // 8, 8, width // 8, 8).transpose(3, 4)
    cosines = _cosines().to(pictures.device)
    waves = cosines @ blocks @ cosines.T
    steps = _steps().to(pictures.device) * coarseness[..., None, None].clamp(min=0.02)
    # Hues are kept half as finely as lightness.
    steps = steps * torch.tensor((1.0, 2.0, 2.0), device=pictures.device).view(1, 3, 1, 1, 1, 1)
    waves = (waves / steps).round() * steps
    blocks = cosines.T @ waves @ cosines
    ycc = blocks.transpose(3, 4).reshape(count, 3, height, width)
    rgb = torch.einsum("oc,nchw->nohw", torch.linalg.inv(colours), ycc) / 127.5
    return rgb.to(pictures.dtype)


def warp(pictures: torch.Tensor, rng: Rng, pixels: float, shift: float = 0.0) -> torch.Tensor:
    """Bend each picture smoothly by about `pixels`, and move it by up to `shift` pixels."""
    count, _, height, width = pictures.shape
    field = rng.normal(0, pixels, (count, 2, 5, 5)) + rng.uniform(-shift, shift, (count, 2, 1, 1))
    coarse = torch.from_numpy(field.astype(np.float32)).to(pictures.device)
    bend = F.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=True)
    scale = torch.tensor((2 / width, 2 / height), device=pictures.device)
    identity = torch.eye(2, 3, device=pictures.device).expand(count, 2, 3)
    grid = F.affine_grid(identity, [count, 1, height, width], align_corners=False)
    grid = grid + bend.permute(0, 2, 3, 1) * scale
    return F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)


def tint(pictures: torch.Tensor, rng: Rng) -> torch.Tensor:
    """Slightly other brightness, contrast and saturation; the names of colours stay true."""
    count = len(pictures)
    grey = pictures.mean(1, keepdim=True)
    saturated = grey + (pictures - grey) * each(rng.uniform(0.8, 1.3, count), pictures)
    contrasted = saturated * each(rng.uniform(0.85, 1.2, count), pictures)
    return contrasted + each(rng.uniform(-0.08, 0.08, count), pictures)


def some(
    change: Callable[[torch.Tensor], torch.Tensor],
    pictures: torch.Tensor,
    rng: Rng,
    share: float,
) -> torch.Tensor:
    """Change a share of the pictures, chosen at random; the others stay as they are."""
    chosen = np.flatnonzero(rng.random(len(pictures)) < share)
    if not len(chosen):
        return pictures
    rows = torch.from_numpy(chosen).to(pictures.device)
    return pictures.index_copy(0, rows, change(pictures[rows]).to(pictures.dtype))
