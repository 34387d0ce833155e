"""The crew: worker processes that the server starts, and starts again when one dies.

A worker is a process of its own, so that drawing never holds up an answer and torch never enters
the server. What it was at when it died goes back to the queue by itself, when its lease runs out.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

__all__ = ["Crew", "worker_command"]

log = logging.getLogger("maquette.server")

_FIRST, _LONGEST = 0.5, 30.0
"""Seconds before a worker that died is started again; doubled each time."""
_STEADY = 60.0
"""Whoever has lived that long starts from the first pause again."""
_NICE = 10
"""By so much a worker lets others go first."""
_LONGEST_LINE = 64 * 1024
_PATIENCE = 10.0
"""Seconds that a worker gets to put its job back."""


def worker_command(root: Path, project: Path | None = None) -> list[str]:
    """How to start a worker for the projects below ``root``, and one that lies elsewhere."""
    command = [sys.executable, "-m", "maquette", "worker", "--projects", str(root)]
    return [*command, "--project", str(project)] if project is not None else command


class Crew:
    """``count`` processes of one command, kept alive from ``start`` to ``stop``.

    Each holds the reading end of a pipe as its standard input: when the server is gone, however
    that came, it reads the end and leaves. A line on that pipe tells it to look for work at once; a
    line that it writes says that it has changed something, and ``on_news`` is called. Neither
    is needed: both sides look by themselves now and then.
    """

    def __init__(self, command: Sequence[str], count: int) -> None:
        self._command = list(command)
        self._count = count
        self._ending = threading.Event()
        self._keepers: list[threading.Thread] = []
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        self.restarts = 0
        self.on_news: Callable[[], None] | None = None

    @property
    def wanted(self) -> int:
        """How many there should be."""
        return self._count

    @property
    def alive(self) -> int:
        """How many run now."""
        with self._lock:
            return sum(process.poll() is None for process in self._running.values())

    @property
    def pids(self) -> list[int]:
        """The process ids of those that run now."""
        with self._lock:
            return [each.pid for each in self._running.values() if each.poll() is None]

    def wake(self) -> None:
        """Let every worker look for work now. Never waits."""
        with self._lock:
            running = [each for each in self._running.values() if each.poll() is None]
        for process in running:
            if process.stdin is not None:
                with suppress(OSError, ValueError):  # it is leaving, or has not read for long
                    os.write(process.stdin.fileno(), b"\n")

    def start(self) -> None:
        """Start every worker."""
        for place in range(self._count):
            keeper = threading.Thread(
                target=self._keep, args=(place,), name=f"keeper-{place}", daemon=True
            )
            self._keepers.append(keeper)
            keeper.start()

    def stop(self) -> None:
        """Let every worker put its job back and leave; one that does not is killed."""
        self._ending.set()
        with self._lock:
            running = list(self._running.values())
        for process in running:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
            if process.stdin is not None:
                with suppress(OSError):
                    process.stdin.close()
        until = time.monotonic() + _PATIENCE
        for process in running:
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("worker %d does not end and is stopped", process.pid)
                process.kill()
                process.wait()
        for keeper in self._keepers:
            keeper.join(1)
        self._keepers.clear()

    def _keep(self, place: int) -> None:
        pause = _FIRST
        while not self._ending.is_set():
            began = time.monotonic()
            code = self._run(place)
            if self._ending.is_set():
                return
            pause = _FIRST if time.monotonic() - began > _STEADY else pause
            log.warning("a worker ended with code %s; another starts in %.1f s", code, pause)
            if self._ending.wait(pause):
                return  # closed while it waited: nothing is started again
            pause = min(_LONGEST, pause * 2)
            self.restarts += 1

    def _run(self, place: int) -> int | None:
        with self._lock:
            if self._ending.is_set():
                return None
            try:
                process = subprocess.Popen(  # noqa: S603 (our own command)
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env=os.environ | {"PYTHONUNBUFFERED": "1"},
                )
                if process.stdin is not None:
                    os.set_blocking(process.stdin.fileno(), False)
            except OSError as error:
                log.error("no worker can be started: %s", error.strerror or error)
                return None
            self._running[place] = process
        # Drawing takes every core there is; an answer takes a moment, and goes first.
        with suppress(OSError):
            own = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, process.pid, min(19, own + _NICE))
        # In a thread of its own: a process that the worker began may hold its pipe open.
        hearing = threading.Thread(target=self._listen, args=(process,), daemon=True)
        hearing.start()
        return process.wait()

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Hear a worker until it ends."""
        if process.stdout is None:
            return
        with process.stdout as told, suppress(OSError, ValueError):
            while told.readline(_LONGEST_LINE):
                if self.on_news is not None:
                    self.on_news()
