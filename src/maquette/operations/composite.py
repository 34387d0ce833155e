"""Composite: pictures laid on a version, upright in a box or on a surface of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image
from pydantic import ValidationError

from maquette.core.geometry import Box, Size
from maquette.core.picture import size_of
from maquette.core.pixel_tasks import Composite, Layer
from maquette.core.recipe import Recipe
from maquette.core.surface import Surface, surface_of_box
from maquette.core.version import Version
from maquette.errors import SettingRefused
from maquette.operations.shadows import ground_shadow, wall_shadow

__all__ = ["Placed", "composite", "fitted", "standing", "surface", "with_shadow"]

MOST_LAYERS = 64


@dataclass(frozen=True)
class Placed:
    """A picture and where it lies on the version below.

    ``picture`` is a version, a file, its bytes, or a picture. It lies at ``at`` (x, y) at its own
    size, fills ``box`` (x, y, width, height), stands with the middle of its foot at ``stand`` (x, y
    and its height, as shares of the picture below), or lies on ``surface``, of which it fills
    ``window`` (left, top, right, bottom, as shares). ``shadow`` (0 to 1) is how dark a shadow it
    throws: on the ground where it stands, else on the wall behind it. The rest is as in
    ``maquette.core.pixel_tasks.Layer``; ``mask`` is a mask of the version's size.
    """

    picture: Any
    at: tuple[int, int] | None = None
    box: tuple[int, int, int, int] | None = None
    stand: tuple[float, float, float] | None = None
    surface: Surface | None = None
    window: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    crop: tuple[int, int, int, int] | None = None
    opacity: float = 1.0
    blend: str = "normal"
    shading: float = 0.0
    shadow: float = 0.0
    mask: Any = None
    feather: int = 0

    @classmethod
    def read(cls, given: Placed | Mapping[str, Any]) -> Placed:
        """A layer from itself or from a mapping, such as a YAML file or a finding holds.

        Raises:
            SettingRefused: unknown keys, or no picture.
        """
        if isinstance(given, Placed):
            return given
        fields = dict(given)
        try:
            if isinstance(fields.get("surface"), Mapping):
                fields["surface"] = surface(**fields["surface"])
            for name in ("at", "box", "stand", "window", "crop"):
                if isinstance(fields.get(name), list):
                    fields[name] = tuple(fields[name])
            return cls(**fields)
        except TypeError as error:
            raise SettingRefused(
                f"no layer: {str(error).rpartition('.')[2]}", hint="a layer needs a picture"
            ) from error


def surface(corners: Sequence[Sequence[float]], *, arc: float = 0.0, bend: float = 0.0) -> Surface:
    """A checked ``Surface``.

    Raises:
        SettingRefused: corners that are no convex shape, or numbers out of their range.
    """
    try:
        return Surface.model_validate(
            {"corners": tuple(tuple(corner) for corner in corners), "arc": arc, "bend": bend}
        )
    except (ValidationError, TypeError) as error:
        raise SettingRefused(
            f"no surface: {_first(error)}",
            hint="give its corners from the top left clockwise, arc from 0 to 178 degrees"
            " and bend from -0.8 to 0.8",
        ) from error


def composite(version: Version, layers: Sequence[tuple[Placed, str, Size, str | None]]) -> Recipe:
    """The recipe of layers on a version: each with the digest and size of its picture and, if it
    has one, its mask's digest; the first is lowest.

    Raises:
        SettingRefused: none or too many, not exactly one place, one outside the picture, or a
            number out of its range.
    """
    if not 1 <= len(layers) <= MOST_LAYERS:
        raise SettingRefused(
            f"{len(layers)} layers cannot be laid", hint=f"give 1 to {MOST_LAYERS}"
        )
    return Recipe(
        engine="pixels",
        task=Composite(
            image=version.image,
            layers=tuple(_layer(version.size, *layer) for layer in layers),
        ),
        size=version.size,
    )


def fitted(
    surface: Surface, picture: Size, *, share: float = 1.0, at: tuple[float, float] = (0.5, 0.5)
) -> tuple[float, float, float, float]:
    """The window of a surface that a picture fills without being stretched: as large as goes into
    ``share`` of both sides, its middle ``at`` (across, down; moved where it would stick out).

    Raises:
        SettingRefused: a share outside 0 to 1.
    """
    if not 0 < share <= 1:
        raise SettingRefused(f"a share of {share} of the surface", hint="above 0, up to 1")
    shape = picture.width / picture.height / surface.proportion
    wide, tall = (share, share / shape) if shape >= 1 else (share * shape, share)
    left = min(max(at[0] - wide / 2, 0.0), 1 - wide)
    top = min(max(at[1] - tall / 2, 0.0), 1 - tall)
    return left, top, min(1.0, left + wide), min(1.0, top + tall)


def standing(
    stand: tuple[float, float, float],
    crop: tuple[int, int, int, int] | None,
    picture: Size,
    below: Size,
) -> tuple[int, int, int, int]:
    """The box (x, y, width, height) of a picture, in its own proportions, that stands with the
    middle of its foot at a place.

    Raises:
        SettingRefused: no height.
    """
    x, y, tall = stand
    if not 0 < tall <= 8:
        raise SettingRefused(f"a height of {tall} of the picture", hint="above 0; 1 is all of it")
    wide, high = (picture.width, picture.height) if crop is None else crop[2:]
    height = max(1, round(tall * below.height))
    width = max(1, round(height * wide / high))
    return round(x * below.width - width / 2), round(y * below.height) - height, width, height


def with_shadow(
    placed: Placed, image: Image.Image, below: Size
) -> tuple[Image.Image, Placed] | None:
    """The shadow that a layer asks for, and how it is laid beneath it; None where there is none.

    Raises:
        SettingRefused: a number out of its range, or a layer on a surface.
    """
    if not placed.shadow:
        return None
    if not 0 < placed.shadow <= 1:
        raise SettingRefused(f"a shadow of {placed.shadow}", hint="0 is none, 1 is black")
    if placed.surface is not None:
        raise SettingRefused("what lies on a surface throws no shadow", hint="leave shadow out")
    picture = size_of(image)
    if placed.stand is not None:
        box = standing(placed.stand, placed.crop, picture, below)
    else:
        x, y = placed.at or (0, 0)
        wide, high = (picture.width, picture.height) if placed.crop is None else placed.crop[2:]
        box = placed.box or (x, y, wide, high)
    if placed.crop is not None:
        x, y, width, height = placed.crop
        image = image.crop((x, y, x + width, y + height))
    made = (ground_shadow if placed.stand is not None else wall_shadow)(image, box)
    if made is None:
        return None
    shadow, at = made
    return shadow, Placed(None, box=at, opacity=placed.shadow, blend="multiply")


def _layer(size: Size, placed: Placed, image: str, picture: Size, mask: str | None) -> Layer:
    crop = _crop(placed.crop, picture)
    place = _place(placed, picture, size)
    if place.bounds(size, margin=0) is None:
        raise SettingRefused(
            f"a layer lies wholly outside the picture of {size}", hint="place it inside"
        )
    try:
        return Layer.model_validate(
            {
                "image": image,
                "surface": place,
                "crop": crop,
                "window": placed.window,
                "opacity": placed.opacity,
                "blend": placed.blend,
                "shading": placed.shading,
                "mask": mask,
                "feather": placed.feather,
            }
        )
    except ValidationError as error:
        raise SettingRefused(
            f"no layer: {_first(error)}",
            hint="opacity and shading are 0 to 1; blend is normal, multiply, screen, …",
        ) from error


def _crop(numbers: tuple[int, int, int, int] | None, picture: Size) -> Box | None:
    if numbers is None:
        return None
    x, y, width, height = numbers
    if min(x, y) < 0 or min(width, height) < 1:
        raise SettingRefused(
            f"the part {x},{y},{width},{height} is empty or outside", hint="X,Y,WIDTH,HEIGHT"
        )
    box = Box(x=x, y=y, width=width, height=height)
    if box.right > picture.width or box.bottom > picture.height:
        raise SettingRefused(
            f"the part {box.corners} leaves the layer's picture of {picture}",
            hint="give x, y, width and height in pixels of that picture",
        )
    return box


def _place(placed: Placed, picture: Size, below: Size) -> Surface:
    ways = [way for way in (placed.at, placed.box, placed.stand, placed.surface) if way is not None]
    if len(ways) > 1:
        raise SettingRefused("a layer has one place", hint="give one of at, box, stand and surface")
    if placed.surface is not None:
        return placed.surface
    if placed.stand is not None:
        placed = replace(
            placed, stand=None, box=standing(placed.stand, placed.crop, picture, below)
        )
    if placed.box is not None:
        x, y, width, height = placed.box
    else:
        x, y = placed.at or (0, 0)
        crop = placed.crop
        width, height = (picture.width, picture.height) if crop is None else crop[2:]
    if width < 1 or height < 1:
        raise SettingRefused(f"a layer of {width}x{height} pixels", hint="1 pixel at least")
    left, top, right, bottom = float(x), float(y), float(x + width), float(y + height)
    if min(left, top) >= 0:
        return surface_of_box(Box(x=int(x), y=int(y), width=int(width), height=int(height)))
    return surface([(left, top), (right, top), (right, bottom), (left, bottom)])


def _first(error: ValidationError | TypeError) -> str:
    if isinstance(error, ValidationError):
        about = error.errors()[0]
        where = ".".join(str(part) for part in about["loc"])
        says = about["msg"].removeprefix("Value error, ")
        return f"{where}: {says}" if where else says
    return str(error)
