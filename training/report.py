"""Every figure of the family, from its weights: one Markdown table and one JSON.

    python -m training.report --family FOLDER --out FOLDER
    python -m training.report --family FOLDER --out FOLDER --only base draft

The family is a folder as `training.family` gathers it, with the judges and the reader of depth and
joints that measure it; what it lacks of those is taken from the run that `--instruments` names.
Each part's figures are kept in OUT/PART.json beside a digest of the family's weights, so that the
same command goes on after a kill and measures anew only what has changed. OUT/report.md and
OUT/report.json have them all.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from transformers import CLIPModel, CLIPTokenizer

from maquette.engines import compact
from training import adherence, evaluate
from training.clip import train as clip
from training.control import measure as control
from training.control import reader
from training.draft import lora
from training.draft import measure as draft
from training.family import BUDGET, PARTS, place, sizes
from training.faults import train as faults
from training.faults.network import Localiser
from training.fitting import read
from training.judge.panel import complete
from training.reference import measure as reference
from training.upscaler import train as upscaler
from training.upscaler.crops import autoencoder
from training.world import render

CPU = torch.device("cpu")
Figures = dict[str, Any]


def _judge(a: argparse.Namespace) -> Path:
    """The folder of the judge: the family's own, else the run's."""
    own = place(a.family, "judge")
    return own if complete(own) or a.instruments is None else a.instruments / "judge"


def _adherence(model: Path, a: argparse.Namespace, out: Path, *said: str) -> Figures:
    """Shares of what held-out prompts ask for, and those of the reserved pairs."""
    options = ["--model", model, "--judge", _judge(a), "--out", out]
    counts = ["--prompts", a.prompts, "--unseen", a.prompts // 4, "--threads", a.threads]
    command = [str(x) for x in (*options, *counts, *said)]
    found = adherence.evaluate(adherence.options().parse_args(command))
    return {
        part: {
            kind: {
                "share": share["share"],
                "interval": share["interval"],
                "true_renders": figures["ceiling"][kind]["share"],
            }
            for kind, share in figures["model"].items()
        }
        for part, figures in found.items()
    }


def _pace(pipeline: StableDiffusionPipeline, steps: int, guidance: float, rounds: int) -> float:
    """Median seconds of one picture."""
    taken = []
    for turn in range(rounds + 1):
        began = time.perf_counter()
        draft.paint(pipeline, adherence.prompts(1), (steps, guidance))
        if turn:  # the first only warms up
            taken.append(time.perf_counter() - began)
    return round(statistics.median(taken), 3)


def of_base(a: argparse.Namespace) -> Figures:
    """Adherence, token maps, weights of 'moon', seconds of 20 steps."""
    pipeline = evaluate.load(a.family)
    gain = json.loads((a.family / "MODEL.json").read_text()).get("weight_gain", 1.0)
    return {
        "seconds_20_steps": _pace(evaluate.load(a.family), *draft.FULL, a.rounds),
        "token_maps": evaluate.overlap(pipeline, a.scenes),
        "moon_bright_percent": evaluate.weigh(pipeline, gain=gain, seeds=a.seeds),
        "adherence": _adherence(a.family, a, a.out / f"base-{digest(a.family, 'base')}"),
    }


def of_draft(a: argparse.Namespace) -> Figures:
    """Drafts: likeness to the base, seconds, adherence."""
    made = a.out / f"drafting-{digest(a.family, 'draft')}"
    if not (made / "model_index.json").exists():
        known = evaluate.load(a.family)
        change = lora.read(known.unet, place(a.family, "draft") / lora.FILE)
        lora.merged(a.family, change, made)
    steps, guidance = draft.DRAFT
    few = ["--steps", str(steps), "--guidance", str(guidance)]
    figures = draft.measure(a.family, made, a.likenesses, a.rounds)
    return {**figures, "adherence": _adherence(made, a, a.out / f"draft-{made.name[9:]}", *few)}


def of_control(a: argparse.Namespace) -> Figures:
    """How each condition is obeyed."""
    own = place(a.family, "judge")
    if (own / reader.FILE).is_file():
        looks = reader.load(own)
    elif a.instruments is not None:
        looks = reader.readers(a.instruments, CPU)
    else:
        raise SystemExit(f"there is no {reader.FILE} in {own}: give --instruments RUN")
    return control.measure(a.family, place(a.family, "control"), looks, a.obeyed, where=CPU)


def of_reference(a: argparse.Namespace) -> Figures:
    """What a reference carries over, by scale."""
    adapter = place(a.family, "reference")
    return reference.measure(a.family, adapter, _judge(a), a.obeyed, where=CPU)


def of_clip(a: argparse.Namespace) -> Figures:
    """Recall of pictures by captions and of captions by pictures."""
    model = CLIPModel.from_pretrained(a.family / "clip", local_files_only=True).float().eval()
    tokenizer = CLIPTokenizer.from_pretrained(a.family / "clip", local_files_only=True)
    scenes = [render(clip.FIRST_SCENE + i) for i in range(a.recalled)]
    return clip.measure(model, tokenizer, scenes)


def of_upscaler(a: argparse.Namespace) -> Figures:
    """PSNR and SSIM beside Lanczos."""
    kinds = upscaler.held_out_pairs(autoencoder(a.family / "vae"), a.enlarged)
    return upscaler.measure(compact.load(a.family / "upscaler"), kinds)


def of_faults(a: argparse.Namespace) -> Figures:
    """Overlap with known damage, and false alarms."""
    network = Localiser()
    read(network, a.family / "faults" / "faults.safetensors")
    pictures = [render(faults.FIRST_SCENE + i, phrasings=1).picture for i in range(a.damaged)]
    return faults.measure(network, np.stack(pictures))


def of_judge(a: argparse.Namespace) -> Figures:
    """What the judge was measured to see when it was trained, on rendered pictures."""
    return json.loads((place(a.family, "judge") / "judge.json").read_text())["held_out"]


MEASURES: dict[str, Callable[[argparse.Namespace], Figures]] = {
    "base": of_base,
    "draft": of_draft,
    "control": of_control,
    "reference": of_reference,
    "clip": of_clip,
    "upscaler": of_upscaler,
    "faults": of_faults,
    "judge": of_judge,
}
assert set(MEASURES) == {"base", *PARTS}


def digest(family: Path, part: str) -> str:
    """A name for the weights that a part's figures depend on: its own and the base's."""
    others = [place(family, other) for other in PARTS if other != part]
    every = family.rglob("*.safetensors")
    ours = [p for p in every if not any(p.is_relative_to(other) for other in others)]
    content = hashlib.sha256()
    for path in sorted(ours):
        content.update(path.read_bytes())
    return content.hexdigest()[:16]


def ratios(base: Figures, few: Figures) -> dict[str, float]:
    """Of what the base keeps of its prompts, the share that drafts keep, by kind."""
    full, drafted = (x["adherence"]["held-out prompts"] for x in (base, few))
    return {
        kind: round(drafted[kind]["share"] / full[kind]["share"], 4)
        for kind in drafted
        if full.get(kind, {}).get("share")
    }


def table(figures: dict[str, Any]) -> str:
    """All the figures as a Markdown table, one line a figure."""
    lines = ["| part | figure | value |", "|---|---|---|"]

    def walk(part: str, name: tuple[str, ...], value: Any) -> None:
        if isinstance(value, dict):
            for key, one in value.items():
                walk(part, (*name, str(key).replace("_", " ")), one)
        elif not isinstance(value, str):
            lines.append(f"| {part} | {', '.join(name)} | {value} |")

    for part, found in figures.items():
        walk(part, (), found)
    return "\n".join(lines) + "\n"


def report(a: argparse.Namespace) -> dict[str, Any]:
    """Measure what is there and not known yet; writes and prints the tables."""
    a.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(a.threads)
    there = ["base", *(part for part in PARTS if place(a.family, part).is_dir())]
    figures: dict[str, Any] = {}
    for part in there:
        kept, name = a.out / f"{part}.json", digest(a.family, part)
        known = json.loads(kept.read_text()) if kept.exists() else {}
        if known.get("digest") != name and (not a.only or part in a.only):
            began = time.time()
            known = {"digest": name, "figures": MEASURES[part](a)}
            kept.write_text(json.dumps(known, indent=1) + "\n")
            print(f"{part}: measured in {time.time() - began:.0f} s", flush=True)
        if known.get("digest") == name:
            figures[part] = known["figures"]
    if {"base", "draft"} <= set(figures):
        figures["draft"]["share_of_base"] = ratios(figures["base"], figures["draft"])
    found = sizes(a.family)
    figures["bytes"] = {**found, "budget": BUDGET}
    (a.out / "report.json").write_text(json.dumps(figures, indent=1) + "\n")
    (a.out / "report.md").write_text(table(figures))
    print(table(figures), flush=True)
    return figures


def options() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--family", type=Path, required=True)
    parser.add_argument("--instruments", type=Path, help="a run with a judge and a reader")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=(), choices=MEASURES, help="parts to measure")
    parser.add_argument("--prompts", type=int, default=400, help="for adherence")
    parser.add_argument("--likenesses", type=int, default=64, help="drafts beside the base's")
    parser.add_argument("--obeyed", type=int, default=48, help="scenes for control and reference")
    parser.add_argument("--recalled", type=int, default=1000, help="scenes for CLIP")
    parser.add_argument("--enlarged", type=int, default=24, help="scenes for the upscaler")
    parser.add_argument("--damaged", type=int, default=100, help="scenes for the fault localiser")
    parser.add_argument("--scenes", type=int, default=80, help="for token maps")
    parser.add_argument("--seeds", type=int, default=4, help="for weights")
    parser.add_argument("--rounds", type=int, default=7, help="pictures that are timed")
    parser.add_argument("--threads", type=int, default=2)
    return parser


def main(said: Sequence[str] | None = None) -> None:
    """Entry point."""
    report(options().parse_args(said))


if __name__ == "__main__":
    main()
