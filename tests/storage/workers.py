"""Workers in processes of their own, to be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

SCRIPT = Path(__file__).with_name("forge.py")


@dataclass
class Worker:
    """A running worker and the file it writes to."""

    pid: int
    out: Path

    def said(self) -> list[str]:
        """Every whole line so far. A line that begins with ``!`` is a fault of the worker's."""
        text = self.out.read_text() if self.out.exists() else ""
        lines = text.split("\n")[:-1]
        assert not [line for line in lines if line.startswith("!")], text
        return lines

    def kill(self) -> None:
        """SIGKILL: no last words."""
        os.kill(self.pid, signal.SIGKILL)


class Forge:
    """Forks workers from a process that has imported everything (see forge.py)."""

    def __init__(self, folder: Path, script: Path = SCRIPT) -> None:
        """Workers write into this folder, and do what the script's deeds say."""
        self._folder = folder
        self._count = 0
        self._process = subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, do: str, root: Path, **order: Any) -> Worker:
        """A new worker, at work already."""
        self._count += 1
        out = self._folder / f"said-{self._count}"
        pid = self._ask({"do": do, "root": str(root), "out": str(out), **order})
        return Worker(pid, out)

    def end(self, worker: Worker) -> int:
        """Wait for a worker's end; its exit status, negative for a signal."""
        return self._ask({"wait": worker.pid})

    def kill_after(self, worker: Worker, seconds: float) -> list[str]:
        """Let it live so long; what it has said by then."""
        time.sleep(seconds)
        worker.kill()
        status = self.end(worker)
        said = worker.said()
        assert status in (0, -signal.SIGKILL), status
        return said

    def _ask(self, order: dict[str, Any]) -> int:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def __enter__(self) -> Self:
        """The forge itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
