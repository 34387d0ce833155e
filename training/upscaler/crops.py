"""Pairs to learn from: a crop as models draw it, and the same crop as it should look large."""

from __future__ import annotations

from functools import partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny

from training import degrade
from training.files import painter, to_pictures, to_unit
from training.upscaler.large import SCALE, render_twice

PIECE, EACH = 20, 2
FIRST_SEED, HELD_OUT_SEED = 41_000_000, 63_000_000
#: Side of a small crop.
SIDE = 96


def style(seed: int) -> str:
    """One scene in eight is pixel art."""
    return "pixel" if seed % 8 == 7 else "flat"


@torch.no_grad()
def through(vae: AutoencoderTiny | None, pictures: np.ndarray) -> np.ndarray:
    """Pictures (uint8) as they come out of an autoencoder; as they are without one."""
    if vae is None:
        return pictures
    return np.concatenate(
        [to_pictures(vae.decoder(vae.encoder(x))) for x in to_unit(pictures).split(10)]
    )


def autoencoder(folder: Path | None) -> AutoencoderTiny | None:
    """The autoencoder of a folder, in float32."""
    if folder is None:
        return None
    vae: AutoencoderTiny = AutoencoderTiny.from_pretrained(folder, torch_dtype=torch.float32)
    return vae.eval()


def find_autoencoder(run: Path) -> Path | None:
    """The autoencoder of a run, if there is one."""
    folder = painter(run)
    return folder if (folder / "config.json").exists() else None


def busiest(picture: np.ndarray, rng: np.random.Generator) -> tuple[int, int]:
    """Row and column of the crop with the most edges, of four at random."""
    corners = [tuple(int(v) for v in rng.integers(0, 257 - SIDE, 2)) for _ in range(4)]
    grey = picture.astype(np.float32).mean(-1)

    def edges(corner: tuple[int, int]) -> float:
        y, x = corner
        return float(np.abs(np.diff(grey[y : y + SIDE, x : x + SIDE])).sum())

    return max(corners, key=edges)


def _draw_piece(start: int, folder: Path, vae_folder: Path | None) -> None:
    """Draw scenes start..start+PIECE: crops `small`, `soft` (through the autoencoder), `large`."""
    path = folder / f"{start:06d}.npz"
    if path.exists():
        return
    torch.set_num_threads(1)
    twice = [
        render_twice(seed, style=style(seed))
        for seed in range(FIRST_SEED + start, FIRST_SEED + start + PIECE)
    ]
    small = np.stack([one for one, _ in twice])
    soft = through(autoencoder(vae_folder), small)
    rng = np.random.default_rng(start)
    crops: dict[str, list[np.ndarray]] = {"small": [], "soft": [], "large": []}
    for i, (_, large) in enumerate(twice):
        for _ in range(EACH):
            y, x = busiest(small[i], rng)
            crops["small"].append(small[i, y : y + SIDE, x : x + SIDE])
            crops["soft"].append(soft[i, y : y + SIDE, x : x + SIDE])
            top, left = SCALE * y, SCALE * x
            crops["large"].append(
                large[top : top + SCALE * SIDE, left : left + SCALE * SIDE].copy()
            )
    unfinished = path.with_suffix(".writing.npz")
    np.savez(unfinished, **{name: np.stack(found) for name, found in crops.items()})
    unfinished.rename(path)


def draw(folder: Path, scenes: int, workers: int, vae: Path | None) -> dict[str, np.ndarray]:
    """Draw (what is missing of) the pairs of so many scenes, and read them all."""
    folder.mkdir(parents=True, exist_ok=True)
    starts = list(range(0, scenes, PIECE))
    job = partial(_draw_piece, folder=folder, vae_folder=vae)
    if workers == 1:
        for start in starts:
            job(start)
    else:
        with Pool(workers) as pool:
            list(pool.imap_unordered(job, starts))
    pieces = [np.load(folder / f"{start:06d}.npz") for start in starts]
    return {name: np.concatenate([p[name] for p in pieces]) for name in ("small", "soft", "large")}


def reduce(pictures: torch.Tensor) -> torch.Tensor:
    """Pictures at a quarter of their sides, by averaging."""
    return torch.nn.functional.avg_pool2d(pictures, SCALE)


def wear(small: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """What small pictures go through before somebody enlarges them, a little of it: softness,
    noise, JPEG. With half of the pictures worn hard, the best answer was to smooth everything, and
    the loss stood still after a hundred steps."""

    def rough(x: torch.Tensor) -> torch.Tensor:
        return degrade.compress(x, degrade.each(rng.uniform(0.05, 0.4, len(x)), x))

    def noisy(x: torch.Tensor) -> torch.Tensor:
        return x + degrade.noise_like(x, rng) * degrade.each(rng.uniform(0, 0.02, len(x)), x)

    out = degrade.some(lambda x: degrade.soften(x, rng, 0.7), small, rng, 0.25)
    out = degrade.some(noisy, out, rng, 0.15)
    return degrade.some(rough, out, rng, 0.15).clamp(-1, 1)
