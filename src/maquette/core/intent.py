"""Intents: what was about to be asked of a service that sends a bill, and what came of it.

Written before the request and after it, so that a crash in between leaves a trace: nothing is
billed twice, and no result that was paid for is lost.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from maquette.core.cost import Money
from maquette.core.value import Digest

__all__ = ["OPEN", "Intent", "Outcome", "make_intent"]


class Outcome(StrEnum):
    """How far a request came.

    ``intended``: about to be sent; ``submitted``: the service has taken it and said under which
    name; ``submitted_unknown``: sent, but whether it was taken is not known; ``settled``: the
    picture is here and the price is known; ``void``: it was not carried out, nothing is billed;
    ``written_off``: given up, by a person or
    because the service has said that it bills for what it did not finish; it counts as paid.
    """

    INTENDED = "intended"
    SUBMITTED = "submitted"
    UNKNOWN = "submitted_unknown"
    SETTLED = "settled"
    VOID = "void"
    WRITTEN_OFF = "written_off"


OPEN = frozenset({Outcome.INTENDED, Outcome.SUBMITTED, Outcome.UNKNOWN})
"""The outcomes after which something may still come, or be billed."""


class Intent(BaseModel):
    """One request, as it stands. Each change is a new row of the same ``id``.

    ``job`` is whose request it is, ``recipe`` the digest of what is asked for. ``handle`` is how
    the service names the work (never a key); ``money`` is the estimate until the price is known;
    ``image`` is the picture's digest once it is here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    job: str
    engine: str
    recipe: Digest
    outcome: Outcome = Outcome.INTENDED
    handle: dict[str, str] = Field(default_factory=dict[str, str])
    money: Money = Money()
    image: Digest | None = None
    message: str = ""
    at: AwareDatetime

    @property
    def open(self) -> bool:
        """Whether something may still come, or be billed."""
        return self.outcome in OPEN

    def to(self, outcome: Outcome, at: datetime, **fields: Any) -> Intent:
        """The intent a step further."""
        return self.model_copy(update={"outcome": outcome, "at": at, **fields})


def make_intent(
    job: str,
    engine: str,
    recipe: str,
    *,
    money: Money,
    handle: Mapping[str, str],
    at: datetime,
) -> Intent:
    """A new intent."""
    return Intent(
        id=uuid.uuid4().hex,
        job=job,
        engine=engine,
        recipe=recipe,
        money=money,
        handle=dict(handle),
        at=at,
    )
