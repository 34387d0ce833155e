"""Train the base's companions one after the other within a given time: CLIP, upscaler, faults.

    python -m training.companions --run RUN --deadline 18:00
    python -m training.companions --run RUN --minutes 30 --shares clip=5 upscaler=3
    python -m training.companions --run RUN --minutes 150 --family --model RUN/export

`--family` adds what stands on an exported base: drafts, control, references.

The time that is left is divided by the shares; each training keeps checkpoints, so the same command
goes on after a kill; after its time is up it trains on for as long again. Figures are measured and
weights exported at the end, after the deadline.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from training.device import device, usual_workers
from training.files import deadline

SHARES = {"clip": 5.0, "upscaler": 3.5, "faults": 3.0}
#: What is trained on top of an exported base; the references see with CLIP's eyes, so after it.
ON_BASE = {"draft": 4.5, "control": 6.0, "reference": 3.5}
Start = Callable[[list[str]], int]


def _start(command: list[str]) -> int:
    return subprocess.run(command, check=False).returncode  # noqa: S603 (our own trainings)


def command(name: str, run: Path, *more: str) -> list[str]:
    """The command line of one training."""
    return [sys.executable, "-m", f"training.{name}.train", "--run", str(run), *more]


def minutes(name: str, shares: Mapping[str, float], done: Sequence[str], left: float) -> float:
    """How many of the `left` minutes are a training's, among those that are not done."""
    waiting = sum(share for other, share in shares.items() if other not in done)
    return left * shares[name] / waiting


def train(
    run: Path,
    until: float,
    shares: Mapping[str, float],
    *,
    workers: int,
    begin: Start = _start,
    model: Path | None = None,
) -> list[str]:
    """Train what is not done yet, then measure everything; gives what failed.

    model: the exported base of those in `ON_BASE`; without it RUN/export.
    """
    record, failed = run / "companions.json", []
    known = json.loads(record.read_text()) if record.exists() else {}
    # What an earlier plan trained goes on in a new one.
    done: list[str] = known["done"] if time.time() < known.get("until", 0) else []
    base = {name: ["--model", str(model)] if model and name in ON_BASE else [] for name in shares}
    for name in shares:
        if name in done:
            continue
        left = (until - time.time()) / 60
        if left <= 0:
            print(f"no time left for {name}", flush=True)
            continue
        own = f"{minutes(name, shares, done, left):.2f}"
        print(f"{name}: {own} minutes", flush=True)
        options = ["--minutes", own, "--workers", str(workers), "--later"]
        if begin(command(name, run, *options, *base[name])):
            failed.append(name)
        done.append(name)
        kept = [x for x in done if x not in failed]
        record.write_text(json.dumps({"until": until, "done": kept}))
    for name in shares:
        if not (run / name / "checkpoint.pt").exists():
            continue
        if begin(command(name, run, "--report", *base[name])):
            failed.append(name)
    return failed


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--deadline", help="HH:MM")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--shares", nargs="*", default=(), help="name=share of the time")
    parser.add_argument("--family", action="store_true", help="drafts, control, references too")
    parser.add_argument("--model", type=Path, help="exported base of these; default RUN/export")
    parser.add_argument("--workers", type=int, default=usual_workers(device()))
    a = parser.parse_args()
    usual = SHARES | (ON_BASE if a.family else {})
    shares = {n: float(s) for n, s in (x.split("=") for x in a.shares)} or usual
    until = deadline(a.deadline, a.minutes)
    failed = train(a.run, until, shares, workers=a.workers, model=a.model)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
