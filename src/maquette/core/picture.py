"""Pictures in and out of bytes, guarded: bounded by format, size and pixel count.

Everything that decodes a picture from outside does it here, so there is one guard.
"""

from __future__ import annotations

import io
import warnings

from PIL import Image, ImageOps

from maquette.core.geometry import Size
from maquette.errors import MaskRefused, PictureRefused

__all__ = [
    "FORMATS",
    "MAX_BYTES",
    "MAX_PIXELS",
    "decode_mask",
    "decode_picture",
    "encode_png",
    "size_of",
]

MAX_BYTES = 256 * 1024 * 1024
MAX_PIXELS = 100_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF")
"""What is opened, by content; a file's name is never trusted."""


def size_of(image: Image.Image) -> Size:
    """A picture's size in pixels."""
    return Size(width=image.width, height=image.height)


def _open(data: bytes, name: str) -> Image.Image:
    what = name or "this file"
    if not data:
        raise PictureRefused(f"{what} is empty", hint="choose another file")
    if len(data) > MAX_BYTES:
        raise PictureRefused(
            f"{what} has {len(data) // 2**20} MB, more than the {MAX_BYTES // 2**20} MB allowed",
            hint="export it smaller",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise PictureRefused(
            f"{what} is not a picture that can be opened",
            hint=f"use one of {', '.join(FORMATS)}",
        ) from error
    if image.width * image.height > MAX_PIXELS:
        raise PictureRefused(
            f"{what} has {image.width}x{image.height} pixels,"
            f" more than the {MAX_PIXELS // 10**6} million allowed",
            hint="export it smaller",
        )
    try:
        image.load()
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, OverflowError) as error:
        raise PictureRefused(
            f"{what} is damaged or cut short", hint="get an intact copy of it"
        ) from error
    return image


def _to_8_bit(image: Image.Image) -> Image.Image:
    if image.mode in {"I;16", "I;16L", "I;16B", "I;16N", "I"}:
        # 16 bits a pixel: Pillow's own conversion clips instead of scaling.
        return image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    if image.mode == "F":
        return image.point(lambda value: value * 255).convert("L")
    return image


def decode_picture(data: bytes, *, name: str = "") -> Image.Image:
    """Decode an untrusted picture into upright RGB, or RGBA where it has transparency.

    EXIF orientation is applied; palettes, greyscale, 16 bits and CMYK become 8-bit RGB.

    Raises:
        PictureRefused: not a picture, damaged, or too large to open safely.
    """
    image = _open(data, name)
    transparent = "A" in image.getbands() or "transparency" in image.info
    image = ImageOps.exif_transpose(_to_8_bit(image))
    return image.convert("RGBA" if transparent else "RGB")


def decode_mask(data: bytes, *, size: Size, name: str = "") -> Image.Image:
    """Decode an untrusted mask into greyscale, white = edit.

    A picture with transparency counts by its alpha when its colours are all alike, so that both
    white-on-black and painted-on-nothing masks work.

    Raises:
        PictureRefused: as ``decode_picture``.
        MaskRefused: of another size than ``size``, or without any white.
    """
    image = decode_picture(data, name=name)
    if size_of(image) != size:
        raise MaskRefused(f"the mask has {size_of(image)} pixels, the picture {size}")
    grey = image.convert("RGB").convert("L")
    if image.mode == "RGBA":
        lowest, highest = grey.getextrema()
        alpha = image.getchannel("A")
        mask = (
            alpha if lowest == highest else Image.composite(grey, Image.new("L", image.size), alpha)
        )
    else:
        mask = grey
    if mask.getbbox() is None:
        raise MaskRefused("the mask is empty: nothing in it is white")
    return mask


def encode_png(image: Image.Image) -> bytes:
    """A picture as PNG bytes without metadata: the same pixels give the same bytes."""
    buffer = io.BytesIO()
    clean = image.copy()
    clean.info.clear()
    clean.save(buffer, format="PNG", compress_level=4)
    return buffer.getvalue()
