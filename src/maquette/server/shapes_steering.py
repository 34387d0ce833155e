"""What goes over the wire: structures, references, LoRAs and learned words of a drawing."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from maquette.core.figure import Skeleton
from maquette.server.shapes import Body, Digest, Shape

__all__ = [
    "STEERING",
    "AdapterOut",
    "Adapters",
    "Condition",
    "ControlAsk",
    "ControlIn",
    "MapOut",
    "ReferenceIn",
    "Steered",
    "steering_of",
]

PICTURE = "c0ffee254729296a45a3885639ac7e10f9d54979c0ffee254729296a45a38856"
Name = Annotated[
    str,
    Field(
        pattern=r"^[^/\\:<>]{1,200}$",
        description="A name that `adapters` lists.",
        examples=["watercolour"],
    ),
]
Ref = Annotated[str, Field(min_length=1, max_length=80, examples=["@"])]
Condition = Literal["canny", "lineart", "scribble", "depth", "pose", "tile"]
"""What maps are made of."""


class _Shown(Body):
    image: Digest | None = Field(
        default=None, description="A picture kept here: the digest that `controls` answered."
    )
    version: Ref | None = Field(
        default=None, description="Instead of `image`: a version, which becomes a parent."
    )
    adapter: Name | None = Field(
        default=None, description="The network that reads it; null = the first that can."
    )

    @model_validator(mode="after")
    def _one(self) -> _Shown:
        if (self.image is not None) + (self.version is not None) != self._shows():
            raise ValueError("give one of image and version" if self._shows() else "no picture")
        return self

    def _shows(self) -> bool:
        """Whether there is a picture to give."""
        return True


class ControlIn(_Shown):
    """A structure to obey. `inpaint` has no picture: its network looks at what surrounds the hole
    that is filled."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"condition": "canny", "version": "@", "make": True}]}
    )
    condition: Condition | Literal["inpaint"]
    make: bool = Field(
        default=False, description="Make the map of the picture; else the picture is the map."
    )
    of: Ref | None = Field(
        default=None,
        description="The version that `image` was made of and painted over; a parent as well.",
    )
    strength: float = Field(default=1.0, ge=0, le=2)
    start: float = Field(default=0.0, ge=0, lt=1, description="From which share of the steps.")
    end: float = Field(default=1.0, gt=0, le=1, description="To which share of the steps.")

    def _shows(self) -> bool:
        return self.condition != "inpaint"


class ReferenceIn(_Shown):
    """A picture to be like. The adapter `attention` is none: the model looks at it by itself."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "style", "version": "@"}]})
    role: Literal["style", "character", "object", "face"]
    strength: float = Field(default=1.0, ge=0, le=2)
    mask: Digest | None = Field(
        default=None, description="Where it counts: a mask of the drawn picture's size."
    )
    start: float = Field(default=0.0, ge=0, lt=1, description="From which share of the steps.")
    end: float = Field(default=1.0, gt=0, le=1, description="To which share of the steps.")
    face: int | None = Field(
        default=None, ge=1, le=64, description="Which of several faces, from the left."
    )


class Steered(Body):
    """What steers a drawing beside its words."""

    control: list[ControlIn] = Field(default=[], max_length=8, description="Structures to obey.")
    reference: list[ReferenceIn] = Field(
        default=[], max_length=8, description="Pictures to be like."
    )
    lora: dict[Name, Annotated[float, Field(ge=-10, le=10)]] = Field(
        default={}, max_length=16, description="LoRAs by name, with their weights.", examples=[{}]
    )
    embedding: dict[Name, Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default={},
        max_length=16,
        description="Learned words by name, each with the word that the prompt says for it.",
        examples=[{}],
    )


STEERING = frozenset(Steered.model_fields)


class ControlAsk(Body):
    """A control map to be made of a picture."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": "@", "kind": "canny"}]})
    image: Digest | None = Field(default=None, description="A picture kept here.")
    version: Ref | None = Field(default=None, description="Instead of `image`: a version.")
    kind: Condition
    size: Annotated[
        tuple[int, int] | None,
        Field(description="[width, height], cut to that shape; null = its own.", examples=[None]),
    ] = None

    @model_validator(mode="after")
    def _one(self) -> ControlAsk:
        if (self.image is None) == (self.version is None):
            raise ValueError("give one of image and version")
        return self


class MapOut(Shape):
    """A map or reference, kept beside the pictures; `pictures/{digest}` shows it."""

    digest: str = Field(examples=[PICTURE])
    width: int = Field(examples=[256])
    height: int = Field(examples=[256])


class AdapterOut(Shape):
    """Something that can be put on a model."""

    kind: Literal["lora", "embedding", "control", "t2i-adapter", "ip-adapter"]
    name: str = Field(examples=["watercolour"])
    conditions: list[str] = Field(description="What a control network reads.", examples=[[]])
    roles: list[str] = Field(description="What a reference network is for.", examples=[[]])
    licence: str = Field(description="As its files state it; may be empty.", examples=[""])
    trigger: str = Field(description="The words that it answers to.", examples=[""])
    numbers: int = Field(
        description="By how many numbers a recogniser must tell a face to it; 0 = it reads none.",
        examples=[0],
    )
    misfit: str = Field(description="Why it does not go with the model; empty = it does.")
    skeleton: Skeleton | None = Field(
        description="What the poses that it reads are drawn of; null = as its makers draw them.",
        examples=[None],
    )


class Adapters(Shape):
    """The adapters at hand."""

    items: list[AdapterOut]


def steering_of(blobs: Any, version: Any, body: Steered) -> dict[str, Any]:
    """The arguments of an order. Pictures come by digest or version, never by a path of this
    machine; ``blobs`` and ``version`` read them."""

    def picture(shown: _Shown) -> Any:
        if shown.image is None and shown.version is None:
            return None
        return blobs.get(shown.image) if shown.image is not None else version(shown.version)

    return {
        "control": [
            {
                **each.model_dump(exclude={"version"}),
                "image": picture(each),
                "of": version(each.of) if each.of is not None else None,
            }
            for each in body.control
        ],
        "reference": [
            {
                **each.model_dump(exclude={"version"}),
                "image": picture(each),
                "mask": blobs.get(each.mask) if each.mask is not None else None,
            }
            for each in body.reference
        ],
        "lora": dict(body.lora),
        "embedding": dict(body.embedding),
    }
