"""Units of the ControlNet extension, as structures to obey and references to be like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from PIL import Image

from maquette.core.geometry import Size
from maquette.core.picture import decode_picture
from maquette.errors import SettingRefused
from maquette.operations.controls import KINDS
from maquette.server.compat.pictures import in_base64
from maquette.server.problems import HttpRefused
from maquette.studio.steering import FILLING, fitted

__all__ = ["condition_of", "units_of"]

_KINDS = {
    "inpaint": FILLING,
    "canny": "canny",
    "lineart": "lineart",
    "line_art": "lineart",
    "scribble": "scribble",
    "softedge": "scribble",
    "depth": "depth",
    "openpose": "pose",
    "pose": "pose",
    "tile": "tile",
}
_REFERS = re.compile(r"ip[-_]?adapter", re.IGNORECASE)
_FACE = re.compile(r"face", re.IGNORECASE)
_HARMLESS = re.compile(r"none|false|disabled?|", re.IGNORECASE)


def condition_of(name: str) -> str | None:
    """Our condition that a module's or a network's name speaks of."""
    plain = name.lower()
    return next((ours for theirs, ours in _KINDS.items() if theirs in plain), None)


def units_of(
    scripts: Mapping[str, Any], size: Size, first: Image.Image | None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What the always-on scripts of a request ask for: control, and references.

    ``size`` is the picture's; ``first`` is what stands for a unit's picture where it brings none.

    Raises:
        HttpRefused: a script that is not here, and that was to do something.
        SettingRefused, PictureRefused: a unit that cannot be read.
    """
    control: list[dict[str, Any]] = []
    reference: list[dict[str, Any]] = []
    for name, given in scripts.items():
        args = given.get("args", []) if isinstance(given, dict) else given
        args = args if isinstance(args, list) else [args]
        if name.lower() != "controlnet":
            if any(_does_something(each) for each in args):
                raise HttpRefused(422, "script-unknown", f"always on script {name} not found")
            continue
        for unit in args:
            if isinstance(unit, dict) and unit.get("enabled", True):
                asked = _unit(unit, size, first)
                (reference if "role" in asked else control).append(asked)
    return control, reference


def _does_something(arg: Any) -> bool:
    if isinstance(arg, dict):
        return _HARMLESS.fullmatch(str(arg.get("ad_model", arg.get("enable", "x")))) is None
    return bool(arg) and not (isinstance(arg, str) and _HARMLESS.fullmatch(arg))


def _number(unit: Mapping[str, Any], name: str, usual: float) -> float:
    given = unit.get(name)
    if given is None:
        return usual
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise SettingRefused(f"ControlNet's {name} is no number")
    return float(given)


def _unit(unit: Mapping[str, Any], size: Size, first: Image.Image | None) -> dict[str, Any]:
    module, model = str(unit.get("module") or "none"), str(unit.get("model") or "None")
    plain = module.lower() in {"none", ""}
    condition = (None if plain else condition_of(module)) or condition_of(model)
    how = {
        "strength": _number(unit, "weight", 1.0),
        "start": _number(unit, "guidance_start", 0.0),
        "end": _number(unit, "guidance_end", 1.0),
    }
    adapter = None if model.lower() == "none" else re.sub(r" \[[0-9a-f]+\]$", "", model)
    if condition == FILLING:
        return {"condition": condition, "adapter": adapter, **how}
    image = unit.get("image") or unit.get("input_image")
    if isinstance(image, dict):
        image = image.get("image")
    picture = decode_picture(in_base64(image)) if isinstance(image, str) and image else first
    if picture is None:
        raise SettingRefused("a ControlNet unit has no picture", hint="send 'image' with it")
    if module.lower().startswith("reference"):
        return {"role": "style", "image": picture, **how}
    if _REFERS.search(f"{module} {model}"):
        role = "face" if _FACE.search(f"{module} {model}") else "character"
        return {"role": role, "image": picture, **how, "adapter": adapter}
    if condition is None:
        raise SettingRefused(
            f"nothing is known of ControlNet's module '{module}' and model '{model}'",
            hint=f"modules and models are for {', '.join(KINDS)}",
        )
    return {
        "condition": condition,
        "image": picture if not plain else fitted(picture, size),
        "make": not plain,
        **how,
        "adapter": adapter,
    }
