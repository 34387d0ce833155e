"""Replay: run a version's recipe again and say how near the picture comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from maquette.core.picture import decode_picture
from maquette.core.raster import psnr
from maquette.core.version import Version
from maquette.engines.base import Billed, Cancel, Engine, Event, Picture
from maquette.errors import EngineFailed, RecipeRefused
from maquette.stages.produce import load_inputs
from maquette.storage.base import Blobs

__all__ = ["CLOSE", "Replay", "replay"]

CLOSE = 35.0
"""PSNR in dB from which two pictures count as close: differences that few people see."""


@dataclass(frozen=True)
class Replay:
    """``psnr`` is in dB and None for an exact match; ``reasons`` say what differed beforehand."""

    verdict: Literal["exact", "close", "different"]
    psnr: float | None
    reasons: tuple[str, ...]
    image: Image.Image


def replay(
    version: Version,
    *,
    engine: Engine,
    blobs: Blobs,
    cancel: Cancel | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Replay:
    """Draw a version's recipe again; nothing is stored.

    Raises:
        RecipeRefused: when the engine at hand cannot honour the recipe (another model, say).
        EngineFailed, BlobMissing, BlobDamaged, Cancelled.
    """
    engine.check(version.recipe)
    if isinstance(engine, Billed) and engine.price(version.recipe).amount:
        price = engine.price(version.recipe)
        raise RecipeRefused(
            f"a replay with '{engine.name}' would be billed, {price} or so, and keep nothing",
            hint="draw it anew: another seed is another picture",
        )
    kept = decode_picture(blobs.get(version.image), name="the version's picture")
    inputs = load_inputs([version.recipe], blobs)
    drawn = None
    # Maps are recorded as they were then: the same arithmetic, so the same bits.
    for event in engine.run(
        [version.recipe], inputs, maps=version.trace is not None, cancel=cancel
    ):
        if isinstance(event, Picture):
            drawn = event.image
        if on_event is not None:
            on_event(event)
    if drawn is None:
        raise EngineFailed(f"engine '{engine.name}' ended without a picture")
    reasons = _build_changes(version.build, engine.build)
    drawn = drawn.convert(kept.mode)
    if drawn.size != kept.size:
        reasons.append(f"size {drawn.width}x{drawn.height} instead of {version.size}")
        return Replay("different", None, tuple(reasons), drawn)
    before, after = np.asarray(kept), np.asarray(drawn)
    if np.array_equal(before, after):
        return Replay("exact", None, tuple(reasons), drawn)
    nearness = psnr(before, after)
    if not reasons:
        reasons.append("the same build: the processor or its number of threads rounds otherwise")
    return Replay("close" if nearness >= CLOSE else "different", nearness, tuple(reasons), drawn)


def _build_changes(then: str, now: str) -> list[str]:
    if then == now:
        return []
    old, new = set(then.split()), set(now.split())
    gone, come = " ".join(sorted(old - new)), " ".join(sorted(new - old))
    return [f"engine build: {gone or 'nothing'} then, {come or 'nothing'} now"]
