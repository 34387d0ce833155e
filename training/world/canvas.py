"""A 256x256 Skia canvas on which every noun is drawn as a layer, whose alpha is its mask."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import skia

from training.world.palette import RGB, WHITE, mix, shade

SIDE = 256
Point = tuple[float, float]


def ink(colour: RGB, alpha: float = 1.0) -> int:
    """Skia's packed colour of an RGB triple (0-255) and an alpha (0-1)."""
    red, green, blue = (int(max(0, min(255, v))) for v in colour)
    return skia.Color(red, green, blue, int(255 * max(0.0, min(1.0, alpha))))


class Canvas:
    """The picture being drawn, its random source, and the masks of the nouns drawn so far."""

    def __init__(self, seed: int, style: str = "flat") -> None:
        """Start an empty picture; `seed` alone decides every random choice made through `rng`."""
        self.rng = random.Random(seed)
        self.style = style
        self.masks: dict[str, np.ndarray] = {}
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
        box = self.pixels()[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)].reshape(-1, 3).mean(0)
        return (float(box[0]), float(box[1]), float(box[2]))

    @contextmanager
    def layer(self, noun: str) -> Iterator[None]:
        """Draw one noun: its pixels become its mask and leave the masks of what lies behind."""
        surface, below = skia.Surface(SIDE, SIDE), self.sk
        self.sk = surface.getCanvas()
        self.sk.clear(0)
        yield
        image = surface.makeImageSnapshot()
        self.sk = below
        self.sk.drawImage(image, 0, 0)
        covered = np.asarray(image.toarray())[:, :, 3] > 110
        for name in self.masks:
            self.masks[name] &= ~covered
        self.masks[noun] = self.masks.get(noun, np.zeros((SIDE, SIDE), bool)) | covered

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
        box = path.getBounds()
        stops = [shade(colour, depth), bottom if bottom is not None else shade(colour, -depth)]
        paint = skia.Paint(AntiAlias=True)
        paint.setShader(
            skia.GradientShader.MakeLinear(
                points=[
                    (box.left(), box.top()),
                    (box.left() + 0.3 * box.width(), box.bottom()),
                ],
                colors=[ink(c, alpha) for c in stops],
            )
        )
        self.sk.drawPath(path, paint)
        if edge and self.style == "watercolour":
            self.line(path, shade(colour, -0.4), 2.0, 0.5)

    def line(self, path: skia.Path, colour: RGB, width: float, alpha: float = 1.0) -> None:
        """Stroke a path with round ends; width in pixels."""
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

    def glow(self, x: float, y: float, radius: float, colour: RGB, alpha: float) -> None:
        """A soft round light."""
        paint = skia.Paint(AntiAlias=True)
        colours = [ink(colour, alpha), ink(colour, alpha * 0.35), ink(colour, 0)]
        paint.setShader(skia.GradientShader.MakeRadial((x, y), radius, colours, [0, 0.45, 1]))
        self.sk.drawCircle(x, y, radius, paint)

    def shadow(self, x: float, y: float, width: float, height: float, alpha: float = 0.3) -> None:
        """A blurred shadow on the ground."""
        paint = skia.Paint(AntiAlias=True, Color=ink((14, 12, 30), alpha))
        blur = max(1.5, height * 0.5)
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

    def shine(self, path: skia.Path, alpha: float = 0.4) -> None:
        """A highlight on glaze or glass."""
        self.sk.drawPath(path, skia.Paint(AntiAlias=True, Color=ink(WHITE, alpha)))

    def dot(self, x: float, y: float, radius: float, colour: RGB, alpha: float = 1.0) -> None:
        """A plain disc."""
        self.sk.drawCircle(x, y, radius, skia.Paint(AntiAlias=True, Color=ink(colour, alpha)))


def polygon(points: Sequence[Point], smooth: float = 0.0) -> skia.Path:
    """A closed path through points; smooth 0 keeps corners, 1 is a Catmull-Rom curve."""
    path = skia.Path()
    path.moveTo(*points[0])
    count = len(points)
    for i in range(count):
        before, start = points[i - 1], points[i]
        end, after = points[(i + 1) % count], points[(i + 2) % count]
        k = smooth / 6
        path.cubicTo(
            start[0] + (end[0] - before[0]) * k,
            start[1] + (end[1] - before[1]) * k,
            end[0] - (after[0] - start[0]) * k,
            end[1] - (after[1] - start[1]) * k,
            *end,
        )
    path.close()
    return path


def oval(x: float, y: float, width: float, height: float) -> skia.Path:
    """An ellipse by its bounding box."""
    path = skia.Path()
    path.addOval(skia.Rect.MakeXYWH(x, y, width, height))
    return path


def box(x: float, y: float, width: float, height: float, radius: float = 0.0) -> skia.Path:
    """A rectangle with rounded corners."""
    path = skia.Path()
    path.addRoundRect(skia.Rect.MakeXYWH(x, y, width, height), radius, radius)
    return path


def stroke(*points: Point) -> skia.Path:
    """An open line through points."""
    path = skia.Path()
    path.moveTo(*points[0])
    for point in points[1:]:
        path.lineTo(*point)
    return path


def bend(start: Point, control: Point, end: Point) -> skia.Path:
    """An open quadratic curve."""
    path = skia.Path()
    path.moveTo(*start)
    path.quadTo(*control, *end)
    return path


def haze(colour: RGB, distance: RGB, share: float) -> RGB:
    """A colour seen through `share` of air that has the colour of the horizon."""
    return mix(colour, distance, share)
