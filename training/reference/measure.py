"""What an IP-Adapter carries over, at several scales, through the stock pipeline.

Held-out pairs: the prompt says what is where and nothing of how it looks, the reference shows the
character and the style in another scene. Measured against the reference: likeness to the small
CLIP, overlap of colours, and the share of pictures in which the judge sees the reference's style,
colour and clothes. Beside it: what the prompt asked for (the judge's claims), which a reference
should not cost, and how like the compositions are, which it should not carry.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image
from torch.nn import functional as F  # noqa: N812

from training.device import autocast
from training.draft.measure import alike
from training.files import save_sheet
from training.judge.claims import Claim, claims, holds
from training.judge.panel import Panel, load
from training.reference.adapter import FILE
from training.reference.pairs import bare, reference
from training.world import Caption, Scene, render

FIRST_SCENE = 93_000_000
SCALES = (0.0, 0.5, 1.0)
STEPS, GUIDANCE = 20, 4.0


@dataclass(frozen=True)
class Pair:
    """A target that is only described, and the reference that is shown."""

    seed: int
    target: Scene
    said: Caption
    shown: Scene

    @property
    def carried(self) -> list[Claim]:
        """What the reference alone says: style, colour, clothes."""
        facts = self.shown.facts
        found = [Claim("style", "", facts.style)]
        for thing in facts.things[:1]:
            if thing.colour:
                found.append(Claim("colour", thing.noun, thing.colour))
            if thing.garment:
                found.append(Claim("object", thing.garment, "worn"))
                found.append(Claim("colour", thing.garment, thing.garment_colour))
        return found


def pairs(count: int) -> list[Pair]:
    """Held-out pairs of scenes with one kind of thing; every other one is not flat, which the
    base draws by itself."""
    found: list[Pair] = []
    seed = FIRST_SCENE
    while len(found) < count:
        target = render(seed, phrasings=1, mode="one")
        if target.facts.things and (target.facts.style == "flat") == (len(found) % 2 == 0):
            said = bare(target.facts, random.Random(seed))
            found.append(Pair(seed, target, said, reference(target.facts, seed)))
        seed += 1
    return found


def pipeline_with(model: Path, folder: Path, where: torch.device) -> StableDiffusionPipeline:
    """The stock pipeline with the adapter, loaded as any other."""
    pipeline = StableDiffusionPipeline.from_pretrained(
        model, safety_checker=None, torch_dtype=torch.float32, local_files_only=True
    )
    pipeline.load_ip_adapter(str(folder), subfolder="", weight_name=FILE, local_files_only=True)
    pipeline.to(where, torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@torch.no_grad()
def paint(pipeline: StableDiffusionPipeline, wanted: list[Pair], scale: float) -> np.ndarray:
    """uint8 N x 256 x 256 x 3 at a scale of the adapter.

    One by one: the stock pipeline shows every picture of a batch to each of its prompts.
    """
    pipeline.set_ip_adapter_scale(scale)
    drawn = []
    for pair in wanted:
        with autocast(pipeline.device):
            images = pipeline(
                pair.said.text,
                ip_adapter_image=Image.fromarray(pair.shown.picture),
                num_inference_steps=STEPS,
                guidance_scale=GUIDANCE,
                generator=torch.Generator().manual_seed(pair.seed),
                output_type="np",
            ).images
        drawn.append((np.asarray(images, np.float32) * 255).round().astype(np.uint8))
    return np.concatenate(drawn)


def histogram(pictures: np.ndarray, bins: int = 6) -> np.ndarray:
    """Shares of colours, N x bins^3."""
    cells = pictures.astype(np.int64) * bins // 256
    index = (cells[..., 0] * bins + cells[..., 1]) * bins + cells[..., 2]
    flat = index.reshape(len(pictures), -1)
    return np.stack([np.bincount(row, minlength=bins**3) / len(row) for row in flat])


def overlap(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Mean share of colours that pictures have in common, 0..1."""
    return float(np.minimum(histogram(ours), histogram(theirs)).sum(1).mean())


def shares(judge: Panel, pictures: np.ndarray, wanted: list[list[Claim]]) -> dict[str, float]:
    """Of claims of each kind, the share that the judge sees in the pictures."""
    by_kind: dict[str, list[bool]] = {}
    told = judge.answers(pictures)
    for i, said in enumerate(wanted):
        answers = {name: values[i] for name, values in told.items()}
        for claim in said:
            by_kind.setdefault(claim.kind, []).append(holds(claim, answers))
    return {kind: round(float(np.mean(found)), 4) for kind, found in by_kind.items()}


@torch.no_grad()
def _seen(pipeline: StableDiffusionPipeline, pictures: np.ndarray) -> torch.Tensor:
    vectors = [
        pipeline.encode_image(Image.fromarray(p), pipeline.device, 1)[0].float().cpu()
        for p in pictures
    ]
    return F.normalize(torch.cat(vectors), dim=1)


def compare(
    pipeline: StableDiffusionPipeline, judge: Panel | None, pictures: np.ndarray, wanted: list[Pair]
) -> dict[str, Any]:
    """All the figures of one set of pictures."""
    shown = np.stack([p.shown.picture for p in wanted])
    near = (_seen(pipeline, pictures) * _seen(pipeline, shown)).sum(1).mean()
    found: dict[str, Any] = {
        "clip": round(float(near), 4),
        "colours": round(overlap(pictures, shown), 4),
        "composition_ssim": alike(pictures, shown)["ssim"],
    }
    if judge is not None:
        found["carried"] = shares(judge, pictures, [p.carried for p in wanted])
        found["prompt"] = shares(judge, pictures, [claims(p.said, p.target.facts) for p in wanted])
    return found


def measure(
    model: Path, folder: Path, judge: Path, count: int, *, where: torch.device
) -> dict[str, Any]:
    """Figures at each scale, and of the targets' true renders: the ceiling."""
    pipeline, wanted = pipeline_with(model, folder, where), pairs(count)
    asked = load(judge) if (judge / "style.safetensors").exists() else None
    found: dict[str, Any] = {"pairs": count}
    for scale in SCALES:
        drawn = paint(pipeline, wanted, scale)
        found[f"scale_{scale:g}"] = compare(pipeline, asked, drawn, wanted)
    truth = np.stack([p.target.picture for p in wanted])
    found["true_renders"] = compare(pipeline, asked, truth, wanted)
    return found


def show(model: Path, folder: Path, path: Path, *, where: torch.device, count: int = 8) -> None:
    """A sheet: references above, then the scales, from none to full."""
    pipeline, wanted = pipeline_with(model, folder, where), pairs(count)
    rows = [p.shown.picture for p in wanted]
    for scale in SCALES:
        rows += list(paint(pipeline, wanted, scale))
    save_sheet(rows, path, columns=count)
