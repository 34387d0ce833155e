"""Queueing: orders that wait in the project until a worker takes them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from maquette.core.cost import Money
from maquette.core.intent import Intent, Outcome
from maquette.core.job import INTERACTIVE, Job, Status
from maquette.core.version import Version
from maquette.errors import JobLost, JobUnknown, RequestUnderWay, SettingRefused
from maquette.stages.billing import may_have_maps
from maquette.stages.locking import with_locks
from maquette.stages.order import JUDGING, Order, is_alive, jobs_of, this_process
from maquette.stages.produce import find_known, repeat
from maquette.studio.judging import Judging

__all__ = ["Queueing"]

MOMENT = 15.0
"""Seconds for which this process holds jobs that it answers from what is known."""


class Queueing(Judging):
    """The verbs that leave the work to a worker (``maquette worker``), and look after it."""

    def submit(self, order: Order, *, priority: int = INTERACTIVE, key: str = "") -> list[Job]:
        """Let an order of ``studio.orders`` wait for a worker; its jobs, in the order of its
        recipes.

        ``priority`` is 0 when a person waits and 10 for a batch. With a ``key`` that came before,
        nothing new is ordered and the earlier jobs are returned as they stand now. A recipe that
        this very build has drawn before is answered at once: its job comes back DONE.

        Raises:
            RecipeRefused, SettingRefused, WordLocked: nothing is queued.
            StorageFull, ProjectUnreadable.
        """
        order = with_locks(order, self.records)
        jobs, known = jobs_of(order, priority), dict[str, Version]()
        if order.operation not in JUDGING or order.operation == "replay":
            engine = self.engine_of(order.recipes[0])
            for recipe in order.recipes:
                engine.check(recipe)
        if order.operation not in JUDGING:
            engine = self.engine_of(order.recipes[0])
            build, maps = engine.build, order.maps and may_have_maps(engine)
            for job in jobs:
                found = find_known(job.recipe, build, self.records, maps=maps)
                if found is not None:
                    known[job.id] = found
        until = datetime.now(UTC) + timedelta(seconds=MOMENT)
        mine = {job.id: job.taken(this_process(), until) for job in jobs if job.id in known}
        stored = self.queue.submit([mine.get(job.id, job) for job in jobs], key)
        if not mine or stored[0].group != jobs[0].group:
            return stored
        for job_id, version in known.items():
            repeat(version, order.operation, order.parents, self.records, mine[job_id])
        return self.queue.find(group=stored[0].group)

    def job(self, job_id: str) -> Job:
        """A job as it stands now.

        Raises:
            JobUnknown.
        """
        return self.queue.get(job_id)

    def jobs(self, *statuses: Status, group: str = "", limit: int | None = None) -> list[Job]:
        """Jobs in one of these states (all when none is given), newest first; those of one group
        in the order of their places."""
        return self.queue.find(*statuses, group=group, limit=limit)

    def cancel_jobs(self, job_ids: Sequence[str]) -> list[Job]:
        """Ask to stop these jobs; as they stand now. A waiting one is cancelled at once, a running
        one after the step that it is in; what was finished stays. With a job that waits for others
        these are stopped too.

        Raises:
            JobUnknown.
        """
        groups = {job.awaits for job in map(self.queue.get, job_ids) if job.awaits}
        others = [mate.id for group in groups for mate in self.queue.find(group=group)]
        asked = self.queue.ask_cancel(list(dict.fromkeys([*job_ids, *others])))
        stand = {job.id: job for job in asked}
        return [stand[job_id] for job_id in job_ids]

    def mend(self) -> list[Job]:
        """Mark as failed what the synchronous verbs left running when their process was killed;
        those jobs. (What a worker leaves is taken over when its lease has run out.)"""
        left = [
            job
            for job in self.queue.find(Status.RUNNING)
            if job.lease_until is None and is_alive(job.owner) is False
        ]
        about = "its process was stopped in the middle of it"
        ended = [job.to(Status.FAILED, message=about, hint="order it again") for job in left]
        for job in ended:
            with suppress(JobLost):  # another process mends too
                self.queue.finish(job)
        return ended

    def retry(self, job_ids: Sequence[str]) -> list[Job]:
        """Let failed and cancelled jobs wait again; as they stand now.

        Raises:
            JobUnknown.
        """
        return self.queue.retry(job_ids)

    def open_intents(self) -> list[Intent]:
        """Requests to services of which nobody knows yet what became of them: a job that is begun
        anew looks them up."""
        return [intent for intent in self.intents.all() if intent.open]

    def settle(self, intent_id: str, *, billed: bool = True, money: Money | None = None) -> Intent:
        """Give up a request to a service of which nothing can be found out here: its recipe may be
        asked for again. ``intent_id`` may be cut short.

        It counts as paid (written off) at what was estimated, or at ``money`` where somebody has
        seen the bill; with ``billed=False`` it counts as never carried out.

        Raises:
            JobUnknown: no open request has this id, or several begin like it.
            RequestUnderWay: its job is being carried out.
            SettingRefused: money that was not billed, less than nothing, or another currency.
        """
        found = [each for each in self.open_intents() if each.id.startswith(intent_id)]
        if len(found) != 1 or not intent_id:
            count = "several open requests begin" if len(found) > 1 else "no open request begins"
            raise JobUnknown(f"{count} with {intent_id!r}", hint="'maquette intents' lists them")
        [intent] = found
        if money is not None and (not billed or money.amount < 0):
            raise SettingRefused(f"{money} is no bill", hint="give what was billed, or nothing")
        if money is not None and money.currency != intent.money.currency:
            raise SettingRefused(f"this request is paid in {intent.money.currency}")
        if self._under_way(intent):
            raise RequestUnderWay(f"request {intent.id[:8]} is under way")
        now = datetime.now(UTC)
        if billed:
            fields = {"money": money or intent.money, "message": "written off"}
            given_up = intent.to(Outcome.WRITTEN_OFF, now, **fields)
        else:
            given_up = intent.to(Outcome.VOID, now, message="nothing was billed, somebody says")
        self.intents.move(given_up)
        return given_up

    def _under_way(self, intent: Intent) -> bool:
        """Whether some process may still be waiting for the answer."""
        try:
            job = self.queue.get(intent.job)
        except JobUnknown:
            return False
        if job.status is not Status.RUNNING:
            return False
        if job.lease_until is not None:
            return not job.expired(datetime.now(UTC))
        return is_alive(job.owner) is not False
