"""The pictures that a recipe starts from, as services want them: cut to the place to draw, at the
size to draw at, and put back so that not a pixel outside of the mask changes."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from PIL import Image

from maquette.core.geometry import Box, Size
from maquette.core.picture import encode_png
from maquette.core.recipe import ImageToImage, Inpaint, Outpaint, Recipe
from maquette.engines.base import Inputs
from maquette.engines.local import close_region, extend, open_region
from maquette.errors import EngineFailed

__all__ = ["Edit", "base64_png", "edit_of", "hole", "to_size"]

Finish = Callable[[Image.Image], tuple[Image.Image, Mapping[str, float]]]


@dataclass(frozen=True)
class Edit:
    """``picture`` (RGB) to start from and, for a local edit, ``mask`` (L, white = edit) of the
    same size; ``finish`` makes the whole result of what was drawn. ``strength`` is how much of it
    may change. ``region`` is the part of the result that ``picture`` shows (None: all of it)."""

    picture: Image.Image
    mask: Image.Image | None
    strength: float
    finish: Finish
    region: Box | None = None

    @property
    def size(self) -> Size:
        """The size to draw at."""
        return Size(width=self.picture.width, height=self.picture.height)

    def at(self, size: Size) -> Edit:
        """The same edit, to be drawn at another size."""
        if size == self.size:
            return self
        wanted = (size.width, size.height)
        mask = self.mask and self.mask.resize(wanted, Image.Resampling.BILINEAR)
        return replace(self, picture=to_size(self.picture, size), mask=mask)


def edit_of(recipe: Recipe, inputs: Inputs) -> Edit | None:
    """The edit that a recipe asks for; None for a picture from words alone.

    Raises:
        EngineFailed: its picture or mask was not given.
    """
    task = recipe.task
    match task:
        case ImageToImage():
            start = to_size(_given(inputs, task.image).convert("RGB"), recipe.size)
            size = recipe.size
            return Edit(start, None, task.strength, lambda drawn: (to_size(drawn, size), {}))
        case Inpaint():
            image, mask = _given(inputs, task.image), _given(inputs, task.mask)
            return _local(image, mask, task.region, task)
        case Outpaint():
            image = _given(inputs, task.image)
            canvas, mask = extend(image, *task.sides, overlap=task.overlap)
            whole = Box(x=0, y=0, width=canvas.width, height=canvas.height)
            return _local(canvas, mask, whole, task)
        case _:
            return None


def _local(image: Image.Image, mask: Image.Image, region: Box, task: Inpaint | Outpaint) -> Edit:
    picture, cut = open_region(image, mask, region, task.work)
    strength = task.strength if isinstance(task, Inpaint) else 1.0

    def finish(drawn: Image.Image) -> tuple[Image.Image, Mapping[str, float]]:
        done, seam = close_region(image, mask, region, drawn, task.feather)
        return done, {"seam": seam}

    return Edit(picture, cut, strength, finish, region)


def _given(inputs: Inputs, digest: str) -> Image.Image:
    if digest not in inputs:
        raise EngineFailed(f"the picture {digest[:10]} was not given")
    return inputs[digest]


def to_size(image: Image.Image, size: Size) -> Image.Image:
    """A picture of this size, RGB or RGBA; services do not always keep to what was asked."""
    shown = image if image.mode in {"RGB", "RGBA"} else image.convert("RGB")
    wanted = (size.width, size.height)
    return shown if shown.size == wanted else shown.resize(wanted, Image.Resampling.LANCZOS)


def base64_png(image: Image.Image, *, url: bool = False) -> str:
    """A picture as base64 PNG, as a ``data:`` URL on demand."""
    text = base64.b64encode(encode_png(image)).decode()
    return f"data:image/png;base64,{text}" if url else text


def hole(picture: Image.Image, mask: Image.Image) -> Image.Image:
    """The picture with alpha 0 where the mask is white: how some services are told what to edit."""
    holed = picture.convert("RGBA")
    solid = [255 * (value < 128) for value in range(256)]
    holed.putalpha(mask.convert("L").point(solid))
    return holed
