"""Pictures in and out of bytes, guarded: bounded by format, size and pixel count.

Everything that decodes a picture from outside does it here, so there is one guard.
"""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image, ImageOps

from maquette.core.geometry import Size
from maquette.core.psd import merged_transparency
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
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "TIFF", "BMP", "GIF", "PSD")
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
    except Image.DecompressionBombError as error:
        raise PictureRefused(
            f"{what} has more than the {MAX_PIXELS // 10**6} million pixels allowed",
            hint="export it smaller",
        ) from error
    except Exception as error:  # the decoders raise whatever they please on hostile bytes
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
    return image


def _upright(image: Image.Image) -> Image.Image:
    """Decode the pixels, in 8 bits, RGB or RGBA, turned as EXIF says."""
    image.load()
    image = _to_8_bit(image)
    transparent = image.mode in {"RGBA", "RGBa", "LA", "La", "PA"} or "transparency" in image.info
    return ImageOps.exif_transpose(image).convert("RGBA" if transparent else "RGB")


def _off_white(image: Image.Image, *, clear: bool) -> Image.Image:
    """A PSD's merged picture, whose transparent colours were laid on white."""
    image.load()
    if image.mode != "RGBA" or not clear:
        return image.convert("RGB")
    pixels = np.asarray(image).astype(np.float32)
    share = np.maximum(pixels[..., 3:] / 255, np.float32(1 / 255))
    pixels[..., :3] = np.clip(255 - (255 - pixels[..., :3]) / share, 0, 255)
    return Image.fromarray(np.rint(pixels).astype(np.uint8))


def _to_8_bit(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # 16 bits a pixel: Pillow's own conversion clips instead of scaling.
        deep = np.clip(np.asarray(image).astype(np.int32), 0, 65535)
        shallow = Image.fromarray(((deep + 128) // 257).astype(np.uint8))
    elif image.mode == "F":
        shallow = image.point(lambda value: value * 255).convert("L")
    else:
        return image
    if "exif" in image.info:
        shallow.info["exif"] = image.info["exif"]
    if isinstance(clear := image.info.get("transparency"), int):
        shallow.info["transparency"] = (clear + 128) // 257
    return shallow


def decode_picture(data: bytes, *, name: str = "") -> Image.Image:
    """Decode an untrusted picture into upright RGB, or RGBA where it has transparency.

    EXIF orientation is applied; palettes, greyscale, 16 bits and CMYK become 8-bit RGB.

    Raises:
        PictureRefused: not a picture, damaged, or too large to open safely.
    """
    # A PSD says more of itself than its decoder: what cannot be read is refused with the reason.
    clear = data.startswith(b"8BPS") and merged_transparency(data, name)
    image = _open(data, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _upright(image) if image.format != "PSD" else _off_white(image, clear=clear)
    except Exception as error:
        raise PictureRefused(
            f"{name or 'this file'} is damaged or cut short", hint="get an intact copy of it"
        ) from error


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
