"""Train the denoiser and the text encoder on encoded pictures, by wall clock, resumable.

    python -m training.train --run RUN --stage main --minutes 60
    python -m training.train --run RUN --stage final --branch main --minutes 12 --decay 12

Checkpoints (model, average, optimizers, step, random state) go to RUN/<stage>/checkpoint.pt every
`--every` minutes; the same command resumes after a kill. `touch RUN/PAUSE` makes the trainer wait,
removing the file lets it go on.

The learning rate of a stage is constant but for the last `--decay` minutes, so that a stage can go
on at any later time; what is to be shipped is a short decay on a branch of it (Hägele et al., 2024,
arXiv:2405.18392).
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


def rate_factor(step: int, left: float, decay: float, floor: float = 0.03) -> float:
    """Share of the learning rate: 40 steps of warm-up, constant, then linear down to `floor`.

    left: seconds until the end; decay: how many of them the rate comes down over, 0 for none.
    """
    down = min(1.0, max(0.0, left) / decay) if decay else 1.0
    return min(1.0, (step + 1) / 40) * max(floor, down)


class Keeper:
    """Worker 0's duties in a stage: the clock, the curve, checkpoints and sheets."""

    def __init__(self, trainer: Trainer, stage: str, data: Data, until: float) -> None:
        self.trainer, self.data, self.until = trainer, data, until
        self.folder = trainer.run / stage
        self.folder.mkdir(exist_ok=True)
        self.began = self.saved = self.drawn = self.mark = time.time()
        self.losses: list[tuple[float, float]] = []
        #: At which step of the other stage this one branched off.
        self.branched: int | None = None

    @property
    def checkpoint(self) -> Path:
        """Where the stage's state is kept."""
        return self.folder / "checkpoint.pt"

    def resume(self, branch: str | None = None) -> None:
        """Go on from the stage's checkpoint, if there is one; or from where another stage is now,
        unless this one already branched off there."""
        saved = torch.load(self.checkpoint, weights_only=True) if self.checkpoint.exists() else None
        if branch is not None:
            path = self.trainer.run / branch / "checkpoint.pt"
            other = torch.load(path, weights_only=True)
            self.branched = int(other["step"])
            if saved is None or saved.get("branched") != self.branched:
                self.trainer.restore(other)
                return
        if saved is not None:
            self.trainer.restore(saved)
            self.began = saved["began"]

    def plan(self, decay: float) -> tuple[bool, float]:
        """Whether to make another step, and its share of the learning rate."""
        wait_while_paused(self.trainer.run)
        left = self.until - time.time()
        return left > 0, rate_factor(self.trainer.step, left, decay)

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
        own = {"began": self.began, "branched": self.branched}
        save_atomically({**self.trainer.state(), **own}, self.checkpoint)
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
    every: float,
    sheet_every: float,
    decay: float = 0.0,
    branch: str | None = None,
    most_steps: int | None = None,
    favour: dict[str, float] | None = None,
) -> None:
    """Train until the wall-clock time `until` (or `most_steps`): checkpoints, curve, sheets.

    decay: seconds at the end over which the learning rate comes down. branch: stage whose state to
    start from.
    """
    data = load(trainer.run, trainer.scaling, favour).to(trainer.where)
    keeper, first = Keeper(trainer, stage, data, until), trainer.team.rank == 0
    keeper.resume(branch)
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
            order = torch.tensor([float(x) for x in keeper.plan(decay)])
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
        found = {
            name: round(trainer.held_out(data, name == "average"), 4)
            for name in ("average", "last")
        }
        (keeper.folder / "held_out.json").write_text(json.dumps(found))
        print(
            f"done: {trainer.step} steps, {trainer.samples} samples, held-out {found}", flush=True
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
        decay=60 * a.decay,
        branch=a.branch,
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
    parser.add_argument("--decay", type=float, default=0.0, help="minutes at the end")
    parser.add_argument("--branch", help="stage whose state, rates and all, to start from")
    parser.add_argument("--every", type=float, default=3.0, help="minutes between checkpoints")
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
