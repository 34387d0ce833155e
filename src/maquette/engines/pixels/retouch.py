"""Light and colour changed by numbers, in strips of rows so that memory does not grow.

Each strip is worked on in float32 from linear light through OKLab and rounded once at the end.
"""

from __future__ import annotations

import math
from collections.abc import Generator

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core.colour import (
    colour_of,
    encode,
    from_oklab,
    linear,
    monotone_curve,
    to_oklab,
    transport,
    white_balance,
)
from maquette.core.palette import MOST_SAMPLES
from maquette.core.pixel_tasks import Curve, Retouch

__all__ = ["retouched"]

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

_STRIP = 1 << 20
"""Pixels of a strip."""
_LEAST_ROWS = 64
_CHANNELS = {"red": 0, "green": 1, "blue": 2}
_GRAIN = 0.05
"""Standard deviation of OKLab's lightness at grain 1, in the middle tones."""
_NEAR = 0.06
"""How near in OKLab a swatch is to a colour to take most of it."""


def retouched(
    source: Image.Image, task: Retouch, mask: Image.Image | None
) -> Generator[tuple[int, int], None, Image.Image]:
    """Yields (strips done, strips), returns the picture in its own mode.

    Alpha is kept; where the mask is 0 every byte is.
    """
    result = np.array(source if source.mode in {"RGB", "RGBA"} else source.convert("RGB"))
    covers = np.asarray(mask.convert("L")) if mask is not None else None
    height, width = result.shape[:2]
    rows = max(_LEAST_ROWS, _STRIP // max(1, width))
    halo = math.ceil(4 * task.radius) + 1 if task.sharpness else 0
    whole = result[..., :3].copy() if halo else result[..., :3]
    tune = _Tune(task, result[..., :3] if covers is None else result[covers > 0][:, :3])
    noise = np.random.default_rng(task.seed)
    tops = range(0, height, rows)
    for done, top in enumerate(tops, 1):
        bottom = min(top + rows, height)
        grain = noise.standard_normal((bottom - top, width), np.float32) if task.grain else None
        share = covers[top:bottom] if covers is not None else None
        if share is None or share.any():
            first, last = max(0, top - halo), min(height, bottom + halo)
            lab = tune(whole[first:last])
            if task.sharpness:
                lab[..., 0] = _sharpened(lab[..., 0], task.sharpness, task.radius)
            lab = lab[top - first : bottom - first]
            if grain is not None:
                light = lab[..., 0]
                lab[..., 0] = light + _GRAIN * task.grain * grain * (4 * light * (1 - light))
            new = encode(from_oklab(lab)) * 255
            old = result[top:bottom, :, :3]
            result[top:bottom, :, :3] = _mixed(old, new, share)
        yield done, len(tops)
    return Image.fromarray(result)


class _Tune:
    """From bytes to OKLab, with everything but sharpness and grain done."""

    def __init__(self, task: Retouch, whole: Bytes) -> None:
        balance = white_balance(task.temperature, task.tint) * 2.0**task.exposure
        self._light = balance.astype(np.float32)
        self._plain = np.allclose(balance, np.eye(3))
        self._task = task
        self._contrast = _contrast(task.contrast) if task.contrast else None
        self._curves = [_table(curve) for curve in task.curves]
        self._move = self._mean = self._goal = None
        if task.palette is not None:
            # The palette meets the colours as they are after white balance and curves.
            flat = whole.reshape(-1, 3)
            some = flat[:: max(1, len(flat) // MOST_SAMPLES)]
            sample = self._before_palette(some)[:, 1:].astype(np.float64)
            self._mean = sample.mean(axis=0)
            away = sample - self._mean
            aa, ab, bb = task.palette.spread
            self._move = transport(away.T @ away / len(sample), np.array([[aa, ab], [ab, bb]]))
            self._goal = np.array(task.palette.mean)

    def __call__(self, pixels: Bytes) -> Floats:
        lab = self._before_palette(pixels)
        task = self._task
        if self._move is not None and self._mean is not None and self._goal is not None:
            plane = (lab[..., 1:] - self._mean) @ self._move.T + self._goal
            lab[..., 1:] += np.float32(task.match) * (plane.astype(np.float32) - lab[..., 1:])
        elif task.swatches:
            lab[..., 1:] += np.float32(task.match) * (_pulled(lab, task.swatches) - lab[..., 1:])
        return lab

    def _before_palette(self, pixels: Bytes) -> Floats:
        light = linear(pixels)
        if not self._plain:
            light = np.clip(light @ self._light.T, 0, 1).astype(np.float32)
        if self._curves:
            values = encode(light) * 1024
            for channels, table in self._curves:
                for channel in channels:
                    values[..., channel] = 1024 * np.interp(
                        values[..., channel], np.arange(1025), table
                    )
            light = _decode((values / 1024).astype(np.float32))
        lab = to_oklab(light)
        if self._contrast is not None:
            grid = np.linspace(0, 1, len(self._contrast))
            lab[..., 0] = np.interp(lab[..., 0], grid, self._contrast)
        if self._task.saturation:
            lab[..., 1:] *= np.float32(1 + self._task.saturation)
        return lab


def _contrast(amount: float) -> Floats:
    bow = 0.12 * amount
    return monotone_curve([(0, 0), (0.25, 0.25 - bow), (0.5, 0.5), (0.75, 0.75 + bow), (1, 1)])


def _table(curve: Curve) -> tuple[tuple[int, ...], Floats]:
    channels = (0, 1, 2) if curve.channel == "all" else (_CHANNELS[curve.channel],)
    return channels, monotone_curve(curve.points)


def _decode(values: Floats) -> Floats:
    return np.where(
        values <= 0.04045, values / np.float32(12.92), ((values + 0.055) / 1.055) ** 2.4
    ).astype(np.float32)


def _pulled(lab: Floats, swatches: tuple[str, ...]) -> Floats:
    """For each colour the mean of the swatches, the near ones counting most; lightness counts
    little, so that shade and light of one thing go to one swatch."""
    goals = np.array([colour_of(code) for code in swatches])
    apart = np.stack(
        [((lab - goal) ** 2 * np.array([0.1, 1, 1], np.float32)).sum(axis=-1) for goal in goals],
        axis=-1,
    )
    near = np.exp(-(apart - apart.min(axis=-1, keepdims=True)) / np.float32(2 * _NEAR**2))
    near /= near.sum(axis=-1, keepdims=True)
    return (near @ goals[:, 1:]).astype(np.float32)


def _sharpened(light: Floats, amount: float, radius: float) -> Floats:
    soft = cv2.GaussianBlur(light, (0, 0), radius, borderType=cv2.BORDER_REPLICATE)
    return (light + np.float32(amount) * (light - soft)).astype(np.float32)


def _mixed(old: Bytes, new: Floats, share: Bytes | None) -> Bytes:
    if share is not None:
        part = share[..., None].astype(np.float32) / 255
        new = (old + (new - old) * part).astype(np.float32)
    made = np.clip(np.rint(new), 0, 255).astype(np.uint8)
    return made if share is None else np.where(share[..., None] > 0, made, old)
