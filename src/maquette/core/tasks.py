"""What a recipe may ask for: one tagged task, never several optional parts.

A new kind of work is a new class here. A field added to an old class would change the digest of
every recipe that has one; give the work a kind of its own instead, or leave the field out of what
is stored where it says nothing.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from maquette.core.geometry import Box, Size
from maquette.core.pixel_tasks import Composite, Restore, Retouch
from maquette.core.value import Digest, Value

__all__ = [
    "Anchored",
    "Composite",
    "Continue",
    "ImageToImage",
    "Import",
    "Inpaint",
    "Outpaint",
    "Restore",
    "Retouch",
    "Task",
    "TextToImage",
    "Upscale",
]


class TextToImage(Value):
    """A picture from words alone."""

    kind: Literal["text-to-image"] = "text-to-image"


class ImageToImage(Value):
    """A picture from words and another picture. ``strength`` 0 keeps it, 1 ignores it."""

    kind: Literal["image-to-image"] = "image-to-image"
    image: Digest
    strength: float = Field(gt=0, le=1)


class Continue(Value):
    """A drawing taken up where another was after ``step`` of its steps, and finished with these
    words and this sampling.

    ``trace`` is the digest of the other's trace, which holds its latents at that step. Its words
    decided the composition; those of this recipe decide what follows.
    """

    kind: Literal["continue"] = "continue"
    trace: Digest
    step: int = Field(ge=1)

    @property
    def latents(self) -> str:
        """What an engine finds the latents by among its inputs."""
        return f"{self.trace}@{self.step}"


class Anchored(Value):
    """A drawing taken up as by ``Continue``, its words anchored: what a word weighs more than it
    did in the other drawing acts only where the other's token maps saw it, and around there.

    So a thing grows in its place; raised everywhere it may as well appear in another.
    """

    kind: Literal["anchored"] = "anchored"
    trace: Digest
    step: int = Field(ge=1)

    @property
    def latents(self) -> str:
        """What an engine finds the latents by among its inputs."""
        return f"{self.trace}@{self.step}"

    @property
    def maps(self) -> str:
        """What an engine finds the token maps by among its inputs."""
        return f"{self.trace}#maps"


class Inpaint(Value):
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


class Outpaint(Value):
    """A larger canvas: so many pixels more on each side, drawn to continue the picture.

    So many pixels of the old picture beside the new sides, its ``overlap``, are drawn anew as well
    and blended over; the rest of it keeps its bytes.
    """

    kind: Literal["outpaint"] = "outpaint"
    image: Digest
    left: int = Field(default=0, ge=0)
    top: int = Field(default=0, ge=0)
    right: int = Field(default=0, ge=0)
    bottom: int = Field(default=0, ge=0)
    work: Size
    feather: int = Field(default=8, ge=0)
    overlap: int = Field(default=0, ge=0)

    @property
    def sides(self) -> tuple[int, int, int, int]:
        """What is added left, above, right and below."""
        return self.left, self.top, self.right, self.bottom

    @model_serializer(mode="wrap")
    def _as_stored(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without ``overlap`` where there is none: recipes from before it keep their digest."""
        told = handler(self)
        if not self.overlap:
            del told["overlap"]
        return told


class Upscale(Value):
    """The same picture with more pixels, made in tiles of ``tile`` pixels of the source.

    ``learned`` means by the network that the recipe names as its model; it draws at its own scale
    and Lanczos does the rest.
    """

    kind: Literal["upscale"] = "upscale"
    image: Digest
    scale: float = Field(gt=1, le=8)
    method: Literal["lanczos", "learned"] = "lanczos"
    tile: int = Field(default=512, ge=64)


class Import(Value):
    """A picture that came from outside, kept as it is. ``original`` is the digest of its file,

    ``source`` who wrote the file's metadata (``a1111``, ``comfyui``, ``maquette`` or nothing).
    """

    kind: Literal["import"] = "import"
    image: Digest
    original: Digest | None = None
    source: str = ""


Task = Annotated[
    TextToImage
    | ImageToImage
    | Continue
    | Anchored
    | Inpaint
    | Outpaint
    | Upscale
    | Import
    | Retouch
    | Restore
    | Composite,
    Field(discriminator="kind"),
]
