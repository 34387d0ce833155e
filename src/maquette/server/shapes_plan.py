"""What goes over the wire of campaigns, and of the loop that goes on by itself."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from maquette.core.job import BATCH, INTERACTIVE
from maquette.server.shapes import Body, Digest, Shape

__all__ = [
    "CampaignAsk",
    "CampaignOut",
    "Campaigns",
    "Choice",
    "Improve",
    "LedgerLineOut",
    "LedgerOut",
    "PaletteOut",
    "PinnedOut",
    "RoomOut",
    "SwatchOut",
    "WaitingOut",
]

_BRIEF = {
    "campaign": "autumn",
    "prompts": ["a red mug on a wooden table", "a blue mug on a kitchen table"],
    "drafts": {"count": 30, "steps": 4},
    "select": {"count": 5},
    "pause": ["select"],
}
DIGEST = "c0ffee254729296a45a3885639ac7e10f9d54979c0ffee254729296a45a38856"
Priority = Annotated[
    int,
    Field(ge=0, le=100, description=f"{INTERACTIVE} = a person waits for it, {BATCH} = a batch."),
]


class Improve(Body):
    """The loop over one version."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"version": "@", "until": 0.9, "steps": 4}]}
    )
    version: str = Field(min_length=1, max_length=80, examples=["@"])
    until: float = Field(default=1.0, ge=0, le=1, description="The score to reach; 1 = no fault.")
    steps: int = Field(default=6, ge=1, le=100, description="The most versions to make.")
    seconds: float | None = Field(
        default=None, gt=0, le=1e6, description="The most seconds of drawing; null = no limit."
    )
    priority: Priority = INTERACTIVE


class CampaignAsk(Body):
    """A brief to carry out. Board files and the folder of the delivery are not taken from here."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"brief": _BRIEF}]})
    brief: dict[str, Any] = Field(
        max_length=100, description="The keys of a brief, as in the handbook's page on stages."
    )
    priority: Priority = BATCH


class Choice(Body):
    """What a person chose; the campaign goes on with it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"stage": "select", "versions": ["3f2a90c1d2"]}]}
    )
    stage: Literal["select", "approve"]
    versions: list[Annotated[str, Field(min_length=1, max_length=80)]] = Field(
        min_length=1, max_length=1000, description="Best first."
    )
    priority: Priority = INTERACTIVE


class WaitingOut(Shape):
    """What a campaign waits for."""

    stage: str = Field(examples=["select"])
    says: str = Field(examples=["choose 5 of 30 drafts"])
    versions: list[Digest]
    suggested: list[Digest]


class LedgerLineOut(Shape):
    """What a stage took."""

    stage: str = Field(examples=["drafts"])
    pictures: int = Field(examples=[30])
    estimate: float | None = Field(examples=[9.5], description="Seconds; null = nothing to go by.")
    seconds: float = Field(examples=[9.1])
    money: str = Field(examples=["0 USD"])


class LedgerOut(Shape):
    """What a campaign took, against its baseline."""

    stages: list[LedgerLineOut]
    seconds: float = Field(examples=[12.4])
    money: str = Field(examples=["0 USD"])
    baseline: str = Field(examples=["30 finals"])
    baseline_seconds: float | None = Field(examples=[65.0])
    saved: float | None = Field(examples=[0.81], description="Drafts and finals; 1 = everything.")


class SwatchOut(Shape):
    """A colour of a picture."""

    colour: str = Field(examples=["#c33a2c"])
    share: float = Field(examples=[0.42], description="Of the picture, 0 to 1.")


class PaletteOut(Shape):
    """A picture's few colours, the largest share first."""

    items: list[SwatchOut]


class PinnedOut(Shape):
    """A reference on the mood board."""

    source: str = Field(
        examples=["https://example.org/a.png"], description="As the brief names it."
    )
    note: str = Field(examples=["Warm and quiet."])
    version: Digest | None = Field(description="What holds its picture; null = not taken in yet.")
    palette: list[SwatchOut]


class CampaignOut(Shape):
    """Where a campaign stands."""

    name: str = Field(examples=["autumn"])
    purpose: str = Field(examples=["Mugs for the shop window."])
    stage: str = Field(examples=["select"], description="The stage that is next, or 'done'.")
    waiting: WaitingOut | None
    brief: dict[str, Any] = Field(
        examples=[_BRIEF], description="As it was begun; sent again with changes, it goes on."
    )
    board: list[PinnedOut]
    drafts: list[Digest]
    chosen: list[Digest]
    finals: list[Digest]
    files: list[str] = Field(examples=[["autumn-01-3f2a90c1d2.png"]])
    ledger: LedgerOut | None


class RoomOut(Shape):
    """A campaign at a glance."""

    name: str = Field(examples=["autumn"])
    purpose: str = Field(examples=["Mugs for the shop window."])
    stage: str = Field(examples=["select"], description="The stage that is next, or 'done'.")
    waiting: str | None = Field(examples=["choose 5 of 30 drafts"], description="For a person.")
    drafts: int = Field(examples=[30])
    finals: int = Field(examples=[5])
    pictures: list[Digest] = Field(description="At most four versions that show what it is of.")


class Campaigns(Shape):
    """The campaigns that were begun in a project, by name."""

    items: list[str] = Field(examples=[["autumn"]])
    rooms: list[RoomOut]
