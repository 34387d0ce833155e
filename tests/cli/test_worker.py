"""``maquette worker``: what it draws, and how it leaves."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from maquette.core.job import Job, Status
from maquette.studio import Studio

from .conftest import Maquette
from .test_signals import start


def ask(place: Path, n: int = 1, steps: int = 4) -> list[Job]:
    with Studio(place, create=True, engine="fake") as studio:
        return studio.submit(
            studio.orders.generate("a boat", n=n, seed=1, size=(64, 64), steps=steps)
        )


def states(place: Path) -> list[Status]:
    with Studio(place, engine="fake") as studio:
        return [job.status for job in studio.jobs()[::-1]]


def wait_for(what: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not what():
        assert time.monotonic() < limit, "it never came"
        time.sleep(0.05)


def test_once_draws_what_waits(maquette: Maquette, place: Path, tmp_path: Path) -> None:
    jobs = ask(place, n=2)
    said = maquette("worker", "--once", "--json")
    assert said.code == 0
    assert [record["job"] for record in said.records] == [job.id for job in jobs]
    assert {record["status"] for record in said.records} == {"done"}
    assert {record["project"] for record in said.records} == {str(place)}
    assert maquette("worker", "--once").out == ""
    assert states(place) == [Status.DONE] * 2


def test_projects_below_a_root(maquette: Maquette, tmp_path: Path) -> None:
    for name in ("one", "two"):
        ask(tmp_path / "root" / name)
    said = maquette("worker", "--once", "--projects", tmp_path / "root")
    assert said.code == 0
    assert [line.split()[2] for line in said.out.splitlines()] == ["done", "done"]


def test_without_a_project_it_says_so(maquette: Maquette) -> None:
    assert maquette("worker", "--once").code == 16


@pytest.mark.parametrize(
    ("how", "ends"), [(signal.SIGTERM, "done"), (signal.SIGINT, "queued"), (None, "done")]
)
def test_leaving(place: Path, how: signal.Signals | None, ends: str) -> None:
    ask(place, n=2, steps=30)
    command = start(0.1, "worker", "--json", stdin=subprocess.PIPE)
    with command as running:
        wait_for(lambda: Status.RUNNING in states(place))
        if how is None:
            assert running.stdin is not None
            running.stdin.close()  # as when the server that started it dies
            running.stdin = None
        else:
            running.send_signal(how)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (0, "")
    assert [json.loads(line)["status"] for line in out.splitlines()] == [ends]
    assert states(place) == [Status(ends), Status.QUEUED]
