"""Versions as workflows of other programs: a file to open there, and the pictures that it loads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from maquette.core.canonical import sha256_hex
from maquette.core.recipe import Recipe
from maquette.core.version import Version
from maquette.errors import ExportRefused, MaquetteError, RecipeRefused
from maquette.stages.release import write_whole

if TYPE_CHECKING:
    from maquette.engines.comfyui.exporting import Exported, Family
    from maquette.studio.desk import Desk

__all__ = ["KINDS", "WorkflowFile", "workflow_of", "write_workflow"]

KINDS = ("comfyui",)
"""The programs whose workflows are written."""


@dataclass(frozen=True)
class WorkflowFile:
    """What was written: the workflow's path, size in bytes and SHA-256, the paths of the pictures
    that it loads, the models that it needs (folder and name), and what is drawn otherwise there."""

    path: Path
    bytes: int
    digest: str
    pictures: tuple[Path, ...]
    models: tuple[str, ...]
    notes: tuple[str, ...]


def workflow_of(desk: Desk, chain: Sequence[Version], kind: str = "comfyui") -> Exported:
    """The workflow of the last version of a chain (oldest first), back to its first words.

    Raises:
        ExportRefused: another kind, or a task or words that the other program cannot carry out.
    """
    from maquette.engines.comfyui.exporting import export_graph

    if kind not in KINDS:
        raise ExportRefused(f"no workflow is written for '{kind}'", hint=f"for {', '.join(KINDS)}")
    version, before = chain[-1], chain[:-1]
    try:
        return export_graph(
            version.recipe,
            made={each.image: each.recipe for each in before},
            traces={each.trace: each.recipe for each in before if each.trace is not None},
            family=lambda recipe: _family(desk, recipe),
            files=lambda recipe, digest: _file(desk, recipe, digest),
            prefix=f"maquette-{version.short}",
        )
    except RecipeRefused as error:
        raise ExportRefused(
            f"version {version.short} is no workflow for ComfyUI: {error}", hint=error.hint
        ) from error


def write_workflow(
    desk: Desk, chain: Sequence[Version], path: Path, kind: str = "comfyui"
) -> WorkflowFile:
    """Write a workflow to ``path``, and beside it, in a folder ``NAME-input``, the pictures that
    belong into the other program's input folder.

    Raises:
        ExportRefused, StorageFull, BlobMissing, BlobDamaged.
    """
    found = workflow_of(desk, chain, kind)
    if path.suffix.lower() != ".json":
        raise ExportRefused(f"no workflow is written as '{path.name}'", hint="end it in .json")
    data = json.dumps(found.graph, indent=2, ensure_ascii=False).encode()
    folder = path.with_name(f"{path.stem}-input")
    pictures = tuple(folder / name for name in found.pictures)
    for place, digest in zip(pictures, found.pictures.values(), strict=True):
        write_whole(place, desk.blobs.get(digest))
    write_whole(path, data)
    return WorkflowFile(path, len(data), sha256_hex(data), pictures, found.models, found.notes)


def _file(desk: Desk, recipe: Recipe, digest: str) -> str:
    """Under which file the ComfyUI that drew a recipe has an adapter of it."""
    from maquette.engines.base import Adapting
    from maquette.engines.comfyui.adapters import file_of, model_of

    if recipe.engine != "comfyui":
        return ""
    try:
        engine = desk.engine_of(recipe)
        known = engine.adapters() if isinstance(engine, Adapting) else ()
    except MaquetteError:  # it does not answer: the adapter's own name will do
        return ""
    return next((file_of(each) for each in known if model_of(each).digest == digest), "")


def _family(desk: Desk, recipe: Recipe) -> Family:
    from maquette.engines.comfyui.exporting import Family

    try:
        card = getattr(desk.engine_of(recipe), "card", None)
    except MaquetteError:  # a model that is not at hand any more is written all the same
        return Family()
    scheduler = getattr(card, "scheduler", {})
    return Family(getattr(card, "family", ""), str(scheduler.get("timestep_spacing", "leading")))
