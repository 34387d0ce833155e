"""Everything from the first picture to the measured family, resumable, within a time budget.

    python -m training.all --run RUN --out FOLDER --minutes 200                 # the base
    python -m training.all --run RUN --out FOLDER --minutes 90 --family 120 --report

Each step is a command of its own (see README.md), run in a process of its own and skipped when its
result is there; killed, the same command goes on. `--minutes` is shared out by `SHARES` among what
is still to be trained; `RUN/plan.json` keeps the deadlines, so that a resumed run keeps to them.
Given again when its plan is over, the command trains the denoiser and all that follows for as long
again: nothing but the autoencoder's encoder, on which all else stands, is ever final.

The exported base is RUN/export; FOLDER gets the family as it ships (`training.family`).
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

import numpy as np

from training.data import read_captions
from training.device import device, usual_workers

#: Shares of the base's time after drawing, in order; the rest encodes and exports.
SHARES = {"autoencoder": 0.24, "denoiser": 0.46, "decay": 0.1, "sharpen": 0.12}
#: Minutes that encoding, exporting and measuring may take after the last deadline of a plan.
GRACE = 60
STAGE, FINAL = "main", "final"


@dataclass(frozen=True)
class Scale:
    """Sizes that fit a machine: pictures to draw, batches, and learning rate of the denoiser."""

    pictures: int
    autoencoder_batch: int
    batch: int
    rate: float


#: Larger batches take larger steps, by about the root of their ratio.
SCALES = {"cpu": Scale(40_000, 8, 48, 2e-3), "cuda": Scale(150_000, 96, 512, 4e-3)}


def _run(name: str, *arguments: str | Path | float) -> None:
    """Run `python -m training.NAME`; stops everything when it fails."""
    said = [sys.executable, "-m", f"training.{name}", *(str(a) for a in arguments)]
    print(">", *said[2:], flush=True)
    subprocess.run(said, check=True)  # noqa: S603 - our own modules


def plan(run: Path, minutes: float, drawing: float, family: float = 0.0) -> dict[str, float]:
    """Deadlines (seconds since the epoch) of the timed steps; kept until the last one is over.

    drawing: seconds that drawing, tokenizing and encoding will take. family: minutes after the
    base.
    """
    path = run / "plan.json"
    if path.exists():
        times = json.loads(path.read_text())
        if time.time() < max(times.values()) + 60 * GRACE:
            return times
    waiting = {n: s for n, s in SHARES.items() if n != "autoencoder" or not _encoded(run)}
    at = time.time() + drawing
    left, whole = 60 * minutes - drawing, 1 - sum(SHARES.values()) + sum(waiting.values())
    times = {}
    for name, share in waiting.items():
        at += left * share / whole
        times[name] = at
    times["family"] = time.time() + 60 * (minutes + family)
    path.write_text(json.dumps(times))
    return times


def _encoded(run: Path) -> bool:
    return (run / "latents.npy").exists()


def _left(times: dict[str, float], name: str) -> float:
    """Minutes until a step's deadline; 0 when it is not in the plan."""
    return (times.get(name, 0.0) - time.time()) / 60


def _data(run: Path, a: argparse.Namespace, count: int, times: dict[str, float]) -> None:
    """Pictures, tokens, autoencoder, latents."""
    drawers = max(1, (os.cpu_count() or 2) - (1 if usual_workers(device()) == 1 else 0))
    if not (run / "captions").exists() or len(read_captions(run)) < count:
        _run("data", "--run", run, "--count", count, "--workers", drawers)
    if not (run / "text.npz").exists():
        _run("tokenizer", "--run", run)
    if _encoded(run):
        return
    # However late it is, there is nothing to encode with before the first seconds of training.
    least = 0.0 if (run / "autoencoder" / "config.json").exists() else 0.2
    if (minutes := max(least, _left(times, "autoencoder"))) > 0.1:
        start = ["--init", a.init / "vae"] if a.init else []
        batch = ["--batch", SCALES[device().type].autoencoder_batch]
        _run("autoencoder", "--run", run, "--minutes", minutes, *batch, *start)
    _run("autoencoder", "--run", run, "--encode")


def _base(run: Path, a: argparse.Namespace, times: dict[str, float]) -> None:
    """Denoiser, its decay, the sharp decoder, the export."""
    scale = SCALES[device().type]
    size = ["--batch", scale.batch, "--rate", scale.rate, "--supervision", 0.06]
    adopted = ["--adopt", a.adopt] if a.adopt and not (run / STAGE).exists() else []
    least = 0.0 if (run / STAGE / "checkpoint.pt").exists() else 0.2
    if (minutes := max(least, _left(times, "denoiser"))) > 0.1:
        _run("train", "--run", run, "--stage", STAGE, "--minutes", minutes, *size, *adopted)
    if (minutes := _left(times, "decay")) > 0.1:
        branch = ["--stage", FINAL, "--branch", STAGE, "--decay", minutes]
        _run("train", "--run", run, *branch, "--minutes", minutes, *size)
    if (minutes := _left(times, "sharpen")) > 0.1:
        _run("sharpen", "--run", run, "--minutes", minutes)
    stage = FINAL if (run / FINAL / "checkpoint.pt").exists() else STAGE
    said = ["--stage", stage, "--generation", a.generation, "--out", run / "export"]
    _run("export", "--run", run, *said)


def everything(a: argparse.Namespace) -> None:
    """All steps in order."""
    run = a.run
    run.mkdir(parents=True, exist_ok=True)
    known = run / "pictures.npy"
    count = a.pictures or SCALES[device().type].pictures
    if known.exists():
        count = len(np.load(known, mmap_mode="r"))
    drawing = 0.0 if _encoded(run) else count * 0.013 / max(1, (os.cpu_count() or 2)) + 40
    times = plan(run, a.minutes, drawing, a.family)
    _data(run, a, count, times)
    if _left(times, "sharpen") > 0 or not (run / "export" / "model_index.json").exists():
        _base(run, a, times)
    if a.family and (minutes := _left(times, "family")) > 0.1:
        _run("companions", "--run", run, "--minutes", minutes, "--family")
    _run("family", "--run", run, "--out", a.out)
    if a.report:
        _run("evaluate", "--model", a.out, "--out", run / "figures")
        _run("report", "--family", a.out, "--instruments", run, "--out", run / "report")


def main(said: Sequence[str] | None = None) -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for the family")
    parser.add_argument("--minutes", type=float, required=True, help="for the base")
    parser.add_argument(
        "--family", type=float, default=0, help="minutes for what goes with it, after the base"
    )
    parser.add_argument("--report", action="store_true", help="measure everything at the end")
    parser.add_argument("--pictures", type=int, help="instead of what suits the machine")
    parser.add_argument("--generation", type=int, default=1, help="to write into the card")
    parser.add_argument("--init", type=Path, help="exported model whose autoencoder to start from")
    parser.add_argument(
        "--adopt", type=Path, help="stage of another run to start the denoiser from"
    )
    everything(parser.parse_args(said))


if __name__ == "__main__":
    main()
