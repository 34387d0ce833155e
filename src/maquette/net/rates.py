"""A rate that all processes of a machine share: so many requests a minute to one service.

The generic cell rate algorithm (ITU-T I.371) on one number in a locked file: the time at which
the next request is due if all came evenly. Whoever asks gets a turn and waits for it outside of
the lock.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from maquette.errors import Cancelled, ServiceBusy

__all__ = ["Rate", "wait"]

PATIENCE = 600.0
"""Seconds that a request waits for its turn at most."""


def wait(seconds: float, stop: Callable[[], bool] | None = None) -> None:
    """Sleep, unless the person wants to stop.

    Raises:
        Cancelled.
    """
    until = time.monotonic() + seconds
    while True:
        if stop is not None and stop():
            raise Cancelled("stopped while waiting for a service")
        rest = until - time.monotonic()
        if rest <= 0:
            return
        time.sleep(min(rest, 0.1))


def _folder() -> Path:
    run = os.environ.get("XDG_RUNTIME_DIR")
    if run and Path(run).is_dir():
        return Path(run) / "maquette-rates"
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "maquette" / "rates"


class Rate:
    """``per_minute`` requests under one name (a service and an account), ``burst`` at once."""

    def __init__(
        self, name: str, per_minute: float, *, burst: int = 1, folder: Path | None = None
    ) -> None:
        self.interval = 60.0 / per_minute
        self.slack = self.interval * (burst - 1)
        named = hashlib.sha256(name.encode()).hexdigest()[:24]  # no account's name on the disk
        self._path = (folder or _folder()) / named

    def take(self, stop: Callable[[], bool] | None = None) -> float:
        """Wait for a turn; the seconds that it took.

        Raises:
            Cancelled.
            ServiceBusy: the turn would come too late to wait for.
        """
        now = time.time()
        with self._due() as (due, store):
            turn = max(now, due)
            pause = max(0.0, turn - self.slack - now)
            if pause > PATIENCE:
                raise ServiceBusy(f"the next request is due in {pause / 60:.0f} minutes")
            store(turn + self.interval)
        wait(pause, stop)
        return pause

    def hold(self, seconds: float) -> None:
        """Let nobody ask for so long: the service said so."""
        with self._due() as (due, store):
            store(max(due, time.time() + seconds + self.slack))

    @contextmanager
    def _due(self) -> Iterator[tuple[float, Callable[[float], None]]]:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError:  # no place to share it: the service's own 429 still holds
            yield 0.0, lambda _: None
            return
        with os.fdopen(descriptor, "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                due = float(file.read())
            except ValueError:
                due = 0.0
            # A clock that was set back must not stop everything.
            due = min(due, time.time() + PATIENCE + self.slack + self.interval)

            def store(value: float) -> None:
                file.seek(0)
                file.write(f"{value:.6f}")
                file.truncate()
                file.flush()

            yield due, store
