"""How well a ControlNet is obeyed, beside the base that sees the words alone.

Lines: the share of them that edges of the picture follow, within two pixels. Depth: rank
correlation of what a reader sees in the picture with what was asked. Pose: distance of the joints
that the reader finds from those asked for, in shares of the figure's height. Tile: PSNR of the
picture at a quarter. The same figures of the true renders are the ceiling.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from diffusers import ControlNetModel, StableDiffusionControlNetPipeline, StableDiffusionPipeline

from training.control.conditions import (
    CHANNELS,
    assemble,
    canny,
    colour_pose,
    draw_pose,
    joints,
    skeletons,
)
from training.control.reader import CELLS, Reader, look
from training.device import autocast
from training.files import save_sheet
from training.world import Scene, render

FIRST_SCENE, FIRST_POSED = 91_000_000, 92_000_000
#: How far an edge may be from its line, in pixels.
NEAR = 2
STEPS, GUIDANCE = 20, 4.0
#: Strength of the conditions for the figures.
STRENGTH = 1.0


def scenes(count: int, *, posed: bool = False) -> list[Scene]:
    """Held-out scenes with their layers; posed: of one figure, most of which can be seen."""
    found: list[Scene] = []
    seed = FIRST_POSED if posed else FIRST_SCENE
    while len(found) < count:
        fixed: dict[str, Any] = {"mode": "one", "noun": "fox"} if posed else {}
        if posed:
            fixed["noun"] = ("cat", "fox", "bear", "rabbit")[len(found) % 4]
        scene = render(seed, layers=("depth", "line"), **fixed)
        seed += 1
        if not posed or len(skeletons(scene.facts)) == 1:
            found.append(scene)
    return found


def asked(kind: str, wanted: list[Scene]) -> np.ndarray:
    """The condition of each scene as a user has it, uint8 N x 256 x 256 [x 3]."""
    if kind == "pose":
        return colour_pose(np.stack([draw_pose(skeletons(s.facts)) for s in wanted]))
    if kind == "tile":
        return np.stack([cv2.resize(s.picture, (64, 64), interpolation=3) for s in wanted])
    if kind == "canny":
        return np.stack([canny(s.picture) for s in wanted])
    return np.stack([np.asarray(getattr(s, kind)) for s in wanted])


def edge_recall(pictures: np.ndarray, lines: np.ndarray) -> float:
    """Mean share of the line pixels (uint8 N x 256 x 256) that have an edge of the picture near."""
    shares = []
    kernel = np.ones((2 * NEAR + 1,) * 2, np.uint8)
    for picture, line in zip(pictures, lines, strict=True):
        wanted = line > 127
        found = cv2.dilate(canny(picture, 30, 80), kernel) > 0
        if wanted.any():
            shares.append(float((found & wanted).sum() / wanted.sum()))
    return float(np.mean(shares))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Average ranks, equal values sharing theirs."""
    _, first, inverse, counts = np.unique(
        values, return_index=True, return_inverse=True, return_counts=True
    )
    del first
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[inverse].astype(np.float64)


def rank_correlation(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Spearman's correlation of two arrays of one shape; 0 when one of them is all the same."""
    a, b = _ranks(ours.ravel()), _ranks(theirs.ravel())
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def joint_error(found: np.ndarray, wanted: list[Scene]) -> dict[str, float]:
    """Of joints that can be seen (found: N x joints x 2): mean distance in heights of the figure,
    and the share within a tenth of it."""
    distances = []
    for places, scene in zip(found, wanted, strict=True):
        true = joints(scene.facts)[0]
        seen = true[:, 2] > 0.5
        tall = np.ptp(true[:, 1])
        away = np.linalg.norm(places[seen] - true[seen, :2], axis=1) / tall
        distances.append(away)
    every = np.concatenate(distances)
    return {
        "distance": round(float(every.mean()), 4),
        "within_a_tenth": round(float((every < 0.1).mean()), 4),
    }


def tile_psnr(pictures: np.ndarray, tiles: np.ndarray) -> float:
    """PSNR in dB of pictures brought down to the tiles' size."""
    small = np.stack([cv2.resize(p, tiles.shape[1:3], interpolation=3) for p in pictures])
    error = ((small.astype(np.float64) - tiles) ** 2).mean((1, 2, 3)) / 255**2
    return float((-10 * np.log10(error + 1e-10)).mean())


def obeyed(
    kind: str, pictures: np.ndarray, wanted: list[Scene], reader: Reader
) -> dict[str, float]:
    """The figures of one condition."""
    if kind in ("line", "canny"):
        return {"edge_recall": round(edge_recall(pictures, asked(kind, wanted)), 4)}
    if kind == "tile":
        return {"psnr": round(tile_psnr(pictures, asked("tile", wanted)), 2)}
    near, places = look(reader, pictures)
    if kind == "pose":
        return joint_error(places, wanted)
    small = [cv2.resize(np.asarray(s.depth), (CELLS, CELLS), interpolation=3) for s in wanted]
    pairs = zip(near, small, strict=True)
    return {"rank_correlation": round(float(np.mean([rank_correlation(*p) for p in pairs])), 4)}


def pipelines(
    model: Path, control: Path, where: torch.device
) -> tuple[StableDiffusionPipeline, StableDiffusionControlNetPipeline]:
    """The base as it is, and the stock pipeline with the control network."""
    base = StableDiffusionPipeline.from_pretrained(
        model, safety_checker=None, torch_dtype=torch.float32, local_files_only=True
    ).to(where)
    network = ControlNetModel.from_pretrained(
        control, torch_dtype=torch.float32, local_files_only=True
    ).to(where)
    steered = StableDiffusionControlNetPipeline(
        **base.components, controlnet=network, requires_safety_checker=False
    )
    for pipeline in (base, steered):
        pipeline.set_progress_bar_config(disable=True)
    return base, steered


@torch.no_grad()
def paint(
    pipeline: Any, wanted: list[Scene], control: torch.Tensor | None = None, batch: int = 8
) -> np.ndarray:
    """uint8 N x 256 x 256 x 3: each scene's caption, with its control picture if given."""
    drawn = []
    for i in range(0, len(wanted), batch):
        part = wanted[i : i + batch]
        more = {}
        if control is not None:
            more = {"image": control[i : i + batch], "controlnet_conditioning_scale": STRENGTH}
        with autocast(pipeline.device):
            images = pipeline(
                [s.caption for s in part],
                num_inference_steps=STEPS,
                guidance_scale=GUIDANCE,
                generator=[torch.Generator().manual_seed(k + i) for k in range(len(part))],
                output_type="np",
                **more,
            ).images
        drawn.append((np.asarray(images, np.float32) * 255).round().astype(np.uint8))
    return np.concatenate(drawn)


def _given(kind: str, wanted: list[Scene]) -> torch.Tensor:
    return assemble({"line" if kind == "canny" else kind: asked(kind, wanted)})


def measure(
    model: Path, control: Path, reader: Reader, count: int, *, where: torch.device
) -> dict[str, Any]:
    """Each condition alone: with it, without it (the base), and on the true renders."""
    base, steered = pipelines(model, control, where)
    figures: dict[str, Any] = {"scenes": count}
    plain, posed = scenes(count), scenes(count, posed=True)
    drawn = {id(plain): paint(base, plain), id(posed): paint(base, posed)}
    for kind in ("line", "canny", "depth", "pose", "tile"):
        wanted = posed if kind == "pose" else plain
        truth = np.stack([s.picture for s in wanted])
        figures[kind] = {
            "control": obeyed(kind, paint(steered, wanted, _given(kind, wanted)), wanted, reader),
            "base": obeyed(kind, drawn[id(wanted)], wanted, reader),
            "true_renders": obeyed(kind, truth, wanted, reader),
        }
    return figures


def show(model: Path, control: Path, path: Path, *, where: torch.device) -> None:
    """A sheet: for each condition two scenes: what was asked, the base, and with control."""
    base, steered = pipelines(model, control, where)
    panels: list[np.ndarray] = []
    for kind in (*CHANNELS, "canny"):
        wanted = scenes(2, posed=kind == "pose")
        condition = asked(kind, wanted)
        plain, led = paint(base, wanted), paint(steered, wanted, _given(kind, wanted))
        for i in range(2):
            shown = cv2.resize(condition[i], (256, 256), interpolation=cv2.INTER_NEAREST)
            shown = shown if shown.ndim == 3 else np.repeat(shown[..., None], 3, 2)
            panels += [shown, plain[i], led[i]]
    save_sheet(panels, path, columns=6)
