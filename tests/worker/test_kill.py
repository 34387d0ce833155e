"""Workers are killed at random moments while others work on the same projects: no job is lost,
none is made twice, nothing half made is ever seen.

The moments come from one number; set MAQUETTE_KILL_SEED to try others, MAQUETTE_KILLS to try more.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.storage.test_kill import integrity
from tests.storage.workers import Forge, Worker

from maquette import Settings, Studio
from maquette.core.job import ATTEMPTS, Status
from maquette.core.picture import decode_picture
from maquette.core.trace import unpack_trace

SEED = int(os.environ.get("MAQUETTE_KILL_SEED", "20260301"))
KILLS = int(os.environ.get("MAQUETTE_KILLS", "80")) // 4
SCRIPT = Path(__file__).with_name("forge.py")
LEASE = 0.7
PATIENCE = 120.0


def submit(studio: Studio, chance: random.Random, first: int) -> int:
    """Some orders of different kinds and priorities; how many jobs they are."""
    count = 0
    for number in range(5):
        n = chance.randint(1, 4)
        order = studio.orders.generate(
            "a boat", n=n, seed=first + 100 * number, size=(64, 64), quality="draft"
        )
        count += len(studio.submit(order, priority=chance.choice((0, 10))))
    return count


def check(studio: Studio, expected: int) -> None:
    """Everything that was ordered is there, once and whole."""
    jobs, log = studio.jobs(), studio.log()
    assert len(jobs) == expected
    assert Counter(job.status for job in jobs) == {Status.DONE: expected}
    assert sorted(filter(None, (job.version for job in jobs))) == sorted(v.id for v in log)
    made = Counter(version.recipe.digest for version in log)
    assert made == Counter(job.recipe.digest for job in jobs), "a job was lost or made twice"
    for version in log:
        assert version.intact
        assert decode_picture(studio.blobs.get(version.image)).size == (64, 64)
        assert version.trace is not None
        assert unpack_trace(studio.blobs.get(version.trace)).words
    told = [event for event in studio.queue.events(limit=100_000) if event.kind == "version"]
    assert [event.data["id"] for event in told] == [version.id for version in log[::-1]]
    assert integrity(studio.root / ".maquette" / "records.sqlite") == [("ok",)]


def test_workers_are_killed_at_random_moments(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(SEED + 10)
    settings = Settings(engine="fake", home=tmp_path / "home")
    root = tmp_path / "projects"
    studios = [Studio(root / name, create=True, settings=settings) for name in ("one", "two")]
    expected = [submit(studio, chance, first=1) for studio in studios]
    kills = retried = 0
    with Forge(tmp_path, SCRIPT) as forge:
        started = 0

        def start() -> Worker:
            nonlocal started
            started += 1
            return forge.start("draw", root, seed=f"w{started}", lease=LEASE)

        workers = [start() for _ in range(3)]
        until = time.monotonic() + PATIENCE
        while not all(job.ended for studio in studios for job in studio.jobs()) or kills < KILLS:
            assert time.monotonic() < until, f"seed {SEED}: {[s.jobs() for s in studios]}"
            time.sleep(chance.uniform(0.02, 0.25))
            if kills < KILLS:
                gone = chance.randrange(len(workers))
                forge.kill_after(workers[gone], 0)
                workers[gone] = start()
                kills += 1
                if kills % 5 == 0:
                    expected[0] += submit(studios[0], chance, first=10_000 * kills)
            for studio in studios:  # what three workers died over waits for a person
                failed = studio.jobs(Status.FAILED)
                assert all(job.attempts == ATTEMPTS for job in failed), failed
                retried += len(studio.retry([job.id for job in failed]))
        for worker in workers:
            forge.kill_after(worker, 0)
    cut_short = sum(job.attempts > 1 for studio in studios for job in studio.jobs())
    figures = {"kills": kills, "jobs": sum(expected), "cut_short": cut_short, "retried": retried}
    for name, figure in figures.items():
        record_property(name, figure)
    print(figures)
    for studio, count in zip(studios, expected, strict=True):
        check(studio, count)
        studio.close()
    assert cut_short, "no kill came in the middle of anything"


def test_two_workers_share_a_project_and_a_person_draws_in_it_too(tmp_path: Path) -> None:
    settings = Settings(engine="fake", home=tmp_path / "home")
    with (
        Studio(tmp_path / "projects" / "one", create=True, settings=settings) as studio,
        Forge(tmp_path, SCRIPT) as forge,
    ):
        expected = submit(studio, random.Random(1), first=1)
        workers = [
            forge.start("draw", tmp_path / "projects", seed=s, lease=15, once=True) for s in "ab"
        ]
        mine = studio.generate("a wolf", n=5, seed=5, size=(64, 64), quality="draft")
        assert [forge.end(worker) for worker in workers] == [0, 0]
        said = [line for worker in workers for line in worker.said()]
        assert len(said) == len(set(said)) == expected
        assert all(line.endswith(" done") for line in said)
        assert {job.owner for job in studio.jobs() if job.attempts} == {"a", "b"}
        assert {version.id for version in mine} <= {version.id for version in studio.log()}
        check(studio, expected + 5)
