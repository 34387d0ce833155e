"""Jobs: the only thing that changes, and only along its state machine."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import pytest

from maquette.core.geometry import Size
from maquette.core.job import Job, Status
from maquette.core.recipe import Recipe, TextToImage

ALLOWED = {
    ("queued", "running"),
    ("queued", "cancelled"),
    ("running", "done"),
    ("running", "failed"),
    ("running", "cancelled"),
    ("running", "queued"),
    ("failed", "queued"),
    ("cancelled", "queued"),
}


def job(status: Status) -> Job:
    return Job(
        id="1",
        operation="generate",
        recipe=Recipe(engine="fake", task=TextToImage(), size=Size(width=8, height=8)),
        status=status,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(("before", "after"), list(product(Status, Status)))
def test_only_the_state_machines_steps_can_be_taken(before: Status, after: Status) -> None:
    if (before, after) in ALLOWED:
        moved = job(before).to(after, message="so", version="f" * 64)
        assert (moved.status, moved.message, moved.version) == (after, "so", "f" * 64)
        assert job(before).status is before
    else:
        with pytest.raises(ValueError, match="cannot become"):
            job(before).to(after)


def test_a_version_once_known_is_kept() -> None:
    running = job(Status.QUEUED).to(Status.RUNNING, version="f" * 64)
    assert running.to(Status.DONE).version == "f" * 64


def test_a_job_comes_back_from_json() -> None:
    assert Job.model_validate_json(job(Status.FAILED).model_dump_json()) == job(Status.FAILED)
