"""How well a model does what a prompt says, by a judge that never saw a model's picture.

    python -m training.adherence --model FOLDER --judge RUN/judge --prompts 400 --steps 20

Prompts are captions of scenes that no training drew; each is judged on what it says and nothing
else (`judge/claims.py`). A quarter as many prompts with a reserved pair (`world.facts.UNSEEN_*`)
are reported apart. The same judge on the true renders of the same scenes is the ceiling: what it
would say of a perfect model. Pictures go to OUT/pictures as they are drawn, so the same command
resumes; figures go to OUT/adherence.json and OUT/adherence.md. `--prompts 40` is a quick look.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image

from training.device import autocast
from training.device import device as usual_device
from training.files import save_sheet
from training.judge.claims import KINDS, Claim, claims, holds, tally
from training.judge.panel import Panel, load
from training.world import Caption, Facts, render

FIRST_SCENE, FIRST_UNSEEN = 88_000_000, 89_000_000
#: What the issue asks of the base.
TARGETS = {"object": 0.90, "colour": 0.85, "position": 0.80}
SHOWN = 32


@dataclass(frozen=True)
class Prompt:
    """One held-out prompt: its scene's seed, what it says and claims, the true picture."""

    seed: int
    unseen: bool
    caption: Caption
    facts: Facts
    picture: np.ndarray

    @property
    def claims(self) -> list[Claim]:
        """What is judged."""
        return claims(self.caption, self.facts)


def words_of(model: Path) -> frozenset[str]:
    """Words that a model's card says it knows; empty without a card."""
    card = model / "MODEL.json"
    return (
        frozenset(json.loads(card.read_text()).get("words", ())) if card.exists() else frozenset()
    )


def prompts(
    count: int, *, unseen: bool = False, words: frozenset[str] = frozenset()
) -> list[Prompt]:
    """Held-out prompts; with `words` only those that use no other word."""
    found: list[Prompt] = []
    seed = FIRST_UNSEEN if unseen else FIRST_SCENE
    for i in range(40 * count):
        if len(found) == count:
            break
        scene = render(seed + i, unseen=unseen)
        said = set(scene.caption.replace(",", " ").lower().split())
        one = Prompt(seed + i, unseen, scene.captions[0], scene.facts, scene.picture)
        kinds = {claim.kind for claim in one.claims}
        if (not words or said <= words) and ("pair" in kinds if unseen else kinds):
            found.append(one)
    return found


def digest(model: Path) -> str:
    """A name for a model's weights: of its card, else of its files' names and sizes."""
    card = model / "MODEL.json"
    if card.exists():
        return hashlib.sha256(card.read_bytes()).hexdigest()[:16]
    files = sorted((str(p.relative_to(model)), p.stat().st_size) for p in model.rglob("*.*"))
    return hashlib.sha256(json.dumps(files).encode()).hexdigest()[:16]


@torch.no_grad()
def draw(wanted: list[Prompt], a: argparse.Namespace, folder: Path) -> None:
    """Draw the pictures that are missing; each has the seed of its scene."""
    missing = [p for p in wanted if not (folder / f"{p.seed}.png").exists()]
    if not missing:
        return
    pipeline = StableDiffusionPipeline.from_pretrained(
        a.model, safety_checker=None, torch_dtype=torch.float32, local_files_only=True
    ).to(a.device)
    pipeline.set_progress_bar_config(disable=True)
    began, done = time.time(), 0
    for start in range(0, len(missing), a.batch):
        part = missing[start : start + a.batch]
        with nullcontext() if a.exact else autocast(torch.device(a.device)):
            images = pipeline(
                [p.caption.text for p in part],
                num_inference_steps=a.steps,
                guidance_scale=a.guidance,
                generator=[torch.Generator().manual_seed(p.seed) for p in part],
                output_type="np",
            ).images
        for one, image in zip(part, images, strict=True):
            drawn = Image.fromarray((np.asarray(image, np.float32) * 255).round().astype(np.uint8))
            unfinished = folder / f"{one.seed}.writing"
            drawn.save(unfinished, format="PNG")
            unfinished.rename(folder / f"{one.seed}.png")
        done += len(part)
        pace = (time.time() - began) / done
        left = pace * (len(missing) - done)
        print(f"{done} of {len(missing)}: {pace:.2f} s a picture, {left:.0f} s left", flush=True)


def plain(claim: Claim) -> str:
    """A claim in words: 'colour mug red'."""
    return " ".join(x for x in (claim.kind, claim.noun, claim.value) if x)


def judged(
    judge: Panel, pictures: np.ndarray, wanted: list[Prompt]
) -> list[list[tuple[Claim, bool, bool]]]:
    """For each prompt (claim, whether it holds, whether its noun was found)."""
    told = judge.answers(pictures)
    rows = []
    for i, one in enumerate(wanted):
        answers = {name: values[i] for name, values in told.items()}
        rows.append(
            [
                (c, holds(c, answers), not c.noun or holds(Claim("object", c.noun), answers))
                for c in one.claims
            ]
        )
    return rows


def compare(judge: Panel, wanted: list[Prompt], folder: Path) -> dict[str, Any]:
    """Figures of the model and of the true renders over some prompts, and what failed."""
    drawn = np.stack([np.asarray(Image.open(folder / f"{p.seed}.png")) for p in wanted])
    ours = judged(judge, drawn, wanted)
    truth = judged(judge, np.stack([p.picture for p in wanted]), wanted)
    failed = {
        str(p.seed): {
            "prompt": p.caption.text,
            "failed": [
                " ".join(x for x in (c.kind, c.noun, c.value) if x) for c, ok, _ in row if not ok
            ],
        }
        for p, row in zip(wanted, ours, strict=True)
    }
    return {
        "prompts": len(wanted),
        "model": tally(x for row in ours for x in row),
        "ceiling": tally(x for row in truth for x in row),
        "failed": failed,
    }


def table(figures: dict[str, Any]) -> str:
    """The figures as a Markdown table."""
    lines = []
    for part, found in figures.items():
        lines += [
            f"**{part}**: {found['prompts']} prompts",
            "",
            "| said | asked | model | 95% | where found | true renders | target |",
            "|---|---|---|---|---|---|---|",
        ]
        for kind, name in KINDS.items():
            if kind not in found["model"]:
                continue
            ours, best = found["model"][kind], found["ceiling"][kind]
            low, high = ours["interval"]
            seen = f"{ours['where_found']:.0%}" if ours["where_found"] is not None else ""
            target = f"{TARGETS[kind]:.0%}" if kind in TARGETS else ""
            lines.append(
                f"| {name} | {ours['asked']} | {ours['share']:.1%} | {low:.0%} to {high:.0%} "
                f"| {seen} | {best['share']:.1%} | {target} |"
            )
        lines.append("")
    return "\n".join(lines)


def evaluate(a: argparse.Namespace) -> dict[str, Any]:
    """Draw, judge, print and write everything."""
    folder = a.out / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "model": digest(a.model),
        "steps": a.steps,
        "guidance": a.guidance,
        "exact": a.exact,
        "known": a.known,
    }
    kept = a.out / "settings.json"
    if kept.exists() and json.loads(kept.read_text()) != settings:
        raise SystemExit(f"{a.out} holds pictures of other settings: name another --out")
    kept.write_text(json.dumps(settings))
    words = words_of(a.model) if a.known else frozenset()
    parts = {"held-out prompts": prompts(a.prompts, words=words)}
    pairs = a.prompts // 4 if a.unseen is None else a.unseen
    if pairs:
        parts["reserved pairs"] = prompts(pairs, unseen=True, words=words)
    judge = load(a.judge, a.device)
    figures = {}
    for name, wanted in parts.items():
        draw(wanted, a, folder)
        figures[name] = compare(judge, wanted, folder)
        sheet = [np.asarray(Image.open(folder / f"{p.seed}.png")) for p in wanted[:SHOWN]]
        save_sheet(sheet, a.out / f"{name.replace(' ', '_')}.png", columns=8)
        print(table({name: figures[name]}), flush=True)
    (a.out / "adherence.md").write_text(table(figures))
    (a.out / "adherence.json").write_text(
        json.dumps({"settings": settings, **figures}, indent=1) + "\n"
    )
    return figures


def options() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--judge", type=Path, required=True)
    parser.add_argument("--out", type=Path, help="default: beside the judge, by the model's name")
    parser.add_argument("--prompts", type=int, default=400)
    parser.add_argument(
        "--unseen", type=int, help="prompts with a reserved pair; default a quarter"
    )
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=5.0)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--device", default=str(usual_device()))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--exact", action="store_true", help="float32 throughout")
    parser.add_argument("--known", action="store_true", help="only prompts of words in its card")
    return parser


def main() -> None:
    """Entry point."""
    a = options().parse_args()
    torch.set_num_threads(a.threads)
    if a.out is None:
        a.out = a.judge.parent / "adherence" / f"{a.model.name}-{a.steps}"
    evaluate(a)


if __name__ == "__main__":
    main()
