"""Retouch: light and colour changed by numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from PIL import Image
from pydantic import ValidationError

from maquette.core.palette import palette_of
from maquette.core.pixel_tasks import Curve, Retouch
from maquette.core.recipe import MAX_SEED, Recipe
from maquette.core.version import Version
from maquette.errors import SettingRefused
from maquette.operations import settings

__all__ = ["CurvePoints", "retouch"]

CurvePoints = tuple[str, Sequence[tuple[float, float]]]
"""A channel (all, red, green, blue) and the points (in, out) of its curve, 0 to 1."""

_LIMITS: dict[str, tuple[float, float]] = {
    "exposure": (-5, 5),
    "temperature": (-90, 90),
    "tint": (-100, 100),
    "contrast": (-1, 1),
    "saturation": (-1, 1),
    "match": (0, 1),
    "sharpness": (0, 5),
    "radius": (0.3, 20),
    "grain": (0, 1),
}
_MOST_SWATCHES = 16


def retouch(
    version: Version,
    *,
    exposure: float = 0.0,
    temperature: float = 0.0,
    tint: float = 0.0,
    contrast: float = 0.0,
    saturation: float = 0.0,
    curves: Sequence[CurvePoints] = (),
    palette: Image.Image | None = None,
    swatches: Sequence[str] = (),
    match: float = 1.0,
    sharpness: float = 0.0,
    radius: float = 1.0,
    grain: float = 0.0,
    seed: int = 0,
    mask_digest: str | None = None,
) -> Recipe:
    """The recipe of a picture with other light and colour; ``Retouch`` says what each number is.

    ``palette`` is a picture whose colours to take on, ``swatches`` are colours as #rrggbb instead.
    What the recipe keeps of a palette are its numbers.

    Raises:
        SettingRefused: nothing to do, a number out of its range, both palette and swatches, or a
            curve or colour that is none.
    """
    given = {
        "exposure": exposure,
        "temperature": temperature,
        "tint": tint,
        "contrast": contrast,
        "saturation": saturation,
        "match": match,
        "sharpness": sharpness,
        "radius": radius,
        "grain": grain,
    }
    numbers = {
        name: float(settings.bounded(name, value, *_LIMITS[name])) for name, value in given.items()
    }
    if palette is not None and swatches:
        raise SettingRefused("a palette and swatches at once", hint="give one of them")
    colours = tuple(_colour(code) for code in swatches)
    if len(colours) > _MOST_SWATCHES:
        raise SettingRefused(
            f"{len(colours)} swatches are more than the {_MOST_SWATCHES} possible",
            hint="give the most important ones",
        )
    tuned = tuple(_curve(channel, points) for channel, points in curves)
    acting = any(
        numbers[name]
        for name in ("exposure", "temperature", "tint", "contrast", "saturation", "sharpness")
    )
    matching = (palette is not None or colours) and numbers["match"] > 0
    if not (acting or numbers["grain"] or tuned or matching):
        raise SettingRefused(
            "a retouch by nothing changes nothing", hint="give exposure, contrast, … a number"
        )
    if len({curve.channel for curve in tuned}) < len(tuned):
        raise SettingRefused("two curves for one channel", hint="join their points")
    return Recipe(
        engine="pixels",
        task=Retouch.model_validate(
            {
                **numbers,
                "image": version.image,
                "mask": mask_digest,
                "curves": tuned,
                "palette": palette_of(palette) if palette is not None else None,
                "swatches": colours,
                "seed": settings.whole("seed", seed, 0, MAX_SEED),
            }
        ),
        size=version.size,
    )


def _colour(code: str) -> str:
    short = code.strip().lower().removeprefix("#")
    if re.fullmatch(r"[0-9a-f]{3}", short):
        short = "".join(2 * letter for letter in short)
    if not re.fullmatch(r"[0-9a-f]{6}", short):
        raise SettingRefused(f"{code!r} is no colour", hint="write it as #rrggbb")
    return f"#{short}"


def _curve(channel: str, points: Sequence[tuple[float, float]]) -> Curve:
    try:
        return Curve.model_validate({"channel": channel, "points": tuple(points)})
    except ValidationError as error:
        says = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise SettingRefused(
            f"no curve of channel {channel!r}: {says}",
            hint="points (in, out) from 0 to 1, from left to right, such as 0,0 0.25,0.2 1,1",
        ) from error
