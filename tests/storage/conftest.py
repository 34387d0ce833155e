"""The implementations of each contract, and places where storing goes wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from maquette.storage.base import Blobs, Records
from maquette.storage.files import FileBlobs
from maquette.storage.memory import MemoryBlobs, MemoryRecords
from maquette.storage.migrate import SHIPPED, Schema
from maquette.storage.sql import SqlRecords


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


@pytest.fixture(params=["memory", "sqlite"])
def records(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Records]:
    """Every implementation of Records."""
    made: Records
    if request.param == "memory":
        made = MemoryRecords()
    else:
        made = SqlRecords.create(tmp_path / "records.sqlite", "boats")
    yield made
    made.close()


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

revision = "0002"
down_revision = "0001"


def upgrade():
    with op.batch_alter_table("jobs", recreate="always") as jobs:
        jobs.add_column(sa.Column("priority", sa.Integer, nullable=False, server_default="0"))
    op.create_table("words", sa.Column("word", sa.Text, primary_key=True))
    for n in range(300):
        op.execute(f"INSERT INTO words VALUES ('word {n}')")
'''


@pytest.fixture
def tomorrow(tmp_path: Path) -> Schema:
    """A schema one revision ahead of the shipped one."""
    scripts = tmp_path / "tomorrow"
    shutil.copytree(SHIPPED.scripts, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "0002_tomorrow.py").write_text(TOMORROW)
    return Schema("0002", scripts)
