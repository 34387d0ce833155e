"""The crew: workers are kept alive, and leave when they are told."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from maquette.server import crew as keeping
from maquette.server.crew import Crew, worker_command

WAITS = "import sys, time; time.sleep(600)"
HEEDS = """
import signal, sys, time
from pathlib import Path
def leave(*_):
    Path(sys.argv[1]).write_text("put back")
    sys.exit(0)
signal.signal(signal.SIGINT, leave)
Path(sys.argv[1]).write_text("ready")
time.sleep(600)
"""
READS = "import sys; sys.stdin.buffer.read()"
ANSWERS = """
import sys
for line in sys.stdin:
    print("done", flush=True)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
time.sleep(600)
"""


@contextmanager
def working(code: str, count: int = 1, *more: str) -> Iterator[Crew]:
    crew = Crew([sys.executable, "-c", code, *more], count)
    crew.start()
    try:
        yield crew
    finally:
        crew.stop()


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_workers_are_woken_and_their_news_is_heard() -> None:
    heard = threading.Event()
    with working(ANSWERS) as crew:
        crew.on_news = heard.set
        until(lambda: crew.alive == 1)
        crew.wake()
        assert heard.wait(20)
    crew.wake()  # nobody is there: nothing happens


def test_so_many_are_started_and_all_are_ended() -> None:
    with working(WAITS, 2) as crew:
        until(lambda: crew.alive == 2)
        pids = crew.pids
    assert crew.alive == 0
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_one_that_dies_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_FIRST", 0.05)
    with working(WAITS) as crew:
        until(lambda: crew.alive == 1)
        (first,) = crew.pids
        os.kill(first, signal.SIGKILL)
        until(lambda: crew.alive == 1 and crew.pids != [first])
        assert crew.restarts == 1


def test_one_that_cannot_live_is_not_started_without_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeping, "_FIRST", 0.2)
    with working("raise SystemExit(3)") as crew:
        time.sleep(1.5)
    assert crew.restarts <= 3


def test_it_is_told_to_put_its_job_back(tmp_path: Path) -> None:
    file = tmp_path / "said"
    with working(HEEDS, 1, str(file)):
        until(lambda: file.is_file() and file.read_text() == "ready")
    assert file.read_text() == "put back"


def test_one_that_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "_PATIENCE", 0.3)
    with working(STUBBORN) as crew:
        until(lambda: crew.alive == 1)
        time.sleep(0.5)
    assert crew.alive == 0


def test_it_notices_when_its_server_is_gone() -> None:
    with working(READS) as crew:
        until(lambda: crew.alive == 1)
        time.sleep(0.3)
        assert crew.alive == 1  # its input stays open for as long as the server lives


def test_it_gives_way() -> None:
    with working(WAITS) as crew:
        until(lambda: crew.alive == 1)
        time.sleep(0.1)
        (pid,) = crew.pids
        assert os.getpriority(os.PRIO_PROCESS, pid) > os.getpriority(os.PRIO_PROCESS, 0)


def test_the_command_names_the_same_projects() -> None:
    command = worker_command(Path("/rooms"), Path("/elsewhere/one"))
    assert command[1:] == [
        "-m", "maquette", "worker", "--projects", "/rooms", "--project", "/elsewhere/one",
    ]  # fmt: skip
    assert "--project" not in worker_command(Path("/rooms"))
