"""Compare two versions: pixels, words, parameters, and where the attention moved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from maquette.core.grammar import changed_words
from maquette.core.heat import statistics
from maquette.core.picture import decode_picture
from maquette.core.raster import changed_pixels, difference, psnr, side_by_side, ssim
from maquette.core.recipe import Recipe
from maquette.core.trace import Trace
from maquette.core.version import Version
from maquette.storage.base import Blobs

__all__ = ["Comparison", "HeatChange", "changed_parameters", "compare"]


@dataclass(frozen=True)
class HeatChange:
    """How a word's share of the attention (0 to 1) went from one version to the other."""

    token: str
    before: float
    after: float


@dataclass(frozen=True)
class Comparison:
    """``psnr`` (dB) is None when the pictures are alike; both it and ``ssim`` are taken at the
    smaller picture's size when the sizes differ. ``parameters`` maps a dotted recipe field to its
    two values. ``faces`` is the likeness (-1 to 1) of the largest face of both, None where one
    shows none or nothing tells them."""

    changed_pixels: int
    psnr: float | None
    ssim: float
    words: dict[str, Any]
    parameters: dict[str, tuple[Any, Any]]
    heat: tuple[HeatChange, ...]
    sheet: Image.Image
    faces: float | None = None


def compare(
    before: Version,
    after: Version,
    *,
    blobs: Blobs,
    traces: tuple[Trace | None, Trace | None] = (None, None),
    faces: Callable[[Image.Image, Image.Image], float | None] | None = None,
) -> Comparison:
    """Compare two versions of a project. ``faces`` tells how alike the faces of two pictures are.

    Raises:
        BlobMissing, BlobDamaged.
    """
    old = decode_picture(blobs.get(before.image)).convert("RGB")
    new = decode_picture(blobs.get(after.image)).convert("RGB")
    small = min(old.size, new.size, key=lambda size: size[0] * size[1])
    a, b = (np.asarray(_at(image, small)) for image in (old, new))
    alike = np.array_equal(a, b)
    return Comparison(
        changed_pixels=int(changed_pixels(a, b).sum()),
        psnr=None if alike else psnr(a, b),
        ssim=ssim(a, b),
        words=changed_words(_prompt(before), _prompt(after)),
        parameters=changed_parameters(before.recipe, after.recipe),
        heat=_heat_changes(before, after, traces),
        sheet=side_by_side([_at(old, small), _at(new, small), difference(a, b)]),
        faces=faces(old, new) if faces is not None else None,
    )


def _at(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)


def _prompt(version: Version) -> str:
    return version.recipe.prompt.text if version.recipe.prompt else ""


def changed_parameters(before: Recipe, after: Recipe) -> dict[str, tuple[Any, Any]]:
    """Every recipe field that differs, by dotted name, the prompt's text aside."""
    old, new = _flat(before.model_dump(mode="json")), _flat(after.model_dump(mode="json"))
    return {
        name: (old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if name != "prompt.text" and old.get(name) != new.get(name)
    }


def _flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, dict):
            flat |= _flat(item, f"{prefix}{key}.")  # pyright: ignore[reportUnknownArgumentType]
        elif item is not None:
            flat[prefix + key] = item
    return flat


def _heat_changes(
    before: Version, after: Version, traces: tuple[Trace | None, Trace | None]
) -> tuple[HeatChange, ...]:
    if traces[0] is None or traces[1] is None:
        return ()
    old = {s.token.lower(): s.share for s in statistics(traces[0], before.size)}
    new = {s.token.lower(): s.share for s in statistics(traces[1], after.size)}
    shared = [token for token in new if token in old]
    return tuple(HeatChange(token, old[token], new[token]) for token in shared)
