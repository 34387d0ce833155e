"""What goes over the wire when a version leaves: exports, workflows, what a file says of itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from maquette.server.shapes import Body, Shape
from maquette.server.shapes_work import Ref

__all__ = ["ActionOut", "Export", "VerdictOut", "WorkflowAsk", "WorkflowOut"]


class Export(Body):
    """How a version is to leave the house."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": "@", "format": "png"}]})
    version: Ref
    format: Literal["png", "jpeg", "webp"] = "png"
    quality: int = Field(default=92, ge=1, le=100, description="Of JPEG and WebP.")
    prompts: bool = Field(default=True, description="False leaves every prompt out of the file.")
    sign: bool = Field(default=True, description="False leaves out the signed credentials.")


class WorkflowAsk(Body):
    """A version as a workflow of another program."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": "@"}]})
    version: Ref
    kind: Literal["comfyui"] = "comfyui"


class WorkflowOut(Shape):
    """A graph that ComfyUI's `/prompt` takes and its interface opens, and what it needs."""

    workflow: dict[str, Any]
    pictures: dict[str, str] = Field(
        description="Files of its folder `input`, name to blob digest.",
        examples=[{"maquette-3f2a.png": "9f86d081884c7d659a2feaa0c55ad015"}],
    )
    models: list[str] = Field(
        description="Files of its folder `models`.", examples=[["checkpoints/postcard.safetensors"]]
    )
    notes: list[str] = Field(description="What is drawn otherwise there.", examples=[[]])


class ActionOut(Shape):
    """One step of a picture's history, as its signer states it."""

    action: str = Field(examples=["c2pa.created"])
    when: str
    description: str
    software: str
    digital_source_type: str | None
    details: dict[str, str]


class VerdictOut(Shape):
    """What a file says of its origin, and whether that holds."""

    state: Literal["trusted", "valid", "invalid", "unsigned"]
    signer: str
    signed_at: datetime | None
    generator: str
    digital_source_type: str | None
    actions: list[ActionOut]
    problems: list[str]
