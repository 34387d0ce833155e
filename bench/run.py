"""Run the measurements, print one table, write ``out/bench.json``.

python -m bench [--only NAME …] [--quick] [--engine NAME] [--model NAME] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.row import Row

if TYPE_CHECKING:
    from maquette.engines.base import Engine

__all__ = ["GROUPS", "demo_rows", "main", "table"]

GROUPS = (
    *("engine", "moon", "maps", "start-up", "queue", "server", "compat", "likeness"),
    *("browser", "stages", "demo"),
)
DEMO_TARGET = 90.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure. Always 0, unless the arguments make no sense: a bench reports, it never fails."""
    asked = _arguments(arguments)
    console = Console(highlight=False)
    report: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": asked.quick,
        "conditions": {},
        "rows": [],
        "skipped": {},
    }
    rows: list[Row] = []
    loaded: list[Engine] = []

    def engine() -> Engine:
        if not loaded:
            loaded.append(_load(asked))
        return loaded[0]

    try:
        for group in asked.only or GROUPS:
            started = time.perf_counter()
            with console.status(f"Measuring: {group}"):
                try:
                    found = _measurement(group, asked, engine)()
                except Exception as fault:
                    report["skipped"][group] = f"{type(fault).__name__}: {fault}"
                    console.print(f"{group}: not measured, {escape(str(fault))}")
                    continue
            rows += found
            console.print(f"[dim]{group}: {time.perf_counter() - started:.0f} s[/]")
    except KeyboardInterrupt:
        console.print("Stopped; what was measured is kept.")
    try:
        report["conditions"] = _conditions(engine())
    except Exception as fault:
        report["conditions"] = {"engine": f"{type(fault).__name__}: {fault}"}
    report["rows"] = [asdict(row) for row in rows]
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    console.print(table(rows))
    for name, value in report["conditions"].items():
        console.print(f"[dim]{name}: {escape(str(value))}[/]", soft_wrap=True)
    console.print(f"Everything behind it: {asked.out}")
    return 0


def table(rows: Sequence[Row]) -> Table:
    """The rows for people."""
    shown = Table(title="Maquette, measured", title_justify="left", show_lines=False)
    for head in ("", "What", "Measured", "Target", "Met"):
        shown.add_column(head, overflow="fold")
    for row in rows:
        met = {None: "", True: "yes", False: "no"}[row.met]
        shown.add_row(*(escape(x) for x in (row.group, row.name, row.measured, row.target, met)))
    return shown


def demo_rows(times: Path) -> list[Row]:
    """The demo's own clock, when it has run.

    Raises:
        FileNotFoundError: it has not.
    """
    if not times.is_file():
        raise FileNotFoundError(f"{times} is not there yet: run 'make demo' first")
    found = json.loads(times.read_text(encoding="utf-8"))
    seconds = float(found["seconds"])
    said = f"{seconds:.1f} s" + ("" if found.get("complete") else ", cut short")
    met = seconds <= DEMO_TARGET and bool(found.get("complete"))
    how = "the whole demo in one process, libraries and model loaded in it"
    return [Row("demo", "the demo", seconds, said, f"≤ {DEMO_TARGET:g} s", met, how, found)]


def _measurement(
    group: str, asked: argparse.Namespace, engine: Callable[[], Engine]
) -> Callable[[], list[Row]]:
    match group:
        case "engine":
            from bench import engine as ratios

            return lambda: ratios.measure(asked.model, quick=asked.quick, threads=asked.threads)
        case "moon":
            from bench import moon

            return lambda: moon.measure(engine(), quick=asked.quick)
        case "maps":
            from bench import localisation

            return lambda: localisation.measure(engine(), quick=asked.quick)
        case "start-up":
            from bench import startup

            return lambda: startup.measure(asked.engine, asked.model, quick=asked.quick)
        case "queue":
            from bench import queue

            return lambda: queue.measure(quick=asked.quick)
        case "compat":
            from bench import compat

            return lambda: compat.measure(asked.engine, asked.model, quick=asked.quick)
        case "likeness":
            from bench import likeness

            return lambda: likeness.measure(asked.engine, asked.model, quick=asked.quick)
        case "server":
            from bench import server

            return lambda: server.measure(asked.engine, asked.model, quick=asked.quick)
        case "stages":
            from bench import stages

            return lambda: stages.measure(asked.engine, asked.model, quick=asked.quick)
        case "browser":
            from bench import browser

            return lambda: browser.measure(quick=asked.quick)
        case _:
            return lambda: demo_rows(asked.demo)


def _load(asked: argparse.Namespace) -> Engine:
    from maquette.engines.registry import load_engine
    from maquette.settings import Settings

    settings = Settings()
    name = asked.engine or settings.engine
    if name != "diffusers":
        return load_engine(name)
    return load_engine(
        name,
        model=asked.model or settings.model,
        models=settings.models,
        threads=asked.threads or settings.threads,
    )


def _conditions(engine: Engine) -> dict[str, Any]:
    able = engine.capabilities()
    found: dict[str, Any] = {
        "build": engine.build,
        "model": f"{able.model.name}, SHA-256 {able.model.digest}" if able.model else "none",
        "size": str(able.best_size),
        "presets": {
            name: f"{preset.sampler}, {preset.steps} steps, guidance {preset.guidance:g}"
            for name, preset in able.presets.items()
        },
        "cores": os.cpu_count(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    if "torch" in sys.modules:
        found["threads"] = sys.modules["torch"].get_num_threads()
    return found


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure, side by side.")
    parser.add_argument("--only", action="append", choices=GROUPS, help="one measurement")
    parser.add_argument("--quick", action="store_true", help="a smoke run: figures mean nothing")
    parser.add_argument("--engine", help="default: the studio's own")
    parser.add_argument("--model", help="default: the shipped one")
    parser.add_argument("--threads", type=int, default=0, help="default: one for each core")
    parser.add_argument("--out", type=Path, default=Path("out/bench.json"))
    parser.add_argument("--demo", type=Path, default=Path("out/demo/times.json"))
    return parser.parse_args(arguments)
