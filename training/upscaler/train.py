"""Train the upscaler on rendered pictures, and compare it with Lanczos on scenes it never saw.

    python -m training.upscaler.train --run RUN --scenes 300 --minutes 6
    python -m training.upscaler.train --run RUN --report

Most of a batch are scenes drawn at 256 and at 1024 pixels (`large`), a few of them sent through the
run's autoencoder, so that generated pictures are known; the others are pictures of the run in every
style, reduced to a quarter. A few of both are then blurred, made noisy and compressed.
Writes RUN/upscaler: upscaler.safetensors (fp16) and upscaler.json (shape, held-out figures).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from diffusers import AutoencoderTiny
from PIL import Image
from torch.nn import functional as F  # noqa: N812

from maquette.engines.compact import Compact, enlarge
from training import degrade, fitting
from training.autoencoder import held_out
from training.device import autocast
from training.files import save_sheet, to_pictures, to_unit
from training.parallel import Team
from training.upscaler.crops import (
    HELD_OUT_SEED,
    SIDE,
    autoencoder,
    draw,
    find_autoencoder,
    reduce,
    style,
    through,
    wear,
)
from training.upscaler.large import SCALE, render_twice
from training.world import render

#: Side of the small crops of a step.
CROP = 32
#: Share of the twins that come out of the autoencoder: it moves edges about, which no network of
#: this reach can put back, so that most of what they teach is to hedge.
SOFT = 0.15
#: Share of a step that are scenes drawn twice; the others are pictures of every style.
TWINS = 0.7


class Task:
    """Learning to enlarge."""

    def __init__(
        self, network: Compact, pairs: dict[str, np.ndarray], run: Path, where: torch.device
    ) -> None:
        self.network = network.to(where, memory_format=torch.channels_last)
        self.pairs, self.where = pairs, where
        self.pictures = np.load(run / "pictures.npy", mmap_mode="r")
        self.count = len(self.pictures) - held_out(len(self.pictures))

    def _twins(self, rng: np.random.Generator, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Small and large crops of scenes that were drawn twice."""
        small, large = [], []
        for i in rng.integers(0, len(self.pairs["large"]), count):
            kind = "soft" if rng.random() < SOFT else "small"
            y, x = (int(v) for v in rng.integers(0, SIDE - CROP + 1, 2))
            small.append(self.pairs[kind][i, y : y + CROP, x : x + CROP])
            y, x, side = SCALE * y, SCALE * x, SCALE * CROP
            large.append(self.pairs["large"][i, y : y + side, x : x + side])
        return to_unit(np.stack(small)), to_unit(np.stack(large))

    def _reduced(self, rng: np.random.Generator, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Crops of pictures of every style, and the same at a quarter."""
        large = []
        for i in rng.integers(0, self.count, count):
            y, x = (int(v) for v in rng.integers(0, 257 - SCALE * CROP, 2))
            large.append(self.pictures[i, y : y + SCALE * CROP, x : x + SCALE * CROP])
        batch = to_unit(np.stack(large))
        return reduce(batch), batch

    def loss(self, rng: np.random.Generator, count: int) -> dict[str, torch.Tensor]:
        """Mean absolute error of pixels and of slopes (values 0..1)."""
        twins = min(count - 1, round(TWINS * count)) if count > 1 else 1
        parts = self._twins(rng, twins), self._reduced(rng, max(1, count - twins))
        small, large = (torch.cat(x).to(self.where) for x in zip(*parts, strict=True))
        flip = degrade.each(rng.random(len(small)) < 0.5, small) > 0
        small, large = (torch.where(flip, x.flip(3), x) for x in (small, large))
        source = (wear(small, rng) / 2 + 0.5).contiguous(memory_format=torch.channels_last)
        with autocast(self.where):
            drawn = self.network(source).float()
        wanted = large / 2 + 0.5
        slopes = sum((drawn.diff(dim=d) - wanted.diff(dim=d)).abs().mean() for d in (2, 3))
        return {"pixels": F.l1_loss(drawn, wanted), "slopes": 0.5 * slopes}


def psnr(drawn: np.ndarray, wanted: np.ndarray) -> float:
    """Peak signal to noise ratio in dB of uint8 pictures."""
    error = np.mean((drawn.astype(np.float64) - wanted) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def ssim(drawn: np.ndarray, wanted: np.ndarray) -> float:
    """Structural similarity of lightness (Wang et al., 2004: 11x11 Gaussian of 1.5)."""
    weights = np.array((0.299, 0.587, 0.114), np.float32)
    a, b = (x.astype(np.float32) @ weights for x in (drawn, wanted))

    def mean(x: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(x, (11, 11), 1.5)[5:-5, 5:-5]

    ma, mb = mean(a), mean(b)
    va, vb, both = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float(
        (((2 * ma * mb + c1) * (2 * both + c2)) / ((ma**2 + mb**2 + c1) * (va + vb + c2))).mean()
    )


def compare(network: Compact, pairs: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
    """Mean PSNR and SSIM of the network and of Lanczos over (small, wanted) pictures."""
    rows = []
    for small, wanted in pairs:
        image = Image.fromarray(small)
        ours = np.asarray(enlarge(network, image))
        size = (wanted.shape[1], wanted.shape[0])
        plain = np.asarray(image.resize(size, Image.Resampling.LANCZOS))
        rows.append([f(x, wanted) for x in (ours, plain) for f in (psnr, ssim)])
    means = np.mean(rows, axis=0)
    better = float(np.mean([row[0] > row[2] for row in rows]))
    return {
        "pictures": len(rows),
        "network": {"psnr": round(float(means[0]), 2), "ssim": round(float(means[1]), 4)},
        "lanczos": {"psnr": round(float(means[2]), 2), "ssim": round(float(means[3]), 4)},
        "better_psnr": round(better, 3),
    }


Pairs = list[tuple[np.ndarray, np.ndarray]]


def held_out_pairs(vae: AutoencoderTiny | None, count: int) -> dict[str, Pairs]:
    """(small, wanted) pictures of each kind, of scenes that no training drew: `count` scenes drawn
    twice, as they are and out of an autoencoder, and twice as many of every style at a quarter."""
    twice = [render_twice(HELD_OUT_SEED + i, style=style(i)) for i in range(count)]
    small, large = (np.stack(x) for x in zip(*twice, strict=True))
    whole = [render(HELD_OUT_SEED + 1000 + i, phrasings=1).picture for i in range(2 * count)]
    reduced = reduce(to_unit(np.stack(whole)))
    worn = wear(to_unit(to_pictures(reduced)), np.random.default_rng(0))
    found = {
        "rendered_256_to_1024": list(zip(small, large, strict=True)),
        "reduced_64_to_256": list(zip(to_pictures(reduced), whole, strict=True)),
        "worn_64_to_256": list(zip(to_pictures(worn), whole, strict=True)),
    }
    if vae is not None:
        found["autoencoded_256_to_1024"] = list(zip(through(vae, small), large, strict=True))
    return found


def measure(network: Compact, kinds: dict[str, Pairs]) -> dict[str, Any]:
    """Figures of each kind of pair, beside Lanczos."""
    return {kind: compare(network, pairs) for kind, pairs in kinds.items()}


def report(network: Compact, run: Path, steps: int, count: int) -> dict[str, Any]:
    """Held-out figures and a sheet, exported with the weights."""
    kinds = held_out_pairs(autoencoder(find_autoencoder(run)), count)
    figures = measure(network, kinds)
    print(json.dumps(figures, indent=1), flush=True)
    rows = []
    for source, large in kinds.get("autoencoded_256_to_1024", kinds["rendered_256_to_1024"])[:6]:
        image = Image.fromarray(source)
        plain = image.resize((1024, 1024), Image.Resampling.LANCZOS)
        rows += [np.asarray(x)[300:812:, 256:768] for x in (plain, enlarge(network, image), large)]
    save_sheet(rows, run / "upscaler" / "sheet.png", columns=3)
    shape = {
        "features": network.features,
        "convolutions": network.convolutions,
        "scale": network.scale,
    }
    card = {**shape, "steps": steps, "held_out": figures}
    fitting.export(network, run / "upscaler", "upscaler", card)
    return figures


def work(team: Team, options: argparse.Namespace, until: float) -> None:
    """What each worker does."""
    folder = options.run / "upscaler"
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    network = Compact(options.features, options.convolutions, SCALE)
    if not options.report:
        vae = find_autoencoder(options.run)
        if team.rank == 0:
            draw(folder / "pairs", options.scenes, options.drawers, vae)
        team.wait()
        pairs = draw(folder / "pairs", options.scenes, 1, vae)
        fitting.fit(
            Task(network, pairs, options.run, torch.device(options.device)),
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
        steps = fitting.trained(network, folder)
        report(network, options.run, steps, options.held_out)


def main() -> None:
    """Entry point."""
    parser = fitting.arguments(__doc__.splitlines()[0], batch=16, rate=2e-3)
    parser.add_argument("--scenes", type=int, default=300, help="drawn large, for training")
    parser.add_argument("--drawers", type=int, default=2, help="processes that draw them")
    parser.add_argument("--features", type=int, default=48)
    parser.add_argument("--convolutions", type=int, default=14)
    parser.add_argument("--held-out", type=int, default=24)
    fitting.run(work, parser.parse_args())


if __name__ == "__main__":
    main()
