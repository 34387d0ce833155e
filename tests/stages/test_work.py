"""Working: what becomes of the jobs that a worker has taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from maquette.core.job import Job, Status
from maquette.core.recipe import Recipe
from maquette.core.trace import unpack_trace
from maquette.core.version import Version
from maquette.critics.base import Critic
from maquette.engines.base import Cancel, Engine, Event, Inputs, Picture, Progress
from maquette.engines.fake import FakeEngine, create
from maquette.errors import ModelMissing, StorageFull
from maquette.stages.order import Order, jobs_of
from maquette.stages.work import Workplace, work
from maquette.storage.memory import MemoryBlobs, MemoryRecords
from maquette.storage.memory_queue import MemoryQueue

from .conftest import Bench
from .test_produce import Counting, Grumpy

HOLD = 15.0


@dataclass
class Shop:
    """A bench with a queue, and one worker at it."""

    bench: Bench
    queue: MemoryQueue
    critics: Sequence[Critic] = ()

    def submit(self, *recipes: Recipe, operation: str = "generate", **options: Any) -> list[Job]:
        return self.queue.submit(jobs_of(Order(operation, recipes, **options)))

    def work(self, limit: int = 1, owner: str = "w", **options: Any) -> None:
        jobs = self.queue.claim(owner, HOLD, limit)
        options.setdefault("cancel", Cancel())
        work(jobs, self.place(), **options)

    def place(self) -> Workplace:
        return Workplace(
            blobs=self.bench.blobs,
            records=self.bench.records,
            queue=self.queue,
            engine_for=self.engine_for,
            critics=lambda: self.critics,
        )

    def engine_for(self, job: Job) -> Engine:
        return self.bench.engine

    def states(self) -> list[str]:
        return [str(job.status) for job in self.queue.find()[::-1]]


def shop_of(engine: Engine) -> Shop:
    records = MemoryRecords()
    return Shop(Bench(engine, MemoryBlobs(), records), MemoryQueue(records))


@pytest.fixture
def shop() -> Shop:
    return shop_of(create())


def test_a_job_becomes_a_version(shop: Shop) -> None:
    (job,) = shop.submit(shop.bench.recipe())
    shop.work()
    done = shop.queue.get(job.id)
    (version,) = shop.bench.records.log()
    assert (done.status, done.version) == (Status.DONE, version.id)
    assert version.recipe == job.recipe
    assert version.trace is not None


def test_each_version_is_told_as_it_is_stored(shop: Shop) -> None:
    shop.submit(shop.bench.recipe(), shop.bench.recipe(seed=2))
    heard: list[tuple[str, int]] = []

    def hear(job: Job, version: Version) -> None:
        stored = shop.queue.get(job.id)
        assert (stored.status, stored.version) == (Status.DONE, version.id)
        heard.append((job.id, shop.bench.records.count()))

    shop.work(limit=2, on_version=hear)
    assert [count for _, count in heard] == [1, 2]


def test_previews_are_told_and_maps_left_out_as_ordered(shop: Shop) -> None:
    shop.submit(shop.bench.recipe(), maps=False)
    heard: list[Event] = []
    shop.work(on_event=heard.append)
    assert {type(event).__name__ for event in heard} == {"Progress", "Preview", "Picture"}
    assert shop.bench.records.log()[0].trace is None


def test_a_known_recipe_is_not_drawn_again() -> None:
    engine = Counting(None, "", 0.0)
    shop = shop_of(engine)
    shop.submit(shop.bench.recipe(), shop.bench.recipe(), shop.bench.recipe(seed=2))
    shop.work(limit=1)
    shop.work(limit=2)
    assert engine.drawn == 2
    assert shop.states() == ["done"] * 3
    assert len({version.image for version in shop.bench.records.log()}) == 2


def test_critics_look_at_what_a_worker_makes(shop: Shop) -> None:
    shop.critics = [Grumpy()]
    shop.submit(shop.bench.recipe())
    shop.work()
    (version,) = shop.bench.records.log()
    assert [found.name for found in shop.bench.records.findings(version.id)] == ["meh"]


class TestStopping:
    def test_what_was_asked_is_cancelled_and_the_rest_waits_again(self, shop: Shop) -> None:
        jobs = shop.submit(*[shop.bench.recipe(seed=seed) for seed in range(3)])
        cancel = Cancel()

        def listen(event: Event) -> None:
            if isinstance(event, Progress) and event.index == 1:
                shop.queue.ask_cancel([jobs[1].id])
                cancel.set()

        shop.work(limit=3, cancel=cancel, on_event=listen)
        assert shop.states() == ["done", "cancelled", "queued"]
        assert shop.queue.get(jobs[2].id).attempts == 0

    def test_an_interrupt_puts_the_job_back(self, shop: Shop) -> None:
        (job,) = shop.submit(shop.bench.recipe())

        def interrupt(event: Event) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            shop.work(on_event=interrupt)
        assert shop.queue.get(job.id) == job


class TestFailing:
    def test_the_reason_and_the_remedy_are_kept(self, shop: Shop) -> None:
        shop.submit(shop.bench.recipe())

        def gone(job: Job) -> Engine:
            raise ModelMissing("no model 'x'")

        shop.engine_for = gone
        shop.work()
        (failed,) = shop.queue.find(Status.FAILED)
        assert failed.message == "no model 'x'"
        assert failed.hint == ModelMissing.hint

    def test_of_several_one_fails_by_itself(self) -> None:
        shop = shop_of(create(fail="dragon"))
        bench = shop.bench
        shop.submit(bench.recipe("a wolf"), bench.recipe("a dragon"), bench.recipe("a boat"))
        heard: list[Event] = []
        shop.work(limit=3, on_event=heard.append)
        assert shop.states() == ["done", "failed", "done"]
        made = [event.index for event in heard if type(event).__name__ == "Picture"]
        assert made == [0, 2], "told as what they are among the three"

    def test_a_refused_recipe_fails_its_job(self, shop: Shop) -> None:
        shop.submit(shop.bench.recipe().change(engine="elsewhere"))
        shop.work()
        assert shop.states() == ["failed"]

    def test_an_unforeseen_fault_is_the_jobs_and_is_said_aloud(self, shop: Shop) -> None:
        shop.submit(shop.bench.recipe())

        def stumble(event: Event) -> None:
            raise ZeroDivisionError("of all things")

        with pytest.raises(ZeroDivisionError):
            shop.work(on_event=stumble)
        (failed,) = shop.queue.find(Status.FAILED)
        assert "ZeroDivisionError: of all things" in failed.message

    def test_what_cannot_be_stored_is_begun_anew(self, shop: Shop) -> None:
        (job,) = shop.submit(shop.bench.recipe())

        class Full(MemoryQueue):
            def finish(self, job: Job) -> None:
                raise StorageFull("no space left")

        def full(job: Job) -> Engine:
            raise StorageFull("no space left")

        shop.engine_for = full
        whole = shop.queue
        shop.queue = Full(shop.bench.records)
        with pytest.raises(StorageFull):
            shop.work()
        assert whole.get(job.id).status is Status.RUNNING


class Stolen(FakeEngine):
    """While it draws, its worker is taken for dead."""

    def __init__(self, steal: Any) -> None:
        super().__init__(None, "", 0.0)
        self.steal = steal

    def run(self, recipes: Sequence[Recipe], inputs: Inputs, **options: Any) -> Iterator[Event]:
        for event in super().run(recipes, inputs, **options):
            if isinstance(event, Picture):
                self.steal()
            yield event


def test_nothing_is_made_twice_when_a_worker_was_taken_for_dead() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    records = MemoryRecords(clock=lambda: now)
    queue = MemoryQueue(records)

    def steal() -> None:
        nonlocal now
        now += timedelta(seconds=HOLD)
        other = Shop(Bench(create(), shop.bench.blobs, records), queue)
        other.work(owner="other")

    shop = Shop(Bench(Stolen(steal), MemoryBlobs(), records), queue)
    (job,) = shop.submit(shop.bench.recipe())
    shop.work(owner="slow")
    assert records.count() == 1
    assert (queue.get(job.id).status, queue.get(job.id).owner) == (Status.DONE, "other")


class TestLooking:
    def test_a_replay_ends_with_its_verdict(self, shop: Shop) -> None:
        (version,) = shop.bench.make(shop.bench.recipe())
        (job,) = shop.submit(version.recipe, operation="replay", parents=(version.id,))
        shop.work()
        done = shop.queue.get(job.id)
        assert done.status is Status.DONE
        assert done.result == {"verdict": "exact", "psnr": None, "reasons": []}
        assert done.version is None
        assert shop.bench.records.count() == 1

    def test_a_critique_keeps_what_is_said(self, shop: Shop) -> None:
        (version,) = shop.bench.make(shop.bench.recipe())
        shop.critics = [Grumpy()]
        (job,) = shop.submit(version.recipe, operation="critique", parents=(version.id,))
        shop.work()
        assert shop.queue.get(job.id).result == {"findings": 1}
        assert [found.name for found in shop.bench.records.findings(version.id)] == ["meh"]

    def test_an_explanation_keeps_its_maps(self, shop: Shop) -> None:
        (version,) = shop.bench.make(shop.bench.recipe(), maps=False)
        (job,) = shop.submit(
            version.recipe,
            operation="explain",
            parents=(version.id,),
            arguments={"caption": "a moon"},
        )
        shop.work()
        result = shop.queue.get(job.id).result
        assert result is not None
        trace = unpack_trace(shop.bench.blobs.get(str(result["trace"])))
        assert [word.text for word in trace.words] == ["a", "moon"]

    def test_a_version_that_is_not_there_fails_the_job(self, shop: Shop) -> None:
        shop.submit(shop.bench.recipe(), operation="replay", parents=("ab" * 32,))
        shop.work()
        assert shop.states() == ["failed"]
