"""What may become of a stored job. Pure; the memory and the database share it, so that both give
the same answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from maquette.core.job import ATTEMPTS, Job, Status
from maquette.errors import JobLost
from maquette.storage.rows import STATE

__all__ = [
    "asked_again",
    "asked_to_stop",
    "check_submitted",
    "ends_by_itself",
    "given_back",
    "handed_over",
    "moved",
    "settled",
    "still_held",
]

STOPPED = "stopped by the person"


def check_submitted(jobs: Sequence[Job]) -> None:
    """Whether these jobs can be submitted together.

    Raises:
        ValueError: for none, several groups, or an id twice.
    """
    if not jobs or not jobs[0].group or len({job.group for job in jobs}) != 1:
        raise ValueError("jobs are submitted one group at a time")
    if len({job.id for job in jobs}) != len(jobs):
        raise ValueError("a job's id is its own")


def _holds(known: Job, job: Job) -> bool:
    return not known.ended and (known.owner, known.attempts) == (job.owner, job.attempts)


def still_held(known: Job, job: Job) -> Job:
    """The known job, when it is still with the one whom ``job`` belongs to.

    Raises:
        JobLost: when somebody else has taken it since, or it has ended.
    """
    if known.ended:
        raise JobLost(f"job {job.id[:8]} is {known.status} already")
    if not _holds(known, job):
        raise JobLost(f"job {job.id[:8]} is no longer {job.owner or 'yours'}")
    return known


def settled(known: Job, job: Job, version_id: str) -> Job:
    """The known job once this version of it is stored: DONE, from any state that is not an end.

    Raises:
        JobLost: when it is not with ``job``'s owner any more.
    """
    if known.status is Status.DONE and known.version == version_id:
        return known
    done = {"status": Status.DONE, "lease_until": None, "message": "", "hint": ""}
    return still_held(known, job).model_copy(update={**done, "version": version_id})


def moved(known: Job, job: Job) -> Job:
    """The known job in the state of ``job``; one that is done stays so."""
    if known.status is Status.DONE:
        return known
    return known.model_copy(update={name: getattr(job, name) for name in STATE})


def asked_to_stop(job: Job, now: datetime) -> Job:
    """Cancelled when nobody is at work on it; otherwise with the wish noted; ended as it is."""
    if job.ended:
        return job
    if job.status is Status.QUEUED or job.expired(now):
        return job.to(Status.CANCELLED, message="cancelled before it was drawn")
    return job.model_copy(update={"cancel": True})


def given_back(known: Job, job: Job) -> Job:
    """Waiting again when it is still ``job``'s owner's, cancelled when that was asked meanwhile;
    otherwise as it is."""
    if not _holds(known, job):
        return known
    return known.to(Status.CANCELLED, message=STOPPED) if known.cancel else known.put_back()


def handed_over(known: Job, job: Job, group: str, message: str) -> Job:
    """Waiting for a group, or cancelled when that was asked meanwhile.

    Raises:
        JobLost: when it is not with ``job``'s owner any more.
    """
    held = still_held(known, job)
    if held.cancel:
        return held.to(Status.CANCELLED, message=STOPPED)
    return held.parked(group, message)


def asked_again(job: Job) -> Job:
    """Waiting anew when it has failed or was cancelled; otherwise as it is."""
    return job.again() if job.status in {Status.FAILED, Status.CANCELLED} else job


def ends_by_itself(job: Job) -> Job | None:
    """What a job whose lease ran out becomes when no other worker shall have it."""
    if job.status is not Status.RUNNING:
        return None
    if job.cancel:
        return job.to(Status.CANCELLED, message=STOPPED)
    if job.attempts >= ATTEMPTS:
        return job.to(
            Status.FAILED,
            message=f"{job.attempts} workers stopped in the middle of it",
            hint="look at the worker's output and its memory, then try again",
        )
    return None
