"""Train an IP-Adapter on pairs of scenes that share style and character.

    python -m training.reference.pairs --run RUN --count 20000 --workers 2
    python -m training.reference.train --run RUN --minutes 40
    python -m training.reference.train --run RUN --report

An IP-Adapter in the stock format (arXiv 2308.06721) on the frozen base, its image encoder the half
of the small CLIP that sees (RUN/clip/checkpoint.pt of training.clip). It learns from the base
itself: seeing a reference and words that leave its looks out, to predict what the base predicts
from the same noise by words that say them. The paper's loss, against the noise that a sample was
given, teaches it too, but clothes not at all (training/README.md compares them). Needs an exported
base (`--model`, default RUN/export); draws references itself where there are none. Writes
RUN/reference: ip-adapter.safetensors, image_encoder, reference.json (card with figures), sheet.png.
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
from training.reference.adapter import TOKENS, Adapter, image_encoder, nothing, places, write
from training.reference.begin import ENOUGH, STEPS, begin
from training.reference.measure import measure, show
from training.reference.pairs import draw, told_of
from training.tokenizer import LENGTH

#: Shares of samples whose words leave out what the reference says, and that have no words at all;
#: the others have all the words, with which a reference agrees.
BARE, SILENT = 0.8, 0.05
#: Share of samples whose reference shows another thing: only its style is to be carried then.
STRANGE = 0.35
#: Share of samples among the noisiest, where a picture's looks are decided, and where those begin.
EARLY, NOISIEST = 0.5, 600
#: Share of samples without a reference (an empty one): there the base is to draw as ever.
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
    """To draw from a reference and few words what the base draws from all the words."""

    def __init__(
        self, network: Adapter, base: Base, samples: Samples, clip_model: CLIPModel, run: Path
    ) -> None:
        self.network, self.base, self.samples = network.to(base.where), base, samples
        network.attach(base.unet)
        self.clip = clip_model.to(base.where)
        with torch.no_grad():
            self.none = places(self.clip, nothing(clip_model).to(base.where))
        self.pictures = np.load(run / "reference" / "pictures.npy", mmap_mode="r")
        self.told = told_of(run)
        said = [one.said for one in self.told]
        shape = (len(said), len(said[0]), -1)
        #: Token ids, pictures x phrasings x LENGTH: without what the references say, and with it.
        self.plain, self.full = (
            base.ids([pair[k] for one in said for pair in one])
            .cpu()
            .numpy()
            .astype(np.int16)
            .reshape(shape)
            for k in (0, 1)
        )

    def begin(self, steps: int = STEPS) -> float:
        """Begin with words for what references show (see `begin`)."""
        rng, rows = np.random.default_rng(0), np.arange(min(ENOUGH, self.samples.count))
        parts = [self.shown(some, rng).cpu() for some in np.array_split(rows, -(-len(rows) // 200))]
        said = [self.told[row].looks for row in rows]
        return begin(self.network, self.base, torch.cat(parts), said, steps)

    @torch.no_grad()
    def shown(self, rows: np.ndarray, rng: Rng) -> torch.Tensor:
        """What the encoder sees in the references of some rows."""
        pictures = vary(to_unit(np.array(self.pictures[rows])).to(self.base.where), rng)
        with autocast(self.base.where):
            return places(self.clip, pictures)

    def words(
        self, rows: np.ndarray, rng: Rng
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, np.ndarray]:
        """Ids that the adapter reads and ids that say all (N x LENGTH), which are blind (N), and
        whose references are shown (rows)."""
        base, count = self.base, len(rows)
        way, chance = rng.integers(0, self.plain.shape[1], count), rng.random(count)
        shown = np.where(
            rng.random(count) < STRANGE, rng.integers(0, self.samples.count, count), rows
        )
        full, plain = self.full[rows, way], self.plain[rows, way]
        strange = np.flatnonzero(shown != rows)
        if len(strange):
            said = [
                (self.told[rows[k]].said[way[k]][0], self.told[shown[k]].style) for k in strange
            ]
            full[strange] = base.ids([f"{text}, {style}" for text, style in said]).cpu().numpy()
        read = np.where((chance > SILENT + BARE)[:, None], full, plain)
        read[(chance < SILENT) & (shown == rows)] = base.empty.cpu().numpy()
        blind = rng.random(count) < BLIND
        full = np.where(blind[:, None], read, full)
        put = [torch.from_numpy(x.astype(np.int64)).to(base.where) for x in (read, full)]
        return put[0], put[1], torch.from_numpy(blind).to(base.where), shown

    def loss(self, rng: Rng, count: int) -> dict[str, torch.Tensor]:
        """Squared distance to the velocity that the base predicts from all the words."""
        base = self.base
        batch = self.samples.take(rng, count, silent=0.0, weighted=0.0)
        read, full, blind, shown = self.words(batch.rows, rng)
        early = torch.from_numpy(rng.random(count) < EARLY).to(base.where)
        t = timesteps(rng, count, base.where)
        t = torch.where(early, NOISIEST + t * (1000 - NOISIEST) // 1000, t)
        noisy, _ = base.noisy(batch.clean, noise_like(batch.clean, rng), t)
        noisy = noisy.contiguous(memory_format=torch.channels_last)
        seen = torch.where(blind[:, None, None], self.none, self.shown(shown, rng))
        with autocast(base.where):
            self.network.show(None)
            with torch.no_grad():
                wanted = base.unet(noisy, t, base.states(full)).sample
            self.network.show(seen)
            told = base.unet(noisy, t, base.states(read)).sample
            self.network.show(None)
        return {"velocity": (told.float() - wanted.float()).pow(2).mean()}


def work(team: Team, a: argparse.Namespace, until: float) -> None:
    """What each worker does."""
    folder, model = a.run / "reference", a.model or a.run / "export"
    if team.rank == 0 and not a.report:
        draw(a.run, a.count, a.drawers)
    team.wait()
    base = Base(model, torch.device(a.device))
    seer = clip(a.run, len(base.tokenizer))
    torch.manual_seed(a.seed)
    network = Adapter(base.unet, int(seer.config.vision_config.hidden_size))
    if not a.report:
        count = len(np.load(folder / "pictures.npy", mmap_mode="r"))
        task = Task(network, base, Samples(a.run, base, count), seer, a.run)
        if not (folder / "checkpoint.pt").exists():
            print(f"begins with {task.begin():.0%} of what words say", flush=True)
        fitting.fit(
            task,
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
