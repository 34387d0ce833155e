"""What goes over the wire, second part: prompts, models, the session."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from maquette.core.grammar import MAX_LENGTH
from maquette.server.shapes import Body, Shape

__all__ = [
    "AskStyles",
    "AskSuggestions",
    "ChipOut",
    "Estimate",
    "EstimateQuery",
    "FlagsOut",
    "ModelOut",
    "Models",
    "OutcomeOut",
    "PresetOut",
    "PromptOut",
    "PromptProblem",
    "ProposalOut",
    "Proposals",
    "ReadPrompt",
    "Reweigh",
    "Reweighed",
    "SessionOut",
    "WantedOut",
]

WOLF = "a lone wolf under a full moon, misty forest"


class ReadPrompt(Body):
    """A prompt to be read."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "a lone wolf under a full (moon:1.4)"}]}
    )
    text: str = Field(max_length=MAX_LENGTH, examples=[WOLF])
    negative: str = Field(default="", max_length=MAX_LENGTH)
    steps: int = Field(default=30, ge=1, le=1000, description="For swaps and alternations.")
    flags: Literal["auto", "midjourney", "none"] = Field(
        default="auto", description="How Midjourney's flags at the end are read."
    )
    engine: str | None = Field(
        default=None, max_length=60, description="Whose words count as known.", examples=["fake"]
    )
    model: str | None = Field(default=None, max_length=60, examples=["postcard"])


class ChipOut(Shape):
    """A word or a tag of the prompt, where it stands, and its weight."""

    text: str = Field(examples=["moon"])
    start: int = Field(examples=[22])
    end: int = Field(examples=[26])
    weight: float = Field(examples=[1.4])
    kind: Literal["word", "lora", "break", "and", "swap", "alternate"]
    known: bool = Field(description="False for a word that the model never saw.")


class PromptProblem(Shape):
    """A doubtful place of the prompt."""

    start: int = Field(examples=[3])
    end: int = Field(examples=[9])
    message: str = Field(examples=["this bracket is never closed"])
    severity: Literal["error", "warning"]


class OutcomeOut(Shape):
    """A flag as it was written, and what it becomes, or why it becomes nothing."""

    flag: str = Field(examples=["--ar 3:2"])
    says: str = Field(examples=["size 312x208"])


class WantedOut(Shape):
    """A reference that a flag asks for."""

    role: Literal["style", "character", "object", "face"]
    source: str = Field(description="An address or a version.", examples=["@~1"])
    strength: float = Field(description="0 to 2.", examples=[1.0])


class FlagsOut(Shape):
    """What Midjourney's flags become with this model."""

    start: int = Field(description="Where they begin in the text.", examples=[7])
    prompt: str = Field(description="The words without them.", examples=["a wolf"])
    negative: str = Field(description="What they keep out.", examples=["fog"])
    version: str = Field(description="The version that they are read for.", examples=["7"])
    settings: dict[str, Any] = Field(
        description="Among size, seed, quality, steps, guidance, n.",
        examples=[{"size": [312, 208]}],
    )
    references: list[WantedOut]
    done: list[OutcomeOut]
    left: list[OutcomeOut]


class PromptOut(Shape):
    """How a prompt is read. Flags at its end are apart: runs and chips tell of the words alone."""

    runs: list[tuple[str, float]] = Field(
        description="Stretches of one weight as at the last step; BREAK weighs -1.",
        examples=[[["a lone wolf under a full ", 1.0], ["moon", 1.4]]],
    )
    chips: list[ChipOut]
    negative_chips: list[ChipOut]
    problems: list[PromptProblem]
    schedule: list[tuple[int, str]] = Field(
        description="What is drawn up to which step.", examples=[[[30, WOLF]]]
    )
    unknown: list[str] = Field(description="Words that the model never saw.")
    flags: FlagsOut | None = Field(description="null where there are none to be read.")


class Reweigh(Body):
    """Words of a prompt, by their place, and the weight they are to have."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"text": "a lone wolf under a full moon", "start": 25, "end": 29, "weight": 1.5}
            ]
        }
    )
    text: str = Field(max_length=MAX_LENGTH)
    start: int = Field(ge=0, le=MAX_LENGTH)
    end: int = Field(ge=0, le=MAX_LENGTH)
    weight: float = Field(ge=0, le=10, description="1 is neutral.")
    engine: str | None = Field(default=None, max_length=60)
    model: str | None = Field(default=None, max_length=60)


class Reweighed(Shape):
    """The prompt afterwards; only the words asked for weigh differently."""

    text: str = Field(examples=["a lone wolf under a full (moon:1.5)"])
    chips: list[ChipOut]


class AskStyles(Body):
    """A prompt that is to be seen in other styles."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": WOLF, "reach": "far", "count": 5}]}
    )
    text: str = Field(max_length=MAX_LENGTH, description="The prompt.")
    reach: Literal["near", "far"] = Field(
        default="near",
        description="Near the prompt's own style, or far from it and from each other.",
    )
    count: int = Field(default=5, ge=1, le=50, description="How many at most.")
    engine: str | None = Field(default=None, max_length=60)
    model: str | None = Field(default=None, max_length=60)


class AskSuggestions(Body):
    """A prompt that may leave something open."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "a wolf", "count": 6}]})
    text: str = Field(max_length=MAX_LENGTH, description="The prompt.")
    count: int = Field(default=6, ge=1, le=50, description="How many at most.")
    engine: str | None = Field(default=None, max_length=60)
    model: str | None = Field(default=None, max_length=60)


class ProposalOut(Shape):
    """A prompt to try."""

    slot: str = Field(description="What it fills.", examples=["style"])
    adds: str = Field(description="What is new in it.", examples=["watercolour"])
    text: str = Field(description="The whole prompt.", examples=["a wolf, watercolour"])


class Proposals(Shape):
    """Prompts to try, the best first."""

    items: list[ProposalOut]


class PresetOut(Shape):
    """A quality by name."""

    sampler: str = Field(examples=["ddim"])
    steps: int = Field(examples=[40])
    guidance: float = Field(examples=[5.0])
    loras: list[str] = Field(description="LoRAs that it draws with by itself.", examples=[[]])


class ModelOut(Shape):
    """A model and what its engine can do with it."""

    name: str = Field(examples=["postcard"])
    digest: str | None = None
    engine: str = Field(examples=["diffusers"])
    default: bool = Field(description="Whether it is used when none is named.")
    tasks: list[str] = Field(examples=[["inpaint", "text-to-image"]])
    presets: dict[str, PresetOut]
    width: int = Field(description="The size that it is best at.", examples=[256])
    height: int = Field(examples=[256])
    multiple: int = Field(description="Sides are multiples of this.", examples=[8])
    min_side: int = Field(examples=[64])
    max_side: int = Field(examples=[1024])
    max_steps: int = Field(examples=[1000])
    samplers: list[str] = Field(examples=[["ddim", "dpm++"]])
    interpreters: list[str] = Field(examples=[["attention", "plain"]])
    token_maps: bool = Field(description="Whether it records token maps.")
    vocabulary: list[str] | None = Field(
        description="The words that it knows; null when any may be used.", examples=[["moon"]]
    )
    negatives: bool = Field(description="Whether a negative prompt says anything to it.")
    family: str = Field(description="The kind of a local model, or nothing.", examples=["sd"])
    notes: list[str] = Field(
        description="Where words, weights and maps mean less than one might think.",
        examples=[["weights act in cross-attention"]],
    )
    licence: str = Field(description="As its files state it; may be empty.", examples=["MIT"])
    clip: bool = Field(description="Whether versions can be searched by what their pictures show.")


class Models(Shape):
    """The models at hand, the default first."""

    items: list[ModelOut]


class EstimateQuery(Body):
    """What is to be estimated."""

    operation: Literal[
        "generate",
        "vary",
        "refine",
        "reweight",
        "inpaint",
        "outpaint",
        "upscale",
        "retouch",
        "restore",
        "composite",
        "logo",
        "apply",
        "replay",
    ] = Field(default="generate", description="What is to be done.")
    quality: Literal["draft", "preview", "final"] = Field(
        default="final", description="The preset."
    )
    n: int = Field(default=1, ge=1, le=1000, description="How many pictures.")
    width: int | None = Field(default=None, ge=1, le=16384, description="null = the model's best.")
    height: int | None = Field(default=None, ge=1, le=16384, description="null = the model's best.")
    steps: int | None = Field(default=None, ge=1, le=1000, description="null = the preset's.")


class Estimate(Shape):
    """How long something takes, by this project's own past."""

    seconds: float | None = Field(description="null when nothing like it was made.", examples=[6.2])
    samples: int = Field(description="How many versions it is taken from.", examples=[8])
    source: str = Field(description="What it is taken from, in words.", examples=["8 versions"])


class SessionOut(Shape):
    """Who is here, and what the browser needs to know first."""

    version: str = Field(description="Of Maquette.", examples=["0.1.0.dev0"])
    csrf: str = Field(description="To be sent as X-CSRF-Token with every change.")
    role: Literal["owner"] = Field(description="What this person may do.")
    loopback: bool = Field(description="Whether only this machine can reach the server.")
    limits: dict[str, Any] = Field(
        description="Bounds of what is sent.", examples=[{"picture_bytes": 268435456}]
    )
