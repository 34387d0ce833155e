"""Scenes drawn twice: at 256 pixels, as models draw them, and at 1024, as they should look large.

The world is drawn from vectors, so the large picture is no enlargement: every edge is drawn anew.
Only styles that need no pixel arithmetic of their own are drawn so: flat, and pixel art, whose
blocks simply grow. The others teach the network at a smaller scale (see `train`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import skia

from training.world import render, scene
from training.world.canvas import Canvas, Near
from training.world.shapes import SIDE

SCALE = 4


class _Both:
    """Two Skia canvases that are drawn on at once; the second is `SCALE` times as large."""

    def __init__(self, small: skia.Canvas, large: skia.Canvas) -> None:
        self._small, self._large = small, large
        #: What to lay on the large canvas when a layer is laid on the small one.
        self.waiting: skia.Image | None = None

    def __getattr__(self, name: str) -> Any:
        """A drawing method: it draws on both."""
        methods = getattr(self._small, name), getattr(self._large, name)

        def call(*arguments: Any) -> Any:
            answer, _ = (method(*arguments) for method in methods)
            return answer

        return call

    def drawImage(self, image: skia.Image, x: float, y: float) -> None:  # noqa: N802
        """Lay a finished layer down: its small drawing here, its large one there."""
        self._small.drawImage(image, x, y)
        if self.waiting is not None:
            self._large.save()
            self._large.resetMatrix()
            self._large.drawImage(self.waiting, SCALE * x, SCALE * y)
            self._large.restore()
            self.waiting = None


def _surface(colour: int) -> skia.Surface:
    surface = skia.Surface(SCALE * SIDE, SCALE * SIDE)
    surface.getCanvas().clear(colour)
    surface.getCanvas().scale(SCALE, SCALE)
    return surface


class TwinCanvas(Canvas):
    """A canvas that also draws everything at the large size."""

    def __init__(self, seed: int, style: str = "flat") -> None:
        super().__init__(seed, style)
        self._twin = _surface(skia.ColorWHITE)
        self.sk = _Both(self.sk, self._twin.getCanvas())

    @contextmanager
    def layer(self, noun: str, near: float | Near = 0.75) -> Iterator[None]:
        """As in `Canvas`, on both."""
        below, twin = self.sk, _surface(0)
        with super().layer(noun, near):
            self.sk = _Both(self.sk, twin.getCanvas())
            yield
            below.waiting = twin.makeImageSnapshot()

    def large(self) -> np.ndarray:
        """The large picture: uint8 1024 x 1024 x 3."""
        image = self._twin.makeImageSnapshot()
        return np.asarray(image.toarray(colorType=skia.kRGBA_8888_ColorType))[:, :, :3].copy()


def render_twice(seed: int, **fixed: Any) -> tuple[np.ndarray, np.ndarray]:
    """Scene `seed` at 256 and at 1024 pixels; style 'flat' (the usual) or 'pixel'."""
    style = fixed.setdefault("style", "flat")
    made: list[TwinCanvas] = []

    def note(*arguments: Any) -> TwinCanvas:
        made.append(TwinCanvas(*arguments))
        return made[-1]

    if style == "pixel":
        small = render(seed, phrasings=1, **fixed).picture
        return small, small.repeat(SCALE, 0).repeat(SCALE, 1)
    if style != "flat":
        raise ValueError(f"'{style}' cannot be drawn large, only 'flat' and 'pixel'")
    with mock.patch.object(scene, "Canvas", note):
        small = render(seed, phrasings=1, **fixed).picture
    return small, made[0].large()
