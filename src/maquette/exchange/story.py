"""A chain of versions told as C2PA actions (C2PA 2.x, "Actions"), and what to call the result.

The story starts at the oldest ancestor: ``c2pa.created`` for a picture made from words,
``c2pa.opened`` for one from outside; every later version is one action on it. Without prompts only
words from the tables below are told, so nothing that a person typed can slip through.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from maquette.core.recipe import (
    Anchored,
    Continue,
    ImageToImage,
    Import,
    Inpaint,
    Outpaint,
    Restore,
    TextToImage,
)
from maquette.core.recipe import Upscale as UpscaleTask
from maquette.core.version import SHORT, Version
from maquette.errors import ExportRefused
from maquette.exchange.xmp import COMPOSITE, TRAINED, source_type_uri

__all__ = ["IMPORTED", "PARENT", "PREFIX", "refuse_broken", "source_type_of", "stamp", "tell"]

PREFIX = "studio.maquette."
"""What our own parameters of an action begin with (a name of ours, reversed, as C2PA asks)."""

IMPORTED, PARENT = "imported", "parent"
"""Labels of the ingredients that actions point to."""

_UNKNOWN_SOURCE = "http://c2pa.org/digitalsourcetype/empty"
_GENERATORS = {"maquette", "a1111", "comfyui", "invokeai"}
_DRAWING = (TextToImage, ImageToImage, Continue, Anchored, Inpaint, Outpaint, Restore)

_OPERATIONS = {
    "generate": ("c2pa.edited", "another picture was made from words"),
    "refine": ("c2pa.edited", "a draft was finished in its own composition"),
    "reweight": ("c2pa.edited", "drawn again with other weights on the words of its prompt"),
    "vary": ("c2pa.edited", "drawn again as a variation"),
    "inpaint": ("c2pa.edited", "a part of the picture was drawn anew"),
    "outpaint": ("c2pa.edited", "the canvas was enlarged and the new part drawn"),
    "upscale": ("c2pa.resized", "enlarged by interpolation"),
    "rollback": ("c2pa.edited", "an earlier version was taken up again"),
    "retouch": ("c2pa.color_adjustments", "light and colour were adjusted"),
    "composite": ("c2pa.edited", "pictures were laid on it"),
    "logo": ("c2pa.edited", "a logo was put on a surface"),
    "restore": ("c2pa.edited", "faces were drawn anew"),
    "crop": ("c2pa.cropped", "cropped"),
    "resize": ("c2pa.resized", "resized"),
    "recolor": ("c2pa.color_adjustments", "colours were adjusted"),
    "color": ("c2pa.color_adjustments", "colours were adjusted"),
    "rotate": ("c2pa.orientation", "turned"),
}
_TASKS = {
    "text-to-image": ("c2pa.edited", "drawn again from words"),
    "image-to-image": ("c2pa.edited", "drawn again from the picture before it"),
    "continue": ("c2pa.edited", "a drawing was taken up half-way and finished"),
    "anchored": ("c2pa.edited", "a drawing was taken up early, some of its words weighing more"),
    "inpaint": _OPERATIONS["inpaint"],
    "outpaint": _OPERATIONS["outpaint"],
    "upscale": _OPERATIONS["upscale"],
    "retouch": _OPERATIONS["retouch"],
    "composite": _OPERATIONS["composite"],
    "restore": _OPERATIONS["restore"],
}


def refuse_broken(chain: Sequence[Version], version: Version) -> None:
    """Refuse a chain that does not tell the whole story of a version.

    Raises:
        ExportRefused: it ends elsewhere, a parent is missing, or comes after its child.
    """
    hint = "give every ancestor, oldest first, and the version itself last"
    if not chain or chain[-1].id != version.id:
        raise ExportRefused(f"the history of {version.short} does not end with it", hint=hint)
    seen: set[str] = set()
    for step in chain:
        missing = [parent for parent in step.parents if parent not in seen]
        if missing:
            raise ExportRefused(
                f"the history of {version.short} lacks {missing[0][:SHORT]},"
                f" which {step.short} was made from",
                hint=hint,
            )
        seen.add(step.id)


def source_type_of(chain: Sequence[Version], imported: str | None = None) -> str | None:
    """The IPTC digital source type of a picture with this history, None where no model drew.

    ``imported`` is what the imported picture's own file said; a mark of AI origin is never lost.
    """
    drawn = any(isinstance(step.recipe.task, _DRAWING) for step in chain)
    tasks = [step.recipe.task for step in chain if isinstance(step.recipe.task, Import)]
    if not tasks:
        return TRAINED if drawn else None
    if imported is None and all(task.source in _GENERATORS for task in tasks):
        imported = TRAINED
    if drawn:
        return TRAINED if imported == TRAINED else COMPOSITE
    return imported


def tell(
    chain: Sequence[Version],
    *,
    prompts: bool,
    imported: str | None = None,
    has_parent: bool = False,
) -> list[dict[str, Any]]:
    """The actions of a chain, oldest first.

    With ``has_parent`` the last one points to the ingredient labelled ``PARENT``. Imports point to
    the one labelled ``IMPORTED`` (the first) or by their version (later ones).
    """
    actions = [
        _action(chain[: index + 1], prompts=prompts, imported=imported)
        for index in range(len(chain))
    ]
    if has_parent:
        actions[-1]["parameters"].setdefault("ingredientIds", []).append(PARENT)
    return actions


def _action(chain: Sequence[Version], *, prompts: bool, imported: str | None) -> dict[str, Any]:
    version = chain[-1]
    recipe, task = version.recipe, version.recipe.task
    parameters: dict[str, Any] = {
        f"{PREFIX}version": version.short,
        f"{PREFIX}recipe_digest": recipe.digest,
    }
    if prompts and recipe.prompt is not None:
        parameters[f"{PREFIX}prompt"] = _sayable(recipe.prompt.text)
        if recipe.prompt.negative:
            parameters[f"{PREFIX}negative_prompt"] = _sayable(recipe.prompt.negative)
    name, description = _name(version, first=len(chain) == 1)
    action: dict[str, Any] = {
        "action": name,
        "when": stamp(version.created_at),
        "softwareAgent": {"name": f"Maquette, engine {recipe.engine}", "version": version.build},
        "description": description,
        "parameters": parameters,
    }
    if isinstance(task, _DRAWING) or len(chain) == 1:
        source = source_type_of(chain, imported)
        if source is not None:
            action["digitalSourceType"] = source_type_uri(source)
        elif name == "c2pa.created":
            action["digitalSourceType"] = _UNKNOWN_SOURCE
    if version.operation == "rollback" and version.parents:
        # The recipe is that of the version taken up: what it did is told there.
        action["description"] = f"{description}: {version.parents[0][:SHORT]}"
        return action
    match task:
        case Import() if name != "c2pa.edited":
            parameters["ingredientIds"] = [IMPORTED if len(chain) == 1 else version.short]
        case Inpaint():
            action["changes"] = [_region(task)]
        case UpscaleTask():
            parameters[f"{PREFIX}interpolation"] = task.method
            if task.method == "learned":
                description = "enlarged by a network"
            action["description"] = f"{description} ({task.method}) to {version.size}"
        case _:
            pass
    return action


def _name(version: Version, *, first: bool) -> tuple[str, str]:
    task = version.recipe.task
    if isinstance(task, Import) and (first or version.operation != "rollback"):
        if first:
            return "c2pa.opened", "a picture from elsewhere was opened"
        if version.parents:
            return "c2pa.edited", "changed with other software and brought back"
        return "c2pa.placed", "another picture from elsewhere was brought in"
    if first:
        return "c2pa.created", "made from words by a model"
    return _OPERATIONS.get(version.operation) or _TASKS[task.kind]


def _region(task: Inpaint) -> dict[str, Any]:
    """Where the picture changed (C2PA 2.x, "Regions of interest")."""
    box = task.region
    shape = {
        "type": "rectangle",
        "unit": "pixel",
        "origin": {"x": box.x, "y": box.y},
        "width": box.width,
        "height": box.height,
    }
    return {
        "description": "the part that was drawn anew",
        "region": [{"type": "spatial", "shape": shape}],
    }


def _sayable(text: str) -> str:
    # Halves of characters have no place in JSON that others must read.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def stamp(moment: datetime) -> str:
    """A moment as RFC 3339 in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
