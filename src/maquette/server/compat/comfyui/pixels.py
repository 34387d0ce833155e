"""The nodes that alter pictures and masks without drawing: plain arithmetic on pixels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageFilter, ImageOps

from maquette.core import raster
from maquette.core.picture import MAX_PIXELS
from maquette.errors import SettingRefused
from maquette.server.compat.comfyui.values import Latent, Shot, Shots

__all__ = ["IMAGES", "MASKS", "channel", "padded", "resized", "scaled_latent", "to_size"]

_METHODS = {
    "nearest-exact": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "area": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "bislerp": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_GREY = (128, 128, 128)


def to_size(shape: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    """The size asked for; a side of 0 follows the other.

    Raises:
        SettingRefused: more pixels than are opened again.
    """
    old_width, old_height = shape
    if width == 0 and height == 0:
        return shape
    if width == 0:
        width = max(1, round(old_width * height / old_height))
    elif height == 0:
        height = max(1, round(old_height * width / old_width))
    if width * height > MAX_PIXELS:
        raise SettingRefused(f"{width}x{height} are more than {MAX_PIXELS // 10**6} million pixels")
    return width, height


def resized(image: Image.Image, size: tuple[int, int], method: str, crop: str) -> Image.Image:
    """A picture at another size; ``crop`` center cuts its middle to the new shape first."""
    if crop == "center":
        return ImageOps.fit(image, size, _METHODS[method])
    return image if image.size == size else image.resize(size, _METHODS[method])


def _scale(inputs: dict[str, Any]) -> Shots:
    return tuple(
        _resized(
            shot,
            to_size(shot.size, inputs["width"], inputs["height"]),
            inputs["upscale_method"],
            inputs["crop"],
        )
        for shot in inputs["image"]
    )


def _scale_by(inputs: dict[str, Any]) -> Shots:
    by = inputs["scale_by"]
    return tuple(
        _resized(shot, _times(shot.size, by), inputs["upscale_method"], "disabled")
        for shot in inputs["image"]
    )


def _scale_to(inputs: dict[str, Any]) -> Shots:
    total = inputs["megapixels"] * 1024 * 1024
    return tuple(
        _resized(
            shot,
            _times(shot.size, math.sqrt(total / math.prod(shot.size))),
            inputs["upscale_method"],
            "disabled",
        )
        for shot in inputs["image"]
    )


def _times(size: tuple[int, int], by: float) -> tuple[int, int]:
    return to_size(size, max(1, round(size[0] * by)), max(1, round(size[1] * by)))


def _resized(shot: Shot, size: tuple[int, int], method: str, crop: str) -> Shot:
    if shot.size == size:
        return shot
    how = f"scaled to {size[0]}x{size[1]} ({method})"
    return shot.altered(resized(shot.image, size, method, crop), how)


def _crop(inputs: dict[str, Any]) -> Shots:
    return tuple(
        shot.altered(_cut(shot.image, inputs), f"cut at {inputs['x']},{inputs['y']}")
        for shot in inputs["image"]
    )


def _cut(image: Image.Image, inputs: dict[str, Any]) -> Image.Image:
    x, y = min(inputs["x"], image.width - 1), min(inputs["y"], image.height - 1)
    right, bottom = x + inputs["width"], y + inputs["height"]
    return image.crop((x, y, min(right, image.width), min(bottom, image.height)))


def _empty(inputs: dict[str, Any]) -> Shots:
    size = to_size((1, 1), inputs["width"], inputs["height"])
    value = inputs["color"]
    colour = (value >> 16 & 255, value >> 8 & 255, value & 255)
    shot = Shot(Image.new("RGB", size, colour))
    return (shot,) * inputs["batch_size"]


def _invert(inputs: dict[str, Any]) -> Shots:
    return tuple(
        shot.altered(ImageChops.invert(shot.image), "inverted") for shot in inputs["image"]
    )


def _blur(inputs: dict[str, Any]) -> Shots:
    sigma = inputs["sigma"]
    return tuple(
        shot.altered(shot.image.filter(ImageFilter.GaussianBlur(sigma)), f"blurred by {sigma:g}")
        for shot in inputs["image"]
    )


def _batch(inputs: dict[str, Any]) -> Shots:
    first, more = inputs["image1"], inputs["image2"]
    size = first[0].image.size
    return (*first, *(_resized(shot, size, "bilinear", "center") for shot in more))


def _from_batch(inputs: dict[str, Any]) -> Shots:
    shots, start = inputs["image"], inputs["batch_index"]
    start = min(start, len(shots) - 1)
    return shots[start : start + inputs["length"]]


def padded(shot: Shot, inputs: dict[str, Any]) -> tuple[Shot, Image.Image]:
    """A larger canvas, grey where nothing is yet, and a mask that is white there (and rises
    towards it over ``feathering`` pixels)."""
    left, top = inputs["left"], inputs["top"]
    old = shot.image.size
    size = to_size(old, old[0] + left + inputs["right"], old[1] + top + inputs["bottom"])
    canvas = Image.new("RGB", size, _GREY)
    canvas.paste(shot.image, (left, top))
    white = np.full((size[1], size[0]), 255, np.uint8)
    white[top : top + old[1], left : left + old[0]] = 0
    reach = inputs["feathering"]
    if 0 < reach * 2 < min(old):
        soft = np.asarray(Image.fromarray(raster.grow(white, reach)).filter(_soft(reach)))
        white = np.maximum(white, np.where(white == 255, 255, soft))
    return shot.altered(canvas, "given a larger canvas"), Image.fromarray(white)


def _soft(reach: int) -> ImageFilter.GaussianBlur:
    return ImageFilter.GaussianBlur(max(1.0, reach / 2))


def _composite(inputs: dict[str, Any]) -> Shots:
    source: Shots = inputs["source"]
    mask: Image.Image | None = inputs.get("mask")
    laid: list[Shot] = []
    for place, shot in enumerate(inputs["destination"]):
        over = source[min(place, len(source) - 1)].image
        if inputs["resize_source"]:
            over = over.resize(shot.image.size, Image.Resampling.BILINEAR)
        canvas = shot.image.copy()
        where = None if mask is None else mask.convert("L").resize(over.size)
        canvas.paste(over, (inputs["x"], inputs["y"]), where)
        laid.append(shot.altered(canvas, "laid over by another picture"))
    return tuple(laid)


IMAGES: dict[str, Any] = {
    "EmptyImage": _empty,
    "ImageScale": _scale,
    "ImageScaleBy": _scale_by,
    "ImageScaleToTotalPixels": _scale_to,
    "ImageInvert": _invert,
    "ImageCrop": _crop,
    "ImageBlur": _blur,
    "ImageBatch": _batch,
    "RepeatImageBatch": lambda inputs: inputs["image"] * inputs["amount"],
    "ImageFromBatch": _from_batch,
    "ImageCompositeMasked": _composite,
    "MaskToImage": lambda inputs: (Shot(inputs["mask"].convert("RGB")),),
}
"""Nodes whose one output is pictures."""


def channel(image: Image.Image, name: str) -> Image.Image:
    """A mask of one channel. Of alpha, white is where the picture is transparent."""
    if name == "alpha":
        if "A" in image.getbands():
            return ImageChops.invert(image.convert("RGBA").getchannel("A"))
        return Image.new("L", image.size, 0)
    return image.convert("RGB").getchannel({"red": 0, "green": 1, "blue": 2}[name])


def _image_to_mask(inputs: dict[str, Any]) -> Image.Image:
    return channel(inputs["image"][0].image, inputs["channel"])


def _solid(inputs: dict[str, Any]) -> Image.Image:
    size = to_size((1, 1), inputs["width"], inputs["height"])
    return Image.new("L", size, round(inputs["value"] * 255))


def _grow(inputs: dict[str, Any]) -> Image.Image:
    by, mask = inputs["expand"], np.asarray(inputs["mask"].convert("L"))
    done = raster.grow(mask, by) if by >= 0 else raster.shrink(mask, -by)
    return Image.fromarray(done)


def _feather(inputs: dict[str, Any]) -> Image.Image:
    mask = np.asarray(inputs["mask"].convert("L"), dtype=np.float32)
    height, width = mask.shape
    across, down = np.ones(width, np.float32), np.ones(height, np.float32)
    for line, side, back in (
        (across, inputs["left"], False), (across, inputs["right"], True),
        (down, inputs["top"], False), (down, inputs["bottom"], True),
    ):  # fmt: skip
        reach = min(side, len(line))
        ramp = np.arange(1, reach + 1, dtype=np.float32) / max(1, reach)
        view = line[::-1] if back else line
        view[:reach] *= ramp
    return Image.fromarray(np.rint(mask * down[:, None] * across[None, :]).astype(np.uint8))


def _threshold(inputs: dict[str, Any]) -> Image.Image:
    limit = inputs["value"] * 255
    return inputs["mask"].convert("L").point([255 * (value > limit) for value in range(256)])


def _mask_composite(inputs: dict[str, Any]) -> Image.Image:
    below = inputs["destination"].convert("L").copy()
    over = inputs["source"].convert("L")
    x, y = inputs["x"], inputs["y"]
    box = (x, y, min(x + over.width, below.width), min(y + over.height, below.height))
    if box[0] >= box[2] or box[1] >= box[3]:
        return below
    a = np.asarray(below.crop(box), dtype=np.int32)
    b = np.asarray(over.crop((0, 0, box[2] - x, box[3] - y)), dtype=np.int32)
    hard_a, hard_b = a >= 128, b >= 128
    done = {
        "multiply": lambda: np.rint(a * b / 255),
        "add": lambda: a + b,
        "subtract": lambda: a - b,
        "and": lambda: 255 * (hard_a & hard_b),
        "or": lambda: 255 * (hard_a | hard_b),
        "xor": lambda: 255 * (hard_a ^ hard_b),
    }[inputs["operation"]]()
    below.paste(Image.fromarray(np.clip(done, 0, 255).astype(np.uint8)), box[:2])
    return below


MASKS: dict[str, Any] = {
    "ImageToMask": _image_to_mask,
    "InvertMask": lambda inputs: ImageChops.invert(inputs["mask"].convert("L")),
    "SolidMask": _solid,
    "GrowMask": _grow,
    "FeatherMask": _feather,
    "CropMask": lambda inputs: _cut(inputs["mask"], inputs),
    "ThresholdMask": _threshold,
    "MaskComposite": _mask_composite,
}
"""Nodes whose one output is a mask."""


def scaled_latent(latent: Latent, size: tuple[int, int], crop: str) -> Latent:
    """A latent at another size: the pictures are enlarged when they are drawn on."""
    size = to_size(latent.size, *size)
    shots = latent.shots
    if crop == "center" and shots:
        shots = tuple(
            shot.altered(ImageOps.fit(shot.image, size, Image.Resampling.LANCZOS), "cut")
            for shot in shots
        )
    return Latent(size, latent.count, shots, latent.mask, latent.fresh)
