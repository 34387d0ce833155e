"""Figures of an exported model: where its words look, what weights do, and sheets to look at.

    python -m training.evaluate --model FOLDER --out FOLDER --scenes 80

The maps are those of the product's idea (cross-attention, averaged over layers and a few noise
levels) in a plain form of its own, so that the product's code is not judged by itself.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from torch.nn import functional as F  # noqa: N812

from training.attention import WatchedAttention
from training.files import save_sheet, to_unit
from training.networks import signal
from training.tokenizer import mark_nouns
from training.trainer import PROMPTS
from training.world import NOUNS, render
from training.world.phrases import SIDE_WORDS

FIRST_SCENE = 77_000_000
LEVELS = (350, 500)
WEIGHTS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
#: A plain moon: in "a full moon" the word "full" says moon as well.
MOON_PROMPT = "a wolf in a misty forest at night with a moon"
SMALLEST_SHARE = 0.004
#: Logit of a word of weight 0.
GONE = -1e4


def load(folder: Path) -> StableDiffusionPipeline:
    """The exported pipeline in float32, offline, without a progress bar."""
    pipeline = StableDiffusionPipeline.from_pretrained(
        folder, safety_checker=None, torch_dtype=torch.float32, local_files_only=True
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _normal(x: torch.Tensor) -> torch.Tensor:
    return (x - x.min()) / (x.max() - x.min() + 1e-8)


@torch.no_grad()
def word_maps(
    pipeline: StableDiffusionPipeline,
    watch: WatchedAttention,
    picture: np.ndarray,
    ids: torch.Tensor,
    *,
    levels: tuple[int, ...] = LEVELS,
    seed: int = 0,
) -> torch.Tensor:
    """Maps of every token of one caption on one picture: tokens x 256 x 256, each 0..1.

    The picture is encoded, noised to each level, and looked at once; maps of each resolution are
    averaged over layers and levels, enlarged, normalised and averaged.
    """
    side = pipeline.unet.config.sample_size
    native = side * pipeline.vae_scale_factor
    batch = F.interpolate(to_unit(picture[None]), size=(native, native), mode="area")
    clean = pipeline.vae.encoder(batch) * pipeline.vae.config.scaling_factor
    t = torch.tensor(levels)
    kept = signal()[t][:, None, None, None]
    noise = torch.randn(len(t), *clean.shape[1:], generator=torch.Generator().manual_seed(seed))
    states = pipeline.text_encoder(ids[None]).last_hidden_state
    watch.record = []
    pipeline.unet(kept.sqrt() * clean + (1 - kept).sqrt() * noise, t, states.expand(len(t), -1, -1))
    layers, watch.record = watch.record, None
    by_size: dict[int, list[torch.Tensor]] = defaultdict(list)
    for weights in layers:
        by_size[round(weights.shape[1] ** 0.5)].append(weights.mean(0))
    total = torch.zeros(ids.shape[0], 256, 256)
    for size, found in by_size.items():
        maps = torch.stack(found).mean(0).T.reshape(1, -1, size, size)
        large = F.interpolate(maps, size=(256, 256), mode="bicubic", align_corners=False)[0]
        total += torch.stack([_normal(m) for m in large])
    return total / len(by_size)


def overlap(
    pipeline: StableDiffusionPipeline, scenes: int, out: Path | None = None
) -> dict[str, Any]:
    """Mean intersection over union of token maps (above half their maximum) with noun masks."""
    watch = WatchedAttention()
    pipeline.unet.set_attn_processor(watch)
    found: dict[str, list[float]] = defaultdict(list)
    panels: list[np.ndarray] = []
    for number in range(scenes):
        scene = render(FIRST_SCENE + number)
        # The fullest caption names the most nouns.
        said = max(scene.captions, key=lambda c: len({s[2] for s in c.spans}))
        spans = [s for s in said.spans if said.text[s[0] : s[1]] not in SIDE_WORDS]
        ids, nouns = mark_nouns(pipeline.tokenizer, [(said.text, spans)])
        maps = word_maps(pipeline, watch, scene.picture, torch.from_numpy(ids[0].astype(np.int64)))
        shown = [scene.picture]
        for noun, mask in scene.masks.items():
            # The last word of a phrase is the noun itself ('full moon': moon).
            places = np.flatnonzero(nouns[0] == NOUNS.index(noun))
            if not len(places) or mask.mean() < SMALLEST_SHARE:
                continue
            heat = _normal(maps[places[-1]]).numpy()
            chosen = heat > 0.5
            found[noun].append(float((chosen & mask).sum() / (chosen | mask).sum()))
            tint = scene.picture * (1 - 0.65 * heat[..., None])
            shown.append((tint + np.array([255, 40, 40]) * 0.65 * heat[..., None]).astype(np.uint8))
        if len(shown) >= 4 and len(panels) < 12:
            panels.append(np.concatenate(shown[:4], 1)[::2, ::2])
    if out is not None and panels:
        save_sheet(panels, out / "maps.png", columns=2)
    nouns_mean = {n: round(float(np.mean(v)), 3) for n, v in sorted(found.items())}
    return {
        "mean": round(float(np.mean(list(nouns_mean.values()))), 3),
        "nouns": nouns_mean,
        "counts": {n: len(v) for n, v in sorted(found.items())},
        "scenes": scenes,
    }


@torch.no_grad()
def weigh(
    pipeline: StableDiffusionPipeline,
    *,
    word: str = "moon",
    prompt: str = MOON_PROMPT,
    gain: float = 1.0,
    seeds: int = 6,
    steps: int = 20,
    out: Path | None = None,
) -> dict[str, Any]:
    """Bright share of the upper 60% of the picture (%), as a word is weighted.

    A weight w adds log(w) to the word's logits, above 1 `gain` times that.
    """
    watch = WatchedAttention()
    pipeline.unet.set_attn_processor(watch)
    ids = pipeline.tokenizer(prompt, padding="max_length").input_ids
    wanted = pipeline.tokenizer(word, add_special_tokens=False).input_ids[0]
    column = ids.index(wanted)
    areas, rows = {}, []
    for weight in WEIGHTS:
        bias = torch.zeros(2 * seeds, 1, 1, len(ids))
        log = math.log(weight) if weight else GONE
        bias[seeds:, :, :, column] = gain * log if log > 0 else log
        watch.bias = bias
        generators = [torch.Generator().manual_seed(s) for s in range(seeds)]
        pictures = pipeline(
            [prompt] * seeds,
            num_inference_steps=steps,
            guidance_scale=5.0,
            generator=generators,
            output_type="np",
        ).images
        upper = pictures[:, : int(pictures.shape[1] * 0.6)].mean(-1)
        per_seed = (upper > 0.72).mean((1, 2)) * 100
        areas[str(weight)] = {
            "mean": round(float(per_seed.mean()), 2),
            "seeds": [round(float(v), 2) for v in per_seed],
        }
        rows += [(p * 255).round().astype(np.uint8) for p in pictures]
    watch.bias = None
    if out is not None:
        save_sheet(rows, out / f"weights_{word}.png", columns=seeds)
    return areas


def held_out_prompts(count: int, *, unseen: bool = False) -> list[str]:
    """Captions of scenes that no training step saw; `unseen`: of reserved pairs."""
    first = FIRST_SCENE + (20_000 if unseen else 10_000)
    return [render(first + i, unseen=unseen).caption for i in range(count)]


@torch.no_grad()
def paint(
    pipeline: StableDiffusionPipeline, prompts: list[str], *, first_seed: int = 0, steps: int = 20
) -> list[np.ndarray]:
    """One picture for each prompt (uint8 256 x 256 x 3), prompt i with seed `first_seed` + i."""
    pipeline.unet.set_attn_processor(WatchedAttention())
    painted = []
    for i in range(0, len(prompts), 8):
        part = prompts[i : i + 8]
        images = pipeline(
            part,
            num_inference_steps=steps,
            guidance_scale=4.5,
            generator=[torch.Generator().manual_seed(first_seed + i + k) for k in range(len(part))],
            output_type="np",
        ).images
        painted += list((images * 255).round().astype(np.uint8))
    return painted


def sheets(pipeline: StableDiffusionPipeline, out: Path) -> dict[str, list[str]]:
    """Save what the fixed prompts, 32 held-out ones, 16 of reserved pairs and eight seeds of the
    demo prompt give; gives the prompts of each sheet, in rows of eight."""
    prompts = {
        "prompts": list(PROMPTS),
        "held_out": held_out_prompts(32),
        "unseen": held_out_prompts(16, unseen=True),
        "demo": [PROMPTS[0]] * 8,
    }
    for name, said in prompts.items():
        save_sheet(paint(pipeline, said), out / f"{name}.png", columns=8)
    return prompts


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=80)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--threads", type=int, default=2)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    a.out.mkdir(parents=True, exist_ok=True)
    pipeline = load(a.model)
    figures: dict[str, Any] = {"overlap": overlap(pipeline, a.scenes, a.out)}
    gain = json.loads((a.model / "MODEL.json").read_text()).get("weight_gain", 1.0)
    figures["moon_bright_percent"] = weigh(pipeline, gain=gain, seeds=a.seeds, out=a.out)
    figures["sheets"] = sheets(pipeline, a.out)
    (a.out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
