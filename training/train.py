"""Train the denoiser and the text encoder on encoded pictures, by wall clock, resumable.

    python -m training.train --run RUN --stage a --deadline 10:00

Checkpoints (model, average, optimizers, step, random state) go to RUN/<stage>/checkpoint.pt every
`--every` minutes; the same command resumes after a kill. `touch RUN/PAUSE` makes the trainer wait,
removing the file lets it go on.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from training.device import device, usual_workers
from training.files import deadline, save_atomically, wait_while_paused
from training.networks import WIDTHS
from training.parallel import Team, start
from training.trainer import Data, Trainer, load

CURVE_STEPS = 50
#: Room for the gradients of the largest networks this trains.
LARGEST = 20_000_000


def rate_factor(step: int, done: float, decay_from: float, floor: float = 0.05) -> float:
    """Share of the learning rate: 40 steps of warm-up, constant, then linear down to `floor`."""
    warm = min(1.0, (step + 1) / 40)
    if done <= decay_from:
        return warm
    return warm * max(floor, 1 - (1 - floor) * (done - decay_from) / (1 - decay_from))


class Keeper:
    """Worker 0's duties in a stage: the clock, the curve, checkpoints and sheets."""

    def __init__(self, trainer: Trainer, stage: str, data: Data, until: float) -> None:
        self.trainer, self.data, self.until = trainer, data, until
        self.folder = trainer.run / stage
        self.folder.mkdir(exist_ok=True)
        self.began = self.saved = self.drawn = self.mark = time.time()
        self.losses: list[tuple[float, float]] = []

    @property
    def checkpoint(self) -> Path:
        """Where the stage's state is kept."""
        return self.folder / "checkpoint.pt"

    def resume(self) -> None:
        """Go on from the stage's checkpoint, if there is one."""
        if self.checkpoint.exists():
            saved = torch.load(self.checkpoint, weights_only=True)
            self.trainer.restore(saved)
            self.began = saved["began"]

    def plan(self, decay_from: float) -> tuple[bool, float]:
        """Whether to make another step, and its share of the learning rate."""
        wait_while_paused(self.trainer.run)
        done = (time.time() - self.began) / max(1.0, self.until - self.began)
        return time.time() < self.until, rate_factor(self.trainer.step, done, decay_from)

    def note(self) -> None:
        """Write the curve's next point."""
        trainer = self.trainer
        loss, localised = np.mean(self.losses[-CURVE_STEPS:], axis=0)
        samples = trainer.batch * trainer.team.size
        entry = {
            "step": trainer.step,
            "samples": trainer.samples,
            "seconds": round(time.time() - self.began),
            "loss": round(float(loss), 4),
            "attention": round(float(localised), 4),
            "rate": round(CURVE_STEPS * samples / (time.time() - self.mark), 1),
        }
        if trainer.step % (5 * CURVE_STEPS) == 0:
            entry["held_out"] = round(trainer.held_out(self.data), 4)
        with (self.folder / "curve.jsonl").open("a") as lines:
            lines.write(json.dumps(entry) + "\n")
        print(entry, flush=True)
        self.mark = time.time()

    def keep(self) -> None:
        """Write the checkpoint."""
        save_atomically({**self.trainer.state(), "began": self.began}, self.checkpoint)
        self.saved = self.mark = time.time()

    def draw(self, name: str) -> None:
        """Draw the sheet of prompts."""
        self.trainer.sheet(self.folder / name)
        self.drawn = self.mark = time.time()


def run_stage(
    trainer: Trainer,
    stage: str,
    until: float,
    *,
    decay_from: float,
    every: float,
    sheet_every: float,
    most_steps: int | None = None,
    favour: dict[str, float] | None = None,
) -> None:
    """Train until the wall-clock time `until` (or `most_steps`): checkpoints, curve, sheets."""
    data = load(trainer.run, trainer.scaling, favour).to(trainer.where)
    keeper, first = Keeper(trainer, stage, data, until), trainer.team.rank == 0
    keeper.resume()
    if first:
        sizes = [sum(p.numel() for p in m.parameters()) / 1e6 for m in (trainer.unet, trainer.text)]
        print(
            f"{stage}: {data.count} pictures, denoiser {sizes[0]:.1f} M, text {sizes[1]:.1f} M, "
            f"from step {trainer.step}",
            flush=True,
        )
    while True:
        # Worker 0's clock decides for everybody, or the workers' weights would drift apart.
        order = torch.zeros(2)
        if first:
            order = torch.tensor([float(x) for x in keeper.plan(decay_from)])
            if most_steps is not None and trainer.step >= most_steps:
                order[0] = 0
        trainer.team.add([order])
        if order[0] < 0.5:
            break
        keeper.losses.append(trainer.update(data, float(order[1])))
        if not first:
            continue
        if trainer.step % CURVE_STEPS == 0:
            keeper.note()
        if time.time() - keeper.saved > 60 * every:
            keeper.keep()
        if sheet_every and time.time() - keeper.drawn > 60 * sheet_every:
            keeper.draw(f"sheet{trainer.step:06d}.png")
    if first:
        keeper.keep()
        print(
            f"done: {trainer.step} steps, {trainer.samples} samples, held-out "
            f"{trainer.held_out(data):.4f} (last weights {trainer.held_out(data, False):.4f})",
            flush=True,
        )
        if sheet_every:
            keeper.draw("sheet_last.png")


def work(team: Team, a: argparse.Namespace, until: float) -> None:
    """What each worker does: build, start from an earlier stage if asked, train."""
    trainer = Trainer(
        a.run,
        widths=tuple(a.widths),
        optimizer=a.optimizer,
        rate=a.rate,
        supervision=a.supervision,
        batch=a.batch // team.size,
        seed=a.seed,
        team=team,
        weighting=a.weighting,
        gain=a.gain,
    )
    if a.init:
        path = a.run / a.init / "checkpoint.pt"
        trainer.restore(torch.load(path, weights_only=True), weights_only=True)
    if a.adopt:
        vocabulary = json.loads((a.adopt.parent / "tokenizer" / "vocab.json").read_text())
        state = torch.load(a.adopt / "checkpoint.pt", weights_only=True)
        tensors, tokens = trainer.adopt(state, vocabulary)
        if team.rank == 0:
            print(f"adopted {tensors} tensors and {tokens} tokens of {a.adopt.name}", flush=True)
    favour = {noun: float(factor) for noun, factor in (item.split("=") for item in a.favour)}
    run_stage(
        trainer,
        a.stage,
        until,
        decay_from=a.decay_from,
        every=a.every,
        sheet_every=a.sheet_every,
        favour=favour,
    )


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--stage", required=True, help="name of the stage's folder in the run")
    parser.add_argument("--init", help="stage whose averaged weights to start from")
    parser.add_argument("--adopt", type=Path, help="stage folder of another run to start from")
    parser.add_argument("--deadline", help="HH:MM")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--widths", type=int, nargs=3, default=WIDTHS)
    parser.add_argument("--optimizer", choices=("muon", "adamw"), default="muon")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--batch", type=int, default=64, help="of all workers together")
    parser.add_argument("--supervision", type=float, default=0.03)
    parser.add_argument("--decay-from", type=float, default=0.5)
    parser.add_argument("--every", type=float, default=5.0, help="minutes between checkpoints")
    parser.add_argument("--sheet-every", type=float, default=8.0, help="minutes, 0: none")
    parser.add_argument("--favour", nargs="*", default=(), help="noun=factor: take more of these")
    parser.add_argument("--workers", type=int, default=usual_workers(device()))
    parser.add_argument("--weighting", type=float, default=0.4, help="share of weighted samples")
    parser.add_argument("--gain", type=float, default=4.0, help="of weights above 1")
    parser.add_argument("--seed", type=int, default=0)
    a = parser.parse_args()
    start(work, a.workers, LARGEST, a, deadline(a.deadline, a.minutes))


if __name__ == "__main__":
    main()
