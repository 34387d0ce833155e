"""Train the judge on rendered scenes, and say how well it judges scenes that it never saw.

    python -m training.judge.train --run RUN --scenes 16000 --minutes 10
    python -m training.judge.train --run RUN --report

writes RUN/judge: judge.safetensors (fp16), judge.json (card with held-out figures), checkpoint.pt.
It never sees a picture that a model made. So that it is fair to the soft pictures of a diffusion
model all the same, scenes are blurred, bent, tinted, compressed and made noisy.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812

from training import degrade, fitting
from training.device import autocast
from training.files import to_unit
from training.judge.network import CELLS, Answers, Judge
from training.judge.scenes import UNKNOWN, Scenes, draw, held_out
from training.parallel import Team
from training.world.facts import NOUNS, POSITIONS

_MIRRORED = np.array([*range(len(POSITIONS) - 1, -1, -1), UNKNOWN], np.int8)
_NAMES = ("present", "colour", "count", "position", "time")


def disturb(pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """What a batch looks like through a model's eyes: bent, soft, tinted, rough."""

    def rough(x: torch.Tensor) -> torch.Tensor:
        return degrade.compress(x, degrade.each(rng.uniform(0.1, 1.5, len(x)), x))

    def noisy(x: torch.Tensor) -> torch.Tensor:
        return x + degrade.noise_like(x, rng) * degrade.each(rng.uniform(0, 0.08, len(x)), x)

    out = degrade.warp(pictures, rng, pixels=1.2, shift=3.0)
    out = degrade.some(lambda x: degrade.soften(x, rng, 1.8), out, rng, 0.7)
    out = degrade.tint(out, rng)
    out = degrade.some(rough, out, rng, 0.25)
    return degrade.some(noisy, out, rng, 0.4).clamp(-1, 1)


def _known(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross entropy over the answers that are known; 0 when none is."""
    chosen = targets >= 0
    if not bool(chosen.any()):
        return logits.sum() * 0
    return F.cross_entropy(logits[chosen].float(), targets[chosen], label_smoothing=0.02)


class Task:
    """Learning to judge."""

    def __init__(self, network: Judge, scenes: Scenes, where: torch.device) -> None:
        self.network = network.to(where, memory_format=torch.channels_last)
        self.scenes, self.where = scenes, where
        self._bits = torch.arange(len(NOUNS), device=where).view(1, -1, 1, 1)

    def _sample(
        self, rng: np.random.Generator, count: int
    ) -> tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
        """Pictures, packed places and answers of scenes at random, half of them mirrored."""
        chosen = rng.integers(0, len(self.scenes), count)
        pictures = self.scenes.pictures[chosen]
        places = self.scenes.places[chosen]
        told = {name: getattr(self.scenes, name)[chosen] for name in _NAMES}
        flip = rng.random(count) < 0.5
        pictures[flip], places[flip] = pictures[flip, :, ::-1], places[flip, :, ::-1]
        told["position"][flip] = _MIRRORED[told["position"][flip]]
        tensors = {n: torch.from_numpy(v.astype(np.int64)).to(self.where) for n, v in told.items()}
        return to_unit(pictures).to(self.where), torch.from_numpy(places).to(self.where), tensors

    def loss(self, rng: np.random.Generator, count: int) -> dict[str, torch.Tensor]:
        """Terms for places, presence and every answer."""
        pictures, packed, told = self._sample(rng, count)
        pictures = disturb(pictures, rng).contiguous(memory_format=torch.channels_last)
        with autocast(self.where):
            said: Answers = self.network(pictures)
        places = ((packed[:, None] >> self._bits) & 1).float()
        known = told["present"] >= 0
        shown = F.binary_cross_entropy_with_logits(
            said.present.float()[known], told["present"][known].float()
        )
        return {
            "places": 8 * F.binary_cross_entropy_with_logits(said.places, places),
            "present": 6 * shown,
            "colour": _known(said.colour, told["colour"]),
            "count": 0.7 * _known(said.count, told["count"]),
            "position": 0.7 * _known(said.position, told["position"]),
            "time": 0.7 * _known(said.time, told["time"]),
        }


@torch.no_grad()
def ask(network: Judge, pictures: torch.Tensor, batch: int = 50) -> dict[str, np.ndarray]:
    """The judge's answers on pictures (N x 3 x 128 x 128, -1..1): `present` in 0..1, the others
    as indices, N x nouns or N."""
    where = next(network.parameters()).device
    found: dict[str, list[np.ndarray]] = {name: [] for name in _NAMES}
    for part in pictures.split(batch):
        said: Answers = network(part.to(where, memory_format=torch.channels_last))
        found["present"].append(said.present.sigmoid().float().cpu().numpy())
        for name in _NAMES[1:]:
            found[name].append(getattr(said, name).argmax(-1).cpu().numpy())
    return {name: np.concatenate(parts) for name, parts in found.items()}


def measure(network: Judge, scenes: Scenes, *, soft: bool = False) -> dict[str, Any]:
    """Shares of right answers; of nouns: how many of those shown are seen, and how many of those
    seen are shown. soft: the scenes as `disturb` makes them."""
    pictures = to_unit(scenes.pictures)
    if soft:
        rng = np.random.default_rng(1)
        pictures = torch.cat([disturb(part, rng) for part in pictures.split(50)])
    said = ask(network, pictures)
    seen, known = said["present"] >= 0.5, scenes.present >= 0
    shown, several = scenes.present == 1, scenes.count > 0
    found = {"shown_seen": seen[shown], "seen_shown": shown[seen & known]}
    for name in _NAMES[1:]:
        truth = getattr(scenes, name)
        found[name] = (said[name] == truth)[truth >= 0]
    found["count_2_3"] = (said["count"] == scenes.count)[several]
    shares = {k: round(float(v.mean()), 4) if len(v) else None for k, v in found.items()}
    return {"scenes": len(scenes), **shares}


def report(network: Judge, steps: int, folder: Path, count: int) -> dict[str, Any]:
    """Held-out figures, printed and exported with the weights."""
    plain, unseen = held_out(count), held_out(count // 2, unseen=True, first=61_000_000)
    figures = {
        "rendered": measure(network, plain),
        "disturbed": measure(network, plain, soft=True),
        "unseen": measure(network, unseen),
    }
    for name, values in figures.items():
        print(name, values, flush=True)
    card = {"steps": steps, "side": 128, "cells": CELLS, "nouns": list(NOUNS), "held_out": figures}
    fitting.export(network, folder, "judge", card)
    return figures


def work(team: Team, options: argparse.Namespace, until: float) -> None:
    """What each worker does."""
    folder = options.run / "judge"
    folder.mkdir(parents=True, exist_ok=True)
    where = torch.device(options.device)
    torch.manual_seed(options.seed)
    network = Judge()
    if not options.report:
        if team.rank == 0:
            draw(folder / "scenes", options.scenes, options.drawers)
        team.wait()
        scenes = draw(folder / "scenes", options.scenes, 1)
        fitting.fit(
            Task(network, scenes, where),
            folder,
            until=until,
            most_steps=options.steps,
            rate=options.rate,
            batch=options.batch,
            seed=options.seed,
            team=team,
        )
    if fitting.reports(team, options):
        network.cpu()
        report(network, fitting.trained(network, folder), folder, options.held_out)


def main() -> None:
    """Entry point."""
    parser = fitting.arguments(__doc__.splitlines()[0], batch=32, rate=2e-3)
    parser.add_argument("--scenes", type=int, default=16000)
    parser.add_argument("--drawers", type=int, default=2, help="processes that draw the scenes")
    parser.add_argument("--held-out", type=int, default=1000)
    fitting.run(work, parser.parse_args())


if __name__ == "__main__":
    main()
