"""Depth off one picture, by networks like MiDaS (arXiv 1907.01341) and Depth Anything V2
(arXiv 2406.09414): a picture normalised as ImageNet's in, nearness out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.engines.onnx import Onnx
from maquette.errors import ModelRefused

__all__ = ["depth", "normalised"]

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
SPREAD = np.array([0.229, 0.224, 0.225], np.float32)
SIDE, STEP = 518, 14
"""The usual side of a network that takes any, and the side of its patches."""


def depth(image: Image.Image, network: Onnx) -> Image.Image:
    """Nearness of a picture's size, greyscale: the nearest place white, the farthest black.

    Raises:
        ModelRefused: a network of other inputs or outputs.
    """
    given = network.inputs[0]
    if len(network.inputs) != 1 or len(given.shape) != 4 or given.shape[1] not in {3, None}:
        raise ModelRefused(
            f"{network.path.name} does not read one picture", hint="use an estimator of depth"
        )
    height, width = _size(image, given.shape)
    small = image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
    answer = np.squeeze(network.run({given.name: normalised(small, MEAN, SPREAD)})[0])
    if answer.ndim != 2:
        raise ModelRefused(
            f"{network.path.name} answers {answer.ndim} dimensions, not a map of depth"
        )
    near = answer.astype(np.float32)
    low, high = float(near.min()), float(near.max())
    shade = (near - low) / (high - low) if high > low else np.zeros_like(near)
    grey = Image.fromarray((shade * 255).round().astype(np.uint8))
    return grey.resize(image.size, Image.Resampling.BILINEAR)


def normalised(
    image: Image.Image, mean: npt.NDArray[np.float32], spread: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """(1, 3, height, width) of numbers around 0."""
    array = np.asarray(image, np.float32) / 255
    around = ((array - mean) / spread).astype(np.float32)
    return np.ascontiguousarray(around.transpose(2, 0, 1)[None])


def _size(image: Image.Image, shape: tuple[int | None, ...]) -> tuple[int, int]:
    height, width = shape[2], shape[3]
    if height and width:
        return height, width
    share = SIDE / min(image.size)
    return (
        max(1, round(image.height * share / STEP)) * STEP,
        max(1, round(image.width * share / STEP)) * STEP,
    )
