"""Maps for control networks, made from a picture: one file for each kind. Picture in, map out.

A map is a picture of the same size: lines and depth greyscale, poses and tiles in colour. It is
shown, and can be painted over, before it steers anything.
"""

from __future__ import annotations

from typing import Literal, get_args

from PIL import Image

from maquette.errors import SettingRefused
from maquette.operations.controls.canny import canny
from maquette.operations.controls.lineart import lineart
from maquette.operations.controls.scribble import scribble
from maquette.operations.controls.tile import tile

__all__ = ["KINDS", "PURE", "Kind", "canny", "lineart", "make_map", "scribble", "tile"]

Kind = Literal["canny", "lineart", "scribble", "depth", "pose", "tile"]
KINDS: tuple[str, ...] = get_args(Kind)

PURE = ("canny", "lineart", "scribble", "tile")
"""Those that need no network."""


def make_map(image: Image.Image, kind: str) -> Image.Image:
    """The map of a kind, of the picture's size, with the kind's usual settings.

    Raises:
        SettingRefused: another kind.
    """
    picture = image.convert("RGB")
    match kind:
        case "canny":
            return canny(picture)
        case "lineart":
            return lineart(picture)
        case "scribble":
            return scribble(picture)
        case "tile":
            return tile(picture)
        case _:
            raise SettingRefused(
                f"no map '{kind}' is made without a network", hint=f"one of {', '.join(PURE)}"
            )
