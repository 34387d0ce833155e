"""What goes over the wire of datasets and trainings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from maquette.core.job import BATCH
from maquette.server.shapes import Body, Digest, Shape
from maquette.server.shapes_plan import Priority

__all__ = [
    "Curate",
    "DatasetOut",
    "Datasets",
    "Edit",
    "EntryOut",
    "IdentityOut",
    "PointOut",
    "RemarkOut",
    "ReportOut",
    "SheetOut",
    "Train",
    "TrainingOut",
    "TrainingSummary",
    "Trainings",
]

MISSING = "null = as it is."
Ref = Annotated[str, Field(min_length=1, max_length=80, examples=["@"])]
Sides = Annotated[list[int], Field(min_length=4, max_length=4, examples=[[0, 0, 256, 256]])]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$", examples=["pim"])]


class Edit(Body):
    """What a person says of one picture of a dataset."""

    number: int = Field(ge=1, le=1000, description="Its number in the dataset, from 1.")
    caption: str | None = Field(default=None, max_length=4_000, description=MISSING)
    kept: bool | None = Field(
        default=None, description="Learn from it or not, whatever was remarked; " + MISSING
    )
    crop: Sides | None = Field(
        default=None, description="The part that counts: x, y, width, height; " + MISSING
    )


class Curate(Body):
    """Pictures to add, and what is said of those that are there."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"add": ["@", "@~2"], "trigger": "pim", "subject": "mascot"}]
        }
    )
    add: list[Ref] = Field(
        default=[],
        max_length=1000,
        description="Versions. Pictures from outside are taken in with `imports` first.",
    )
    edits: list[Edit] = Field(default=[], max_length=1000)
    trigger: str | None = Field(
        default=None, max_length=60, description="The word that it will answer to; " + MISSING
    )
    subject: str | None = Field(
        default=None,
        max_length=200,
        description="What it is in words that the model knows; " + MISSING,
        examples=["mascot"],
    )
    licence: str | None = Field(
        default=None, max_length=200, description=MISSING, examples=["CC-BY-4.0"]
    )


class RemarkOut(Shape):
    """What is amiss with a picture."""

    name: str = Field(examples=["blur"])
    message: str = Field(examples=["blurred: sharpness 12, the others' median is 430"])
    fatal: bool = Field(description="It is left out unless a person keeps it.")


class EntryOut(Shape):
    """A picture of a dataset."""

    number: int = Field(examples=[1])
    image: Digest
    source: str = Field(examples=["pim-01.png"], description="A file's name or a version's id.")
    width: int = Field(examples=[256])
    height: int = Field(examples=[256])
    used: bool = Field(description="Whether a training learns from it.")
    kept: bool | None = Field(description="What a person said; null = nothing.")
    caption: str = Field(examples=["a mascot waving on green hills"])
    told: Literal["typed", "prompt", "file", "seen", "nobody"] = Field(
        description="Where the caption comes from; seen = suggested by a judge that looked."
    )
    reads: str = Field(
        examples=["a pim mascot waving on green hills"],
        description="The caption as a training reads it.",
    )
    crop: list[int] | None = Field(description="The part that counts: x, y, width, height.")
    sharpness: float = Field(examples=[433.6], description="Variance of the Laplacian.")
    remarks: list[RemarkOut]


class DatasetOut(Shape):
    """A dataset as it stands."""

    name: str = Field(examples=["pim"])
    revision: int = Field(examples=[3])
    trigger: str = Field(examples=["pim"])
    subject: str = Field(examples=["mascot"])
    licence: str = Field(examples=["CC-BY-4.0"])
    used: int = Field(examples=[18], description="How many pictures a training learns from.")
    entries: list[EntryOut]


class Datasets(Shape):
    """The datasets of a project, by name."""

    items: list[str] = Field(examples=[["pim"]])


class Train(Body):
    """A training of the default model."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"dataset": "pim", "method": "lora", "steps": 400}]}
    )
    dataset: Name
    name: Name | None = Field(
        default=None, description="What the adapter is called; null = as the dataset."
    )
    method: Literal["lora", "dreambooth", "embedding"] = "lora"
    steps: int | None = Field(
        default=None, ge=1, le=100_000, description="null = as usual for the model."
    )
    rate: float | None = Field(default=None, gt=0, le=1, description="null = as usual.")
    batch: int | None = Field(default=None, ge=1, le=256, description="null = as usual.")
    rank: int = Field(default=16, ge=1, le=256, description="How much a LoRA may hold.")
    layers: Literal["attention", "all"] | None = Field(
        default=None, description="What of the network a LoRA changes; null = as usual."
    )
    prior: int = Field(
        default=16, ge=1, le=1000, description="For dreambooth: pictures of the model's own."
    )
    prior_weight: float = Field(
        default=1.0, ge=0, le=10, description="For dreambooth: how much they count."
    )
    vectors: int = Field(
        default=4, ge=1, le=32, description="For embedding: vectors that the word stands for."
    )
    seed: int = Field(default=0, ge=0, le=2**32 - 1)
    mirror: bool = Field(default=True, description="Show pictures mirrored as well.")
    samples: list[Annotated[str, Field(min_length=1, max_length=4_000)]] | None = Field(
        default=None,
        max_length=12,
        description="Prompts of the sheets, with the trigger; null = some of the captions.",
    )
    sheet_every: int | None = Field(
        default=None, ge=0, le=100_000, description="Steps between sheets; 0 = only at the end."
    )
    licence: str | None = Field(default=None, max_length=200, description="null = the dataset's.")
    priority: Priority = BATCH


class PointOut(Shape):
    """A point of the curve of losses."""

    step: int = Field(examples=[100])
    loss: float = Field(examples=[0.231], description="Mean since the point before.")


class SheetOut(Shape):
    """The sample prompts as they were drawn on the way."""

    step: int = Field(examples=[100])
    image: Digest


class IdentityOut(Shape):
    """How much pictures show of what the examples share; 1 is all of it."""

    base: float = Field(examples=[0.52], description="Drawn without the adapter.")
    trained: float = Field(examples=[0.63], description="Drawn with it.")
    examples: float = Field(examples=[0.7], description="The examples themselves.")


class ReportOut(Shape):
    """What came of a training."""

    kind: Literal["lora", "embedding"]
    adapter: Digest
    parameters: int = Field(examples=[1_529_856])
    seconds: float = Field(examples=[410.2])
    loss_first: float = Field(examples=[0.32])
    loss_last: float = Field(examples=[0.21])
    identity: IdentityOut | None
    samples: list[Digest] = Field(description="Versions drawn with the adapter.")
    before: list[Digest] = Field(description="The same prompts and seeds without it.")
    sheet: Digest | None = Field(description="The picture of both, one above the other.")
    guide: str = Field(examples=["# pim\n"], description="The prompt guide, as Markdown.")


class TrainingSummary(Shape):
    """A training, and how far it is."""

    training: Digest
    name: str = Field(examples=["pim"])
    method: Literal["lora", "dreambooth", "embedding"]
    trigger: str = Field(examples=["pim"])
    model: str = Field(examples=["postcard"])
    licence: str = Field(examples=["CC-BY-4.0"])
    examples: int = Field(examples=[18])
    step: int = Field(examples=[120])
    steps: int = Field(examples=[400])
    done: bool


class TrainingOut(TrainingSummary):
    """A training with its course so far."""

    losses: list[PointOut]
    sheets: list[SheetOut]
    samples: list[str] = Field(description="The prompts of its sheets.")
    report: ReportOut | None


class Trainings(Shape):
    """The trainings of a project, the latest first."""

    items: list[TrainingSummary]
