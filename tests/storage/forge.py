"""A process that forks workers to be killed: forking costs a millisecond, importing half a second.

It reads a JSON line a worker, ``{"do": …, "root": …, "out": …, "seed": …, "scripts": …}``,
answers with the worker's process id, and with its exit status when it has ended.
"""

from __future__ import annotations

import json
import os
import random
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import alembic.command  # noqa: F401  # before the fork, so that no worker spends its life on it
from making import finding, recipe

from maquette.core.cost import Cost
from maquette.core.geometry import Size
from maquette.core.job import Job, Status
from maquette.core.version import Version, make_version
from maquette.errors import VersionUnknown
from maquette.storage.files import FileBlobs
from maquette.storage.migrate import Schema
from maquette.storage.project import Project
from maquette.storage.sql import SqlRecords

PICTURE = 150_000
TRACE = 20_000
LARGE = b"moon" * 3_000_000
Order = dict[str, Any]


def newest(project: Project) -> tuple[Version, ...]:
    """The newest version, if there is one."""
    try:
        return (project.records.resolve("@"),)
    except VersionUnknown:
        return ()


def make_one(project: Project, seed: str) -> str:
    """What a stage does for one picture: a job, two blobs, a version. Returns its id."""
    chance = random.Random(seed)
    request = recipe(chance.randrange(2**32))
    job = Job(
        id=seed,
        operation="generate",
        recipe=request,
        status=Status.RUNNING,
        owner=str(os.getpid()),
        created_at=datetime.now(UTC),
    )
    project.records.open_job(job)
    made = make_version(
        parents=[parent.id for parent in newest(project)],
        operation="generate",
        recipe=request,
        image=project.blobs.put(chance.randbytes(PICTURE)),
        size=Size(width=256, height=192),
        trace=project.blobs.put(chance.randbytes(TRACE)),
        build="fake 1",
        cost=Cost(seconds=0.1),
        created_at=datetime.now(UTC),
    )
    project.records.add(made, job=job, findings=[finding(score=chance.random())])
    return made.id


def work(order: Order, say: Callable[[str], object]) -> None:
    """Make versions, ``count`` of them or until the end comes, and say each that is finished."""
    with Project.open(order["root"]) as project:
        done = 0
        while done < order.get("count", sys.maxsize):
            say(make_one(project, f"{order['seed']}-{done}"))
            done += 1


def put(order: Order, say: Callable[[str], object]) -> None:
    """Put large blobs, and say each that is there."""
    blobs = FileBlobs(order["root"])
    for n in range(10_000):
        say(blobs.put(f"{order['seed']} {n} ".encode() + LARGE))


def create(order: Order, say: Callable[[str], object]) -> None:
    """Create one project after the other, and say each that is there."""
    for n in range(10_000):
        folder = Path(order["root"]) / f"{order['seed']}-{n}"
        Project.create(folder).close()
        say(folder.name)


def same(order: Order, say: Callable[[str], object]) -> None:
    """Create a project that others create too, and say what it is called."""
    with Project.create(order["root"], order["seed"]) as project:
        say(project.name)


def migrate(order: Order, say: Callable[[str], object]) -> None:
    """Open older records with a newer schema."""
    schema = Schema("tomorrow", Path(order["scripts"]))
    SqlRecords(order["root"], schema=schema).close()
    say("migrated")


def bring_up(order: Order, say: Callable[[str], object]) -> None:
    """Open older records with the shipped schema."""
    SqlRecords(order["root"]).close()
    say("opened")


DEEDS = {
    "work": work,
    "put": put,
    "create": create,
    "same": same,
    "migrate": migrate,
    "open": bring_up,
}


def live(order: Order) -> int:
    """A worker's life. What it says goes to a file, a line in one piece."""
    out = os.open(order["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        DEEDS[order["do"]](order, lambda line: os.write(out, f"{line}\n".encode()))
    except BaseException:
        os.write(out, f"! {traceback.format_exc()!r}\n".encode())
        return 1
    return 0


def main() -> None:
    """Fork a worker for each line; ``{"wait": PID}`` waits for one to end."""
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            _, status = os.waitpid(order["wait"], 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
            continue
        child = os.fork()
        if child == 0:
            os._exit(live(order))
        print(child, flush=True)


if __name__ == "__main__":
    main()
