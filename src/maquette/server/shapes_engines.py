"""What goes over the wire: engines behind services, and what was asked of them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, model_validator

from maquette.server.shapes import Body, Shape

__all__ = [
    "EngineName",
    "EngineOut",
    "Engines",
    "IntentOut",
    "Intents",
    "MoneyOut",
    "PingAsk",
    "PongOut",
    "Settle",
]

INTENT = "5f0c9f5e6f8c4f0f9a3e2b1d0c9b8a77"
EngineName = Literal["a1111", "comfyui", "openai", "replicate", "huggingface", "firefly", "remote"]


class EngineOut(Shape):
    """An engine behind a service with one of its models. Where only the service knows what a model
    can do, ``tasks`` and all that follows from it are null."""

    engine: str = Field(examples=["openai"])
    model: str = Field(description="Its name, or which there are.", examples=["gpt-image-1-mini"])
    default: bool = Field(description="Whether this server draws with this engine.")
    tasks: list[str] | None = Field(examples=[["inpaint", "text-to-image"]])
    sizes: list[tuple[int, int]] | None = Field(
        description="[width, height] of each that there is; empty when they are free.",
        examples=[[[1024, 1024]]],
    )
    min_side: int | None = Field(description="Pixels.", examples=[256])
    max_side: int | None = Field(description="Pixels.", examples=[3840])
    multiple: int | None = Field(description="A side is a multiple of so many pixels.")
    seeds: bool | None = Field(description="Whether the same seed draws the same picture.")
    weights: bool | None = Field(description="Whether words can weigh more and less.")
    negatives: bool | None = Field(description="Whether there is a negative prompt.")
    references: int | None = Field(description="How many pictures it can be shown at most.")
    billed: bool = Field(description="Whether somebody sends a bill.")
    keys: list[str] = Field(
        description="The variables that its key is looked for in.", examples=[["OPENAI_API_KEY"]]
    )
    key: bool | None = Field(description="Whether it is at hand; null when none is needed.")
    retired: str = Field(
        description="The day on which the service took the model away; empty.",
        examples=["2026-05-12"],
    )
    address: str = Field(
        description="The variable with its address, when it is not at its usual one.",
        examples=["MAQUETTE_OPENAI_URL"],
    )


class Engines(Shape):
    """The engines behind services."""

    items: list[EngineOut]
    prices: str = Field(description="The day that the price book is of.", examples=["2026-11-21"])


class PingAsk(Body):
    """Which of an engine's models."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})
    model: Annotated[
        str | None,
        # No file of the server's: a workflow is named by its settings.
        Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}$", examples=["gpt-image-1-mini"]),
    ] = None


class PongOut(Shape):
    """How a service answered to a greeting."""

    engine: str = Field(examples=["openai"])
    there: bool = Field(description="Whether it answered and knows the key.")
    seconds: float | None = Field(description="After how long; null when it did not.")
    says: str = Field(
        description="What it says of itself, or what went wrong.",
        examples=["gpt-image-1-mini is there"],
    )
    code: str = Field(
        description="Why it is not there, as in problems; empty.", examples=["service-key-refused"]
    )
    hint: str = Field(description="What to do.", examples=[""])


class MoneyOut(Shape):
    """An amount in a currency."""

    amount: Decimal = Field(examples=["0.042"])
    currency: str = Field(description="ISO 4217.", examples=["USD"])


class IntentOut(Shape):
    """A request to a service, as it stands."""

    id: str = Field(examples=[INTENT])
    engine: str = Field(examples=["openai"])
    job: str = Field(description="The job that it was for.", examples=[INTENT])
    recipe: str = Field(description="The digest of what was asked for.")
    outcome: Literal[
        "intended", "submitted", "submitted_unknown", "settled", "void", "written_off"
    ] = Field(examples=["submitted_unknown"])
    open: bool = Field(description="Whether something may still come of it, or be billed.")
    money: MoneyOut = Field(description="What it cost, or may have cost.")
    handle: dict[str, str] = Field(
        description="What the service calls it.", examples=[{"id": "abc"}]
    )
    image: str | None = Field(description="The digest of the picture once it is here.")
    message: str = Field(description="What happened.", examples=[""])
    at: datetime = Field(description="When it last changed.")


class Intents(Shape):
    """What was asked of services, newest change first."""

    items: list[IntentOut]
    spent: list[MoneyOut] = Field(description="What this project has spent, or may have.")
    budget: MoneyOut | None = Field(description="What it may spend in all; null = no limit.")


class Settle(Body):
    """What somebody found out of a request that was never answered, on the service's own pages."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"billed": True, "amount": "0.042"}, {"billed": False}]}
    )
    billed: bool = Field(description="Whether it was carried out and billed.")
    amount: Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=6)] | None = Field(
        default=None, description="What was billed; null = what was estimated."
    )

    @model_validator(mode="after")
    def _billed(self) -> Settle:
        if self.amount is not None and not self.billed:
            raise ValueError("there is no amount where nothing was billed")
        return self
