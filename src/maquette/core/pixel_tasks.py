"""Tasks on finished pixels: retouch, restore, composite.

Pictures have 8 bits a channel, sRGB; work in between is done in floating point.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from maquette.core.geometry import Box
from maquette.core.surface import Point, Surface
from maquette.core.value import Digest, Value

__all__ = ["Blend", "Composite", "Curve", "Face", "Layer", "Palette", "Restore", "Retouch"]

Share = Annotated[float, Field(ge=0, le=1)]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]

Blend = Literal["normal", "multiply", "screen", "overlay", "soft-light", "darken", "lighten", "add"]
"""How a layer's colours meet those below, as in W3C Compositing and Blending Level 1 (``add`` is
its ``plus-lighter``)."""


class Curve(Value):
    """A tone curve: a monotone cubic through points (in, out), both 0 to 1 of the encoded value."""

    channel: Literal["all", "red", "green", "blue"] = "all"
    points: tuple[tuple[Share, Share], ...] = Field(min_length=2, max_length=32)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        places = [x for x, _ in self.points]
        if any(after - before < 1e-4 for before, after in pairwise(places)):
            raise ValueError("its points do not go from left to right")
        return self


class Palette(Value):
    """The colours of a picture in OKLab's plane of a and b: their mean and covariance."""

    mean: tuple[float, float]
    spread: tuple[float, float, float]
    """The covariance: aa, ab, bb."""


class Retouch(Value):
    """Light and colour changed by numbers; 0 is no change.

    In this order: white balance (``temperature`` in mired towards warm, ``tint`` towards magenta)
    and ``exposure`` (EV) in linear light, ``contrast``, ``curves``, ``saturation``, ``palette`` or
    ``swatches`` at ``match``, ``sharpness`` (an unsharp mask of ``radius`` pixels), ``grain`` from
    ``seed``. Pixels where ``mask`` (white = change) is 0 keep their bytes.
    """

    kind: Literal["retouch"] = "retouch"
    image: Digest
    mask: Digest | None = None
    exposure: float = Field(default=0.0, ge=-5, le=5)
    temperature: float = Field(default=0.0, ge=-90, le=90)
    tint: float = Field(default=0.0, ge=-100, le=100)
    contrast: float = Field(default=0.0, ge=-1, le=1)
    saturation: float = Field(default=0.0, ge=-1, le=1)
    curves: tuple[Curve, ...] = Field(default=(), max_length=4)
    palette: Palette | None = None
    swatches: tuple[Colour, ...] = Field(default=(), max_length=16)
    match: Share = 1.0
    sharpness: float = Field(default=0.0, ge=0, le=5)
    radius: float = Field(default=1.0, ge=0.3, le=20)
    grain: Share = 0.0
    seed: int = Field(default=0, ge=0, le=2**32 - 1)


class Face(Value):
    """A face: its box, and where its marks are (right eye, left eye, nose, right and left corner
    of the mouth, as the person has them), if they are known."""

    box: Box
    marks: tuple[Point, ...] = Field(default=(), max_length=5)


class Restore(Value):
    """Faces drawn anew by the recipe's model, each mixed with what was there at ``strength``."""

    kind: Literal["restore"] = "restore"
    image: Digest
    faces: tuple[Face, ...] = Field(min_length=1, max_length=64)
    strength: float = Field(default=0.8, gt=0, le=1)


class Layer(Value):
    """A picture laid on another.

    Its part ``crop`` (None: all of it) fills the part ``window`` (left, top, right, bottom, as
    shares) of ``surface``. ``shading`` is how far it takes on the light and shadow of what lies
    below. ``mask`` has the size of the picture below, white = here; ``feather`` softens the
    layer's own border inwards, in pixels.
    """

    image: Digest
    surface: Surface
    crop: Box | None = None
    window: tuple[Share, Share, Share, Share] = (0.0, 0.0, 1.0, 1.0)
    opacity: Share = 1.0
    blend: Blend = "normal"
    shading: Share = 0.0
    mask: Digest | None = None
    feather: int = Field(default=0, ge=0, le=1024)

    @model_validator(mode="after")
    def _has_a_window(self) -> Self:
        left, top, right, bottom = self.window
        if left >= right or top >= bottom:
            raise ValueError("its window is empty")
        return self


class Composite(Value):
    """Layers on a picture, the first one lowest. What no layer covers keeps its bytes."""

    kind: Literal["composite"] = "composite"
    image: Digest
    layers: tuple[Layer, ...] = Field(min_length=1, max_length=64)
