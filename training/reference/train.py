"""Train an IP-Adapter on pairs of scenes that share style and character.

    python -m training.reference.pairs --run RUN --count 20000 --workers 2
    python -m training.reference.train --run RUN --minutes 40
    python -m training.reference.train --run RUN --report

An IP-Adapter in the stock format (arXiv 2308.06721) on the frozen base, its image encoder the half
of the small CLIP that sees (RUN/clip/checkpoint.pt of training.clip). Needs an exported base
(`--model`, default RUN/export); draws references itself where there are none. Writes RUN/reference:
ip-adapter.safetensors, image_encoder, reference.json (card with figures), sheet.png.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import numpy as np
import torch
from transformers import CLIPModel

from training import degrade, fitting
from training.clip.network import Learner, build
from training.degrade import noise_like
from training.device import autocast
from training.files import to_unit
from training.frozen import Base, Rng, Samples, size, timesteps, usual_batch
from training.parallel import Team
from training.reference.adapter import TOKENS, Adapter, image_encoder, write
from training.reference.measure import measure, show
from training.reference.pairs import captions, draw
from training.tokenizer import LENGTH

#: Shares of samples whose caption leaves out what the reference says, and has no words at all.
BARE, SILENT = 0.85, 0.1
#: Share of samples without a reference (then the adapter sees a vector of zeros, as without one).
BLIND = 0.08


def clip(run: Path, words: int) -> CLIPModel:
    """The small CLIP of a run, from its checkpoint.

    Raises FileNotFoundError when it was not trained yet.
    """
    folder = run / "clip"
    if not (folder / "checkpoint.pt").exists():
        raise FileNotFoundError(f"{folder} holds no trained CLIP: run training.clip.train first")
    learner = Learner(build(words, LENGTH))
    fitting.trained(learner, folder)
    return learner.model.requires_grad_(False).eval()


def vary(pictures: torch.Tensor, rng: Rng) -> torch.Tensor:
    """References as users bring them: cut differently, mirrored, softer; colours stay."""
    flip = torch.from_numpy(rng.random(len(pictures)) < 0.5).to(pictures.device)
    out = torch.where(flip[:, None, None, None], pictures.flip(3), pictures)
    out = degrade.some(lambda x: degrade.warp(x, rng, 1.0, 8.0), out, rng, 0.4)
    return degrade.some(lambda x: degrade.soften(x, rng, 1.2), out, rng, 0.3)


class Task:
    """The base's own loss, with references."""

    def __init__(
        self, network: Adapter, base: Base, samples: Samples, clip_model: CLIPModel, run: Path
    ) -> None:
        self.network, self.base, self.samples = network.to(base.where), base, samples
        network.attach(base.unet)
        self.clip = clip_model.to(base.where)
        self.pictures = np.load(run / "reference" / "pictures.npy", mmap_mode="r")
        said = captions(run)
        self.phrasings = len(said[0])
        coded = base.ids([text for one in said for text in one]).cpu().numpy()
        self.bare = coded.astype(np.int16).reshape(len(said), self.phrasings, -1)

    @torch.no_grad()
    def vectors(self, rows: np.ndarray, rng: Rng) -> torch.Tensor:
        """What the encoder sees in the references of some rows; zeros for those left out."""
        shown = vary(to_unit(np.array(self.pictures[rows])).to(self.base.where), rng)
        with autocast(self.base.where):
            told = self.clip.get_image_features(shown).pooler_output.float()
        blind = torch.from_numpy(rng.random(len(rows)) < BLIND).to(told.device)
        return torch.where(blind[:, None], torch.zeros_like(told), told)

    def loss(self, rng: Rng, count: int) -> dict[str, torch.Tensor]:
        """Velocity to predict of targets, from what is said of them and their references."""
        base = self.base
        batch = self.samples.take(rng, count, silent=SILENT, weighted=0.0)
        said = self.bare[batch.rows, rng.integers(0, self.phrasings, count)].astype(np.int64)
        poor = torch.from_numpy(rng.random(count) < BARE).to(base.where)
        spoken = (batch.ids != base.empty).any(1)
        ids = torch.where(
            (poor & spoken)[:, None], torch.from_numpy(said).to(base.where), batch.ids
        )
        t = timesteps(rng, count, base.where)
        noisy, velocity = base.noisy(batch.clean, noise_like(batch.clean, rng), t)
        states = base.states(ids)
        vectors = self.vectors(batch.rows, rng)
        with autocast(base.where):
            self.network.show(vectors)
            told = base.unet(noisy.contiguous(memory_format=torch.channels_last), t, states).sample
            self.network.show(None)
        return {"velocity": (told.float() - velocity).pow(2).mean()}


def work(team: Team, a: argparse.Namespace, until: float) -> None:
    """What each worker does."""
    folder, model = a.run / "reference", a.model or a.run / "export"
    if team.rank == 0 and not a.report:
        draw(a.run, a.count, a.drawers)
    team.wait()
    base = Base(model, torch.device(a.device))
    seer = clip(a.run, len(base.tokenizer))
    torch.manual_seed(a.seed)
    network = Adapter(base.unet, int(seer.config.projection_dim))
    if not a.report:
        count = len(np.load(folder / "pictures.npy", mmap_mode="r"))
        fitting.fit(
            Task(network, base, Samples(a.run, base, count), seer, a.run),
            folder,
            until=until,
            most_steps=a.steps,
            rate=a.rate,
            batch=a.batch,
            seed=a.seed,
            team=team,
        )
    if fitting.reports(team, a):
        steps = fitting.trained(network.cpu(), folder)
        write(network, image_encoder(seer.cpu()), folder)
        judge = a.run / "judge"
        figures = measure(model, folder, judge, a.scenes, where=base.where)
        show(model, folder, folder / "sheet.png", where=base.where)
        print(json.dumps(figures, indent=1), flush=True)
        card = {
            "kind": "ip-adapter",
            "parameters": size(network),
            "tokens": TOKENS,
            "steps": steps,
            "batch": a.batch,
            "held_out": figures,
        }
        fitting.write_card(folder, "reference", card)


def main() -> None:
    """Entry point."""
    parser = fitting.arguments(__doc__.splitlines()[0], batch=usual_batch(48), rate=1e-3)
    parser.add_argument("--model", type=Path, help="exported base; default RUN/export")
    parser.add_argument("--count", type=int, default=20_000, help="pictures to draw references of")
    parser.add_argument(
        "--drawers", type=int, default=os.cpu_count() or 2, help="processes that draw those"
    )
    parser.add_argument("--scenes", type=int, default=48, help="held-out pairs for the figures")
    fitting.run(work, parser.parse_args())


if __name__ == "__main__":
    main()
