"""Jobs: queued work, how it goes, stopping it and trying again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from maquette.core.job import Job, Status
from maquette.errors import JobUnknown
from maquette.server.answers import answer
from maquette.server.context import Open, Room
from maquette.server.described import fails
from maquette.server.shapes_work import JobOut, Jobs

__all__ = ["router"]

router = APIRouter(prefix="/projects/{project}", tags=["jobs"])

JobId = Annotated[
    str,
    Path(
        max_length=64,
        pattern=r"^[0-9A-Za-z-]+$",
        description="The job's id.",
        examples=["5f0c9f5e6f8c4f0f9a3e2b1d0c9b8a77"],
    ),
]


@router.get("/jobs", summary="List jobs", response_model=Jobs, responses=fails(404, 422, 503))
def list_jobs(
    room: Open,
    status: Annotated[
        list[Status] | None,
        Query(description="Only those in these states.", examples=[["queued", "running"]]),
    ] = None,
    group: Annotated[
        str, Query(max_length=64, description="Only those of this group, in its order.")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 100,
) -> Response:
    """Jobs, newest first."""
    return _told(room, room.studio.jobs(*(status or ()), group=group, limit=limit))


@router.get("/jobs/{job}", summary="See a job", response_model=JobOut, responses=fails(404, 503))
def get_job(room: Open, job: JobId) -> Response:
    """A job as it stands now."""
    found = room.studio.job(job)
    room.tracker.catch_up()
    return answer(room.tracker.out(found))


@router.post(
    "/jobs/{job}/cancel", summary="Cancel a job", response_model=JobOut, responses=fails(404, 503)
)
def cancel_job(room: Open, job: JobId) -> Response:
    """A waiting one ends at once, a running one after the step that it is in. One that has ended
    stays as it is."""
    return answer(room.tracker.out(room.studio.cancel_jobs([job])[0]))


@router.post(
    "/jobs/{job}/retry", summary="Try a job again", response_model=JobOut, responses=fails(404, 503)
)
def retry_job(room: Open, job: JobId) -> Response:
    """Let a failed or cancelled job wait again; any other stays as it is."""
    return answer(room.tracker.out(room.studio.retry([job])[0]))


@router.post(
    "/groups/{group}/cancel",
    summary="Cancel a group",
    response_model=Jobs,
    responses=fails(404, 503),
)
def cancel_group(
    room: Open,
    group: Annotated[
        str,
        Path(
            max_length=64,
            pattern=r"^[0-9A-Za-z-]+$",
            description="What `operations` answered.",
            examples=["5f0c9f5e6f8c4f0f9a3e2b1d0c9b8a77"],
        ),
    ],
) -> Response:
    """All jobs of a group that have not ended. What was finished stays."""
    jobs = room.studio.jobs(group=group)
    if not jobs:
        raise JobUnknown(f"no group '{group}'")
    return _told(room, room.studio.cancel_jobs([job.id for job in jobs]))


def _told(room: Room, jobs: list[Job]) -> Response:
    if any(job.status is Status.RUNNING for job in jobs):
        room.tracker.catch_up()
    return answer(Jobs(items=[room.tracker.out(job) for job in jobs]))
