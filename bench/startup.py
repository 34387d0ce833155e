"""How long a person waits for the first sign of life."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.row import Row, spread

__all__ = ["measure", "wall_times"]

HELP_TARGET = 0.4
LOAD_TARGET = 3.0
GENERATE_TARGET = 10.0

_LOAD = """
import sys, time
started = time.perf_counter()
from maquette.engines.registry import load_engine
load_engine("diffusers", model=sys.argv[1] or None).parts()
print(time.perf_counter() - started)
"""


def wall_times(
    command: Sequence[str], times: int, env: dict[str, str] | None = None
) -> list[float]:
    """Wall time of a command, ``times`` over, after one run that warms the file cache.

    Raises:
        RuntimeError: the command failed; its last line of output is the message.
    """
    taken: list[float] = []
    for turn in range(times + 1):
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines()
            raise RuntimeError(lines[-1] if lines else f"exit code {done.returncode}")
        if turn:
            taken.append(time.perf_counter() - started)
    return taken


def measure(engine: str | None, model: str | None, *, quick: bool = False) -> list[Row]:
    """``maquette --help``, loading the model, and a whole ``maquette generate`` of one step."""
    maquette = [sys.executable, "-m", "maquette"]
    rows = [
        _row("maquette --help", wall_times([*maquette, "--help"], 1 if quick else 9), HELP_TARGET)
    ]
    if engine in (None, "diffusers"):
        what = "loading the model, torch and all"
        rows.append(_row(what, _load_times(model, 1 if quick else 5), LOAD_TARGET))
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "MAQUETTE_HOME": str(Path(folder) / "home")}
        project = Path(folder) / "project"
        # No seed: each run draws another picture, so none is answered from the project.
        command = [*maquette, "generate", "a wolf", "--steps", "1", "--project", str(project)]
        command += ["--engine", engine] if engine else []
        command += ["--model", model] if model else []
        taken = wall_times(command, 1 if quick else 5, env)
    rows.append(_row("maquette generate, one step, model load included", taken, GENERATE_TARGET))
    return rows


def _load_times(model: str | None, times: int) -> list[float]:
    """Seconds from a fresh interpreter's first import to weights in memory, after a warm-up."""
    command = [sys.executable, "-c", _LOAD, model or ""]
    told = [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for _ in range(times + 1)
    ]
    return [float(seconds) for seconds in told[1:]]


def _row(name: str, taken: list[float], target: float) -> Row:
    figures = spread(taken)
    return Row(
        "start-up",
        name,
        figures["median"],
        f"{figures['median']:.2f} s ({figures['min']:.2f} to {figures['max']:.2f}, "
        f"n = {figures['n']})",
        f"≤ {target:g} s",
        figures["median"] <= target,
        "wall time of the whole process with a warm file cache",
        figures,
    )
