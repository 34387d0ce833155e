"""Whether a LoRA is the one that an adapter of faces holds itself.

FaceID's LoRA is published twice: inside the adapter's file, and as a file of its own for programs
that do not read the first. Given together it would count twice.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from safetensors import safe_open

from maquette.core.conditioning import Lora, Reference
from maquette.core.recipe import Recipe
from maquette.core.value import ModelRef
from maquette.engines.diffusers.conditions.catalogue import Catalogue, weights_of
from maquette.engines.diffusers.conditions.headers import Shapes, read_header
from maquette.errors import RecipeRefused

__all__ = ["is_own_lora", "refuse_twice"]


def refuse_twice(recipe: Recipe, catalogue: Catalogue) -> None:
    """Refuse a LoRA beside the face of an adapter that brings it.

    Raises:
        RecipeRefused: there is one.
        ModelMissing, ModelRefused: an adapter that is not at hand, or damaged.
    """
    loras = [c for c in recipe.conditionings if isinstance(c, Lora)]
    shown = [c for c in recipe.conditionings if isinstance(c, Reference) and c.strength > 0]
    adapters = {c.adapter.digest: c.adapter for c in shown if c.recogniser and c.adapter}
    for ref in adapters.values() if loras else ():
        faces = catalogue.by_digest(ref, "ip-adapter")
        for each in loras:
            given = catalogue.by_digest(ModelRef(name=each.name, digest=each.digest), "lora")
            if is_own_lora(weights_of(Path(given.path)), weights_of(Path(faces.path))):
                raise RecipeRefused(
                    f"the LoRA '{each.name}' is the one that '{faces.name}' brings itself:"
                    " it would count twice",
                    hint="leave the LoRA out",
                )


def is_own_lora(lora: Path, faces: Path) -> bool:
    """Whether the LoRA of one file lies in the other as well. Headers tell it nearly always; where
    they are alike one tensor is read of each.

    Raises:
        ModelMissing, ModelRefused: a damaged file.
    """
    own = {name: shape for name, shape in read_header(faces)[0].items() if "_lora." in name}
    given = {name: s for name, s in read_header(lora)[0].items() if len(s) == 2}
    if not own or Counter(own.values()) != Counter(given.values()):
        return False
    first = min(own)
    try:
        with safe_open(faces, framework="np") as held, safe_open(lora, framework="np") as other:
            sought = held.get_tensor(first).astype(np.float32)
            return any(
                np.allclose(other.get_tensor(name).astype(np.float32), sought, atol=1e-3)
                for name in _like(given, sought.shape)
            )
    except TypeError:  # numbers that numpy does not know (bfloat16)
        return False


def _like(shapes: Shapes, wanted: tuple[int, ...]) -> list[str]:
    return [name for name, shape in shapes.items() if shape == wanted]
