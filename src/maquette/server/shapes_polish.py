"""What goes over the wire: retouching, upscaling, restoring, composites, logos, layers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from maquette.core.pixel_tasks import Blend
from maquette.core.surface import Point
from maquette.server.shapes import Body, Digest
from maquette.server.shapes_work import Ref, Upscale, _Order

__all__ = ["Composite", "LayersAsk", "Logo", "Restore", "Retouch", "Upscale"]

DIGEST = "c0ffee254729296a45a3885639ac7e10f9d54979c0ffee254729296a45a38856"

Box = Annotated[
    tuple[int, int, int, int],
    Field(description="[x, y, width, height] in pixels.", examples=[[40, 60, 120, 80]]),
]
Amount = Annotated[float, Field(ge=0, le=1)]


class CurveIn(Body):
    """A tone curve through points (in, out)."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"channel": "all", "points": [[0, 0], [0.5, 0.6], [1, 1]]}]}
    )
    channel: Literal["all", "red", "green", "blue"] = "all"
    points: list[tuple[Amount, Amount]] = Field(min_length=2, max_length=32)


class PictureIn(Body):
    """A picture kept here, or a version's."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": "@"}]})
    image: Digest | None = Field(
        default=None, description="A picture kept here: the digest that `controls` answered."
    )
    version: Ref | None = Field(
        default=None, description="Instead of `image`: a version, which becomes a parent."
    )

    @model_validator(mode="after")
    def _one(self) -> PictureIn:
        if (self.image is None) == (self.version is None):
            raise ValueError("give one of image and version")
        return self


class Retouch(_Order):
    """Light and colour changed by numbers; 0 is no change."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"version": "@", "exposure": 0.3, "contrast": 0.2}]}
    )
    version: Ref
    exposure: float = Field(default=0.0, ge=-5, le=5, description="EV: 1 is twice the light.")
    temperature: float = Field(default=0.0, ge=-90, le=90, description="Mired towards warm.")
    tint: float = Field(default=0.0, ge=-100, le=100, description="Towards magenta.")
    contrast: float = Field(default=0.0, ge=-1, le=1)
    saturation: float = Field(default=0.0, ge=-1, le=1)
    curves: list[CurveIn] = Field(default=[], max_length=4, description="One for each channel.")
    palette: PictureIn | None = Field(
        default=None, description="A picture whose colours to take on."
    )
    swatches: list[Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]] = Field(
        default=[], max_length=16, description="Colours to draw near ones to.", examples=[[]]
    )
    match: Amount = 1.0
    sharpness: float = Field(default=0.0, ge=0, le=5)
    radius: float = Field(default=1.0, ge=0.3, le=20, description="Of sharpness, in pixels.")
    grain: Amount = 0.0
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="Of the grain.")
    mask: Digest | None = Field(
        default=None, description="Only here: the digest that `masks` answered."
    )


class RetouchPreview(Retouch):
    """A retouch to be looked at before it is done."""

    side: int = Field(default=1024, ge=16, le=1024, description="Its longer side at most.")


class Restore(_Order):
    """Faces drawn anew by a network."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"version": "@", "box": [40, 40, 60, 60]}]}
    )
    version: Ref
    model: Annotated[
        str | None,
        Field(pattern=r"^[^/\\]{1,200}$", description="A network by name; null = the first."),
    ] = None
    strength: float = Field(default=0.8, gt=0, le=1)
    box: Box | None = Field(default=None, description="Where a face is; null = found.")


class SurfaceIn(Body):
    """A surface in a picture: four corners, and how it bends."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"corners": [[60, 40], [200, 40], [200, 160], [60, 160]], "arc": 120}]
        }
    )
    corners: tuple[Point, Point, Point, Point] = Field(
        description="From the top left one clockwise, in pixels."
    )
    arc: float = Field(default=0.0, ge=0, le=178, description="Degrees of a cylinder; 0 = flat.")
    bend: float = Field(
        default=0.0, ge=-0.8, le=0.8, description="How far its edges hang in the middle."
    )


class LayerIn(PictureIn):
    """A picture and where it lies: at its own size, in a box, or on a surface."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": "@", "at": [0, 0]}]})
    at: Annotated[
        tuple[int, int] | None, Field(description="Its top left corner.", examples=[[10, 20]])
    ] = None
    box: Box | None = None
    stand: Annotated[
        tuple[float, float, float] | None,
        Field(
            description="The middle of its foot, across and down, and its height, as shares.",
            examples=[[0.5, 0.9, 0.6]],
        ),
    ] = None
    surface: SurfaceIn | None = None
    crop: Box | None = Field(default=None, description="Only this part of the picture.")
    opacity: Amount = 1.0
    blend: Blend = "normal"
    shading: Amount = 0.0
    shadow: Amount = 0.0
    mask: Digest | None = Field(default=None, description="Only here, a mask of the version.")
    feather: int = Field(default=0, ge=0, le=1024, description="Soften its border, in pixels.")


class Composite(_Order):
    """Pictures laid on a version."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"version": "@", "layers": [{"version": "@", "at": [0, 0]}]}]
        }
    )
    version: Ref
    layers: list[LayerIn] = Field(min_length=1, max_length=64, description="The first is lowest.")


class Logo(_Order):
    """A logo on a thing: in its own proportions, bent and lit as the thing is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"version": "@", "logo": {"version": "@"}, "box": [40, 60, 120, 80]}]
        }
    )
    version: Ref
    logo: PictureIn
    on: Annotated[
        str | None, Field(max_length=500, description="The wall of what this word drew.")
    ] = None
    box: Box | None = Field(default=None, description="The wall of the thing in this box.")
    surface: SurfaceIn | None = None
    flat: bool = Field(default=False, description="A flat front, not a cylinder.")
    size: float = Field(default=0.7, gt=0, le=1, description="Its share of the surface.")
    at: tuple[Amount, Amount] = Field(
        default=(0.5, 0.5), description="Its middle on the surface, across and down."
    )
    shading: Amount = 1.0
    opacity: Amount = 1.0
    blend: Blend = "normal"


class LayersAsk(Body):
    """A version as a file of layers."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": "@"}]})
    version: Ref
    prompts: bool = Field(default=True, description="False leaves every prompt out of the file.")
