"""Operations: a version and some arguments in, a new recipe out. Pure; nothing is drawn here."""

from __future__ import annotations

from maquette.operations.composite import Placed, composite, fitted, surface
from maquette.operations.faces import find_faces
from maquette.operations.generate import generate
from maquette.operations.import_picture import import_picture
from maquette.operations.inpaint import inpaint
from maquette.operations.masks import (
    make_mask,
    mask_from_alpha,
    mask_from_box,
    mask_from_colour,
    mask_from_polygon,
    mask_from_token,
)
from maquette.operations.outpaint import outpaint
from maquette.operations.refine import refine
from maquette.operations.restore import restore
from maquette.operations.retouch import retouch
from maquette.operations.reweight import reweight
from maquette.operations.surfaces import find_surface, thing_mask
from maquette.operations.upscale import upscale
from maquette.operations.vary import vary

__all__ = [
    "Placed",
    "composite",
    "find_faces",
    "find_surface",
    "fitted",
    "generate",
    "import_picture",
    "inpaint",
    "make_mask",
    "mask_from_alpha",
    "mask_from_box",
    "mask_from_colour",
    "mask_from_polygon",
    "mask_from_token",
    "outpaint",
    "refine",
    "restore",
    "retouch",
    "reweight",
    "surface",
    "thing_mask",
    "upscale",
    "vary",
]
