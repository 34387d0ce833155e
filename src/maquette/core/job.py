"""Jobs: queued work with a state machine. Only jobs change; everything else is append-only."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from maquette.core.recipe import Digest, Recipe

__all__ = ["Job", "Status"]


class Status(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


_NEXT = {
    Status.QUEUED: {Status.RUNNING, Status.CANCELLED},
    Status.RUNNING: {Status.DONE, Status.FAILED, Status.CANCELLED, Status.QUEUED},
    Status.FAILED: {Status.QUEUED},
    Status.CANCELLED: {Status.QUEUED},
    Status.DONE: set[Status](),
}


class Job(BaseModel):
    """One recipe to be run, and what came of it. ``owner`` is the process that runs it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    operation: str
    recipe: Recipe
    parents: tuple[Digest, ...] = ()
    status: Status = Status.QUEUED
    owner: str = ""
    message: str = ""
    version: Digest | None = None
    created_at: AwareDatetime

    def to(self, status: Status, *, message: str = "", version: str | None = None) -> Job:
        """The job in its next state.

        Raises:
            ValueError: for a step that the state machine does not have.
        """
        if status not in _NEXT[self.status]:
            raise ValueError(f"a job that is {self.status} cannot become {status}")
        return self.model_copy(
            update={"status": status, "message": message, "version": version or self.version}
        )
