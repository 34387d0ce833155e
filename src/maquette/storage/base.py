"""The contracts of storage.

Facts are append-only; only jobs change. Blobs are written first, then records, in one transaction
with 'job done', so that a kill at any moment loses nothing finished and shows nothing half made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from maquette.core.finding import Finding
from maquette.core.job import Job, Status
from maquette.core.version import Version

__all__ = ["Blobs", "Mark", "Records"]


@runtime_checkable
class Blobs(Protocol):
    """Bytes named by their own SHA-256. Never changed, never overwritten."""

    def put(self, data: bytes) -> str:
        """Keep these bytes and return their digest. Atomic and durable: after the return they
        survive a kill and a power cut; before it nothing of them can be seen. Idempotent.

        Raises:
            StorageFull, ProjectUnreadable: nothing half written stays behind.
        """
        ...

    def get(self, digest: str) -> bytes:
        """The bytes of that digest, checked against it.

        Raises:
            BlobMissing, BlobDamaged.
        """
        ...

    def __contains__(self, digest: object) -> bool:
        """Whether these bytes are here."""
        ...

    def __iter__(self) -> Iterator[str]:
        """Every digest, in no order."""
        ...


@dataclass(frozen=True)
class Mark:
    """What people add to a version beside its facts, and when: a star, a name. Append-only; the
    newest of a kind counts."""

    version: str
    kind: str
    value: str
    at: datetime


@runtime_checkable
class Records(Protocol):
    """The project's memory: versions in the order they were made, findings, marks, jobs."""

    def add(
        self,
        version: Version,
        *,
        job: Job | None = None,
        findings: Sequence[Finding] = (),
    ) -> None:
        """Append a version with its findings; when ``job`` is given, that job becomes DONE with
        this version, all in one transaction. Adding an id that is there already changes nothing
        but the job.

        Raises:
            VersionUnknown: when a parent is not there.
            StorageFull, ProjectUnreadable.
        """
        ...

    def get(self, version_id: str) -> Version:
        """The version of this full id. Raises VersionUnknown."""
        ...

    def resolve(self, reference: str) -> Version:
        """The version of an id, a unique prefix of one (4 characters or more), ``@`` for the
        newest, ``@~N`` for the N-th before it.

        Raises:
            VersionUnknown, AmbiguousVersion.
        """
        ...

    def log(self, *, limit: int | None = None, before: str | None = None) -> list[Version]:
        """Versions, newest first; ``before`` is the full id to continue from (exclusive)."""
        ...

    def children(self, version_id: str) -> list[Version]:
        """Versions made from this one, oldest first."""
        ...

    def find(self, recipe_digest: str, build: str) -> list[Version]:
        """Versions of exactly this recipe made by exactly this build, oldest first."""
        ...

    def count(self) -> int:
        """How many versions there are."""
        ...

    def add_findings(self, version_id: str, findings: Sequence[Finding]) -> None:
        """Append findings; one whose critic and name are there already replaces it in what
        ``findings`` answers (the older row stays)."""
        ...

    def findings(self, version_id: str) -> list[Finding]:
        """The newest finding of each critic and name, worst score first."""
        ...

    def mark(self, mark: Mark) -> None:
        """Append a mark."""
        ...

    def marks(self, version_ids: Iterable[str] | None = None) -> list[Mark]:
        """All marks (of these versions), oldest first."""
        ...

    def open_job(self, job: Job) -> None:
        """Append a job as it is."""
        ...

    def move_job(self, job: Job) -> None:
        """Store a job's new state. The job must exist."""
        ...

    def jobs(self, *statuses: Status) -> list[Job]:
        """Jobs in one of these states (all when none is given), oldest first."""
        ...

    def close(self) -> None:
        """Let go of files and connections. A second call does nothing."""
        ...
