"""The books: every request to a service that bills is written down before it is sent and after.

An engine gets a ``Diary`` of the recipes that it is to draw; what it writes there outlives it. A
job that is begun anew, after a crash or a refusal, finds what its earlier self had asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from PIL import Image

from maquette.core.cost import Money
from maquette.core.intent import Intent, Outcome, make_intent
from maquette.core.job import Job, Status
from maquette.core.picture import decode_picture, encode_png
from maquette.engines.base import Billed, Engine
from maquette.errors import JobUnknown, RecipeRefused
from maquette.stages.order import is_alive
from maquette.storage.base import Blobs, Intents

__all__ = ["Books", "JobDiary", "may_have_maps", "open_diary"]

_OVER = frozenset({Outcome.VOID, Outcome.WRITTEN_OFF})


@dataclass(frozen=True)
class Books:
    """Where a project's requests stand and what they may cost in all; ``find_job`` raises
    JobUnknown."""

    intents: Intents
    find_job: Callable[[str], Job]
    budget: Money | None = None


class JobDiary:
    """The ``Diary`` of some jobs: index n is that of the n-th."""

    def __init__(self, engine: str, jobs: Sequence[Job], books: Books, blobs: Blobs) -> None:
        self._engine, self._jobs, self._books, self._blobs = engine, jobs, books, blobs

    def earlier(self, index: int) -> Intent | None:
        """See ``Diary.earlier``: this job's own, or one of a job that has ended without it."""
        job = self._jobs[index]
        for intent in reversed(self._books.intents.of(job.recipe.digest)):
            if intent.outcome in _OVER or intent.engine != self._engine:
                continue
            if intent.job == job.id:
                return intent
            if self._left_behind(intent):
                mine = intent.model_copy(update={"job": job.id, "at": datetime.now(UTC)})
                self._books.intents.move(mine)
                return mine
        return None

    def intend(self, index: int, money: Money, handle: Mapping[str, str]) -> Intent:
        """See ``Diary.intend``."""
        job = self._jobs[index]
        intent = make_intent(
            job.id,
            self._engine,
            job.recipe.digest,
            money=money,
            handle=handle,
            at=datetime.now(UTC),
        )
        self._books.intents.open(intent, self._books.budget)
        return intent

    def note(
        self,
        intent: Intent,
        outcome: Outcome,
        *,
        handle: Mapping[str, str] | None = None,
        message: str = "",
    ) -> Intent:
        """See ``Diary.note``."""
        known = {**intent.handle, **(handle or {})}
        moved = intent.to(outcome, datetime.now(UTC), handle=known, message=message)
        self._books.intents.move(moved)
        return moved

    def keep(
        self, intent: Intent, image: Image.Image, money: Money, *, message: str = ""
    ) -> Intent:
        """See ``Diary.keep``: the blob first, then the row that names it."""
        digest = self._blobs.put(encode_png(image))
        fields = {"image": digest, "money": money, "message": message}
        settled = intent.to(Outcome.SETTLED, datetime.now(UTC), **fields)
        self._books.intents.move(settled)
        return settled

    def picture(self, intent: Intent) -> Image.Image:
        """See ``Diary.picture``."""
        assert intent.image is not None  # noqa: S101 - settled
        return decode_picture(self._blobs.get(intent.image), name="the picture")

    def _left_behind(self, intent: Intent) -> bool:
        try:
            job = self._books.find_job(intent.job)
        except JobUnknown:
            return True
        if job.status is Status.RUNNING:  # on a lease it will be taken over, else its process …
            return job.lease_until is None and is_alive(job.owner) is False
        return job.status in {Status.FAILED, Status.CANCELLED}


def open_diary(
    engine: Engine, jobs: Sequence[Job], books: Books | None, blobs: Blobs
) -> JobDiary | None:
    """A diary for an engine that keeps one, None for any other.

    Raises:
        RecipeRefused: it bills, and there are no books.
    """
    if not isinstance(engine, Billed):
        return None
    if books is not None:
        return JobDiary(engine.name, jobs, books, blobs)
    if any(engine.price(job.recipe).amount for job in jobs):
        raise RecipeRefused(f"engine '{engine.name}' bills, and nobody here keeps the books")
    return None


def may_have_maps(engine: Engine) -> bool:
    """Whether it is worth asking for token maps: services never have any."""
    return not isinstance(engine, Billed)
