"""What steers a picture beside its words: adapters, structure and references, as values.

Each names its files and pictures by digest, so that a recipe with conditionings can be replayed
anywhere that has them. An engine that cannot honour one refuses the recipe.
"""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from maquette.core.value import Digest, ModelRef, Value

__all__ = ["Conditioning", "Control", "Embedding", "Lora", "Reference"]


class Lora(Value):
    """A low-rank adapter (arXiv 2106.09685) by name and digest, at a weight.

    ``text_weight`` is its weight on the text encoder, None for the same.
    """

    kind: Literal["lora"] = "lora"
    name: str
    digest: Digest
    weight: float = Field(default=1.0, ge=-10, le=10)
    text_weight: float | None = Field(default=None, ge=-10, le=10)

    @model_serializer(mode="wrap")
    def _as_stored(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without ``text_weight`` where there is none: recipes from before it keep their digest."""
        told = handler(self)
        if self.text_weight is None:
            del told["text_weight"]
        return told


class Embedding(Value):
    """A word learned by textual inversion (arXiv 2208.01618), by its file's digest.

    ``word`` is how the prompt writes it; several vectors may stand for it.
    """

    kind: Literal["embedding"] = "embedding"
    word: str
    digest: Digest


class Control(Value):
    """Structure to obey (ControlNet, arXiv 2302.05543; T2I-Adapter, arXiv 2302.08453).

    ``image`` is the map itself (edges, depth, a skeleton …) as the network reads it, of the
    picture's size: what made it, a preprocessor or a hand, does not matter to the picture.
    ``adapter`` is the network. It acts with ``strength`` from ``start`` to ``end``, shares of the
    steps. ``inpaint`` is for networks that look at what surrounds a hole: its image is the picture
    that is edited, and the hole is the task's.
    """

    kind: Literal["control"] = "control"
    condition: Literal["canny", "lineart", "scribble", "depth", "pose", "tile", "inpaint"]
    image: Digest
    adapter: ModelRef
    strength: float = Field(default=1.0, ge=0, le=2)
    start: float = Field(default=0.0, ge=0, lt=1)
    end: float = Field(default=1.0, gt=0, le=1)

    @model_validator(mode="after")
    def _in_order(self) -> Control:
        if self.start >= self.end:
            raise ValueError("it ends before it starts")
        return self


class Reference(Value):
    """A picture to be like: in style, in character, in an object, or in a face.

    ``adapter`` is an IP-Adapter (arXiv 2308.06721), or None for reference-only attention, which
    needs no network. ``mask`` (greyscale, white = here) keeps it to a part of the picture. It acts
    from ``start`` to ``end``, shares of the steps.

    A face that is told by a recognition network (ArcFace, arXiv 1801.07698) has that network as its
    ``recogniser``, and five ``marks`` in pixels of the image: the person's right eye, left eye,
    nose, right and left corner of the mouth.
    """

    kind: Literal["reference"] = "reference"
    role: Literal["style", "character", "object", "face"]
    image: Digest
    adapter: ModelRef | None = None
    strength: float = Field(default=1.0, ge=0, le=2)
    mask: Digest | None = None
    start: float = Field(default=0.0, ge=0, lt=1)
    end: float = Field(default=1.0, gt=0, le=1)
    recogniser: ModelRef | None = None
    marks: tuple[tuple[float, float], ...] = Field(default=(), max_length=5)

    @model_validator(mode="after")
    def _in_order(self) -> Reference:
        if self.start >= self.end:
            raise ValueError("it ends before it starts")
        return self

    @model_validator(mode="after")
    def _of_a_face(self) -> Reference:
        if self.recogniser is not None and (self.role != "face" or self.adapter is None):
            raise ValueError("a recogniser is for the adapter of a face")
        if len(self.marks) != (5 if self.recogniser is not None else 0):
            raise ValueError("a recogniser and the five marks of a face go together")
        finite = all(isfinite(x) and isfinite(y) for x, y in self.marks)
        if self.marks and (not finite or len(set(self.marks)) < 3):
            raise ValueError("the marks of a face lie in different places")
        return self

    @model_serializer(mode="wrap")
    def _as_stored(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what only some have, where they do not: others keep their digest."""
        told = handler(self)
        if self.recogniser is None:
            del told["recogniser"], told["marks"]
        if (self.start, self.end) == (0.0, 1.0):
            del told["start"], told["end"]
        return told


Conditioning = Annotated[Lora | Embedding | Control | Reference, Field(discriminator="kind")]
