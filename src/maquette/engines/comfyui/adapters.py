"""A ComfyUI's own LoRAs and ControlNets, by the names that it lists them under.

Its files cannot be seen from here, so a recipe names one by a digest of its name: the server keeps
what it means, as it does for checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from maquette.core.adapter import Adapter, AdapterKind
from maquette.core.conditioning import Control, Lora
from maquette.core.recipe import Recipe
from maquette.engines.diffusers.conditions.catalogue import reads_of
from maquette.engines.services.service import service_model
from maquette.errors import ModelMissing, RecipeRefused

__all__ = ["LOADERS", "UNION_MODES", "Shelf", "choices", "file_of", "model_of", "union_type"]

LOADERS: Mapping[AdapterKind, tuple[str, str, str]] = {
    "lora": ("LoraLoader", "lora_name", "loras"),
    "control": ("ControlNetLoader", "control_net_name", "controlnet"),
}
"""Its node that lists the files of a kind, the input, and the folder that they lie in."""


UNION_MODES: Mapping[str, str] = {
    "canny": "openpose",
    "tile": "depth",
    "depth": "hed/pidi/scribble/ted",
    "pose": "normal",
}
"""The modes 0, 1, 2 and 4 of FLUX's unions, by the names that ComfyUI has for these numbers: those
of SDXL's unions, where they mean other things."""


def union_type(name: str, condition: str) -> str | None:
    """What ``SetUnionControlNetType`` must say for a union of FLUX's to read a condition; None
    where the network, by its name, is no such union, or has no mode for it."""
    low = name.lower()
    return UNION_MODES.get(condition) if "union" in low and "flux" in low else None


def choices(info: Any, node: str, given: str) -> list[str]:
    """What an input of a node can be, in the node's description: a list, or 'COMBO' with
    options; empty for anything else."""
    try:
        kind, *more = info[node]["input"]["required"][given]
        names = kind if isinstance(kind, list) else more[0]["options"]
        return [str(name) for name in names]
    except (KeyError, IndexError, TypeError, ValueError):
        return []


@dataclass(frozen=True)
class Shelf:
    """The files of a server, by kind."""

    files: Mapping[AdapterKind, list[str]] = field(default_factory=dict[AdapterKind, list[str]])

    def adapters(self) -> tuple[Adapter, ...]:
        """See ``Adapting.adapters``."""
        return tuple(
            Adapter(
                kind=kind,
                name=_stem(file),
                path=f"comfyui:{LOADERS[kind][2]}/{file}",
                conditions=reads_of(file) if kind == "control" else (),
            )
            for kind, files in self.files.items()
            for file in files
        )

    def find(self, name: str, *kinds: AdapterKind) -> Adapter:
        """See ``Adapting.find_adapter``; by its file or its name without the ending."""
        there = [each for each in self.adapters() if each.kind in kinds]
        for each in there:
            if name in {each.name, file_of(each), each.path}:
                return each
        known = ", ".join(each.name for each in there[:8]) or "none"
        raise ModelMissing(
            f"this ComfyUI has no {' or '.join(kinds)} '{name[:100]}'", hint=f"it has {known}"
        )

    def loras(self, recipe: Recipe) -> list[tuple[str, float, float]]:
        """The LoRAs of a recipe: file, weight on the network, weight on the words.

        Raises:
            RecipeRefused: one that this server does not have.
        """
        return [
            (self._named(each.digest, "lora", each.name), each.weight,
             each.weight if each.text_weight is None else each.text_weight)
            for each in recipe.conditionings
            if isinstance(each, Lora)
        ]  # fmt: skip

    def controls(self, recipe: Recipe) -> list[tuple[str, Control]]:
        """The structures of a recipe, each with the file that reads it.

        Raises:
            RecipeRefused: as above.
        """
        return [
            (self._named(each.adapter.digest, "control", each.adapter.name), each)
            for each in recipe.conditionings
            if isinstance(each, Control)
        ]

    def check(self, recipe: Recipe) -> None:
        """Refuse what steers a picture and cannot here.

        Raises:
            RecipeRefused.
        """
        self.loras(recipe)
        self.controls(recipe)
        for each in recipe.conditionings:
            if isinstance(each, Control) and each.condition == "inpaint":
                raise RecipeRefused(
                    f"the graph for '{each.adapter.name}' has no place for what surrounds a hole",
                    hint="draw it with 'diffusers', or give a workflow of your own",
                )
            if not isinstance(each, Lora | Control):
                raise RecipeRefused(
                    f"the engine 'comfyui' takes no {each.kind}", hint="draw it with 'diffusers'"
                )

    def _named(self, digest: str, kind: AdapterKind, name: str) -> str:
        for each in self.adapters():
            if each.kind == kind and model_of(each).digest == digest:
                return file_of(each)
        raise RecipeRefused(
            f"this ComfyUI has no {kind} '{name}' of this recipe",
            hint="its own files go by their names: list them with 'maquette adapters'",
        )


def model_of(adapter: Adapter) -> Any:
    """How a recipe names one: by name, and a digest of it."""
    return service_model("comfyui", adapter.name, f"{LOADERS[adapter.kind][2]}/{file_of(adapter)}")


def file_of(adapter: Adapter) -> str:
    """The file of one, as the server lists it, with its folder."""
    return adapter.path.removeprefix(f"comfyui:{LOADERS[adapter.kind][2]}/")


def _stem(file: str) -> str:
    return PurePosixPath(file.replace("\\", "/")).stem
