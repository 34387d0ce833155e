"""The recipe: a frozen value with everything that decides a picture.

It is the waist of the house: operations compile to recipes, engines run recipes. Its canonical
JSON has a SHA-256 digest, which names the request. What is not in the recipe must not change the
picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError

from maquette.core.conditioning import Conditioning, Control, Embedding, Lora, Reference
from maquette.core.geometry import Size
from maquette.core.tasks import (
    Anchored,
    Composite,
    Continue,
    ImageToImage,
    Import,
    Inpaint,
    Outpaint,
    Restore,
    Retouch,
    Task,
    TextToImage,
    Upscale,
)
from maquette.core.value import Digest, ModelRef, Stated, Value
from maquette.errors import ProjectTooNew, RecipeRefused

__all__ = [
    "MAX_SEED",
    "SCHEMA",
    "Anchored",
    "Composite",
    "Conditioning",
    "Continue",
    "Control",
    "Digest",
    "Embedding",
    "ImageToImage",
    "Import",
    "Inpaint",
    "Interpreter",
    "Lora",
    "ModelRef",
    "Outpaint",
    "PromptText",
    "Recipe",
    "Reference",
    "Restore",
    "Retouch",
    "Sampling",
    "Task",
    "TextToImage",
    "Upscale",
    "load_recipe",
]

SCHEMA = 1
MAX_SEED = 2**32 - 1

Interpreter = Literal["attention", "a1111", "plain"]
"""Who reads the brackets of a prompt.

``attention``: the A1111 dialect, each weight added as its logarithm to the token's attention
logits. ``a1111``: the same dialect, the embedding scaled and its mean restored. ``plain``: the
text as it stands, brackets are letters.
"""


class PromptText(Value):
    """Prompt and negative prompt as typed, and who reads their brackets."""

    text: str
    negative: str = ""
    interpreter: Interpreter = "attention"


class Sampling(Value):
    """How the noise becomes a picture. Noise is always drawn on the CPU, one generator a picture,

    so that a seed gives the same noise on every device.
    """

    sampler: Literal["ddim", "dpm++", "euler", "euler-a", "lcm"] = "ddim"
    steps: int = Field(ge=1, le=1000)
    guidance: float = Field(default=5.0, ge=0, le=50)
    seed: int = Field(ge=0, le=MAX_SEED)
    noise: Literal["cpu"] = "cpu"


class Recipe(Stated):
    """Everything that decides a picture.

    ``size`` is the finished picture's. ``prompt``, ``model`` and ``sampling`` are None for work on
    pixels alone (upscale, import).
    """

    schema_version: Literal[1] = SCHEMA
    engine: str
    task: Task
    size: Size
    prompt: PromptText | None = None
    model: ModelRef | None = None
    sampling: Sampling | None = None
    conditionings: tuple[Conditioning, ...] = ()

    @property
    def parts(self) -> tuple[Value, ...]:
        """The task, and its layers where it has some."""
        task = self.task
        return (task, *task.layers) if isinstance(task, Composite) else (task,)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Digests of the pictures and masks that the recipe needs, without repeats."""
        asking = [*self.parts, *self.conditionings]
        found = [getattr(each, part, None) for each in asking for part in ("image", "mask")]
        return tuple(dict.fromkeys(d for d in found if d is not None))

    def change(self, **fields: Any) -> Recipe:
        """A new, validated recipe with some fields changed."""
        kept = {name: getattr(self, name) for name in Recipe.model_fields}
        return Recipe.model_validate({**kept, **fields})


def load_recipe(data: Mapping[str, Any]) -> Recipe:
    """Read a recipe of this or an older schema.

    Raises:
        ProjectTooNew: for a schema that this Maquette does not know yet.
        RecipeRefused: for anything that is no recipe.
    """
    schema = data.get("schema_version")
    if isinstance(schema, int) and schema > SCHEMA:
        raise ProjectTooNew(
            f"this recipe has schema {schema}; this Maquette reads up to schema {SCHEMA}"
        )
    try:
        return Recipe.model_validate(migrate(dict(data)))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RecipeRefused(f"not a recipe: {where}: {first['msg']}") from error


def migrate(data: dict[str, Any]) -> dict[str, Any]:
    """Bring a recipe's raw form from its schema to the current one, a step a schema."""
    while (step := _MIGRATIONS.get(data.get("schema_version", 0))) is not None:
        data = step(data)
    return data


def _from_0(data: dict[str, Any]) -> dict[str, Any]:
    # Schema 0: sketches before the first release had no number.
    return {**data, "schema_version": 1}


_MIGRATIONS = {0: _from_0}
