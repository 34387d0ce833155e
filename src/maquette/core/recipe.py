"""The recipe: a frozen value with everything that decides a picture.

It is the waist of the house: operations compile to recipes, engines run recipes. Its canonical
JSON has a SHA-256 digest, which names the request. What is not in the recipe must not change the
picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from maquette.core.canonical import canonical_json, sha256_hex
from maquette.core.geometry import Box, Size
from maquette.errors import ProjectTooNew, RecipeRefused

__all__ = [
    "MAX_SEED",
    "SCHEMA",
    "Conditioning",
    "Digest",
    "ImageToImage",
    "Import",
    "Inpaint",
    "Interpreter",
    "Lora",
    "ModelRef",
    "Outpaint",
    "PromptText",
    "Recipe",
    "Sampling",
    "Task",
    "TextToImage",
    "Upscale",
    "load_recipe",
]

SCHEMA = 1
MAX_SEED = 2**32 - 1

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 of a blob, as 64 lower-case hexadecimal digits."""

Interpreter = Literal["attention", "a1111", "plain"]
"""Who reads the brackets of a prompt.

``attention``: the A1111 dialect, each weight added as its logarithm to the token's attention
logits. ``a1111``: the same dialect, the embedding scaled and its mean restored. ``plain``: the
text as it stands, brackets are letters.
"""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TextToImage(_Value):
    """A picture from words alone."""

    kind: Literal["text-to-image"] = "text-to-image"


class ImageToImage(_Value):
    """A picture from words and another picture. ``strength`` 0 keeps it, 1 ignores it."""

    kind: Literal["image-to-image"] = "image-to-image"
    image: Digest
    strength: float = Field(gt=0, le=1)


class Inpaint(_Value):
    """New pixels inside a mask, every other pixel the same bytes.

    ``mask`` is a greyscale PNG of the picture's size, white = edit. Only ``region`` is drawn, at
    the size ``work``; ``feather`` is the width in pixels of the blend, inside the mask.
    """

    kind: Literal["inpaint"] = "inpaint"
    image: Digest
    mask: Digest
    region: Box
    work: Size
    strength: float = Field(default=1.0, gt=0, le=1)
    feather: int = Field(default=4, ge=0)


class Outpaint(_Value):
    """A larger canvas: so many pixels more on each side, drawn to continue the picture."""

    kind: Literal["outpaint"] = "outpaint"
    image: Digest
    left: int = Field(default=0, ge=0)
    top: int = Field(default=0, ge=0)
    right: int = Field(default=0, ge=0)
    bottom: int = Field(default=0, ge=0)
    work: Size
    feather: int = Field(default=8, ge=0)


class Upscale(_Value):
    """The same picture with more pixels, made in tiles of ``tile`` pixels of the source."""

    kind: Literal["upscale"] = "upscale"
    image: Digest
    scale: float = Field(gt=1, le=8)
    method: Literal["lanczos"] = "lanczos"
    tile: int = Field(default=512, ge=64)


class Import(_Value):
    """A picture that came from outside, kept as it is. ``original`` is the digest of its file,

    ``source`` who wrote the file's metadata (``a1111``, ``comfyui``, ``maquette`` or nothing).
    """

    kind: Literal["import"] = "import"
    image: Digest
    original: Digest | None = None
    source: str = ""


Task = Annotated[
    TextToImage | ImageToImage | Inpaint | Outpaint | Upscale | Import,
    Field(discriminator="kind"),
]


class Lora(_Value):
    """A low-rank adapter by name and file digest, at a weight."""

    kind: Literal["lora"] = "lora"
    name: str
    digest: Digest
    weight: float = 1.0


Conditioning = Annotated[Lora, Field()]


class PromptText(_Value):
    """Prompt and negative prompt as typed, and who reads their brackets."""

    text: str
    negative: str = ""
    interpreter: Interpreter = "attention"


class ModelRef(_Value):
    """A model by name and by the digest of its files."""

    name: str
    digest: Digest


class Sampling(_Value):
    """How the noise becomes a picture. Noise is always drawn on the CPU, one generator a picture,

    so that a seed gives the same noise on every device.
    """

    sampler: Literal["ddim", "dpm++", "euler", "euler-a", "lcm"] = "ddim"
    steps: int = Field(ge=1, le=1000)
    guidance: float = Field(default=5.0, ge=0, le=50)
    seed: int = Field(ge=0, le=MAX_SEED)
    noise: Literal["cpu"] = "cpu"


class Recipe(_Value):
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

    @cached_property
    def canonical(self) -> str:
        """Canonical JSON: every field, defaults too, in one spelling."""
        return canonical_json(self.model_dump(mode="json"))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON: the name of this request."""
        return sha256_hex(self.canonical.encode("utf-8", "surrogatepass"))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Digests of the pictures and masks that the recipe needs, without repeats."""
        task = self.task
        found = [getattr(task, "image", None), getattr(task, "mask", None)]
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
