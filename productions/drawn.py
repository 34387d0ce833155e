"""Draws the pictures that the productions begin with: garments, artwork, sketches, moods, poses.

``.venv/bin/python productions/drawn.py`` writes them beside the briefs again, byte for byte. All
of them are the project's own. Poses come from the renderer of ``training/world`` (the extra
``training``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from training.world.scene import Drawing

HERE = Path(__file__).parent
FINE = 4
"""Everything is drawn so many times larger and reduced."""

Paint = Callable[[Image.Image, ImageDraw.ImageDraw], None]
Points = list[tuple[float, float]]


def drawn(size: tuple[int, int], paint: Paint, ground: str | tuple[int, ...]) -> Image.Image:
    """A picture, painted large and reduced."""
    large = Image.new("RGBA", (size[0] * FINE, size[1] * FINE), ground)
    paint(large, ImageDraw.Draw(large))
    return large.resize(size, Image.Resampling.LANCZOS)


def large(points: Points) -> Points:
    return [(x * FINE, y * FINE) for x, y in points]


# -- garments -------------------------------------------------------------------------------------

SHIRT: Points = [
    (96, 22), (70, 30), (22, 62), (6, 108), (44, 126), (62, 104), (62, 296), (238, 296),
    (238, 104), (256, 126), (294, 108), (278, 62), (230, 30), (204, 22),
    (192, 40), (168, 52), (132, 52), (108, 40),
]  # fmt: skip
SWEATER: Points = [
    (104, 20), (66, 34), (34, 74), (8, 226), (48, 236), (70, 130), (70, 292), (230, 292),
    (230, 130), (252, 236), (292, 226), (266, 74), (234, 34), (196, 20), (184, 32), (116, 32),
]  # fmt: skip
DRESS: Points = [
    (112, 14), (100, 16), (96, 80), (104, 132), (44, 292), (256, 292), (196, 132), (204, 80),
    (200, 16), (188, 14), (184, 56), (116, 56),
]  # fmt: skip
BAG: Points = [(54, 110), (40, 290), (260, 290), (246, 110)]
SCARF: Points = [(92, 10), (208, 10), (208, 270), (92, 270)]


def tartan(image: Image.Image, pen: ImageDraw.ImageDraw) -> None:
    pen.rectangle((0, 0, *image.size), (176, 40, 44, 255))
    stripes(image, 60, 26, (24, 70, 60, 150), both=True)
    stripes(image, 60, 4, (240, 214, 120, 150), both=True, shift=40)


def knit(image: Image.Image, pen: ImageDraw.ImageDraw) -> None:
    image.paste((214, 190, 150, 255), (0, 0, *image.size))
    step = 11 * FINE
    for row in range(-1, image.height // step + 2):
        for column in range(-1, image.width // step + 2):
            x, y = column * step, row * step
            dark = (176, 148, 104, 255) if (row // 4 + column // 5) % 3 else (120, 90, 66, 255)
            width = 3 * FINE
            pen.line((x, y, x + step // 2, y + step), dark, width)
            pen.line((x + step // 2, y + step, x + step, y), dark, width)


def sailor(image: Image.Image, pen: ImageDraw.ImageDraw) -> None:
    pen.rectangle((0, 0, *image.size), (246, 244, 236, 255))
    stripes(image, 24, 10, (28, 48, 96, 255))


def dots(image: Image.Image, pen: ImageDraw.ImageDraw) -> None:
    image.paste((44, 110, 120, 255), (0, 0, *image.size))
    step, radius = 22 * FINE, 6 * FINE
    for row in range(image.height // step + 2):
        for column in range(image.width // step + 2):
            x, y = column * step + (row % 2) * step // 2, row * step
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), (250, 226, 170, 255))


def denim(image: Image.Image, pen: ImageDraw.ImageDraw) -> None:
    image.paste((62, 84, 128, 255), (0, 0, *image.size))
    for at in range(-image.height, image.width, 5 * FINE):
        pen.line((at, image.height, at + image.height, 0), (92, 116, 160, 255), FINE + 2)
    for y in (122, 130, 276):
        for x in range(50, 250, 9):
            pen.line(large([(x, y), (x + 5, y)]), (226, 170, 84, 255), 2 * FINE)


def stripes(
    image: Image.Image,
    step: int,
    wide: int,
    colour: tuple[int, ...],
    *,
    both: bool = False,
    shift: int = 0,
) -> None:
    width, height = image.size
    for at in range(shift * FINE, max(image.size), step * FINE):
        boxes = [(0, at, width, at + wide * FINE), (at, 0, at + wide * FINE, height)]
        for box in boxes if both else boxes[:1]:
            over = Image.new("RGBA", image.size, (0, 0, 0, 0))
            ImageDraw.Draw(over).rectangle(box, colour)
            image.alpha_composite(over)


def garment(outline: Points, cloth: Paint, handle: bool = False) -> Image.Image:
    """A garment, cut out: cloth inside its outline, soft folds, a seam."""
    size = (300, 304)

    def paint(image: Image.Image, _pen: ImageDraw.ImageDraw) -> None:
        shape = Image.new("L", image.size)
        pen = ImageDraw.Draw(shape)
        pen.polygon(large(outline), 255)
        if handle:
            pen.arc((90 * FINE, 20 * FINE, 210 * FINE, 200 * FINE), 180, 360, 255, 12 * FINE)
        woven = Image.new("RGBA", image.size)
        cloth(woven, ImageDraw.Draw(woven))
        folds = Image.new("L", image.size, 128)
        pleat = ImageDraw.Draw(folds)
        for number, x in enumerate((84, 122, 160, 206)):
            tone = 104 if number % 2 else 148
            pleat.line(large([(x, 60), (x + 10 * math.sin(number), 300)]), tone, 16 * FINE)
        folds = folds.filter(ImageFilter.GaussianBlur(9 * FINE))
        lit = ImageChops.overlay(woven.convert("RGB"), Image.merge("RGB", [folds] * 3))
        edge = shape.filter(ImageFilter.MinFilter(4 * FINE // 2 * 2 + 1))
        lit = Image.composite(lit, lit.point(lambda v: round(v * 0.72)), edge)
        image.paste(lit, (0, 0), shape)

    return drawn(size, paint, (0, 0, 0, 0))


# -- artwork and moods ----------------------------------------------------------------------------


def label(image: Image.Image, pen: ImageDraw.ImageDraw) -> None:
    """A print for a bottle's own band of paper: rules above and below, a sun over the sea."""
    w, h = image.size
    for top in (0.0, 0.93):
        pen.rectangle((0, h * top, w, h * (top + 0.07)), (34, 58, 92, 255))
    pen.ellipse((w * 0.5 - h * 0.27, h * 0.15, w * 0.5 + h * 0.27, h * 0.69), (214, 84, 48, 255))
    for turn, tall in enumerate((0.52, 0.66, 0.80)):
        points = [
            (w * (0.04 + 0.92 * k / 60), h * (tall + 0.035 * math.sin(k * 0.62 + turn)))
            for k in range(61)
        ]
        pen.line(points, (34, 58, 92, 255), 7 * FINE)


def cover(image: Image.Image, pen: ImageDraw.ImageDraw) -> None:
    w, h = image.size
    pen.rectangle((0, 0, w, h), (238, 196, 92, 255))
    pen.polygon([(0, h), (w * 0.42, h * 0.42), (w * 0.8, h)], (48, 92, 96, 255))
    pen.polygon([(w * 0.36, h), (w * 0.74, h * 0.54), (w, h * 0.86), (w, h)], (32, 62, 78, 255))
    pen.ellipse((w * 0.58, h * 0.12, w * 0.86, h * 0.12 + w * 0.28), (206, 72, 48, 255))
    for row, wide in enumerate((0.56, 0.38)):
        pen.rectangle(
            (w * 0.1, h * (0.1 + 0.08 * row), w * (0.1 + wide), h * (0.14 + 0.08 * row)),
            (32, 44, 62, 255),
        )


def mark(image: Image.Image, pen: ImageDraw.ImageDraw) -> None:
    w, h = image.size
    pen.ellipse((w * 0.05, h * 0.08, w * 0.45, h * 0.08 + w * 0.4), (214, 84, 48, 255))
    pen.polygon([(w * 0.5, h * 0.7), (w * 0.72, h * 0.1), (w * 0.95, h * 0.7)], (30, 48, 84, 255))
    pen.rectangle((w * 0.05, h * 0.8, w * 0.95, h * 0.9), (30, 48, 84, 255))


def plate(image: Image.Image, pen: ImageDraw.ImageDraw) -> None:
    w, h = image.size
    pen.rounded_rectangle((0, 0, w - 1, h - 1), 30 * FINE, (250, 244, 230, 255))
    inner = Image.new("RGBA", (round(w * 0.7), round(h * 0.7)), (0, 0, 0, 0))
    mark(inner, ImageDraw.Draw(inner))
    image.alpha_composite(inner, (round(w * 0.15), round(h * 0.17)))


def mood(image: Image.Image, pen: ImageDraw.ImageDraw) -> None:
    w, h = image.size
    for y in range(h):
        share = y / h
        top, low = (250, 214, 170), (150, 84, 92)
        tone = tuple(round(a + (b - a) * share) for a, b in zip(top, low, strict=True))
        pen.line((0, y, w, y), (*tone, 255))
    pen.ellipse((w * 0.55, h * 0.18, w * 0.8, h * 0.18 + w * 0.25), (255, 196, 120, 255))
    pen.rectangle((0, h * 0.72, w, h), (96, 58, 70, 255))
    pen.rectangle((w * 0.1, h * 0.5, w * 0.24, h * 0.72), (60, 92, 98, 255))


def room(image: Image.Image, pen: ImageDraw.ImageDraw) -> None:
    w, h = image.size
    for y in range(round(h * 0.68)):
        share = y / (h * 0.68)
        tone = tuple(round(a + (b - a) * share) for a, b in zip(WALL[0], WALL[1], strict=True))
        pen.line((0, y, w, y), (*tone, 255))
    pen.rectangle((0, h * 0.68, w, h), (250, 232, 212, 255))


def sketch(image: Image.Image, pen: ImageDraw.ImageDraw) -> None:
    w, h = image.size
    pen.rectangle((0, 0, w, h * 0.62), (244, 166, 116, 255))
    pen.ellipse((w * 0.74, h * 0.1, w * 0.92, h * 0.1 + w * 0.18), (255, 216, 110, 255))
    hills = [(0, 0.58), (0.22, 0.5), (0.5, 0.58), (0.8, 0.46), (1, 0.54), (1, 1), (0, 1)]
    pen.polygon([(x * w, y * h) for x, y in hills], (116, 158, 92, 255))
    pen.rectangle((w * 0.14, h * 0.5, w * 0.58, h * 0.84), (238, 214, 160, 255))
    roof = [(w * 0.08, h * 0.52), (w * 0.36, h * 0.26), (w * 0.64, h * 0.52)]
    pen.polygon(roof, (122, 48, 44, 255))
    pen.rectangle((w * 0.31, h * 0.62, w * 0.41, h * 0.84), (92, 44, 34, 255))
    for left in (0.18, 0.45):
        pen.rectangle((w * left, h * 0.58, w * (left + 0.09), h * 0.68), (250, 206, 84, 255))


WALL = (238, 196, 158), (228, 172, 138)
"""The wall's colour above and below."""


# -- poses ----------------------------------------------------------------------------------------

POSES = ("standing", "sitting", "waving", "jumping")


def pose(name: str) -> Image.Image:
    """The fox of the model's world in a pose, as its renderer draws it."""
    return Image.fromarray(_fox(name).picture)


def _fox(pose: str) -> Drawing:
    from training.world.scene import compose

    fixed = {
        "style": "flat", "outdoor": False, "place": "backdrop", "surface": "backdrop",
        "wall": "white", "mode": "one", "noun": "fox", "colour": "orange", "position": "centre",
        "size": "", "garment": "scarf", "garment_colour": "blue", "pose": pose,
    }  # fmt: skip
    return compose(7, fixed)


def skeleton(name: str) -> Image.Image:
    """The same figure's joints, in the colours that the model's network for poses reads."""
    from training.control.conditions import colour_pose, draw_pose, skeletons

    return Image.fromarray(colour_pose(draw_pose(skeletons(_fox(name).facts))))


def product(noun: str, colour: str) -> Image.Image:
    """A product by itself, whose lines are what its mockups keep to."""
    from training.world.scene import compose

    fixed = {
        "style": "flat", "outdoor": False, "place": "backdrop", "wall": "white", "mode": "one",
        "surface": "wood" if noun == "mug" else "backdrop", "noun": noun, "colour": colour,
        "position": "centre", "size": "big", "decoration": "",
    }  # fmt: skip
    return Image.fromarray(compose(7, fixed).picture)


def few(picture: Image.Image, colours: int) -> Image.Image:
    """The picture in so many colours."""
    return picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=colours)


def renders() -> None:
    """The mascot of ``bench/mascot.py``, which the model never saw, with a caption to each."""
    from bench.mascot import pictures

    folder = HERE / "mascot" / "renders"
    folder.mkdir(exist_ok=True)
    for number, (picture, words) in enumerate(pictures(18)):
        few(picture, 64).save(folder / f"{number:02d}.png", optimize=True)
        (folder / f"{number:02d}.txt").write_text(words + "\n")


def main() -> None:
    """Write all of them."""
    garments = {
        "tartan-shirt": garment(SHIRT, tartan),
        "knit-sweater": garment(SWEATER, knit),
        "sailor-shirt": garment(SHIRT, sailor),
        "dotted-dress": garment(DRESS, dots),
        "denim-bag": garment(BAG, denim, handle=True),
    }
    for name, picture in garments.items():
        picture.save(HERE / "fashion-set" / f"{name}.png", optimize=True)
    mockup = HERE / "product-mockup"
    drawn((320, 184), label, (0, 0, 0, 0)).save(mockup / "label.png", optimize=True)
    drawn((240, 320), cover, "white").convert("RGB").save(mockup / "cover.png", optimize=True)
    drawn((240, 230), mark, (0, 0, 0, 0)).save(mockup / "mark.png", optimize=True)
    drawn((240, 230), plate, (0, 0, 0, 0)).save(
        HERE / "marketing-campaign" / "mark.png", optimize=True
    )
    for name in ("product-heroes", "marketing-campaign"):
        evening = drawn((192, 192), mood, "white").convert("RGB")
        evening.save(HERE / name / "mood.png", optimize=True)
    plain = drawn((256, 256), room, "white").convert("RGB")
    plain.save(HERE / "product-heroes" / "room.png", optimize=True)
    house = drawn((256, 256), sketch, "white").convert("RGB")
    house.save(HERE / "concept-art" / "sketch.png", optimize=True)
    for name in POSES:
        path = HERE / "character-sheet" / "poses" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        few(pose(name), 128).save(path, optimize=True)
        path = HERE / "character-sheet" / "skeletons" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        few(skeleton(name), 64).save(path, optimize=True)
    for noun, colour in (("bottle", "green"), ("book", "blue"), ("vase", "yellow")):
        few(product(noun, colour), 64).save(mockup / f"{noun}.png", optimize=True)
    few(product("mug", "white"), 64).save(HERE / "logo-on-a-mug" / "mug.png", optimize=True)
    renders()


if __name__ == "__main__":
    main()
