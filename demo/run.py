"""Run the demo: nine steps on a fresh project, then one page that tells them."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from demo.display import Display
from demo.story import Step, Story

if TYPE_CHECKING:
    from maquette.engines.base import Event
    from maquette.studio import Studio

__all__ = ["PROMPT", "REPLACEMENT", "main"]

PROMPT = "a lone wolf under a full moon, misty forest"
REPLACEMENT = "snowy mountains at night"
SUBJECT = "moon"
RAISED_TO = 1.6
MARKER = ".maquette-demo"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it all; the exit code is 0, that of the fault, or 130 after Ctrl-C."""
    started = time.perf_counter()
    asked = _arguments(arguments)
    story = Story(asked.prompt, asked.replacement, SUBJECT, RAISED_TO)
    story.started = f"{datetime.now(UTC):%d %B %Y, %H:%M} UTC"
    display = Display()
    if not _clear(asked.out):
        display.say(f"{asked.out} holds other files and was left alone; give another --out")
        return 2
    display.say("", "Maquette · one picture through the whole loop", f"‘{story.prompt}’", "")
    code = 0
    try:
        with display:
            _carry_out(asked, story, display)
    except (Exception, KeyboardInterrupt) as fault:
        code = _explain(fault, asked.out, story, display)
    _tell(asked.out, story, display, time.perf_counter() - started)
    return code


def _carry_out(asked: argparse.Namespace, story: Story, display: Display) -> None:
    # Imported here, where the bar already runs: the libraries below take seconds.
    from demo.gallery import Gallery
    from demo.steps import STEPS, Kit
    from maquette.engines.base import Progress
    from maquette.studio import Studio

    def show(event: Event) -> None:
        if isinstance(event, Progress):
            display.drawn(event.index, event.step, event.steps)

    clock = time.perf_counter()
    with Studio(
        asked.out / "project", create=True, engine=asked.engine, model=asked.model, on_event=show
    ) as studio:
        story.conditions = _conditions(studio)
        kit = Kit(studio, Gallery(asked.out), story, asked.out, asked.steps)
        for number, task in enumerate(STEPS, 1):
            story.doing = f"step {number}, ‘{task.title}’"
            display.begin(number, task.title, task.pictures)
            outcome = task.run(kit)
            now = time.perf_counter()
            story.steps.append(Step(number, task.title, outcome, now - clock))
            display.done(story.steps[-1])
            clock = now


def _explain(fault: BaseException, out: Path, story: Story, display: Display) -> int:
    from maquette.errors import Cancelled, MaquetteError

    if isinstance(fault, KeyboardInterrupt | Cancelled):
        story.stopped = f"stopped by Ctrl-C in {story.doing}"
        display.say("", f"Stopped in {story.doing}. Everything finished before is kept.")
        return Cancelled.exit_code
    story.stopped = f"{story.doing} failed: {fault}"
    if isinstance(fault, MaquetteError):
        hint = f" ({fault.hint})" if fault.hint else ""
        display.say(f" ✗ {story.doing} failed: {fault}{hint}")
        return fault.exit_code
    record = out / "fault.txt"
    record.write_text("".join(traceback.format_exception(fault)), encoding="utf-8")
    first = str(fault).partition("\n")[0]
    display.say(f" ✗ {story.doing} failed: {type(fault).__name__}: {first} (see {record})")
    return 1


def _tell(out: Path, story: Story, display: Display, total: float) -> None:
    times = {
        "steps": [{"step": s.number, "title": s.title, "seconds": s.seconds} for s in story.steps],
        "seconds": total,
        "complete": not story.stopped,
        "conditions": dict(story.conditions),
    }
    text = json.dumps(times, indent=2, ensure_ascii=False) + "\n"
    (out / "times.json").write_text(text, encoding="utf-8")
    if not story.plates:
        return
    from demo.page import next_commands, write_page

    page = write_page(out, story, total)
    display.say("", f"{len(story.plates)} versions in {total:.1f} s. The page that tells it:")
    display.say(f"  {page}", "", "To go on from here:")
    display.say(*(f"  {command}" for command, _ in next_commands(out, story)))


def _conditions(studio: Studio) -> dict[str, str]:
    able, engine = studio.capabilities(), studio.engine()
    threads = studio.settings.threads or os.cpu_count() or 1
    conditions = {"Engine": engine.name, "Build": engine.build}
    if able.model is not None:
        conditions["Model"] = f"{able.model.name}, SHA-256 {able.model.digest}"
    conditions["Processor"] = f"{threads} of {os.cpu_count()} cores"
    for name, preset in able.presets.items():
        conditions[f"Quality ‘{name}’"] = (
            f"{preset.sampler}, {preset.steps} steps, guidance {preset.guidance:g}"
        )
    return conditions


def _clear(out: Path) -> bool:
    """Make the folder anew; one that the demo did not write is never touched."""
    if out.exists() and not (out / MARKER).is_file() and any(out.iterdir()):
        return False
    for name in ("project", "pictures", "signed"):
        shutil.rmtree(out / name, ignore_errors=True)
    for name in ("index.html", "times.json", "fault.txt"):
        (out / name).unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    (out / MARKER).touch()
    return True


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="Carry one picture through the whole loop and write a page about it.",
    )
    parser.add_argument("--out", type=Path, default=Path("out/demo"), help="default: %(default)s")
    parser.add_argument("--engine", help="default: the studio's own")
    parser.add_argument("--model", help="default: the shipped one")
    parser.add_argument("--prompt", default=PROMPT, help="has to hold wolf, moon and forest")
    parser.add_argument("--replacement", default=REPLACEMENT, help="what the mask is filled with")
    parser.add_argument("--steps", type=int, help="sampling steps of finished pictures")
    return parser.parse_args(arguments)
