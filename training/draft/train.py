"""Distil the base's guidance into a LoRA: drafts of four steps of one pass each.

    python -m training.draft.train --run RUN --minutes 12
    python -m training.draft.train --run RUN --report

With guidance each step takes two passes of the base, with words and without. The student gives in
one what both give together (Meng et al., 2023, arXiv 2210.03142, stage one, for one strength of
guidance). It learns that where drafts go: at the steps of the base's own guided paths of four
steps from pure noise, and on noised pictures, so that drafts from pictures work too. The shipped
sampler (DPM-Solver++, arXiv 2211.01095) then needs four steps for nearly the picture of twenty.

Needs RUN/latents.npy and so on, and an exported base (`--model`, default RUN/export); writes
RUN/draft: the LoRA in its stock layout, draft.json (card with figures), sheet.png.
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
from training.frozen import Base, Batch, Samples, size, timesteps, usual_batch
from training.networks import sampler
from training.parallel import Team


class Task:
    """The base's guided answers in one pass; errors are shares of the answer's own square."""

    def __init__(
        self,
        network: Lora,
        base: Base,
        samples: Samples,
        *,
        steps: int,
        guidance: float,
        supervision: float,
    ) -> None:
        self.network, self.base, self.samples = network.to(base.where), base, samples
        self.steps, self.guidance, self.supervision = steps, guidance, supervision

    def _student(
        self, x: torch.Tensor, t: torch.Tensor, states: torch.Tensor, weights: dict[str, Any]
    ) -> torch.Tensor:
        """The student's velocity at timesteps t (N)."""
        given = (x.contiguous(memory_format=torch.channels_last), t, states)
        with autocast(self.base.where):
            return functional_call(self.base.unet, weights, given).sample.float()

    @torch.no_grad()
    def _teacher(
        self, x: torch.Tensor, t: torch.Tensor, states: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        """The base's velocity with guidance at timesteps t (N)."""
        watch = self.base.watch
        empty = self.base.states(self.base.empty).expand(len(x), -1, -1)
        watch.bias = torch.cat([torch.zeros_like(bias), bias])
        doubled = torch.cat([x, x]).contiguous(memory_format=torch.channels_last)
        with autocast(self.base.where):
            told = self.base.unet(doubled, torch.cat([t, t]), torch.cat([empty, states]))
        watch.bias = None
        plain, wanted = told.sample.float().chunk(2)
        return plain + self.guidance * (wanted - plain)

    def _path(
        self, noise: torch.Tensor, states: torch.Tensor, bias: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Where the base comes by on its way from pure noise (N): latents, timesteps and guided
        velocities of all steps, N times `steps` of each, step by step."""
        solver = sampler()
        solver.set_timesteps(self.steps)
        x, found = noise, []
        for t in solver.timesteps:
            times = t.expand(len(x)).to(self.base.where)
            velocity = self._teacher(x, times, states, bias)
            found.append((x, times, velocity))
            x = solver.step(velocity, t, x).prev_sample
        latents, times, velocities = (torch.cat(each) for each in zip(*found, strict=True))
        return latents, times, velocities

    def _apart(
        self,
        seen: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
        states: torch.Tensor,
        bias: torch.Tensor,
        weights: dict[str, Any],
    ) -> torch.Tensor:
        x, t, wanted = seen
        self.base.watch.bias = bias
        given = self._student(x, t, states, weights)
        self.base.watch.bias = None
        # Guidance pulls hardest where there is most noise; by itself that would drown the rest.
        size = wanted.pow(2).mean((1, 2, 3))
        return ((given - wanted).pow(2).mean((1, 2, 3)) / size).mean()

    def loss(self, rng: np.random.Generator, count: int) -> dict[str, torch.Tensor]:
        """Distance from the guided velocity, on paths and on noised pictures (half of `count`
        samples each), and how far words look from their nouns."""
        base, watch = self.base, self.base.watch
        weights = self.network.changed(base.unet)
        half = max(1, count // 2)
        walked = self.samples.take(rng, max(1, half // self.steps), silent=0.05)
        states = base.states(walked.ids)
        path = self._path(noise_like(walked.clean, rng), states, walked.bias)
        many = (self.steps, 1, 1)
        terms = {
            "path": self._apart(path, states.repeat(many), walked.bias.repeat(*many, 1), weights)
        }
        shown = self.samples.take(rng, half, silent=0.05)
        states = base.states(shown.ids)
        t = timesteps(rng, half, base.where)
        noisy, _ = base.noisy(shown.clean, noise_like(shown.clean, rng), t)
        seen = noisy, t, self._teacher(noisy, t, states, shown.bias)
        watch.record = [] if self.supervision else None
        terms["noised"] = self._apart(seen, states, shown.bias, weights)
        record, watch.record = watch.record, None
        if record is not None:
            terms["attention"] = self.supervision * self._away(record, shown, t)
        return terms

    def _away(self, record: list[torch.Tensor], shown: Batch, t: torch.Tensor) -> torch.Tensor:
        left = self.base.signal[t].sqrt()
        return localisation_loss(record, shown.masks, shown.nouns, left)


def report(lora: Lora, base: Base, a: argparse.Namespace, steps: int) -> dict[str, Any]:
    """Export and measure; gives the figures."""
    folder: Path = a.run / "draft"
    write(lora, folder)
    merged(base.folder, lora, folder / "merged")
    figures = measure(base.folder, folder / "merged", a.prompts, a.rounds)
    print(json.dumps(figures, indent=1), flush=True)
    card = {
        "kind": "lora",
        "method": "guidance distillation",
        "parameters": size(lora),
        "rank": lora.rank,
        "use": {"steps": 4, "guidance_scale": 1.0, "scheduler": type(sampler()).__name__},
        "guidance_built_in": a.guidance,
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
                steps=4,
                guidance=a.guidance,
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
    parser.add_argument("--guidance", type=float, default=5.0, help="built in")
    parser.add_argument("--supervision", type=float, default=0.03, help="of attention; 0: none")
    parser.add_argument("--prompts", type=int, default=64, help="held-out prompts for the figures")
    parser.add_argument("--rounds", type=int, default=7, help="pictures of each kind to be timed")
    fitting.run(work, parser.parse_args())


if __name__ == "__main__":
    main()
