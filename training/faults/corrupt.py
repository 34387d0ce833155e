"""Faults put into rendered pictures: what goes wrong in generated ones, at known places.

Every kind takes a picture (float32 H x W x 3, 0..255) and gives another; `corrupt` blends it in
under an irregular mask. Only what can be seen counts as damaged: a smear in a plain sky is none.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from training.faults.network import CELLS

Rng = np.random.Generator
Kind = Callable[[np.ndarray, np.ndarray, Rng], np.ndarray]

#: How much a pixel must change (0..255, mean of its neighbourhood) to count.
VISIBLE = 9.0
#: Smallest share of the picture that counts as a fault.
SMALLEST = 0.003


def _field(shape: tuple[int, int], scale: float, rng: Rng) -> np.ndarray:
    """A smooth random field of unit deviation; features of about `scale` pixels."""
    height, width = (max(3, round(side / scale) + 2) for side in shape)
    coarse = rng.standard_normal((height, width)).astype(np.float32)
    field = cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return field / max(1e-6, float(field.std()))


def region(picture: np.ndarray, rng: Rng) -> np.ndarray:
    """An irregular blob (float32 H x W, 0..1, soft edge), rather where there is something."""
    height, width = picture.shape[:2]
    grey = picture.mean(-1)
    best, most = (height / 2, width / 2), -1.0
    for _ in range(3):
        y, x = rng.uniform(0.1, 0.9) * height, rng.uniform(0.1, 0.9) * width
        window = grey[int(max(0, y - 16)) : int(y + 16), int(max(0, x - 16)) : int(x + 16)]
        if float(window.std()) > most:
            best, most = (y, x), float(window.std())
    radius = float(np.exp(rng.uniform(np.log(0.055), np.log(0.2)))) * height
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    stretch = float(np.exp(rng.uniform(-0.5, 0.5)))
    away = np.hypot((rows - best[0]) * stretch, (columns - best[1]) / stretch) / radius
    inside = 1 - away + 0.3 * _field((height, width), radius, rng)
    return np.clip(inside * radius / rng.uniform(1.5, 5.0) + 0.5, 0, 1).astype(np.float32)


def smear(picture: np.ndarray, other: np.ndarray, rng: Rng) -> np.ndarray:
    """Dragged in one direction."""
    del other
    length = int(rng.integers(15, 40))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    middle = (length - 1) / 2
    reach = np.array((np.cos(angle), np.sin(angle))) * middle
    start, stop = (tuple(round(float(v)) for v in middle + s * reach) for s in (-1, 1))
    cv2.line(kernel, start, stop, 1.0)
    return cv2.filter2D(picture, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT)


def noise(picture: np.ndarray, other: np.ndarray, rng: Rng) -> np.ndarray:
    """Grain or blotches of wrong colours."""
    del other
    shape, scale = picture.shape[:2], float(rng.choice((1.0, 2.5, 6.0)))
    grains = np.stack([_field(shape, scale, rng) for _ in range(3)], -1)
    return picture + grains * rng.uniform(25, 70)


def foreign(picture: np.ndarray, other: np.ndarray, rng: Rng) -> np.ndarray:
    """A piece of another picture, turned and shifted."""
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D(
        (width / 2, height / 2), float(rng.uniform(0, 360)), float(rng.uniform(0.7, 1.4))
    )
    turn[:, 2] += rng.uniform(-60, 60, 2)
    return cv2.warpAffine(other, turn, (width, height), borderMode=cv2.BORDER_REFLECT)


def melt(picture: np.ndarray, other: np.ndarray, rng: Rng) -> np.ndarray:
    """Shapes that wobble or run down."""
    del other
    shape = picture.shape[:2]
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    scale, pixels = float(rng.uniform(10, 30)), float(rng.uniform(5, 14))
    bend = [_field(shape, scale, rng) * pixels for _ in range(2)]
    if rng.random() < 0.4:
        bend[0], bend[1] = -np.abs(bend[0]) * 2, bend[1] * 0.3
    return cv2.remap(
        picture,
        columns + bend[1],
        rows + bend[0],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )


def missing(picture: np.ndarray, other: np.ndarray, rng: Rng) -> np.ndarray:
    """What was there is gone: a wash of the surroundings, or one plain colour."""
    del other
    if rng.random() < 0.6:
        return cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(14, 26)))
    y, x = (int(rng.integers(0, side)) for side in picture.shape[:2])
    return np.broadcast_to(picture[y, x], picture.shape).astype(np.float32)


def bleed(picture: np.ndarray, other: np.ndarray, rng: Rng) -> np.ndarray:
    """A wrong hue that ignores outlines, with the lightness kept."""
    del other
    light = picture.mean(-1, keepdims=True)
    tint = rng.uniform(-1, 1, 3)
    tint -= tint.mean()
    tint *= rng.uniform(50, 100) / max(0.2, float(np.abs(tint).max()))
    return light + (picture - light) * rng.uniform(0, 0.6) + tint.astype(np.float32)


KINDS: dict[str, Kind] = {
    "smear": smear,
    "noise": noise,
    "foreign": foreign,
    "melt": melt,
    "missing": missing,
    "bleed": bleed,
}


def corrupt(
    picture: np.ndarray, other: np.ndarray, rng: Rng, kind: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Put one or two faults into a picture (uint8 256 x 256 x 3); `other` lends foreign pieces.

    Gives the damaged picture (uint8) and the share of each 4x4 cell that is damaged (float32
    64 x 64). What cannot be seen, or is too small to be found, is left out of both.
    """
    before, lent = picture.astype(np.float32), other.astype(np.float32)
    out, damage = before, np.zeros(picture.shape[:2], np.float32)
    for _ in range(1 if rng.random() < 0.7 else 2):
        name = kind or str(rng.choice(tuple(KINDS)))
        share = region(before, rng)
        changed = np.clip(KINDS[name](out, lent, rng), 0, 255)
        changed = out + (changed - out) * share[..., None]
        difference = cv2.blur(np.abs(changed - out).max(-1), (9, 9))
        seen = ((difference > VISIBLE) & (share > 0.1)).astype(np.float32)
        if float(seen.mean()) >= SMALLEST:
            out, damage = changed, np.maximum(damage, seen)
    size = picture.shape[0] // CELLS
    cells = damage.reshape(CELLS, size, CELLS, size).mean((1, 3))
    return np.rint(out).astype(np.uint8), cells
