"""Distil the base into drafts of four steps without a second pass, as a LoRA.

    python -m training.draft.train --run RUN --minutes 40
    python -m training.draft.train --run RUN --report

Latent consistency distillation (arXiv 2310.04378, as a LoRA: arXiv 2311.05556): from a noised
picture the base, with guidance, makes one DDIM step; the student's idea of the clean picture must
be the same before and after that step. Guidance is thereby built in. Needs RUN/latents.npy and so
on, and an exported base (`--model`, default RUN/export); writes RUN/draft: the LoRA in its stock
layout, the sampler's settings, draft.json (card with figures), sheet.png.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.func import functional_call

from training import fitting
from training.attention import localisation_loss
from training.degrade import noise_like
from training.device import autocast
from training.draft.lora import Lora, merged, write
from training.draft.measure import measure
from training.frozen import Base, Samples, size, usual_batch
from training.parallel import Team

#: Sharpness of the pseudo-Huber loss near zero.
HUBER = 0.01
#: Spread of clean latents that the boundary condition assumes, and how fast it lets go of them.
SPREAD, SCALING = 0.5, 10.0


def boundary(t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Shares of the noisy picture and of the predicted one in the answer at timesteps t (N), each
    N x 1 x 1 x 1: at t = 0 the answer is the picture itself. The same numbers as LCMScheduler's."""
    far = (t.float() * SCALING)[:, None, None, None]
    skip = SPREAD**2 / (far**2 + SPREAD**2)
    return skip, far / (far**2 + SPREAD**2).sqrt()


class Task:
    """Consistency along the base's guided path."""

    def __init__(
        self,
        network: Lora,
        base: Base,
        samples: Samples,
        *,
        segments: int,
        guidance: tuple[float, float],
        supervision: float,
    ) -> None:
        self.network, self.base, self.samples = network.to(base.where), base, samples
        self.segments, self.guidance, self.supervision = segments, guidance, supervision

    def _student(
        self, x: torch.Tensor, t: torch.Tensor, states: torch.Tensor, weights: dict[str, Any]
    ) -> torch.Tensor:
        """The student's idea of the clean picture at timesteps t."""
        given = (x.contiguous(memory_format=torch.channels_last), t, states)
        with autocast(self.base.where):
            velocity = functional_call(self.base.unet, weights, given).sample.float()
        keep, lose = self.base.shares(t)
        skip, out = boundary(t)
        return skip * x + out * (keep * x - lose * velocity)

    @torch.no_grad()
    def _teacher(
        self,
        x: torch.Tensor,
        times: tuple[torch.Tensor, torch.Tensor],
        states: tuple[torch.Tensor, torch.Tensor],
        bias: torch.Tensor,
        strength: torch.Tensor,
    ) -> torch.Tensor:
        """One guided DDIM step of the base from the first of the times to the second.

        Signal and noise are read off the velocity without a division, so that it also works where
        no signal is left.
        """
        watch, unet = self.base.watch, self.base.unet
        t, later = times
        watch.bias = torch.cat([torch.zeros_like(bias), bias])
        doubled = torch.cat([x, x]).contiguous(memory_format=torch.channels_last)
        with autocast(self.base.where):
            told = unet(doubled, torch.cat([t, t]), torch.cat(states)).sample.float()
        watch.bias = None
        plain, wanted = told.chunk(2)
        velocity = plain + strength * (wanted - plain)
        keep, lose = self.base.shares(t)
        clean, noise = keep * x - lose * velocity, lose * x + keep * velocity
        keep, lose = self.base.shares(later)
        return keep * clean + lose * noise

    def loss(self, rng: np.random.Generator, count: int) -> dict[str, torch.Tensor]:
        """Difference of two answers on the same path, and how far words look from their nouns."""
        base, where = self.base, self.base.where
        batch = self.samples.take(rng, count, silent=0.05)
        step = 1000 // self.segments
        places = rng.integers(1, self.segments + 1, count)
        t = torch.from_numpy(places * step - 1).to(where)
        later = torch.from_numpy(((places - 1) * step - 1).clip(0)).to(where)
        strength = rng.uniform(*self.guidance, count).astype(np.float32)
        strengths = torch.from_numpy(strength).to(where)[:, None, None, None]
        noisy, _ = base.noisy(batch.clean, noise_like(batch.clean, rng), t)
        states = base.states(batch.ids)
        empty = base.states(base.empty).expand(count, -1, -1)
        nearer = self._teacher(noisy, (t, later), (empty, states), batch.bias, strengths)
        weights, watch = self.network.changed(base.unet), base.watch
        watch.bias = batch.bias
        with torch.no_grad():
            still = {name: value.detach() for name, value in weights.items()}
            wanted = self._student(nearer, later, states, still)
        watch.record = [] if self.supervision else None
        given = self._student(noisy, t, states, weights)
        record, watch.record, watch.bias = watch.record, None, None
        apart = ((given - wanted) ** 2 + HUBER**2).sqrt() - HUBER
        terms = {"consistency": apart.mean()}
        if record is not None:
            left = base.signal[t].sqrt()
            away = localisation_loss(record, batch.masks, batch.nouns, left)
            terms["attention"] = self.supervision * away
        return terms


def report(lora: Lora, base: Base, a: argparse.Namespace, steps: int) -> dict[str, Any]:
    """Export and measure; gives the figures."""
    folder: Path = a.run / "draft"
    write(lora, folder, a.segments)
    merged(base.folder, lora, a.segments, folder / "merged")
    figures = measure(base.folder, folder / "merged", a.prompts, a.rounds)
    print(json.dumps(figures, indent=1), flush=True)
    card = {
        "kind": "lora",
        "method": "latent consistency distillation",
        "parameters": size(lora),
        "rank": lora.rank,
        "segments": a.segments,
        "use": {"steps": 4, "guidance_scale": 1.0, "scheduler": "LCMScheduler"},
        "guidance_built_in": list(a.guidance),
        "steps": steps,
        "batch": a.batch,
        "held_out": figures,
    }
    fitting.write_card(folder, "draft", card)
    return figures


def work(team: Team, a: argparse.Namespace, until: float) -> None:
    """What each worker does."""
    folder = a.run / "draft"
    folder.mkdir(parents=True, exist_ok=True)
    base = Base(a.model or a.run / "export", torch.device(a.device))
    torch.manual_seed(a.seed)
    lora = Lora(base.unet, a.rank)
    if not a.report:
        fitting.fit(
            Task(
                lora,
                base,
                Samples(a.run, base),
                segments=a.segments,
                guidance=tuple(a.guidance),
                supervision=a.supervision,
            ),
            folder,
            until=until,
            most_steps=a.steps,
            rate=a.rate,
            batch=a.batch,
            seed=a.seed,
            team=team,
        )
    if fitting.reports(team, a):
        steps = fitting.trained(lora.cpu(), folder)
        report(lora, base, a, steps)


def main() -> None:
    """Entry point."""
    parser = fitting.arguments(__doc__.splitlines()[0], batch=usual_batch(32), rate=1e-3)
    parser.add_argument("--model", type=Path, help="exported base; default RUN/export")
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--segments", type=int, default=40, help="DDIM steps of the whole path")
    parser.add_argument("--guidance", type=float, nargs=2, default=(4.0, 6.0))
    parser.add_argument("--supervision", type=float, default=0.03, help="of attention; 0: none")
    parser.add_argument("--prompts", type=int, default=64, help="held-out prompts for the figures")
    parser.add_argument("--rounds", type=int, default=7, help="pictures of each kind to be timed")
    fitting.run(work, parser.parse_args())


if __name__ == "__main__":
    main()
