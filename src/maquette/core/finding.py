"""Findings: one remark about a version, with the operation that would mend it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from maquette.core.geometry import Box

__all__ = ["Finding", "Severity", "Suggestion"]

Severity = Literal["note", "warning", "fault"]


class Suggestion(BaseModel):
    """An operation by name and its arguments, ready to be carried out on the same version."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    operation: str
    arguments: dict[str, Any] = Field(default_factory=dict[str, Any])
    says: str


class Finding(BaseModel):
    """What a critic noticed.

    ``name`` is unique on its version and is what people type (``weak:moon``); ``score`` is 0 for
    harmless and 1 for as bad as it gets; ``words`` are words of the prompt; ``region`` is where.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    critic: str
    name: str
    message: str
    severity: Severity
    score: float = Field(ge=0, le=1)
    words: tuple[str, ...] = ()
    region: Box | None = None
    suggestion: Suggestion | None = None
