"""The implementations of each contract, and places where storing goes wrong."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.storage.making import DAWN, job, version

from maquette.core.job import Status
from maquette.core.version import Version
from maquette.storage import opening
from maquette.storage.base import Blobs, Queue, Records
from maquette.storage.files import FileBlobs
from maquette.storage.memory import MemoryBlobs, MemoryRecords
from maquette.storage.memory_queue import MemoryQueue
from maquette.storage.memory_shelf import MemoryShelf
from maquette.storage.migrate import SHIPPED, Schema
from maquette.storage.rows import job_row, version_row
from maquette.storage.shelf import Shelf
from maquette.storage.sql import SqlRecords
from maquette.storage.sql_queue import SqlQueue
from maquette.storage.sql_shelf import SqlShelf
from maquette.storage.tables import HEAD


@pytest.fixture(params=["memory", "disk", "url"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    """Every implementation of Blobs; ``url`` stands for what is not a disk."""
    match request.param:
        case "memory":
            return MemoryBlobs()
        case "disk":
            return FileBlobs(tmp_path / "blobs")
        case _:
            return FileBlobs(f"memory://{uuid.uuid4().hex}/blobs")


class Clock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.now = DAWN

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    """What time it is for records and queues."""
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
def records(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Records]:
    """Every implementation of Records."""
    made: Records
    if request.param == "memory":
        made = MemoryRecords(clock=clock)
    else:
        made = SqlRecords.create(tmp_path / "records.sqlite", "boats", clock=clock)
    yield made
    made.close()


@pytest.fixture
def queue(records: Records) -> Queue:
    """The queue of these records."""
    if isinstance(records, MemoryRecords):
        return MemoryQueue(records)
    assert isinstance(records, SqlRecords)
    return SqlQueue(records.database)


@pytest.fixture
def shelf(records: Records) -> Shelf:
    """The shelf of these records."""
    if isinstance(records, MemoryRecords):
        return MemoryShelf(records)
    assert isinstance(records, SqlRecords)
    return SqlShelf(records.database)


@pytest.fixture
def memory_queue() -> Queue:
    """A queue without a database, for what takes many lines."""
    return MemoryQueue(MemoryRecords())


@pytest.fixture
def sql(tmp_path: Path) -> Iterator[SqlRecords]:
    """New records in a file."""
    records = SqlRecords.create(tmp_path / "records.sqlite", "boats")
    yield records
    records.close()


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A small disk of its own with these mount options, where this machine permits it."""
    mounted: list[Path] = []

    def make(options: str) -> Path:
        place = tmp_path / f"disk-{len(mounted)}"
        place.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("there is no mount command here")
        if done.returncode:
            pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
        mounted.append(place)
        return place

    yield make
    for place in mounted:
        subprocess.run(["umount", "--lazy", str(place)], check=False)


@pytest.fixture
def locked_folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody here may write to: not even root, who needs a read-only disk for it."""
    if os.geteuid() == 0:
        yield request.getfixturevalue("mount")("size=64k,ro")
        return
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)


TOMORROW = '''
"""What a later Maquette might do: a table made anew, a new table with many rows."""
import sqlalchemy as sa
from alembic import op

revision = "tomorrow"
down_revision = "HEAD"


def upgrade():
    with op.batch_alter_table("jobs", recreate="always") as jobs:
        jobs.add_column(sa.Column("deadline", sa.Integer, nullable=False, server_default="0"))
    op.create_table("words", sa.Column("word", sa.Text, primary_key=True))
    for n in range(300):
        op.execute(f"INSERT INTO words VALUES ('word {n}')")
'''


@pytest.fixture
def tomorrow(tmp_path: Path) -> Schema:
    """A schema one revision ahead of the shipped one."""
    scripts = tmp_path / "tomorrow"
    shutil.copytree(SHIPPED.scripts, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "tomorrow.py").write_text(TOMORROW.replace("HEAD", HEAD))
    return Schema("tomorrow", scripts)


def make_yesterday(path: Path, versions: int) -> Path:
    """Records as the first revision left them: versions, a job done, a job cut short."""
    made: list[Version] = [version(1)]
    for seed in range(2, versions + 1):
        made.append(version(seed, made[-1:]))
    first = Schema("0001", SHIPPED.scripts)
    opening.make_records(path, "boats", first)
    old = {"id", "operation", "recipe", "parents", "status", "owner", "message", "version"}
    cut_short = job("cut-short", Status.RUNNING)
    with closing(sqlite3.connect(path)) as connection, connection:
        for each in made:
            _insert(connection, "versions", version_row(each))
            for parent in each.parents:
                edge = {"child": each.id, "position": 0, "parent": parent}
                _insert(connection, "version_parents", edge)
        done = job("done", Status.DONE).model_copy(update={"version": made[0].id})
        mark = {"version": made[0].id, "kind": "star", "value": "1", "at": DAWN.isoformat()}
        _insert(connection, "marks", mark)
        for each in (done, cut_short):
            row = job_row(each)
            _insert(connection, "jobs", {key: row[key] for key in (*sorted(old), "created_at")})
    return path


def _insert(connection: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    marks = ", ".join("?" * len(row))
    statement = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"  # noqa: S608
    connection.execute(statement, list(row.values()))


@pytest.fixture
def yesterday(tmp_path: Path) -> Path:
    """Small records of the first revision."""
    return make_yesterday(tmp_path / "yesterday.sqlite", 2)
