"""Ctrl-C keeps what is finished; a second one does not wait."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from maquette.core.job import Status
from maquette.studio import Studio

SLOW = """
import sys
from maquette.engines import fake
fake.create.__defaults__ = (None, "", {delay})
from maquette.cli import main
sys.exit(main(sys.argv[1:]))
"""


def start(delay: float, *arguments: str, stdin: int | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SLOW.format(delay=delay), *arguments],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(place: Path, *, jobs: int = 0, versions: int = 0) -> None:
    """Until that many jobs and versions are in the project."""
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        if (place / ".maquette" / "records.sqlite").is_file():
            with Studio(place, engine="fake") as studio:
                if studio.records.count() >= versions and len(studio.records.jobs()) >= jobs:
                    return
        time.sleep(0.05)
    raise AssertionError("nothing was drawn")


def test_once(place: Path) -> None:
    arguments = ("generate", "a wolf", "-n", "8", "--steps", "4", "--seed", "1", "--json")
    with start(0.1, *arguments) as running:
        wait_for(place, versions=2)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    finished = [json.loads(line) for line in out.splitlines()]
    assert running.returncode == 130
    error = json.loads(err.splitlines()[-1])
    assert error["message"] == f"stopped; {len(finished)} of 8 finished and kept"
    assert 2 <= len(finished) < 8
    with Studio(place, engine="fake") as studio:
        assert [version.id for version in studio.log()][::-1] == [
            each["version"] for each in finished
        ]
        assert len(studio.records.jobs(Status.CANCELLED)) == 8 - len(finished)
        assert studio.records.jobs(Status.RUNNING, Status.QUEUED) == []


def test_twice(place: Path) -> None:
    with start(30, "generate", "a wolf", "--seed", "1") as running:
        wait_for(place, jobs=1)
        time.sleep(0.3)
        running.send_signal(signal.SIGINT)
        time.sleep(0.3)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=20)
    assert (running.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "maquette: stopped; 0 of 1 finished and kept."
    with Studio(place, engine="fake") as studio:
        assert [job.status for job in studio.records.jobs()] == [Status.CANCELLED]
