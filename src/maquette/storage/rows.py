"""Values as rows of text and numbers, and back. Pure; the memory and the database share it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from maquette.core.finding import Finding
from maquette.core.job import Job
from maquette.core.recipe import load_recipe
from maquette.core.version import Version
from maquette.storage.base import Event, Kind, Mark

__all__ = [
    "STATE",
    "event_from",
    "event_row",
    "finding_from",
    "finding_row",
    "instant",
    "job_from",
    "job_row",
    "mark_from",
    "mark_row",
    "newest_findings",
    "state_row",
    "told_findings",
    "told_job",
    "told_mark",
    "told_version",
    "version_from",
    "version_row",
]

STATE = (
    "status",
    "owner",
    "lease_until",
    "awaits",
    "attempts",
    "cancel",
    "message",
    "hint",
    "version",
    "result",
)
"""What changes about a job; the rest of it is as append-only as everything else."""

Row = Mapping[str, Any]


def _json(value: BaseModel) -> str:
    # ASCII, since a prompt may hold half a surrogate pair, which no database takes as text.
    return json.dumps(value.model_dump(mode="json"), separators=(",", ":"))


def instant(at: datetime) -> str:
    """A time as ISO 8601 in UTC, to the microsecond.

    Raises:
        ValueError: for a time without a zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    return at.astimezone(UTC).isoformat()


def version_row(version: Version) -> dict[str, Any]:
    """A version without its parents."""
    return {
        "id": version.id,
        "operation": version.operation,
        "recipe": _json(version.recipe),
        "recipe_digest": version.recipe.digest,
        "image": version.image,
        "width": version.size.width,
        "height": version.size.height,
        "trace": version.trace,
        "build": version.build,
        "cost": _json(version.cost),
        # As the version states it, since its id is the digest of that spelling.
        "created_at": version.stated["created_at"],
    }


def version_from(row: Row, parents: Sequence[str]) -> Version:
    """The version of a row.

    Raises:
        ProjectTooNew: when its recipe is of a newer schema.
    """
    return Version.model_validate(
        {
            "id": row["id"],
            "parents": tuple(parents),
            "operation": row["operation"],
            "recipe": load_recipe(json.loads(row["recipe"])),
            "image": row["image"],
            "size": {"width": row["width"], "height": row["height"]},
            "trace": row["trace"],
            "build": row["build"],
            "cost": json.loads(row["cost"]),
            "created_at": row["created_at"],
        }
    )


def job_row(job: Job) -> dict[str, Any]:
    """A job's facts and its state."""
    stated = job.model_dump(mode="json")
    texts = {name: json.dumps(stated[name]) for name in ("parents", "arguments")}
    return {**stated, **texts, "recipe": _json(job.recipe), **state_row(job)}


def state_row(job: Job) -> dict[str, Any]:
    """What changes about a job."""
    return {
        **{name: getattr(job, name) for name in STATE},
        "status": job.status.value,
        "lease_until": None if job.lease_until is None else instant(job.lease_until),
        "result": None if job.result is None else json.dumps(job.result),
    }


def job_from(row: Row) -> Job:
    """The job of a row.

    Raises:
        ProjectTooNew: when its recipe is of a newer schema.
    """
    fields = {name: row[name] for name in Job.model_fields}
    for name in ("parents", "arguments", "result"):
        fields[name] = None if row[name] is None else json.loads(row[name])
    return Job.model_validate({**fields, "recipe": load_recipe(json.loads(row["recipe"]))})


def event_row(at: datetime, kind: Kind, job: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """A line of the journal, without the id that it is going to get."""
    return {"at": instant(at), "kind": kind, "job": job, "data": json.dumps(data)}


def event_from(row: Row) -> Event:
    """The event of a row."""
    at = datetime.fromisoformat(row["at"])
    return Event(row["seq"], at, row["kind"], row["job"], json.loads(row["data"]))


def told_job(job: Job) -> dict[str, Any]:
    """What the journal says of a job's new state, and of the picture that it is to become:
    ``width`` and ``height`` in pixels, and ``region`` [x, y, width, height], the part of it that is
    drawn (None: all)."""
    region = getattr(job.recipe.task, "region", None)
    stated = job.model_dump(
        mode="json",
        exclude={"recipe", "lease_until", "owner", "key", "maps", "arguments", "awaits"},
    )
    return {
        **stated,
        "width": job.recipe.size.width,
        "height": job.recipe.size.height,
        "prompt": job.recipe.prompt.text if job.recipe.prompt else "",
        "seed": job.recipe.sampling.seed if job.recipe.sampling else None,
        "region": [region.x, region.y, region.width, region.height] if region else None,
    }


def told_version(version: Version, job: Job | None) -> dict[str, Any]:
    """What the journal says of a new version."""
    return {"id": version.id, "job": "" if job is None else job.id}


def told_mark(mark: Mark) -> dict[str, Any]:
    """What the journal says of a mark."""
    return {"version": mark.version, "kind": mark.kind, "value": mark.value}


def told_findings(version_id: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """What the journal says of new findings."""
    return {"version": version_id, "count": len(findings)}


def finding_row(version_id: str, finding: Finding) -> dict[str, Any]:
    """A finding on its version."""
    return {
        "version": version_id,
        "critic": finding.critic,
        "name": finding.name,
        "body": _json(finding),
    }


def finding_from(row: Row) -> Finding:
    """The finding of a row."""
    return Finding.model_validate(json.loads(row["body"]))


def newest_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Of findings in the order they were added the newest of each critic and name, worst score
    first and then by critic and name."""
    newest = {(finding.critic, finding.name): finding for finding in findings}
    return sorted(newest.values(), key=lambda found: (-found.score, found.critic, found.name))


def mark_row(mark: Mark) -> dict[str, Any]:
    """A mark."""
    return {
        "version": mark.version,
        "kind": mark.kind,
        "value": mark.value,
        "at": instant(mark.at),
    }


def mark_from(row: Row) -> Mark:
    """The mark of a row."""
    return Mark(row["version"], row["kind"], row["value"], datetime.fromisoformat(row["at"]))
