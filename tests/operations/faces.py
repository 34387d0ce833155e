"""Drawn faces that detectors find."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFilter
from tests.engines import nets

__all__ = ["nosed", "portrait"]


def portrait(scale: float = 1.0, left: int = 0) -> Image.Image:
    """A face as simple as Haar's cascade lets pass: skin, brows, eyes, nose, mouth, hair."""
    image = Image.new("RGB", (int(320 * scale) + left, int(300 * scale)), (96, 110, 128))
    draw = ImageDraw.Draw(image)

    def oval(x: float, y: float, wide: float, tall: float, colour: tuple[int, int, int]) -> None:
        box = [scale * side for side in (x - wide, y - tall, x + wide, y + tall)]
        draw.ellipse((box[0] + left, box[1], box[2] + left, box[3]), fill=colour)

    oval(160, 150, 80, 105, (70, 45, 30))
    oval(160, 165, 66, 88, (222, 180, 150))
    for x in (132, 188):
        oval(x, 140, 19, 12, (150, 105, 85))
        oval(x, 126, 18, 4, (70, 45, 30))
        oval(x, 146, 13, 7, (245, 240, 235))
        oval(x, 146, 6, 6, (40, 25, 20))
    oval(160, 172, 9, 22, (205, 155, 125))
    oval(160, 190, 13, 6, (170, 115, 95))
    oval(160, 216, 26, 8, (165, 75, 70))
    return image.filter(ImageFilter.GaussianBlur(2 * scale))


def nosed(
    *noses: tuple[tuple[int, int, int], int, int], skin: Image.Image | None = None
) -> Image.Image:
    """A picture with the noses that ``nets.face_finder`` finds: colour and place, on multiples of
    16 pixels for large ones and of 8 for others. ``skin`` fills it."""
    picture = Image.new("RGB", (480, 320), (96, 110, 128))
    if skin is not None:
        picture.paste(skin.resize(picture.size))
    for colour, x, y in noses:
        side = 24 if colour == nets.NOSE else 48
        picture.paste(colour, (x, y, x + side, y + side))
    return picture
