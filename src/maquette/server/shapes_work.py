"""What goes over the wire, third part: operations, jobs, masks, comparisons."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from maquette.core.grammar import MAX_LENGTH
from maquette.core.job import BATCH, INTERACTIVE
from maquette.core.recipe import MAX_SEED
from maquette.operations.refine import BEGIN, STRENGTH
from maquette.operations.reweight import EARLY
from maquette.server.shapes import Body, Digest, Rating, Shape
from maquette.server.shapes_steering import Steered

__all__ = [
    "Accepted",
    "Apply",
    "ColourAt",
    "ComparisonOut",
    "Explain",
    "Explore",
    "Generate",
    "HeatChangeOut",
    "Inpaint",
    "JobOut",
    "Jobs",
    "Judge",
    "MaskAsk",
    "MaskOut",
    "Outpaint",
    "PickOut",
    "Rating",
    "Refine",
    "Reweight",
    "Rollback",
    "Selection",
    "SelectionAsk",
    "Upscale",
    "Vary",
]

WOLF = "a lone wolf under a full moon, misty forest"
DIGEST = "c0ffee254729296a45a3885639ac7e10f9d54979c0ffee254729296a45a38856"
JOB = "5f0c9f5e6f8c4f0f9a3e2b1d0c9b8a77"

Words = Annotated[str, Field(max_length=MAX_LENGTH, examples=[WOLF])]
Seed = Annotated[
    int | None,
    Field(ge=0, le=MAX_SEED, description="Where the noise comes from; null = any.", examples=[7]),
]
Count = Annotated[
    int, Field(ge=1, le=1000, description="How many, with seeds that follow each other.")
]
Quality = Annotated[
    Literal["draft", "preview", "final"],
    Field(description="A preset of sampler, steps and guidance."),
]
Steps = Annotated[int | None, Field(ge=1, le=1000, description="null = the preset's.")]
Guidance = Annotated[
    float | None, Field(ge=0, le=50, description="How closely to follow the words.")
]
Strength = Annotated[
    float, Field(gt=0, le=1, description="0 keeps the picture, 1 ignores it.", examples=[0.5])
]
Ref = Annotated[
    str,
    Field(min_length=1, max_length=80, description="The version to start from.", examples=["@"]),
]
Pixels = Annotated[int, Field(ge=0, le=16384, description="Pixels to add at this side.")]


class _Order(Body):
    priority: int = Field(
        default=INTERACTIVE,
        ge=0,
        le=100,
        description=f"{INTERACTIVE} = a person waits for it, {BATCH} = a batch.",
    )


class Generate(_Order, Steered):
    """Pictures from words."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"prompt": WOLF, "seed": 7, "n": 4, "quality": "draft"}]}
    )
    prompt: Words
    negative: Annotated[str, Field(max_length=MAX_LENGTH)] = ""
    seed: Seed = None
    n: Count = 1
    size: Annotated[
        tuple[int, int] | None,
        Field(description="[width, height]; null = the model's best.", examples=[[256, 256]]),
    ] = None
    quality: Quality = "final"
    steps: Steps = None
    guidance: Guidance = None
    sampler: Annotated[
        Literal["ddim", "dpm++", "euler", "euler-a", "lcm"] | None,
        Field(description="null = the preset's."),
    ] = None
    interpreter: Annotated[
        Literal["attention", "a1111", "plain"], Field(description="Who reads the brackets.")
    ] = "attention"
    maps: Annotated[bool, Field(description="Whether to record token maps.")] = True
    flags: Annotated[
        Literal["auto", "midjourney", "none"],
        Field(
            description="How Midjourney's flags at the prompt's end are read: translated where"
            " there are any, always (a wrong one is refused), or as words. What is given by name"
            " counts before a flag."
        ),
    ] = "auto"


class Explore(_Order):
    """The same words and seed in other styles."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"prompt": WOLF, "reach": "far", "n": 5, "seed": 7}]}
    )
    prompt: Words
    reach: Annotated[
        Literal["near", "far"],
        Field(description="Near the prompt's own style, or far from it and from each other."),
    ] = "near"
    n: Annotated[int, Field(ge=1, le=50, description="How many; fewer when it knows no more.")] = 5
    negative: Annotated[str, Field(max_length=MAX_LENGTH)] = ""
    seed: Seed = None
    size: Annotated[
        tuple[int, int] | None,
        Field(description="[width, height]; null = the model's best.", examples=[[256, 256]]),
    ] = None
    quality: Quality = "draft"


class Vary(_Order, Steered):
    """Pictures near a version."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"version": "@", "strength": 0.5, "n": 4}]}
    )
    version: Ref
    strength: Strength = 0.5
    seed: Seed = None
    n: Count = 1
    prompt: Words | None = None
    negative: Annotated[str | None, Field(max_length=MAX_LENGTH)] = None
    quality: Quality = "final"
    steps: Steps = None
    guidance: Guidance = None


class Refine(_Order):
    """A draft at another quality, its composition kept."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": "@"}]})
    version: Ref
    quality: Quality = "final"
    way: Annotated[
        Literal["auto", "continue", "picture", "seed"],
        Field(
            description="continue = from the latents that it kept, picture = image-to-image,"
            " seed = from the same noise, auto = the first that can be gone."
        ),
    ] = "auto"
    begin: Annotated[
        float, Field(ge=0, le=1, description="After which share of the draft's steps (continue).")
    ] = BEGIN
    strength: Strength = STRENGTH
    size: Annotated[
        tuple[int, int] | None,
        Field(description="A larger size of the same shape; null = its own.", examples=[None]),
    ] = None
    steps: Steps = None
    guidance: Guidance = None


class Reweight(_Order):
    """The same picture with some words weighing more or less."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"version": "@", "weights": {"moon": 1.6}}]}
    )
    version: Ref
    weights: Annotated[
        dict[
            Annotated[str, Field(max_length=500)],
            Annotated[float, Field(ge=0, le=10)],
        ],
        Field(min_length=1, max_length=500, description="A word or phrase, and its weight."),
    ]
    begin: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="After which share of its steps the kept drawing is taken up: early keeps"
            " things in their places, 0.5 takes half of the time, 0 draws from noise.",
        ),
    ] = EARLY


class Inpaint(_Order, Steered):
    """New pixels where a mask is white."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"version": "@", "mask": DIGEST, "prompt": "snowy mountains"}]
        }
    )
    version: Ref
    mask: Digest = Field(description="The digest that `masks` answered.")
    prompt: Annotated[str, Field(max_length=MAX_LENGTH, description="Empty = its own.")] = ""
    negative: Annotated[str, Field(max_length=MAX_LENGTH)] = ""
    seed: Seed = None
    strength: Strength = 1.0
    feather: Annotated[
        int | None, Field(ge=0, le=256, description="Width of the blend in pixels.")
    ] = None
    quality: Quality = "final"
    steps: Steps = None
    guidance: Guidance = None


class Outpaint(_Order, Steered):
    """The picture continued past its edges."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": "@", "right": 128}]})
    version: Ref
    left: Pixels = 0
    top: Pixels = 0
    right: Pixels = 0
    bottom: Pixels = 0
    overlap: int = Field(
        default=0,
        ge=0,
        le=4096,
        description="Pixels of the old picture beside the new sides that are drawn anew as well.",
    )
    prompt: Words | None = None
    seed: Seed = None
    quality: Quality = "final"
    steps: Steps = None
    guidance: Guidance = None


class Upscale(_Order):
    """The same picture with more pixels."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": "@", "scale": 2.0}]})
    version: Ref
    scale: float = Field(default=2.0, gt=1, le=8, description="So many times as many a side.")
    method: Literal["lanczos", "learned"] = Field(
        default="lanczos", description="Interpolation, or a network of `upscalers`."
    )
    model: Annotated[
        str | None,
        Field(pattern=r"^[^/\\]{1,200}$", description="A network by name; null = the first."),
    ] = None


class Apply(_Order):
    """What a finding suggests."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"version": "@", "finding": "weak:moon"}]}
    )
    version: Ref
    finding: str = Field(min_length=1, max_length=500, description="The finding's name.")


class Judge(_Order):
    """A version to be looked at again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": "@"}]})
    version: Ref


class Explain(_Order):
    """Token maps for a picture that came without them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"caption": "a wolf and a moon"}]})
    caption: str | None = Field(
        default=None, max_length=MAX_LENGTH, description="What it shows; null = its own prompt."
    )


class Rollback(Body):
    """A version to go back to."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": "@~1"}]})
    version: Ref


class JobOut(Shape):
    """Queued work."""

    id: str = Field(examples=[JOB])
    group: str = Field(description="Shared by all that were asked for at once.", examples=[JOB])
    place: int = Field(description="Its index in the group.", examples=[0])
    operation: str = Field(examples=["generate"])
    about: str = Field(
        description="What its words do not say: what a training teaches, which campaign it is.",
        examples=["pim, a LoRA of 18 pictures"],
    )
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    priority: int = Field(examples=[0])
    cancel: bool = Field(description="Whether somebody asked to stop it.")
    attempts: int = Field(description="How often a worker has taken it.", examples=[1])
    version: str | None = Field(description="What it made.")
    result: dict[str, Any] | None = Field(
        description="What it answered, for one that draws nothing; of one that failed `reason`, the"
        " class of its error.",
        examples=[{"verdict": "exact", "psnr": None, "reasons": []}],
    )
    message: str = Field(description="What went wrong.", examples=[""])
    hint: str = Field(description="What to do about it.", examples=[""])
    reason: str = Field(
        description="Why it failed, by the code that problems have; empty = it did not, or nobody"
        " knows (its worker died).",
        examples=[""],
    )
    created_at: datetime
    step: int = Field(description="Steps done.", examples=[3])
    steps: int = Field(description="Steps to do.", examples=[40])
    seconds_left: float | None = Field(description="An estimate; null before it begins.")
    parents: list[str] = Field(description="The versions it starts from.")
    width: int = Field(examples=[256])
    height: int = Field(examples=[256])
    prompt: str | None = Field(examples=[WOLF])
    negative: str | None = Field(examples=[""])
    seed: int | None = Field(examples=[7])
    quality: str | None = Field(examples=["draft"])
    region: list[int] | None = Field(
        description="The part that a preview covers, as [x, y, width, height]; null = all."
    )


class Jobs(Shape):
    """Jobs, newest first."""

    items: list[JobOut]


class Accepted(Shape):
    """What was asked for waits to be drawn."""

    group: str = Field(examples=[JOB])
    jobs: list[JobOut]


class ColourAt(Body):
    """A place of the picture, and how far from its colour another may be."""

    x: int = Field(ge=0, le=100_000, description="Pixels from the left.")
    y: int = Field(ge=0, le=100_000, description="Pixels from the top.")
    tolerance: float = Field(
        default=12.0, ge=0, le=100, description="How far off a colour may be, in CIELAB."
    )


class MaskAsk(Body):
    """A mask from exactly one of box, polygon, token, colour or alpha."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"version": "@", "token": "moon", "grow": 4},
                {"version": "@", "box": [0, 120, 256, 60]},
                {"version": "@", "colour": {"x": 10, "y": 20, "tolerance": 12}},
            ]
        }
    )
    version: Ref
    box: Annotated[
        tuple[int, int, int, int] | None, Field(description="[x, y, width, height].")
    ] = None
    polygon: Annotated[
        list[tuple[float, float]] | None,
        Field(min_length=3, max_length=20_000, description="Corners, as [x, y] each."),
    ] = None
    token: Annotated[
        str | None, Field(max_length=500, description="A word or phrase of its prompt.")
    ] = None
    colour: Annotated[
        ColourAt | None, Field(description="What hangs together in one colour around a place.")
    ] = None
    alpha: Annotated[
        Literal[True] | None, Field(description="What is transparent in the picture.")
    ] = None
    threshold: float = Field(
        default=0.5, ge=0.05, le=0.95, description="For a token: the part of its maximum."
    )
    grow: int = Field(default=0, ge=-512, le=512, description="Pixels; negative shrinks.")
    feather: int = Field(default=0, ge=0, le=512, description="Softened by so many pixels.")
    invert: bool = False


class MaskOut(Shape):
    """A mask, kept beside the pictures; `pictures/{digest}` shows it."""

    digest: str = Field(examples=[DIGEST])
    width: int = Field(examples=[256])
    height: int = Field(examples=[256])
    area: float = Field(description="The part of the picture that is white, 0 to 1.")
    box: list[int] = Field(description="What holds all of it, as [x, y, width, height].")


class HeatChangeOut(Shape):
    """How a word's share of the attention went."""

    token: str = Field(examples=["moon"])
    before: float = Field(examples=[0.04])
    after: float = Field(examples=[0.11])


class ComparisonOut(Shape):
    """What changed from one version to another."""

    before: str = Field(description="The full id.")
    after: str = Field(description="The full id.")
    changed_pixels: int = Field(examples=[5120])
    changed_share: float = Field(description="As a part of all pixels, 0 to 1.", examples=[0.08])
    psnr: float | None = Field(description="dB; null when the pictures are alike.")
    ssim: float = Field(description="1 = alike.", examples=[0.93])
    faces: float | None = Field(
        description="Likeness of the largest face of both, -1 to 1, from about 0.35 one person's;"
        " null where one shows none, or no recogniser is at hand.",
        examples=[None],
    )
    words: dict[str, Any] = Field(
        examples=[{"added": [], "removed": [], "reweighted": [["moon", 1.0, 1.6]]}]
    )
    parameters: dict[str, list[Any]] = Field(
        description="Recipe fields that differ, each as [before, after].",
        examples=[{"sampling.steps": [8, 40]}],
    )
    maps_change: list[HeatChangeOut]


class SelectionAsk(Body):
    """Drafts to choose from."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"versions": ["@", "@~1"]}]})
    versions: list[Ref] = Field(min_length=1, max_length=500, description="The drafts.")
    count: int = Field(default=5, ge=1, le=100, description="How many to suggest at most.")


class PickOut(Shape):
    """A draft's place in the ranking."""

    version: str = Field(description="The full id.")
    score: float = Field(description="0 to 1.", examples=[0.71])
    focus: float | None = Field(
        description="How concentrated its words' maps are; null without maps.", examples=[0.4]
    )
    technique: float = Field(
        description="How well it is made, whatever it shows: sharp, clean, light, contrast,"
        " colour, framed; 0 to 1.",
        examples=[0.81],
    )
    faults: float = Field(description="The sum of its findings' scores.", examples=[0.2])
    suggested: int | None = Field(description="Its turn among the suggestions; null = none.")
    reason: str = Field(description="Why, in a line.", examples=["every word has its place"])


class Selection(Shape):
    """The drafts, best first."""

    items: list[PickOut]
