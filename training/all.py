"""Everything from the first picture to the exported model, resumable, within a time budget.

    python -m training.all --run RUN --minutes 200 --out FOLDER     # two processor cores
    python -m training.all --run RUN --minutes 28 --out FOLDER      # one GPU

Each step is a command of its own (see README.md), run in a process of its own and skipped when its
result is there; killed, the same command goes on. The budget is shared out by `SHARES` of what is
left after drawing; `RUN/plan.json` keeps the deadlines, so that a resumed run keeps to them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.data import read_captions
from training.device import device, usual_workers

#: Shares of the time after drawing: autoencoder, denoiser; the rest encodes and exports.
SHARES = {"autoencoder": 0.22, "denoiser": 0.7}
STAGE = "main"


@dataclass(frozen=True)
class Scale:
    """Sizes that fit a machine: pictures to draw, batches, and learning rate of the denoiser."""

    pictures: int
    autoencoder_batch: int
    batch: int
    rate: float


#: Larger batches take larger steps, by about the root of their ratio.
SCALES = {"cpu": Scale(40_000, 8, 32, 2e-3), "cuda": Scale(150_000, 96, 512, 4e-3)}


def _run(name: str, *arguments: str | Path | float) -> None:
    """Run `python -m training.NAME`; stops everything when it fails."""
    said = [sys.executable, "-m", f"training.{name}", *(str(a) for a in arguments)]
    print(">", *said[2:], flush=True)
    subprocess.run(said, check=True)  # noqa: S603 - our own modules


def plan(run: Path, minutes: float, drawing: float) -> dict[str, float]:
    """Deadlines (seconds since the epoch) of the timed steps, made once for each run.

    drawing: seconds that drawing, tokenizing and encoding will take.
    """
    path = run / "plan.json"
    if path.exists():
        return json.loads(path.read_text())
    began = time.time() + drawing
    left = 60 * minutes - drawing
    first = began + SHARES["autoencoder"] * left
    times = {"autoencoder": first, "denoiser": first + SHARES["denoiser"] * left}
    path.write_text(json.dumps(times))
    return times


def everything(a: argparse.Namespace) -> None:
    """All steps in order."""
    run, workers = a.run, usual_workers(device())
    scale = SCALES[device().type]
    count = a.pictures or scale.pictures
    drawers = max(1, (os.cpu_count() or 2) - (1 if workers == 1 else 0))
    run.mkdir(parents=True, exist_ok=True)
    times = plan(run, a.minutes, drawing=count * 0.013 / drawers + 40)
    if not (run / "captions").exists() or len(read_captions(run)) < count:
        _run("data", "--run", run, "--count", count, "--workers", drawers)
    if not (run / "text.npz").exists():
        _run("tokenizer", "--run", run)
    if not (run / "latents.npy").exists():
        minutes = (times["autoencoder"] - time.time()) / 60
        start = ["--init", a.init / "vae"] if a.init else []
        if minutes > 0.1:
            batch = ["--batch", scale.autoencoder_batch]
            _run("autoencoder", "--run", run, "--minutes", minutes, *batch, *start)
        _run("autoencoder", "--run", run, "--encode")
    minutes = (times["denoiser"] - time.time()) / 60
    if minutes > 0.1:
        size = ["--batch", scale.batch, "--rate", scale.rate, "--supervision", 0.06]
        _run("train", "--run", run, "--stage", STAGE, "--minutes", minutes, *size)
    _run("export", "--run", run, "--stage", STAGE, "--out", a.out)
    _run("evaluate", "--model", a.out, "--out", run / "figures")
    if a.family:
        _run("companions", "--run", run, "--minutes", a.family, "--family", "--model", a.out)


def main(said: Sequence[str] | None = None) -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the exported model")
    parser.add_argument("--minutes", type=float, required=True, help="for the base")
    parser.add_argument(
        "--family", type=float, default=0, help="minutes for what goes with it, after the base"
    )
    parser.add_argument("--pictures", type=int, help="instead of what suits the machine")
    parser.add_argument("--init", type=Path, help="exported model whose autoencoder to start from")
    everything(parser.parse_args(said))


if __name__ == "__main__":
    main()
