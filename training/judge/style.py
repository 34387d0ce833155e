"""The judge of style: a smaller network that looks at texture at full size.

    python -m training.judge.style --run RUN --steps 700 --workers 1

At the 128 pixels of the other judge the blocks of pixel art and the paper of a watercolour are
gone; here means and deviations of fine features decide, whatever the scene shows. Trained on
rendered pictures only, blurred, made noisy and compressed like those of the other judge. Writes
RUN/judge/style.safetensors and style.json.
"""

from __future__ import annotations

import argparse
from functools import partial
from multiprocessing import Pool
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from training import degrade, fitting
from training.device import autocast
from training.files import to_unit
from training.parallel import Team
from training.world import render
from training.world.facts import STYLES

FIRST_SEED, HELD_OUT_SEED = 42_000_000, 65_000_000
CROP = 128


class Style(nn.Module):
    """Pictures (N x 3 x 256 x 256, -1..1; training takes crops) to logits of `STYLES`."""

    def __init__(self, widths: tuple[int, int, int] = (16, 32, 48)) -> None:
        super().__init__()
        layers, before = [], 3
        for width in widths:
            # No norm: how bright and how contrasted a picture is belongs to its style.
            conv = nn.Conv2d(before, width, 4, stride=2, padding=1)
            layers.append(nn.Sequential(conv, nn.LeakyReLU(0.1)))
            before = width
        self.layers = nn.ModuleList(layers)
        self.head = nn.Sequential(
            nn.Linear(2 * (3 + sum(widths)), 64), nn.SiLU(), nn.Linear(64, len(STYLES))
        )

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Look at a batch."""
        x, found = pictures, []
        for layer in (nn.Identity(), *self.layers):
            x = layer(x)
            flat = x.float().flatten(2)
            found += [flat.mean(2), flat.std(2)]
        return self.head(torch.cat(found, 1))


def _draw(index: int, first: int) -> tuple[np.ndarray, int]:
    style = index % len(STYLES)
    return render(first + index, phrasings=1, style=STYLES[style]).picture, style


def draw(count: int, first: int, workers: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """So many pictures (uint8 N x 256 x 256 x 3), evenly of each style, and which it is."""
    job = partial(_draw, first=first)
    if workers == 1:
        made = [job(i) for i in range(count)]
    else:
        with Pool(workers) as pool:
            made = pool.map(job, range(count), chunksize=50)
    return np.stack([picture for picture, _ in made]), np.array([style for _, style in made])


def disturb(pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Soft, tinted and rough, but not bent: where edges lie is what tells pixel art."""

    def rough(x: torch.Tensor) -> torch.Tensor:
        return degrade.compress(x, degrade.each(rng.uniform(0.1, 1.0, len(x)), x))

    def noisy(x: torch.Tensor) -> torch.Tensor:
        return x + degrade.noise_like(x, rng) * degrade.each(rng.uniform(0, 0.05, len(x)), x)

    out = degrade.some(lambda x: degrade.soften(x, rng, 1.5), pictures, rng, 0.6)
    out = degrade.some(lambda x: degrade.tint(x, rng), out, rng, 0.7)
    out = degrade.some(noisy, out, rng, 0.3)
    return degrade.some(rough, out, rng, 0.2).clamp(-1, 1)


class Task:
    """Learning to tell styles."""

    def __init__(
        self, network: Style, pictures: np.ndarray, styles: np.ndarray, where: torch.device
    ) -> None:
        self.network = network.to(where, memory_format=torch.channels_last)
        self.pictures, self.styles, self.where = pictures, styles, where

    def loss(self, rng: np.random.Generator, count: int) -> dict[str, torch.Tensor]:
        """Cross entropy over crops."""
        chosen = rng.integers(0, len(self.pictures), count)
        corners = 8 * rng.integers(0, (256 - CROP) // 8 + 1, (count, 2))
        crops = [
            self.pictures[i, y : y + CROP, x : x + CROP]
            for i, (y, x) in zip(chosen, corners, strict=True)
        ]
        batch = disturb(to_unit(np.stack(crops)).to(self.where), rng)
        with autocast(self.where):
            logits = self.network(batch.contiguous(memory_format=torch.channels_last))
        wanted = torch.from_numpy(self.styles[chosen]).to(self.where)
        return {"style": F.cross_entropy(logits.float(), wanted, label_smoothing=0.02)}


@torch.no_grad()
def ask(network: Style, pictures: torch.Tensor, batch: int = 50) -> np.ndarray:
    """Index of the style of each picture (N x 3 x 256 x 256, -1..1)."""
    where = next(network.parameters()).device
    return np.concatenate(
        [network(part.to(where)).argmax(1).cpu().numpy() for part in pictures.split(batch)]
    )


def measure(network: Style, count: int) -> dict[str, Any]:
    """Shares of right answers by style, on pictures as rendered and disturbed."""
    pictures, styles = draw(count, HELD_OUT_SEED)
    plain = to_unit(pictures)
    rng = np.random.default_rng(1)
    figures: dict[str, Any] = {"pictures": count}
    for name, batch in (
        ("rendered", plain),
        ("disturbed", torch.cat([disturb(part, rng) for part in plain.split(50)])),
    ):
        right = ask(network, batch) == styles
        shares = {s: round(float(right[styles == k].mean()), 4) for k, s in enumerate(STYLES)}
        figures[name] = {"all": round(float(right.mean()), 4), **shares}
    return figures


def work(team: Team, options: argparse.Namespace, until: float) -> None:
    """What each worker does."""
    folder = options.run / "judge"
    (folder / "style").mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    network = Style()
    if not options.report:
        pictures, styles = draw(options.scenes, FIRST_SEED)
        fitting.fit(
            Task(network, pictures, styles, torch.device(options.device)),
            folder / "style",
            until=until,
            most_steps=options.steps,
            rate=options.rate,
            batch=options.batch,
            seed=options.seed,
            team=team,
        )
    if fitting.reports(team, options):
        network.cpu().to(memory_format=torch.contiguous_format)
        steps = fitting.trained(network, folder / "style")
        figures = measure(network, options.held_out)
        print(figures, flush=True)
        fitting.export(network, folder, "style", {"steps": steps, "held_out": figures})


def main() -> None:
    """Entry point."""
    parser = fitting.arguments(__doc__.splitlines()[0], batch=32, rate=1e-2)
    parser.add_argument("--scenes", type=int, default=1500)
    parser.add_argument("--held-out", type=int, default=500)
    fitting.run(work, parser.parse_args())


if __name__ == "__main__":
    main()
