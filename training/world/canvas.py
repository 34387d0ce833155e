"""A 256x256 Skia canvas on which every noun is drawn as a layer, whose alpha is its mask."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import skia

from training.world.palette import RGB, WHITE, shade
from training.world.shapes import SIDE, box, outlined

Near = tuple[float, float]


def ink(colour: RGB, alpha: float = 1.0) -> int:
    """Skia's packed colour of an RGB triple (0-255) and an alpha (0-1)."""
    red, green, blue = (int(max(0, min(255, v))) for v in colour)
    return skia.Color(red, green, blue, int(255 * max(0.0, min(1.0, alpha))))


@dataclass(frozen=True)
class Mark:
    """One opaque shape that was drawn: what line art and depth are made of (see `layers`).

    path: its outline. width: of a thin open line, 0 for an area. near: depth at its top and at
    the lower edge of the picture (0 far, 1 near). bold: an outline of the noun, not a detail.
    """

    path: skia.Path
    width: float
    near: Near
    bold: bool


class Canvas:
    """The picture being drawn, its random source, and the masks of the nouns drawn so far."""

    def __init__(self, seed: int, style: str = "flat") -> None:
        """Start an empty picture; `seed` alone decides every random choice made through `rng`."""
        self.rng = random.Random(seed)
        self.style = style
        self.masks: dict[str, np.ndarray] = {}
        self.marks: list[Mark] = []
        self._near: Near = (0.0, 0.0)
        self._surface = skia.Surface(SIDE, SIDE)
        self.sk = self._surface.getCanvas()
        self.sk.clear(skia.ColorWHITE)

    def between(self, low: float, high: float) -> float:
        """A uniform random number."""
        return self.rng.uniform(low, high)

    def jitter(self, colour: RGB, spread: float = 6) -> RGB:
        """The colour, each channel moved by at most `spread`."""
        red, green, blue = (max(0.0, min(255.0, v + self.between(-spread, spread))) for v in colour)
        return (red, green, blue)

    def pixels(self) -> np.ndarray:
        """The picture so far: uint8, height x width x 3, RGB."""
        image = self._surface.makeImageSnapshot()
        return np.asarray(image.toarray(colorType=skia.kRGBA_8888_ColorType))[:, :, :3].copy()

    def behind(self, left: float, top: float, right: float, bottom: float) -> RGB:
        """Mean colour of a box of the picture so far (pixels, clipped to the picture)."""
        x0, x1 = int(max(0, left)), int(min(SIDE, right))
        y0, y1 = int(max(0, top)), int(min(SIDE, bottom))
        mean = self.pixels()[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)].reshape(-1, 3).mean(0)
        return (float(mean[0]), float(mean[1]), float(mean[2]))

    @contextmanager
    def layer(self, noun: str, near: float | Near = 0.75) -> Iterator[None]:
        """Draw one noun: its pixels become its mask and leave the masks of what lies behind.

        near: its depth, 0 far to 1 near; of a ground, at its upper edge and at the picture's
        lower edge.
        """
        surface, below, far = skia.Surface(SIDE, SIDE), self.sk, self._near
        self.sk = surface.getCanvas()
        self.sk.clear(0)
        self._near = near if isinstance(near, tuple) else (near, near)
        yield
        image = surface.makeImageSnapshot()
        self.sk, self._near = below, far
        self.sk.drawImage(image, 0, 0)
        covered = np.asarray(image.toarray())[:, :, 3] > 110
        for name in self.masks:
            self.masks[name] &= ~covered
        self.masks[noun] = self.masks[noun] | covered if noun in self.masks else covered

    def mark(self, path: skia.Path, width: float = 0.0, bold: bool = True) -> None:
        """Note a shape for line art and depth that is drawn in some other way."""
        self.marks.append(Mark(path, width, self._near, bold))

    def fill(
        self,
        path: skia.Path,
        colour: RGB,
        depth: float = 0.12,
        *,
        alpha: float = 1.0,
        edge: bool = True,
        bottom: RGB | None = None,
    ) -> None:
        """Fill a shape, lighter at its top by `depth`, darker below; watercolour has an edge."""
        bounds = path.getBounds()
        stops = [shade(colour, depth), bottom if bottom is not None else shade(colour, -depth)]
        paint = skia.Paint(AntiAlias=True)
        paint.setShader(
            skia.GradientShader.MakeLinear(
                points=[
                    (bounds.left(), bounds.top()),
                    (bounds.left() + 0.3 * bounds.width(), bounds.bottom()),
                ],
                colors=[ink(c, alpha) for c in stops],
            )
        )
        self.sk.drawPath(path, paint)
        if alpha > 0.6:
            self.mark(path, bold=edge)
        if edge and self.style == "watercolour":
            self._stroke(path, shade(colour, -0.4), 2.0, 0.5)

    def _stroke(self, path: skia.Path, colour: RGB, width: float, alpha: float) -> None:
        self.sk.drawPath(
            path,
            skia.Paint(
                AntiAlias=True,
                Style=skia.Paint.kStroke_Style,
                StrokeWidth=width,
                Color=ink(colour, alpha),
                StrokeCap=skia.Paint.kRound_Cap,
                StrokeJoin=skia.Paint.kRound_Join,
            ),
        )

    def line(self, path: skia.Path, colour: RGB, width: float, alpha: float = 1.0) -> None:
        """Stroke a path with round ends; width in pixels. Broad ones have an outline of theirs."""
        self._stroke(path, colour, width, alpha)
        if alpha <= 0.6:
            return
        if width > 4.5:
            self.mark(outlined(path, width))
        else:
            self.mark(path, width, bold=False)

    def rim(self, path: skia.Path, colour: RGB, width: float, alpha: float = 0.9) -> None:
        """An edge of light or dark along a shape that is already there."""
        self._stroke(path, colour, width, alpha)

    def glow(self, x: float, y: float, radius: float, colour: RGB, alpha: float) -> None:
        """A soft round light."""
        paint = skia.Paint(AntiAlias=True)
        colours = [ink(colour, alpha), ink(colour, alpha * 0.35), ink(colour, 0)]
        paint.setShader(skia.GradientShader.MakeRadial((x, y), radius, colours, [0, 0.45, 1]))
        self.sk.drawCircle(x, y, radius, paint)

    def shadow(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        alpha: float = 0.3,
        hard: bool = False,
    ) -> None:
        """A shadow on the ground, blurred; a hard one only at its very edge."""
        paint = skia.Paint(AntiAlias=True, Color=ink((14, 12, 30), alpha))
        blur = 1.2 if hard else max(1.5, height * 0.5)
        paint.setMaskFilter(skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, blur))
        self.sk.drawOval(skia.Rect.MakeXYWH(x - width / 2, y - height / 2, width, height), paint)

    def band(self, top: float, bottom: float, colour: RGB, alpha: float) -> None:
        """A bank of mist: transparent at both edges, densest at 60% of its height."""
        middle = top + 0.6 * (bottom - top)
        paint = skia.Paint()
        paint.setShader(
            skia.GradientShader.MakeLinear(
                [(0, top), (0, bottom)],
                [ink(colour, 0), ink(colour, alpha), ink(colour, 0)],
                [0, (middle - top) / (bottom - top), 1],
            )
        )
        self.sk.drawRect(skia.Rect.MakeLTRB(0, top, SIDE, bottom), paint)

    def flood(self, top: RGB, bottom: RGB, height: float = SIDE) -> None:
        """Fill the whole layer with a vertical gradient that ends at `height`."""
        paint = skia.Paint()
        points = [(0, 0), (0, height)]
        paint.setShader(skia.GradientShader.MakeLinear(points, [ink(top), ink(bottom)]))
        self.sk.drawPaint(paint)
        self.mark(box(-9, -9, SIDE + 18, SIDE + 18), bold=False)

    def lit(self, centre: RGB, edge: RGB, radius: float = 220, y: float = 90) -> None:
        """Fill the whole layer with a wall that is lit above its middle."""
        paint = skia.Paint()
        stops = [ink(centre), ink(edge)]
        paint.setShader(skia.GradientShader.MakeRadial((SIDE / 2, y), radius, stops))
        self.sk.drawPaint(paint)
        self.mark(box(-9, -9, SIDE + 18, SIDE + 18), bold=False)

    def shine(self, path: skia.Path, alpha: float = 0.4) -> None:
        """A highlight on glaze or glass."""
        self.sk.drawPath(path, skia.Paint(AntiAlias=True, Color=ink(WHITE, alpha)))

    def dot(self, x: float, y: float, radius: float, colour: RGB, alpha: float = 1.0) -> None:
        """A plain disc."""
        self.sk.drawCircle(x, y, radius, skia.Paint(AntiAlias=True, Color=ink(colour, alpha)))
        if radius > 2.4 and alpha > 0.6:
            disc = skia.Path()
            disc.addCircle(x, y, radius)
            self.mark(disc, bold=False)
