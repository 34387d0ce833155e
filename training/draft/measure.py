"""Figures of drafts: how like the base's pictures of the same seed, and how much faster.

Adherence is measured by `training.adherence` on RUN/draft/merged with `--steps 4 --guidance 1`,
beside the base's with 20 steps.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from torch.nn import functional as F  # noqa: N812

from training.adherence import Prompt, prompts, words_of
from training.degrade import blur
from training.device import autocast, device
from training.files import save_sheet, to_unit

#: Steps and guidance of the base, and of drafts.
FULL, DRAFT = (20, 5.0), (4, 1.0)
#: Side at which pictures are compared: their composition, not their texture.
SIDE = 64


def load(folder: Path) -> StableDiffusionPipeline:
    """An exported pipeline in float32, offline, without a progress bar."""
    pipeline = StableDiffusionPipeline.from_pretrained(
        folder, safety_checker=None, torch_dtype=torch.float32, local_files_only=True
    ).to(device())
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@torch.no_grad()
def paint(
    pipeline: StableDiffusionPipeline,
    wanted: list[Prompt],
    how: tuple[int, float],
    *,
    other: int = 0,
    batch: int = 8,
) -> np.ndarray:
    """uint8 N x 256 x 256 x 3; `other` is added to each prompt's seed."""
    drawn = []
    for i in range(0, len(wanted), batch):
        part = wanted[i : i + batch]
        with autocast(device()):
            images = pipeline(
                [p.caption.text for p in part],
                num_inference_steps=how[0],
                guidance_scale=how[1],
                generator=[torch.Generator().manual_seed(p.seed + other) for p in part],
                output_type="np",
            ).images
        drawn.append((np.asarray(images, np.float32) * 255).round().astype(np.uint8))
    return np.concatenate(drawn)


def ssim(ours: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    """Structural similarity (Wang et al., 2004) of pictures N x C x H x W in -1..1; N figures."""
    a, b = (ours + 1) / 2, (theirs + 1) / 2
    mean_a, mean_b = blur(a, 1.5), blur(b, 1.5)
    var_a, var_b = blur(a * a, 1.5) - mean_a**2, blur(b * b, 1.5) - mean_b**2
    both = blur(a * b, 1.5) - mean_a * mean_b
    near = (2 * mean_a * mean_b + 1e-4) / (mean_a**2 + mean_b**2 + 1e-4)
    alike = (2 * both + 9e-4) / (var_a + var_b + 9e-4)
    return (near * alike).mean((1, 2, 3))


def small(pictures: np.ndarray) -> torch.Tensor:
    """Pictures by which compositions are compared, N x 3 x SIDE x SIDE."""
    return F.interpolate(to_unit(pictures), size=(SIDE, SIDE), mode="area")


def alike(ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
    """SSIM and mean distance of colours (0..1) of two sets of pictures, at 64 pixels."""
    a, b = small(ours), small(theirs)
    distance = float((a - b).abs().mean() / 2)
    return {"ssim": round(float(ssim(a, b).mean()), 4), "distance": round(distance, 4)}


def likeness(
    base: StableDiffusionPipeline, draft: StableDiffusionPipeline, wanted: list[Prompt]
) -> dict[str, Any]:
    """How like the base's pictures those of the drafts are, seed by seed.

    To compare with: the base in as few steps, and the base with other seeds of the same prompts.
    """
    full = paint(base, wanted, FULL)
    few = paint(base, wanted, (DRAFT[0], FULL[1]))
    others = paint(base, wanted, FULL, other=1_000_003)
    drafts = paint(draft, wanted, DRAFT)
    return {
        "prompts": len(wanted),
        "draft_and_base": alike(drafts, full),
        "base_in_few_steps": alike(few, full),
        "base_of_another_seed": alike(others, full),
    }


def pace(
    base: StableDiffusionPipeline,
    draft: StableDiffusionPipeline,
    wanted: list[Prompt],
    rounds: int,
) -> dict[str, float]:
    """Median seconds of one picture, base and draft in turns, and their ratio."""
    ways = {"base": (base, FULL), "draft": (draft, DRAFT)}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, (pipeline, how) in ways.items():
            began = time.perf_counter()
            paint(pipeline, wanted[:1], how)
            if turn:  # the first of each only warms up
                taken[name].append(time.perf_counter() - began)
    found = {name: round(statistics.median(times), 3) for name, times in taken.items()}
    return {**found, "times_faster": round(found["base"] / found["draft"], 2)}


def show(
    base: StableDiffusionPipeline,
    draft: StableDiffusionPipeline,
    wanted: list[Prompt],
    path: Path,
) -> None:
    """A sheet: eight prompts, base above, draft below."""
    above, below = paint(base, wanted[:8], FULL), paint(draft, wanted[:8], DRAFT)
    save_sheet([*above, *below], path, columns=len(above))


def measure(model: Path, draft: Path, count: int, rounds: int) -> dict[str, Any]:
    """All figures over `count` held-out prompts, `rounds` pictures timed of each kind; writes a
    sheet beside the draft's folder."""
    wanted = prompts(count, words=words_of(model))
    pipelines = load(model), load(draft)
    show(*pipelines, wanted, draft.parent / "sheet.png")
    return {
        "likeness": likeness(*pipelines, wanted),
        "pace": pace(*pipelines, wanted, rounds),
    }
