"""Storage that lives as long as its object: for tests, and for work that is not to be kept.

Same contracts, same answers as the files and the database; the same tests run over both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from threading import RLock
from typing import Any

from maquette.core.canonical import sha256_hex
from maquette.core.finding import Finding
from maquette.core.job import Job, Status
from maquette.core.version import Version
from maquette.errors import BlobDamaged, BlobMissing, VersionUnknown
from maquette.storage.base import Event, Kind, Mark
from maquette.storage.journal import PRUNE_EVERY, outdated
from maquette.storage.origin import origin_mark
from maquette.storage.reference import pick, read_reference
from maquette.storage.rows import (
    event_from,
    event_row,
    finding_from,
    finding_row,
    mark_from,
    mark_row,
    newest_findings,
    told_findings,
    told_job,
    told_mark,
    told_version,
)
from maquette.storage.turns import moved, settled

__all__ = ["MemoryBlobs", "MemoryRecords"]


class MemoryBlobs:
    """Bytes named by their own SHA-256, in a dictionary."""

    def __init__(self) -> None:
        """Begin empty."""
        self.held: dict[str, bytes] = {}

    def put(self, data: bytes) -> str:
        """Keep these bytes and return their digest."""
        digest = sha256_hex(data)
        self.held[digest] = bytes(data)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes of that digest, checked against it.

        Raises:
            BlobMissing, BlobDamaged.
        """
        if digest not in self.held:
            raise BlobMissing(f"no bytes with the digest {digest!r}")
        if sha256_hex(self.held[digest]) != digest:
            raise BlobDamaged(f"the bytes of blob {digest} do not match its name")
        return self.held[digest]

    def __contains__(self, digest: object) -> bool:
        """Whether these bytes are here."""
        return isinstance(digest, str) and digest in self.held

    def __iter__(self) -> Iterator[str]:
        """Every digest, in no order."""
        return iter(tuple(self.held))


class MemoryRecords:
    """A project's memory in lists and dictionaries. Threads may share it.

    ``MemoryQueue`` works on the same ``held_jobs`` and ``journal``, under the same ``lock``.
    """

    def __init__(
        self, name: str = "memory", clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Begin empty. ``clock`` dates the journal and decides which leases have run out."""
        self.name = name
        self.clock = clock
        self.lock = RLock()
        self.held_jobs: dict[str, Job] = {}
        self.journal: list[Event] = []
        self._told = 0
        self._versions: dict[str, Version] = {}
        self._findings: list[dict[str, Any]] = []
        self._marks: list[dict[str, Any]] = []

    def add(
        self,
        version: Version,
        *,
        job: Job | None = None,
        findings: Sequence[Finding] = (),
    ) -> None:
        """Append a version with its findings and make ``job`` DONE, or none of it.

        Raises:
            VersionUnknown: when a parent is not there.
            JobLost: when the job is somebody else's by now, or has ended.
            ValueError: when there is no such job.
        """
        with self.lock:
            for parent in version.parents:
                self.get(parent)
            done = None if job is None else settled(self._known_job(job), job, version.id)
            if version.id not in self._versions:
                self._versions[version.id] = version
                self._findings += [finding_row(version.id, finding) for finding in findings]
                if (origin := origin_mark(version, job)) is not None:
                    self._marks.append(mark_row(origin))
                self.post("version", "", told_version(version, job))
            if done is not None:
                self.put_job(done)

    def get(self, version_id: str) -> Version:
        """The version of this full id.

        Raises:
            VersionUnknown.
        """
        if version_id not in self._versions:
            raise VersionUnknown(f"no version has the id {version_id!r}")
        return self._versions[version_id]

    def resolve(self, reference: str) -> Version:
        """The version of an id, a unique prefix of one, ``@`` or ``@~N``.

        Raises:
            VersionUnknown, AmbiguousVersion.
        """
        wanted = read_reference(reference)
        with self.lock:
            ids = list(self._versions)
        if isinstance(wanted, int):
            found = ids[-1 - wanted : len(ids) - wanted] if wanted < len(ids) else []
        else:
            found = sorted(found for found in ids if found.startswith(wanted))
        return self._versions[pick(reference, found)]

    def log(self, *, limit: int | None = None, before: str | None = None) -> list[Version]:
        """Versions, newest first, from the one that came before ``before``.

        Raises:
            VersionUnknown: for a ``before`` that is not there.
        """
        with self.lock:
            found = list(self._versions.values())
        if before is not None:
            found = found[: found.index(self.get(before))]
        return found[::-1][:limit]

    def children(self, version_id: str) -> list[Version]:
        """Versions made from this one, oldest first."""
        return [found for found in self._all() if version_id in found.parents]

    def find(self, recipe_digest: str, build: str) -> list[Version]:
        """Versions of exactly this recipe made by exactly this build, oldest first."""
        return [
            found
            for found in self._all()
            if found.recipe.digest == recipe_digest and found.build == build
        ]

    def count(self) -> int:
        """How many versions there are."""
        return len(self._versions)

    def add_findings(self, version_id: str, findings: Sequence[Finding]) -> None:
        """Append findings.

        Raises:
            VersionUnknown.
        """
        with self.lock:
            self.get(version_id)
            self._findings += [finding_row(version_id, finding) for finding in findings]
            self.post("findings", "", told_findings(version_id, findings))

    def findings(self, version_id: str) -> list[Finding]:
        """The newest finding of each critic and name, worst score first."""
        with self.lock:
            return newest_findings(
                finding_from(row) for row in self._findings if row["version"] == version_id
            )

    def mark(self, mark: Mark) -> None:
        """Append a mark.

        Raises:
            VersionUnknown.
            ValueError: for a time without a zone.
        """
        with self.lock:
            self.get(mark.version)
            self._marks.append(mark_row(mark))
            self.post("mark", "", told_mark(mark))

    def marks(self, version_ids: Iterable[str] | None = None) -> list[Mark]:
        """All marks (of these versions), oldest first."""
        wanted = None if version_ids is None else set(version_ids)
        with self.lock:
            return [
                mark_from(row) for row in self._marks if wanted is None or row["version"] in wanted
            ]

    def open_job(self, job: Job) -> None:
        """Append a job as it is.

        Raises:
            ValueError: when there is one of this id.
        """
        with self.lock:
            if job.id in self.held_jobs:
                raise ValueError(f"there is a job {job.id!r} already")
            self._known_outcome(job)
            self.put_job(job)

    def move_job(self, job: Job) -> None:
        """Store a job's new state.

        Raises:
            VersionUnknown: when the version it made is not there.
            ValueError: when there is no such job.
        """
        with self.lock:
            known = self._known_job(job)
            self._known_outcome(job)
            self.put_job(moved(known, job))

    def jobs(self, *statuses: Status) -> list[Job]:
        """Jobs in one of these states (all when none is given), oldest first."""
        with self.lock:
            return [
                job for job in self.held_jobs.values() if not statuses or job.status in statuses
            ]

    def close(self) -> None:
        """Nothing to let go of."""

    def put_job(self, job: Job) -> None:
        """Hold a job as it is now, and say so in the journal."""
        self.held_jobs[job.id] = job
        self.post("job", job.id, told_job(job))

    def post(self, kind: Kind, job_id: str, data: Mapping[str, Any]) -> Event:
        """Append a line to the journal."""
        with self.lock:
            row = event_row(self.clock(), kind, job_id, data)
            self._told += 1
            event = event_from({**row, "seq": self._told})
            self.journal.append(event)
            if event.id % PRUNE_EVERY == 0:
                self.journal = [line for line in self.journal if not outdated(line, event)]
            return event

    @property
    def said(self) -> int:
        """How many findings have been added."""
        return len(self._findings)

    @property
    def told(self) -> int:
        """The id of the newest line ever written to the journal."""
        return self._told

    def _all(self) -> list[Version]:
        with self.lock:
            return list(self._versions.values())

    def _known_job(self, job: Job) -> Job:
        if job.id not in self.held_jobs:
            raise ValueError(f"there is no job {job.id!r}")
        return self.held_jobs[job.id]

    def _known_outcome(self, job: Job) -> None:
        if job.version is not None:
            self.get(job.version)
