"""Maquette's own metadata: the exact recipe of a picture, so that an import gives it back.

One JSON text, ASCII alone (it must survive XML and every container): in PNG the iTXt chunk
``maquette``, in JPEG and WebP the XMP property ``recipe`` of our namespace. The digest inside tells
whether the recipe is still the one that was written.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from maquette.core.recipe import Digest, Recipe, load_recipe
from maquette.core.version import Version
from maquette.errors import MaquetteError

__all__ = ["KEYWORD", "SCHEMA", "Own", "read_own", "write_own"]

KEYWORD = "maquette"
SCHEMA = 1


class Own(BaseModel):
    """What our metadata said. ``recipe`` is None where it was left out, damaged or too new."""

    model_config = ConfigDict(frozen=True)
    version_id: Digest
    recipe_digest: Digest
    parents: tuple[Digest, ...] = ()
    operation: str = ""
    recipe: Recipe | None = None
    problems: tuple[str, ...] = ()


def write_own(version: Version, *, prompts: bool = True) -> str:
    """The metadata of a version. Without prompts the recipe is its digest alone."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "version": version.id,
        "parents": version.parents,
        "recipe_digest": version.recipe.digest,
    }
    if prompts:
        document["operation"] = version.operation
        document["recipe"] = version.recipe.model_dump(mode="json")
    return json.dumps(document, ensure_ascii=True, separators=(",", ":"))


def read_own(text: str) -> Own | None:
    """What a metadata text says, None for one that is not ours. Never fails."""
    try:
        document = json.loads(text)
        if not isinstance(document, dict):
            return None
        own = Own.model_validate(
            {
                "version_id": document.get("version"),
                "recipe_digest": document.get("recipe_digest"),
                "parents": document.get("parents", ()),
                "operation": document.get("operation", ""),
            }
        )
    except (ValueError, RecursionError, ValidationError):
        return None
    schema = document.get("schema")
    if not isinstance(schema, int) or schema > SCHEMA:
        problem = f"recipe: written by a newer Maquette (schema {str(schema)[:20]})"
        return own.model_copy(update={"problems": (problem,)})
    raw = document.get("recipe")
    if raw is None:
        problem = "recipe: left out when the picture was exported"
        return own.model_copy(update={"problems": (problem,)})
    recipe, problem = _recipe(raw, own.recipe_digest)
    return own.model_copy(update={"recipe": recipe, "problems": (problem,) if problem else ()})


def _recipe(raw: object, digest: str) -> tuple[Recipe | None, str]:
    if not isinstance(raw, dict):
        return None, "recipe: damaged"
    try:
        recipe = load_recipe(raw)
        intact = recipe.digest == digest
    except (MaquetteError, RecursionError, ValueError) as error:
        return None, f"recipe: {error}"
    if not intact:
        return None, "recipe: does not match its digest, so it was altered after it was written"
    return recipe, ""
