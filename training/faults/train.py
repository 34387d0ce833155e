"""Train the fault localiser on rendered pictures with known faults, and measure it.

    python -m training.faults.train --run RUN --minutes 5
    python -m training.faults.train --run RUN --report

Pictures of RUN/pictures.npy are damaged in places (`corrupt`); a third stay whole. All of them are
then softened, tinted and compressed, and some come through the run's autoencoder, so that softness
everywhere is no fault. Writes RUN/faults: faults.safetensors (fp16), faults.json, sheet.png.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

from training import degrade, fitting
from training.autoencoder import held_out
from training.device import autocast
from training.faults.corrupt import KINDS, corrupt
from training.faults.network import CELLS, SIDE, Localiser
from training.files import save_sheet, to_pictures, to_unit
from training.parallel import Team
from training.upscaler.crops import autoencoder, find_autoencoder, through
from training.world import render

FIRST_SCENE = 64_000_000
WHOLE, SOFT = 1 / 3, 0.3
PIECE = 20
#: A picture is reported when so many of its cells (of 4096) are marked.
ALARM = 12


def damaged(
    pictures: np.ndarray, indices: np.ndarray, others: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of a set, `WHOLE` of them as they are and the others damaged, with the damage."""
    out, cells = [], []
    for i, j in zip(indices, others, strict=True):
        if rng.random() < WHOLE:
            out.append(np.array(pictures[i]))
            cells.append(np.zeros((CELLS, CELLS), np.float32))
        else:
            picture, damage = corrupt(pictures[i], pictures[j], rng)
            out.append(picture)
            cells.append(damage)
    return np.stack(out), np.stack(cells)


def _soften_piece(start: int, run: Path, folder: Path, count: int) -> None:
    """PIECE damaged pictures as they come out of the autoencoder, in a file of their own."""
    path = folder / f"{start:06d}.npz"
    vae_folder = find_autoencoder(run)
    if path.exists() or vae_folder is None:
        return
    torch.set_num_threads(1)
    pictures = np.load(run / "pictures.npy", mmap_mode="r")
    rng = np.random.default_rng([7, start])
    chosen, others = rng.integers(0, count, (2, PIECE))
    found, cells = damaged(pictures, chosen, others, rng)
    unfinished = path.with_suffix(".writing.npz")
    np.savez(unfinished, pictures=through(autoencoder(vae_folder), found), cells=cells)
    unfinished.rename(path)


def soften(run: Path, folder: Path, number: int, workers: int) -> dict[str, np.ndarray]:
    """Draw (what is missing of) the softened set, and read it; empty without an autoencoder."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = np.load(run / "pictures.npy", mmap_mode="r")
    count = len(pictures) - held_out(len(pictures))
    starts = list(range(0, number, PIECE))
    job = partial(_soften_piece, run=run, folder=folder, count=count)
    if workers == 1:
        for start in starts:
            job(start)
    else:
        with Pool(workers) as pool:
            list(pool.imap_unordered(job, starts))
    pieces = [np.load(path) for path in sorted(folder.glob("*.npz")) if "writing" not in path.name]
    if not pieces:
        return {}
    return {name: np.concatenate([p[name] for p in pieces]) for name in ("pictures", "cells")}


def wear(pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """What is no fault: softness, other tints, compression, slight noise, all over a picture."""

    def rough(x: torch.Tensor) -> torch.Tensor:
        return degrade.compress(x, degrade.each(rng.uniform(0.05, 0.8, len(x)), x))

    def noisy(x: torch.Tensor) -> torch.Tensor:
        return x + degrade.noise_like(x, rng) * degrade.each(rng.uniform(0, 0.03, len(x)), x)

    out = degrade.some(lambda x: degrade.soften(x, rng, 2.0), pictures, rng, 0.5)
    out = degrade.some(lambda x: degrade.tint(x, rng), out, rng, 0.5)
    out = degrade.some(noisy, out, rng, 0.25)
    return degrade.some(rough, out, rng, 0.25).clamp(-1, 1)


class Task:
    """Learning where the damage is."""

    def __init__(
        self, network: Localiser, run: Path, soft: dict[str, np.ndarray], where: torch.device
    ) -> None:
        self.network = network.to(where, memory_format=torch.channels_last)
        self.soft, self.where = soft, where
        self.pictures = np.load(run / "pictures.npy", mmap_mode="r")
        self.count = len(self.pictures) - held_out(len(self.pictures))

    def loss(self, rng: np.random.Generator, count: int) -> dict[str, torch.Tensor]:
        """Cross entropy by cell, and the overlap that is missed (soft Dice)."""
        known = int(SOFT * count) if self.soft else 0
        chosen, others = rng.integers(0, self.count, (2, count - known))
        pictures, cells = damaged(self.pictures, chosen, others, rng)
        if known:
            rows = rng.integers(0, len(self.soft["cells"]), known)
            pictures = np.concatenate([pictures, self.soft["pictures"][rows]])
            cells = np.concatenate([cells, self.soft["cells"][rows]])
        flip = rng.random(count) < 0.5
        pictures[flip], cells[flip] = pictures[flip, :, ::-1], cells[flip, :, ::-1]
        batch = wear(to_unit(pictures).to(self.where), rng)
        wanted = torch.from_numpy(cells).to(self.where)
        with autocast(self.where):
            logits = self.network(batch.contiguous(memory_format=torch.channels_last)).float()
        marked = logits.sigmoid()
        both = (marked * wanted).sum((1, 2))
        dice = 1 - (2 * both + 8) / (marked.sum((1, 2)) + wanted.sum((1, 2)) + 8)
        return {
            "cells": 4 * F.binary_cross_entropy_with_logits(logits, wanted),
            "overlap": 0.5 * dice.mean(),
        }


def average_precision(scores: np.ndarray, truth: np.ndarray) -> float:
    """Area under precision over recall (the sum over steps), of all cells together."""
    order = np.argsort(-scores.ravel(), kind="stable")
    right = truth.ravel()[order].astype(np.float64)
    if not right.sum():
        return float("nan")
    precision = np.cumsum(right) / np.arange(1, len(right) + 1)
    return float((precision * right).sum() / right.sum())


def overlap(marked: np.ndarray, truth: np.ndarray) -> float:
    """Mean over pictures of intersection over union; of those that have a fault."""
    both, either = (marked & truth).sum((1, 2)), (marked | truth).sum((1, 2))
    faulty = truth.any((1, 2))
    return float((both[faulty] / either[faulty]).mean()) if faulty.any() else float("nan")


@torch.no_grad()
def mark(network: Localiser, pictures: torch.Tensor) -> np.ndarray:
    """Probabilities of damage, N x 64 x 64."""
    where = next(network.parameters()).device
    parts = [network(x.to(where)).sigmoid().cpu().numpy() for x in pictures.split(20)]
    return np.concatenate(parts)


def measure(network: Localiser, pictures: np.ndarray) -> dict[str, Any]:
    """Figures by kind of fault, and false alarms on whole pictures: sharp ones and worn ones."""
    figures: dict[str, Any] = {"pictures": len(pictures)}
    scores, truths = [], []
    for name in KINDS:
        rng = np.random.default_rng([11, len(name)])
        made = [
            corrupt(p, pictures[(i + 7) % len(pictures)], rng, name) for i, p in enumerate(pictures)
        ]
        batch = wear(to_unit(np.stack([p for p, _ in made])), rng)
        truth = np.stack([cells for _, cells in made]) >= 0.5
        found = mark(network, batch)
        scores.append(found)
        truths.append(truth)
        figures[name] = {
            "iou": round(overlap(found >= 0.5, truth), 4),
            "average_precision": round(average_precision(found, truth), 4),
        }
    every, truth = np.concatenate(scores), np.concatenate(truths)
    figures["all"] = {
        "iou": round(overlap(every >= 0.5, truth), 4),
        "average_precision": round(average_precision(every, truth), 4),
        "faults_reported": round(
            float(((every >= 0.5).sum((1, 2)) >= ALARM)[truth.any((1, 2))].mean()), 4
        ),
    }
    whole = to_unit(pictures)
    for name, batch in (
        ("whole", whole),
        ("whole_worn", wear(whole, np.random.default_rng(12))),
    ):
        marked = mark(network, batch) >= 0.5
        figures[f"false_alarms_{name}"] = {
            "pictures": round(float((marked.sum((1, 2)) >= ALARM).mean()), 4),
            "cells": round(float(marked.mean()), 5),
        }
    return figures


def show(network: Localiser, pictures: np.ndarray, path: Path) -> None:
    """A sheet: damaged pictures, the damage in red, what the network marks in red."""
    rng, panels, count = np.random.default_rng(5), [], len(pictures)
    for i, name in enumerate(KINDS):
        picture, cells = corrupt(pictures[i % count], pictures[(i + 1) % count], rng, name)
        batch = wear(to_unit(picture[None]), rng)
        panels.append(to_pictures(batch)[0])
        for share in (cells, mark(network, batch)[0]):
            large = share.repeat(SIDE // CELLS, 0).repeat(SIDE // CELLS, 1)[..., None]
            tinted = panels[3 * i] * (1 - 0.6 * large) + np.array((255, 0, 40)) * 0.6 * large
            panels.append(tinted.astype(np.uint8))
    save_sheet(panels, path, columns=6)


def report(network: Localiser, folder: Path, steps: int, count: int) -> dict[str, Any]:
    """Held-out figures and a sheet, exported with the weights."""
    pictures = np.stack([render(FIRST_SCENE + i, phrasings=1).picture for i in range(count)])
    figures = measure(network, pictures)
    print(json.dumps(figures, indent=1), flush=True)
    show(network, pictures, folder / "sheet.png")
    card = {"steps": steps, "side": SIDE, "cells": CELLS, "held_out": figures}
    fitting.export(network, folder, "faults", card)
    return figures


def work(team: Team, options: argparse.Namespace, until: float) -> None:
    """What each worker does."""
    folder = options.run / "faults"
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    network = Localiser()
    if not options.report:
        if team.rank == 0:
            soften(options.run, folder / "soft", options.soft, options.drawers)
        team.wait()
        soft = soften(options.run, folder / "soft", options.soft, 1)
        fitting.fit(
            Task(network, options.run, soft, torch.device(options.device)),
            folder,
            until=until,
            most_steps=options.steps,
            rate=options.rate,
            batch=options.batch,
            seed=options.seed,
            team=team,
        )
    if fitting.reports(team, options):
        network.cpu().to(memory_format=torch.contiguous_format)
        report(network, folder, fitting.trained(network, folder), options.held_out)


def main() -> None:
    """Entry point."""
    parser = fitting.arguments(__doc__.splitlines()[0], batch=24, rate=2e-3)
    parser.add_argument("--soft", type=int, default=300, help="pictures through the autoencoder")
    parser.add_argument("--drawers", type=int, default=2, help="processes that draw those")
    parser.add_argument("--held-out", type=int, default=100)
    fitting.run(work, parser.parse_args())


if __name__ == "__main__":
    main()
