"""Export a trained run as a stock StableDiffusionPipeline folder in fp16 safetensors.

    python -m training.export --run RUN --stage a --out FOLDER

No file is larger than 15 MB. MODEL.json lists the words the model knows, its native size, how it
was trained, and the SHA-256 of every file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderTiny, StableDiffusionPipeline
from transformers import CLIPTokenizer

from training.data import read_captions
from training.files import painter
from training.networks import SIDE, WIDTHS, build_text_encoder, build_unet, sampler
from training.tokenizer import LENGTH

SHARD = "13MB"
NAME = "postcard"


def known_words(run: Path, pictures: int = 4000) -> list[str]:
    """Every word that captions of the run use, sorted."""
    captions = read_captions(run)[:pictures]
    text = " ".join(text for one in captions for text, _ in one)
    return sorted(set(text.replace(",", " ").lower().split()))


def read_curve(run: Path, stage: str) -> dict[str, Any]:
    """Last line of a stage's curve and its last held-out loss."""
    path = run / stage / "curve.jsonl"
    if not path.exists():
        return {}
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    held = [line["held_out"] for line in lines if "held_out" in line]
    last = lines[-1]
    return {
        "samples": last["samples"],
        "steps": last["step"],
        "seconds": last["seconds"],
        "loss": last["loss"],
        "held_out_loss": held[-1] if held else None,
    }


def better_averaged(stage: Path) -> bool:
    """Whether a stage's average beats its last weights; so it is taken to be where nobody knows."""
    path = stage / "held_out.json"
    found = json.loads(path.read_text()) if path.exists() else {"average": 0, "last": 0}
    return found["average"] <= found["last"]


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a folder but MODEL.json itself, by relative path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "MODEL.json"
    }


def _drop_key(path: Path, *keys: str) -> None:
    """Remove keys from a JSON file."""
    content = json.loads(path.read_text())
    for key in keys:
        content.pop(key, None)
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


def export(
    run: Path,
    stage: str,
    out: Path,
    *,
    widths: tuple[int, ...] = WIDTHS,
    stages: tuple[str, ...] = (),
    generation: int = 1,
    averaged: bool | None = None,
    gain: float = 4.0,
) -> None:
    """Write the networks of a stage as a pipeline folder, replacing what is there.

    averaged: the running average of the weights, or the last ones; None: those whose held-out loss
    was lower at the end of the stage. gain: of weights above 1, the same as in training.
    """
    if averaged is None:
        averaged = better_averaged(run / stage)
    prefix = "mean_" if averaged else ""
    saved = torch.load(run / stage / "checkpoint.pt", weights_only=True)
    tokenizer = CLIPTokenizer.from_pretrained(run / "tokenizer", model_max_length=LENGTH)
    unet = build_unet(widths)
    unet.load_state_dict(saved[prefix + "unet"])
    text = build_text_encoder(len(tokenizer), LENGTH)
    text.load_state_dict(saved[prefix + "text"])
    pipeline = StableDiffusionPipeline(
        vae=AutoencoderTiny.from_pretrained(painter(run)),
        text_encoder=text,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=sampler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    staging = out.with_name(out.name + ".writing")
    shutil.rmtree(staging, ignore_errors=True)
    pipeline.to(dtype=torch.float16)
    pipeline.save_pretrained(staging, safe_serialization=True, max_shard_size=SHARD)
    for name in ("vocab.json", "merges.txt"):
        if (run / "tokenizer" / name).exists():
            shutil.copy(run / "tokenizer" / name, staging / "tokenizer" / name)
    # Set again at loading; in the file it would only raise a warning. Paths of makers are no
    # business of users.
    _drop_key(staging / "vae" / "config.json", "block_out_channels", "_name_or_path")
    _drop_key(staging / "model_index.json", "_name_or_path")
    for config in staging.rglob("*config.json"):
        _drop_key(config, "_name_or_path")
    preview = run / "autoencoder" / "preview.pt"
    extra = {}
    if preview.exists():
        weights = torch.load(preview, weights_only=True)
        # Latents of the pipeline are scaled; the view of them is given for scaled latents.
        scaling = float(pipeline.vae.config.scaling_factor)
        extra["preview"] = {
            "weight": [
                [round(float(v) / scaling, 5) for v in row] for row in weights["weight"][:, :, 0, 0]
            ],
            "bias": [round(float(v), 5) for v in weights["bias"]],
            "note": "scaled latent to the mean RGB, -1..1, of its pixels",
        }
    native = SIDE * pipeline.vae_scale_factor
    card = {
        "name": NAME,
        "generation": generation,
        "license": "Apache-2.0",
        "native_size": [native, native],
        "latent_factor": pipeline.vae_scale_factor,
        "maximum_tokens": LENGTH,
        # How weights above 1 were taught (training/attention.py, log_weights).
        "weight_gain": gain,
        "words": known_words(run),
        "training": {s: read_curve(run, s) for s in (stages or (stage,))},
        **extra,
        "digest": "sha256",
        "files": digests(staging),
    }
    (staging / "MODEL.json").write_text(json.dumps(card, indent=1) + "\n")
    shutil.rmtree(out, ignore_errors=True)
    staging.rename(out)
    sizes = {p: p.stat().st_size for p in out.rglob("*") if p.is_file()}
    largest = max(sizes.values()) / 1e6
    print(
        f"{out.name}: {len(sizes)} files, {sum(sizes.values()) / 1e6:.1f} MB in all, "
        f"the largest {largest:.1f} MB"
    )


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--stages", nargs="*", default=(), help="stages whose curves to record")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--widths", type=int, nargs=3, default=WIDTHS)
    parser.add_argument("--generation", type=int, default=1)
    parser.add_argument("--gain", type=float, default=4.0)
    parser.add_argument("--weights", choices=("average", "last"), help="default: the better ones")
    a = parser.parse_args()
    export(
        a.run,
        a.stage,
        a.out,
        widths=tuple(a.widths),
        stages=tuple(a.stages),
        averaged=None if a.weights is None else a.weights == "average",
        generation=a.generation,
        gain=a.gain,
    )


if __name__ == "__main__":
    main()
