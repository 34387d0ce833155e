"""Jobs for the browser: what they are to make, where they stand, and how far they are."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from maquette import errors
from maquette.core.capabilities import Capabilities
from maquette.core.job import Job, Status
from maquette.core.recipe import Inpaint, Recipe
from maquette.errors import JobUnknown
from maquette.server.feed import Line
from maquette.server.problems import code_of
from maquette.server.shapes_work import JobOut
from maquette.server.views import quality_of
from maquette.storage.base import Queue

__all__ = ["Tracker", "job_out"]

_KNOWN = 4_000
_BACK = 2_000
"""How far back in the journal the progress of a running job is looked for at first."""


@dataclass(frozen=True)
class Progress:
    """How far a job is."""

    step: int = 0
    steps: int = 0
    seconds_left: float | None = None


class Tracker:
    """Follows a project's journal: the newest progress of each job, and what each is to make."""

    def __init__(self, queue: Queue, able: Capabilities | None) -> None:
        self._queue = queue
        self._able = able
        self._progress: OrderedDict[str, Progress] = OrderedDict()
        self._facts: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._seen: int | None = None
        self._lock = threading.Lock()

    def out(self, job: Job) -> JobOut:
        """A job as it stands."""
        with self._lock:
            self._remember(job)
            return job_out(job, self._able, self._progress.get(job.id))

    def catch_up(self) -> None:
        """Read what the journal has told since the last time."""
        with self._lock:
            if self._seen is None:
                self._seen = max(0, self._queue.last_event() - _BACK)
            while lines := self._queue.events(self._seen, 500):
                for line in lines:
                    self._note(line)
                self._seen = lines[-1].id

    def tell(self, line: Line) -> dict[str, Any]:
        """What a line of the journal says to the browser: a job's carries what it is to make."""
        with self._lock:
            self._note(line)
            data = dict(line.data)
            if line.job:
                data["job"] = line.job
            if line.kind != "job":
                return data
            facts, known = self._facts_of(line.job), self._progress.get(line.job)
            if known is not None:
                about = {"step": known.step, "steps": known.steps}
                facts = {**facts, **about, "seconds_left": known.seconds_left}
            return {**facts, **data}

    def _note(self, line: Line) -> None:
        if line.kind != "progress":
            return
        given = line.data
        left = given.get("seconds_left")
        self._progress[line.job] = Progress(
            int(given.get("step", 0)), int(given.get("steps", 0)), left
        )
        self._progress.move_to_end(line.job)
        while len(self._progress) > _KNOWN:
            self._progress.popitem(last=False)

    def _facts_of(self, job_id: str) -> Mapping[str, Any]:
        if job_id not in self._facts:
            try:
                self._remember(self._queue.get(job_id))
            except JobUnknown:
                return {}
        return self._facts[job_id]

    def _remember(self, job: Job) -> None:
        if job.id not in self._facts:
            self._facts[job.id] = _facts(job.recipe, self._able)
            while len(self._facts) > _KNOWN:
                self._facts.popitem(last=False)


def job_out(job: Job, able: Capabilities | None, progress: Progress | None) -> JobOut:
    """A job as it goes over the wire."""
    facts = _facts(job.recipe, able)
    if progress is not None:
        left = None if job.ended else progress.seconds_left
        facts |= {"step": progress.step, "steps": progress.steps, "seconds_left": left}
    if job.status is Status.DONE:
        facts["step"] = facts["steps"]
    return JobOut(
        id=job.id,
        group=job.group,
        place=job.place,
        operation=job.operation,
        about=_about(job),
        status=job.status.value,
        priority=job.priority,
        cancel=job.cancel,
        attempts=job.attempts,
        version=job.version,
        result=job.result,
        message=job.message,
        hint=job.hint,
        reason=_reason(job),
        created_at=job.created_at,
        parents=list(job.parents),
        **facts,
    )


def _reason(job: Job) -> str:
    """Why it failed, by the code that problems have."""
    told = job.status is Status.FAILED and job.result is not None and job.result.get("reason")
    kind = getattr(errors, str(told), None) if told else None
    return code_of(kind) if isinstance(kind, type) else ""


def _about(job: Job) -> str:
    """What its words do not say: what a training teaches, which campaign it is."""
    if job.operation == "campaign":
        brief = job.arguments.get("brief")
        return str(brief.get("campaign", "")) if isinstance(brief, dict) else ""
    return str(job.arguments.get("teaches", ""))


def _facts(recipe: Recipe, able: Capabilities | None) -> dict[str, Any]:
    task, prompt, sampling = recipe.task, recipe.prompt, recipe.sampling
    region = task.region if isinstance(task, Inpaint) else None
    return {
        "step": 0,
        "steps": sampling.steps if sampling else 0,
        "seconds_left": None,
        "width": recipe.size.width,
        "height": recipe.size.height,
        "prompt": prompt.text if prompt else None,
        "negative": prompt.negative if prompt else None,
        "seed": sampling.seed if sampling else None,
        "quality": quality_of(recipe, able),
        "region": [region.x, region.y, region.width, region.height] if region else None,
    }
