"""Values as rows of text and numbers, and back. Pure; the memory and the database share it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from maquette.core.finding import Finding
from maquette.core.job import Job, Status
from maquette.core.recipe import load_recipe
from maquette.core.version import Version
from maquette.storage.base import Mark

__all__ = [
    "STATE",
    "finding_from",
    "finding_row",
    "finished",
    "instant",
    "job_from",
    "job_row",
    "mark_from",
    "mark_row",
    "moved",
    "newest_findings",
    "version_from",
    "version_row",
]

STATE = ("status", "owner", "message", "version")
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
    return {**stated, "recipe": _json(job.recipe), "parents": json.dumps(stated["parents"])}


def job_from(row: Row) -> Job:
    """The job of a row.

    Raises:
        ProjectTooNew: when its recipe is of a newer schema.
    """
    fields = {name: row[name] for name in Job.model_fields}
    recipe, parents = load_recipe(json.loads(row["recipe"])), json.loads(row["parents"])
    return Job.model_validate({**fields, "recipe": recipe, "parents": parents})


def finished(job: Job, version_id: str) -> Job:
    """The job as it stands once this version is stored. From any state: the picture is there."""
    return job.model_copy(update={"status": Status.DONE, "message": "", "version": version_id})


def moved(known: Job, job: Job) -> Job:
    """The known job in the state of ``job``."""
    return known.model_copy(update={name: getattr(job, name) for name in STATE})


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
