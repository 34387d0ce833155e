"""The contracts of storage.

Facts are append-only; only jobs change. Blobs are written first, then records, in one transaction
with 'job done', so that a kill at any moment loses nothing finished and shows nothing half made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

from maquette.core.cost import Money
from maquette.core.finding import Finding
from maquette.core.intent import Intent, Outcome
from maquette.core.job import Job, Status
from maquette.core.version import Version
from maquette.errors import BudgetSpent

__all__ = [
    "Blobs",
    "Event",
    "Intents",
    "Kind",
    "Mark",
    "Queue",
    "Records",
    "alike",
    "over_budget",
    "spent_on",
]


def alike(_first: Job, _other: Job) -> bool:
    """Any job of a group may be taken with any other."""
    return True


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
        but the job. A new version stands in the journal at once, whoever made it.

        Raises:
            VersionUnknown: when a parent is not there.
            JobLost: when the job is another worker's by now, or has ended; nothing is added.
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
        """Store a job's new state; one that is done stays so. The job must exist."""
        ...

    def jobs(self, *statuses: Status) -> list[Job]:
        """Jobs in one of these states (all when none is given), oldest first."""
        ...

    def close(self) -> None:
        """Let go of files and connections. A second call does nothing."""
        ...


Kind = Literal["job", "progress", "preview", "version", "mark", "findings"]
"""What the journal tells of.

``job``: a job's new state, see ``rows.told_job``; ``progress``: ``{step, steps, seconds_left}``
(seconds_left may be None); ``preview``: ``{step, image}``, a data URL; ``version``: ``{id, job}``
(job is empty when nobody queued it); ``mark``: ``{version, kind, value}``; ``findings``:
``{version, count}``.
"""


@dataclass(frozen=True)
class Event:
    """One line of the project's journal. ``id`` only ever grows; ``job`` is a job's id or empty.

    The journal tells what has just happened to whoever watches. It is no fact: old lines go.
    """

    id: int
    at: datetime
    kind: Kind
    job: str
    data: Mapping[str, Any]


@runtime_checkable
class Queue(Protocol):
    """The jobs that wait in a project, who works on them, and the journal of what happens.

    Every method is one short transaction, so that any number of processes may share it. A job is
    never with two workers: each holds it on a lease and renews that; when a worker dies, the lease
    runs out and the next one takes the job. All that is stored for a job is refused to a worker
    that has lost it meanwhile. Every change of a job stands in the journal at once.
    """

    def submit(self, jobs: Sequence[Job], key: str = "") -> list[Job]:
        """Append the jobs of one group, in the order of their places, and return them as stored.

        With a ``key`` that an earlier group came with, nothing is appended and that group is
        returned as it stands now. Jobs are QUEUED, or RUNNING on a lease when the caller is about
        to finish them by itself.

        Raises:
            ValueError: for no job, several groups, or an id that is there already.
        """
        ...

    def get(self, job_id: str) -> Job:
        """The job of this id. Raises JobUnknown."""
        ...

    def find(self, *statuses: Status, group: str = "", limit: int | None = None) -> list[Job]:
        """Jobs in one of these states (all when none is given), of this group if one is given,
        newest first; of a group in the order of their places."""
        ...

    def urgency(self) -> int | None:
        """The priority of the job that ``claim`` would give now (the lower, the more urgent);
        None when there is nothing to take. Only reads."""
        ...

    def claim(
        self, owner: str, seconds: float, limit: int = 1, kin: Callable[[Job, Job], bool] = alike
    ) -> list[Job]:
        """Take up to ``limit`` jobs of one group, the most urgent and then the oldest, and hold
        them for ``seconds``: the first one, and those that are its ``kin``. They come back
        RUNNING, in the order of their places; an empty list when nothing waits. A job that
        ``awaits`` others is not given before they have ended.

        A job whose lease ran out counts as waiting; when its cancelling was asked it becomes
        CANCELLED instead, and FAILED when ``ATTEMPTS`` workers have died over it.
        """
        ...

    def beat(self, owner: str, seconds: float) -> frozenset[str]:
        """Hold what this owner has for ``seconds`` from now, and return the ids of its jobs whose
        cancelling is asked. Writes only when a lease has run for a third of ``seconds``, so it may
        be called several times a second."""
        ...

    def ask_cancel(self, job_ids: Sequence[str]) -> list[Job]:
        """Ask to stop these jobs; return them as they stand now. A waiting one is CANCELLED at
        once, a running one when its worker hears of it; one that has ended stays as it is.

        Raises:
            JobUnknown: nothing is changed.
        """
        ...

    def retry(self, job_ids: Sequence[str]) -> list[Job]:
        """Let failed and cancelled jobs wait again, with no attempt counted; return them as they
        stand now. Others stay as they are.

        Raises:
            JobUnknown: nothing is changed.
        """
        ...

    def hand_over(self, job: Job, jobs: Sequence[Job], message: str = "") -> None:
        """Append the jobs of one group and let ``job``, which this worker holds, wait until they
        have all ended; in one transaction, so that nothing is appended twice. This attempt does
        not count, and ``message`` says what it waits for.

        Raises:
            JobLost: somebody else has ``job`` by now, or it has ended; nothing is appended.
            ValueError: as for ``submit``.
        """
        ...

    def put_back(self, jobs: Sequence[Job]) -> None:
        """Let jobs that this worker holds wait again; this attempt does not count. One whose
        cancelling is asked becomes CANCELLED; what the worker does not hold any more is left
        alone."""
        ...

    def finish(self, job: Job) -> None:
        """Store the end of a job that this worker holds. ``job`` is what ``claim`` returned, moved
        to DONE, FAILED or CANCELLED. (``Records.add`` ends a job with its version.)

        Raises:
            JobLost: when somebody else has it by now, or it has ended.
            JobUnknown.
        """
        ...

    def post(self, kind: Kind, job_id: str = "", data: Mapping[str, Any] | None = None) -> Event:
        """Append a line to the journal. ``data`` is JSON. Now and then old lines go: progress and
        previews after some minutes, all others after some ten thousand lines."""
        ...

    def events(self, after: int = 0, limit: int = 500) -> list[Event]:
        """Up to ``limit`` lines that follow the one with the id ``after``, oldest first."""
        ...

    def last_event(self) -> int:
        """The id of the newest line ever written; 0 when there is none."""
        ...


@runtime_checkable
class Intents(Protocol):
    """What was asked of services that send a bill, see ``core/intent.py``. Append-only; the newest
    row of an id counts."""

    def open(self, intent: Intent, budget: Money | None = None) -> None:
        """Append a new intent, unless what it may cost, with all that was spent before, goes
        beyond the budget. Durable when it returns: what is sent afterwards is known.

        Raises:
            BudgetSpent: nothing is appended.
            StorageFull, ProjectUnreadable.
        """
        ...

    def move(self, intent: Intent) -> None:
        """Append the next state of an intent."""
        ...

    def of(self, recipe: str) -> list[Intent]:
        """The intents of this recipe's digest as they stand, in the order of their last change."""
        ...

    def all(self) -> list[Intent]:
        """Every intent as it stands, in the order of their last change."""
        ...


def spent_on(intents: Iterable[Intent]) -> dict[str, Money]:
    """What was spent, or may have been, by currency."""
    spent: dict[str, Money] = {}
    for intent in intents:
        if intent.outcome is not Outcome.VOID:
            money = intent.money
            spent[money.currency] = (
                spent.get(money.currency, Money(currency=money.currency)) + money
            )
    return spent


def over_budget(money: Money, spent: Mapping[str, Money], budget: Money | None) -> None:
    """Whether a request may still be paid.

    Raises:
        BudgetSpent: it costs more than is left, or is paid in another currency.
    """
    if budget is None or not money.amount:
        return
    if money.currency != budget.currency:
        raise BudgetSpent(f"the budget is in {budget.currency}, this is paid in {money.currency}")
    before = spent.get(budget.currency, Money(currency=budget.currency))
    if (before + money).amount > budget.amount:
        raise BudgetSpent(f"this may cost {money}; of the {budget} budget {before} are spent")
