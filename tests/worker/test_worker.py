"""The worker in a thread of its own: what it takes first, what it tells, how it stops."""

from __future__ import annotations

import base64
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from maquette import Settings, Studio
from maquette.core.job import BATCH, Job, Status
from maquette.core.recipe import Recipe
from maquette.engines.base import Engine
from maquette.engines.fake import FakeEngine
from maquette.errors import ProjectUnreadable
from maquette.stages.order import this_process
from maquette.storage.base import Event
from maquette.studio.engines import Engines
from maquette.studio.rooms import Rooms
from maquette.worker import PREVIEW_SIDE, TICK, Worker

PATIENCE = 60.0


def wait_for(what: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.01)


class Paced(Engines):
    """One fake engine, whose steps take so long; counts how often it was asked for."""

    def __init__(self, settings: Settings, delay: float = 0.0, fail: str = "") -> None:
        super().__init__(settings)
        self.fake = FakeEngine(None, fail, delay)

    def get(self, name: str | None = None, model: object = None) -> Engine:
        return self.fake


@dataclass
class Site:
    """Projects under one roof, and the workers in them."""

    root: Path
    settings: Settings
    engines: Paced
    order: list[str] = field(default_factory=list)
    rooms: list[Rooms] = field(default_factory=list)

    def studio(self, name: str) -> Studio:
        return Studio(self.root / name, create=True, settings=self.settings, engines=self.engines)

    def worker(self, **options: object) -> Worker:
        rooms = Rooms(self.root, settings=self.settings, engines=self.engines)
        self.rooms.append(rooms)
        note = options.pop("on_done", lambda done: self.order.append(done.job.id))
        return Worker([rooms], on_done=note, **options)  # type: ignore[arg-type]

    @contextmanager
    def working(self, **options: object) -> Iterator[Worker]:
        worker = self.worker(**options)
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            yield worker
        finally:
            worker.leave()
            thread.join(PATIENCE)
            assert not thread.is_alive()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    settings = Settings(engine="fake", home=tmp_path / "home")
    made = Site(tmp_path / "projects", settings, Paced(settings))
    yield made
    for rooms in made.rooms:
        rooms.close()


def ask(studio: Studio, seed: int = 1, n: int = 1, steps: int = 4, **options: int) -> list[Job]:
    order = studio.orders.generate("a boat", seed=seed, n=n, size=(64, 64), steps=steps)
    return studio.submit(order, **options)


def told(studio: Studio, kind: str) -> list[Event]:
    return [event for event in studio.queue.events() if event.kind == kind]


def test_it_works_until_nothing_waits(site: Site) -> None:
    with site.studio("one") as studio:
        jobs = ask(studio, n=3)
        assert site.worker().run(once=True) == 3
        assert [studio.job(job.id).status for job in jobs] == [Status.DONE] * 3
        assert len(studio.log()) == 3
        assert site.worker().run(once=True) == 0


def test_drafts_of_one_order_are_drawn_together_where_the_engine_does(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    run = FakeEngine.run

    def counted(self: FakeEngine, recipes: Sequence[Recipe], *given: Any, **how: Any) -> Any:
        drawn.append(len(recipes))
        return run(self, recipes, *given, **how)

    monkeypatch.setattr(FakeEngine, "run", counted)
    with site.studio("one") as studio:
        ask(studio, n=3)
        site.worker().run(once=True)
        assert drawn == [1, 1, 1], "alone, unless the engine says otherwise"
        monkeypatch.setattr(FakeEngine, "at_once", 4, raising=False)
        drafts = ask(studio, seed=11, n=6)
        finals = ask(studio, seed=21, n=2, steps=40)
        studio.submit(studio.orders.critique(studio.log()[0]))
        drawn.clear()
        assert site.worker().run(once=True) == 9
        assert drawn == [4, 2, 1, 1], "finals are long enough by themselves"
        assert {studio.job(job.id).status for job in [*drafts, *finals]} == {Status.DONE}
        assert len({version.image for version in studio.log()}) == 11


def test_who_waits_comes_first_whatever_the_project(site: Site) -> None:
    with site.studio("one") as one, site.studio("two") as two:
        later = [*ask(one, 1, priority=BATCH), *ask(two, 2, priority=BATCH)]
        first = [*ask(two, 3), *ask(one, 4)]
        site.worker().run(once=True)
        assert set(site.order[:2]) == {job.id for job in first}
        assert set(site.order[2:]) == {job.id for job in later}


def test_projects_of_one_urgency_take_turns(site: Site) -> None:
    with site.studio("one") as one, site.studio("two") as two:
        mine = {job.id for job in ask(one, 1, n=4)}
        ask(two, 2, n=4)
        site.worker().run(once=True)
        turns = [job in mine for job in site.order]
        assert turns in ([True, False] * 4, [False, True] * 4)


def test_a_project_that_is_made_later_is_found(site: Site) -> None:
    site.root.mkdir()
    with site.working(), site.studio("new") as studio:
        ask(studio)
        wait_for(studio.log)


def test_it_tells_of_progress_and_shows_previews(site: Site) -> None:
    site.engines.fake.delay = 0.06
    with site.studio("one") as studio, site.working():
        (job,) = ask(studio, steps=16)
        wait_for(lambda: studio.job(job.id).ended)
        progress, previews = told(studio, "progress"), told(studio, "preview")
    assert progress and previews
    assert {event.job for event in (*progress, *previews)} == {job.id}
    steps = [event.data["step"] for event in progress]
    assert steps == sorted(set(steps))
    assert progress[-1].data["steps"] == 16
    assert progress[-1].data["seconds_left"] is not None
    seconds = (progress[-1].at - progress[0].at).total_seconds()
    assert len(progress) <= seconds / TICK + 2
    head, _, content = previews[0].data["image"].partition(",")
    assert head == "data:image/webp;base64"
    with Image.open(io.BytesIO(base64.b64decode(content))) as image:
        assert image.format == "WEBP"
        assert max(image.size) <= PREVIEW_SIDE


def test_a_worker_that_is_woken_looks_at_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maquette.worker.SHORTEST_WAIT", 2 * PATIENCE)
    monkeypatch.setattr("maquette.worker.LONGEST_WAIT", 2 * PATIENCE)
    with site.studio("one") as studio, site.working() as worker:
        (first,) = ask(studio)
        worker.wake()
        wait_for(lambda: studio.job(first.id).ended)
        (second,) = ask(studio, seed=2)
        worker.wake()
        wait_for(lambda: studio.job(second.id).ended)


def test_a_running_job_is_cancelled_between_two_steps(site: Site) -> None:
    site.engines.fake.delay = 0.05
    with site.studio("one") as studio, site.working():
        jobs = ask(studio, n=2, steps=400)
        wait_for(lambda: studio.job(jobs[0].id).status is Status.RUNNING)
        studio.cancel_jobs([job.id for job in jobs])
        wait_for(lambda: all(studio.job(job.id).ended for job in jobs))
        assert {studio.job(job.id).status for job in jobs} == {Status.CANCELLED}
        (after,) = ask(studio, seed=9)
        wait_for(lambda: studio.job(after.id).ended)
        assert studio.job(after.id).status is Status.DONE


def test_a_long_job_is_held_for_as_long_as_it_takes(site: Site) -> None:
    site.engines.fake.delay = 0.1
    with site.studio("one") as studio:
        with site.working(owner="slow", lease=0.6), site.working(owner="idle", lease=0.6):
            (job,) = ask(studio, steps=25)
            wait_for(lambda: studio.job(job.id).ended)
        done = studio.job(job.id)
        assert (done.status, done.attempts) == (Status.DONE, 1)
        assert len(studio.log()) == 1


def test_leaving_finishes_the_job_at_hand(site: Site) -> None:
    site.engines.fake.delay = 0.03
    with site.studio("one") as studio:
        with site.working() as worker:
            jobs = ask(studio, n=2, steps=20)
            wait_for(lambda: studio.job(jobs[0].id).status is Status.RUNNING)
            worker.leave()
        assert [studio.job(job.id).status for job in jobs] == [Status.DONE, Status.QUEUED]


def test_dropping_puts_the_job_back(site: Site) -> None:
    site.engines.fake.delay = 0.05
    with site.studio("one") as studio:
        with site.working() as worker:
            (job,) = ask(studio, steps=400)
            wait_for(lambda: studio.job(job.id).status is Status.RUNNING)
            worker.drop()
        assert studio.job(job.id) == job
        assert studio.log() == []


def test_a_fault_of_one_job_does_not_end_the_worker(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.engines.fake.fail = "dragon"
    with site.studio("one") as studio:
        order = studio.orders.generate("a dragon", seed=1, size=(64, 64), steps=4)
        (failed,) = studio.submit(order)
        odd = studio.orders.generate("a boat", seed=1, size=(64, 64), steps=4)
        (stumbled,) = studio.submit(odd)
        (fine,) = ask(studio, seed=2)
        real = studio.critics
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Studio, "critics", lambda self: 1 / 0 if not site.order[1:] else real())
            site.worker().run(once=True)
        states = [studio.job(job.id).status for job in (failed, stumbled, fine)]
        assert states == [Status.FAILED, Status.FAILED, Status.DONE]
        assert "unforeseen" in caplog.text


def test_a_project_that_cannot_be_read_holds_up_no_other(site: Site) -> None:
    with site.studio("bad") as bad, site.studio("good") as good:
        ask(bad)
        ask(good)
        worker = site.worker()
        worker._awake()  # opens both
        rooms = site.rooms[0]

        def broken() -> int:
            raise ProjectUnreadable("damaged")

        rooms.open("bad").queue.urgency = broken  # type: ignore[method-assign]
        assert worker.run(once=True) == 1
        assert len(good.log()) == 1
        assert bad.log() == []


def test_what_a_killed_command_left_running_is_marked_as_failed(site: Site) -> None:
    with site.studio("one") as studio:
        (job,) = ask(studio)
        gone = job.to(Status.RUNNING).model_copy(
            update={"owner": f"{2**22 + 7}@{socket.gethostname()}", "id": "gone"}
        )
        living = gone.model_copy(update={"owner": this_process(), "id": "living"})
        for each in (gone, living):
            studio.records.open_job(each)
        assert site.worker().run(once=True) == 1
        assert studio.job("gone").status is Status.FAILED
        assert studio.job("living") == living


def test_what_is_no_project_is_passed_over(site: Site) -> None:
    with site.studio("good") as good:
        (site.root / "plain").mkdir()
        (site.root / "damaged" / ".maquette").mkdir(parents=True)
        (site.root / "damaged" / ".maquette" / "records.sqlite").write_bytes(b"moon" * 999)
        ask(good)
        assert site.worker().run(once=True) == 1
