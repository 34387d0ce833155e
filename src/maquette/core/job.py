"""Jobs: queued work with a state machine. Only jobs change; everything else is append-only."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from maquette.core.recipe import Digest, Recipe

__all__ = ["ATTEMPTS", "BATCH", "ENDED", "INTERACTIVE", "Job", "Status"]

INTERACTIVE, BATCH = 0, 10
"""Priorities: a person waits for it, or nobody does. The lower number goes first."""

ATTEMPTS = 3
"""How many workers may die over a job before it counts as failed."""


class Status(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({Status.DONE, Status.FAILED, Status.CANCELLED})
"""The states in which nothing more happens by itself."""

_NEXT = {
    Status.QUEUED: {Status.RUNNING, Status.CANCELLED},
    Status.RUNNING: {Status.DONE, Status.FAILED, Status.CANCELLED, Status.QUEUED},
    Status.FAILED: {Status.QUEUED},
    Status.CANCELLED: {Status.QUEUED},
    Status.DONE: set[Status](),
}


class Job(BaseModel):
    """One recipe to be run, and what came of it.

    ``group`` is shared by all jobs of one order, ``place`` is the index in it. ``key`` is the
    idempotency key that the order came with, or empty. ``arguments`` are what an operation that
    draws nothing needs to know (``{"caption": …}`` of explain), ``result`` what it answered. One
    that draws may tell of its ``origin`` in them. The ``reason`` in the result of a failed job is
    the class of its error.

    ``owner`` is the process that runs it or ran it last. A worker holds it until ``lease_until``
    and renews that; a job that runs without a lease belongs to its process alone. ``attempts``
    counts how often a worker has taken it. ``cancel`` says that somebody asked to stop it.
    ``awaits`` is a group of jobs that must all have ended before a worker takes this one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    operation: str
    recipe: Recipe
    parents: tuple[Digest, ...] = ()
    maps: bool = True
    arguments: dict[str, JsonValue] = Field(default_factory=dict[str, Any])
    group: str = ""
    place: int = Field(default=0, ge=0)
    priority: int = Field(default=INTERACTIVE, ge=0)
    key: str = ""
    status: Status = Status.QUEUED
    owner: str = ""
    lease_until: AwareDatetime | None = None
    awaits: str = ""
    attempts: int = Field(default=0, ge=0)
    cancel: bool = False
    message: str = ""
    hint: str = ""
    version: Digest | None = None
    result: dict[str, JsonValue] | None = None
    created_at: AwareDatetime

    @property
    def ended(self) -> bool:
        """Whether it is done, failed or cancelled."""
        return self.status in ENDED

    def expired(self, now: datetime) -> bool:
        """Whether it runs on a lease that its worker has not renewed in time."""
        running = self.status is Status.RUNNING and self.lease_until is not None
        return running and self.lease_until is not None and self.lease_until <= now

    def to(
        self, status: Status, *, message: str = "", hint: str = "", version: str | None = None
    ) -> Job:
        """The job in its next state.

        Raises:
            ValueError: for a step that the state machine does not have.
        """
        if status not in _NEXT[self.status]:
            raise ValueError(f"a job that is {self.status} cannot become {status}")
        return self._with(
            status=status,
            message=message,
            hint=hint,
            version=version or self.version,
            lease_until=self.lease_until if status is Status.RUNNING else None,
        )

    def taken(self, owner: str, until: datetime) -> Job:
        """The job in the hands of a worker, from the queue or from one whose lease ran out."""
        waiting = self if self.status is Status.QUEUED else self.to(Status.QUEUED)
        return waiting.to(Status.RUNNING)._with(
            owner=owner, lease_until=until, attempts=self.attempts + 1, cancel=False
        )

    def put_back(self) -> Job:
        """The job as if its worker had never taken it."""
        return self.to(Status.QUEUED)._with(owner="", attempts=max(0, self.attempts - 1))

    def parked(self, group: str, message: str) -> Job:
        """The job as if its worker had never taken it, until those of ``group`` have ended."""
        return self.put_back()._with(awaits=group, message=message)

    def again(self) -> Job:
        """A failed or cancelled job, waiting anew."""
        waiting = self.to(Status.QUEUED)
        return waiting._with(owner="", attempts=0, cancel=False, awaits="", result=None)

    def _with(self, **fields: Any) -> Job:
        return self.model_copy(update=fields)
