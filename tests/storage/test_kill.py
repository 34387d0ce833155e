"""A kill at any moment loses nothing finished and shows nothing half made.

Workers are killed at random moments. The moments come from one number; set MAQUETTE_KILL_SEED to
try others, MAQUETTE_KILLS to try more.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.storage.conftest import make_yesterday
from tests.storage.making import version
from tests.storage.workers import Forge

from maquette.core.job import Status
from maquette.errors import ProjectMissing
from maquette.storage.files import FileBlobs
from maquette.storage.migrate import Schema
from maquette.storage.project import Project
from maquette.storage.sql import SqlRecords
from maquette.storage.sql_queue import SqlQueue

SEED = int(os.environ.get("MAQUETTE_KILL_SEED", "20260301"))
KILLS = int(os.environ.get("MAQUETTE_KILLS", "80"))
LONGEST = 0.2


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    with Forge(tmp_path) as made:
        yield made


def integrity(path: Path) -> object:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        return connection.execute("PRAGMA integrity_check").fetchall()


class Ledger:
    """What has been said to be finished, checked against what is there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.said: set[str] = set()
        self.seen: set[str] = set()

    def check(self, said: list[str]) -> None:
        """After each kill, before anybody else has opened the project."""
        self.said |= set(said)
        with Project.open(self.root) as project:
            blobs = list(project.blobs)
            there = set(blobs)
            assert len(blobs) == len(there)
            log = project.records.log()
            ids = {found.id for found in log}
            assert len(log) == len(ids) == project.records.count()
            assert self.said <= ids, "a finished version is lost"
            assert self.seen <= ids, "a version that was seen is gone"
            for found in log:
                assert found.intact
                assert set(found.parents) <= ids
                assert {found.image, found.trace} <= there, "a version lacks its blobs"
                if found.id not in self.seen:
                    assert len(project.blobs.get(found.image)) == 150_000
                    assert found.trace and len(project.blobs.get(found.trace)) == 20_000
                    assert len(project.records.findings(found.id)) == 1
            done = [job.version for job in project.records.jobs(Status.DONE)]
            assert sorted(filter(None, done)) == sorted(ids), "a version and its job disagree"
            self.seen = ids

    def interrupted(self) -> int:
        """Jobs that were cut short. They are allowed, and are all that is."""
        with Project.open(self.root) as project:
            jobs = project.records.jobs()
        assert {job.status for job in jobs} <= {Status.DONE, Status.RUNNING}
        return sum(job.status is Status.RUNNING for job in jobs)

    def check_everything(self) -> None:
        """At the end: every byte of every blob."""
        with Project.open(self.root) as project:
            for digest in project.blobs:
                project.blobs.get(digest)
        assert integrity(self.root / ".maquette" / "records.sqlite") == [("ok",)]


def test_kills_while_versions_are_made(
    tmp_path: Path, forge: Forge, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(SEED)
    root = tmp_path / "project"
    Project.create(root).close()
    ledger = Ledger(root)
    for kill in range(KILLS):
        moment = chance.uniform(0, LONGEST)
        worker = forge.start("work", root, seed=f"worker-{kill}")
        try:
            ledger.check(forge.kill_after(worker, moment))
        except BaseException:
            print(f"seed {SEED}, kill {kill} after {moment:.4f} s")
            raise
    ledger.check_everything()
    interrupted = ledger.interrupted()
    leftovers = len(list((root / ".maquette" / "blobs").glob(".partial-*")))
    figures = {
        "kills": KILLS,
        "versions": len(ledger.seen),
        "finished": len(ledger.said),
        "interrupted": interrupted,
        "partial_files": leftovers,
    }
    for name, figure in figures.items():
        record_property(name, figure)
    print(figures)
    assert ledger.said, "no worker lived long enough to finish anything"
    assert interrupted, "no kill came in the middle of anything"


def test_kills_of_two_workers_at_once(tmp_path: Path, forge: Forge) -> None:
    chance = random.Random(SEED + 1)
    root = tmp_path / "project"
    Project.create(root).close()
    ledger = Ledger(root)
    for kill in range(10):
        killed = forge.start("work", root, seed=f"killed-{kill}")
        survivor = forge.start("work", root, seed=f"survivor-{kill}", count=5)
        moment = chance.uniform(0.02, LONGEST)
        try:
            said = forge.kill_after(killed, moment)
            assert forge.end(survivor) == 0, "a kill disturbed another worker"
            ledger.check(said + survivor.said())
        except BaseException:
            print(f"seed {SEED}, kill {kill} after {moment:.4f} s", survivor.said())
            raise
    ledger.check_everything()


def test_kills_while_large_blobs_are_put(tmp_path: Path, forge: Forge) -> None:
    chance = random.Random(SEED + 4)
    root = tmp_path / "blobs"
    halves = 0
    for kill in range(20):
        moment = chance.uniform(0, 0.1)
        said = forge.kill_after(forge.start("put", root, seed=f"worker-{kill}"), moment)
        where = f"seed {SEED}, kill {kill} after {moment:.4f} s"
        blobs = FileBlobs(root)
        listed = list(blobs)
        assert set(said) <= set(listed), where
        for digest in listed:
            assert len(blobs.get(digest)) > 12_000_000, where
        halves += len(list(root.glob(".partial-*")))
        shutil.rmtree(root, ignore_errors=True)
    assert halves, "no kill came in the middle of anything"


def test_kills_while_projects_are_created(tmp_path: Path, forge: Forge) -> None:
    chance = random.Random(SEED + 2)
    root = tmp_path / "projects"
    root.mkdir()
    unfinished = 0
    for kill in range(12):
        moment = chance.uniform(0, 0.2)
        worker = forge.start("create", root, seed=f"worker-{kill}")
        said = forge.kill_after(worker, moment)
        for folder in root.iterdir():
            where = f"seed {SEED}, kill {kill} after {moment:.4f} s"
            try:
                Project.open(folder).close()
            except ProjectMissing:
                assert folder.name not in said, where
                unfinished += 1
            with Project.create(folder) as project:
                project.records.add(version())
                assert list(project.blobs) == [], where
            assert integrity(folder / ".maquette" / "records.sqlite") == [("ok",)], where
        shutil.rmtree(root)
        root.mkdir()
    assert unfinished, "no kill came in the middle of anything"


def test_kills_while_records_from_before_the_queue_are_brought_up(
    tmp_path: Path, forge: Forge
) -> None:
    chance = random.Random(SEED + 6)
    old = make_yesterday(tmp_path / "old.sqlite", 400)
    cut_short = 0
    for kill in range(10):
        path = tmp_path / f"brought-{kill}" / "records.sqlite"
        path.parent.mkdir()
        shutil.copy(old, path)
        moment = chance.uniform(0, 0.15)
        said = forge.kill_after(forge.start("open", path), moment)
        cut_short += not said
        where = f"seed {SEED}, kill {kill} after {moment:.4f} s"
        with closing(SqlRecords(path)) as records:
            assert records.count() == 400, where
            assert len(SqlQueue(records.database).find()) == 2, where
        assert integrity(path) == [("ok",)], where
    assert cut_short, "no kill came in the middle of anything"


def test_kills_while_records_are_migrated(tmp_path: Path, forge: Forge, tomorrow: Schema) -> None:
    chance = random.Random(SEED + 3)
    old = tmp_path / "old.sqlite"
    with closing(SqlRecords.create(old, "boats")) as records:
        for seed in range(50):
            records.add(version(seed))
    cut_short = 0
    for kill in range(12):
        place = tmp_path / f"migrated-{kill}"
        place.mkdir()
        path = place / "records.sqlite"
        shutil.copy(old, path)
        moment = chance.uniform(0, 0.15)
        worker = forge.start("migrate", path, scripts=str(tomorrow.scripts))
        said = forge.kill_after(worker, moment)
        cut_short += not said
        where = f"seed {SEED}, kill {kill} after {moment:.4f} s"
        with closing(SqlRecords(path, schema=tomorrow)) as records:
            assert records.count() == 50, where
        assert integrity(path) == [("ok",)], where
        with closing(SqlRecords(place / "records.sqlite.before-tomorrow")) as copy:
            assert copy.count() == 50, where
    assert cut_short, "no kill came in the middle of anything"
