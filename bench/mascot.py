"""A new mascot learned from 18 pictures: how long it takes, and how much of it is there afterwards.

    python -m bench.mascot --out out/mascot [--method lora] [--steps 600]

The character is drawn by the world that Postcard was trained on, but is in none of its pictures and
none of its captions: a violet bear with round teal ears, white eyes, and a yellow muzzle and belly.
The captions say pose, place and time and never a colour. It is then asked for in places that no
picture showed it in. Beside the studio's own figure for identity the three colours are counted in
each picture, as shares of its pixels, with the trained adapter and without, same prompts and seeds;
and what else the model knows must stay: other subjects are drawn with the adapter on and off.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from training.world import render, scene
from training.world.facts import Thing
from training.world.figure import Figure, _arms, _body
from training.world.palette import RGB, shade
from training.world.shapes import disc

import maquette
from maquette.core.colour import linear, to_oklab
from maquette.core.raster import side_by_side, ssim
from maquette.settings import Settings

BODY, BELLY, EAR, DARK = (120, 70, 190), (255, 214, 60), (40, 190, 170), (24, 20, 30)
COLOURS = {"violet": BODY, "teal": EAR, "yellow": BELLY}
NEAR = 0.1
"""Distance in OKLab up to which a pixel has one of the colours."""

PLACES = {
    "forest": "in a misty forest",
    "mountains": "in the snowy mountains",
    "desert": "in the desert",
    "city": "before a city skyline",
    "hills": "on green hills",
}
TIMES = {"day": "", "sunset": "at sunset", "night": "at night"}
POSES = ("standing", "sitting", "waving", "running", "jumping")
NEW = (
    "a pim mascot standing in a kitchen",
    "a pim mascot sitting on a wooden table",
    "a pim mascot waving, pink studio backdrop",
    "a pim mascot standing by a window",
    "two pim mascots on green hills",
    "a pim mascot in the desert at dawn, watercolour",
)
OTHERS = (
    "a wolf in a misty forest at night",
    "a red mug on a wooden table",
    "a fox standing on green hills",
    "a cat mascot waving in the snowy mountains",
)


def pim(c: Any, s: Any, thing: Thing, _colour: RGB) -> None:
    """Draw the character in the thing's pose."""
    f = Figure(c, s, thing, BODY)
    f.pale, h = BELLY, f.h
    with c.layer(thing.noun):
        _body(f)
    with c.layer(thing.noun, 0.77):
        for arm in _arms(f):
            f.part(arm, shade(BODY, -0.06))
    with c.layer(thing.noun, 0.78):
        for side in (-1, 1):
            f.part(disc(*s.at(side * 0.26, 0.06), 0.15 * h, 0.15 * h), EAR)
        f.part(disc(*s.at(0, 0.29), 0.27 * h, 0.21 * h), shade(BODY, 0.04))
        c.fill(disc(*s.at(0, 0.36), 0.15 * h, 0.11 * h), BELLY, 0.0, edge=False)
        for side in (-1, 1):
            c.dot(*s.at(side * 0.115, 0.25), h * 0.065, (255, 255, 255))
            c.dot(*s.at(side * 0.115, 0.25), h * 0.038, DARK)
        c.dot(*s.at(0, 0.345), h * 0.03, DARK)


@contextmanager
def cast() -> Iterator[None]:
    """The character instead of the bear, for as long as it lasts."""
    before = scene.DRAWERS["bear"]
    scene.DRAWERS["bear"] = pim
    try:
        yield
    finally:
        scene.DRAWERS["bear"] = before


def pictures(count: int, seed: int = 100) -> Iterator[tuple[Image.Image, str]]:
    """Renders and captions; the captions call it a mascot and say no colour.

    It stands near, so that its face is larger than the model's smallest cell.
    """
    with cast():
        for number in range(count):
            place, time_ = list(PLACES)[number % 5], list(TIMES)[(number // 2) % 3]
            pose = POSES[(number * 2 + number // 5) % 5]
            drawn = render(
                seed + number,
                noun="bear",
                mode="one",
                colour="purple",
                place=place,
                time=time_,
                pose=pose,
                garment="",
                style="flat",
                mist=False,
                clouds=False,
                size="big",
            )
            words = f"a mascot {pose} {PLACES[place]} {TIMES[time_]}".strip()
            yield Image.fromarray(drawn.picture), words


def shares(images: Sequence[Image.Image]) -> dict[str, float]:
    """The mean share of pixels of each of the colours, in percent."""
    found: dict[str, float] = {}
    for name, colour in COLOURS.items():
        wanted = _oklab(np.array([[colour]], np.uint8))
        near = [
            np.linalg.norm(_oklab(np.asarray(image.convert("RGB"))) - wanted, axis=-1) < NEAR
            for image in images
        ]
        found[name] = round(100 * float(np.mean([each.mean() for each in near])), 2)
    return found


def _oklab(picture: np.ndarray) -> np.ndarray:
    return to_oklab(linear(picture))


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out/mascot"))
    parser.add_argument("--count", type=int, default=18)
    parser.add_argument("--method", default="lora")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    settings = Settings(models=asked.out / "models", threads=asked.threads)
    folder = asked.out / "pictures"
    folder.mkdir(exist_ok=True)
    for number, (image, words) in enumerate(pictures(asked.count)):
        image.save(folder / f"{number:02d}.png")
        (folder / f"{number:02d}.txt").write_text(words)
    with maquette.Studio(asked.out / "project", create=True, settings=settings) as studio:
        studio.on_event = _tell
        studio.curate("pim", [folder], trigger="pim", subject="mascot", licence="Apache-2.0")
        began, busy, load = time.monotonic(), time.process_time(), [os.getloadavg()[0]]
        name = f"pim-{asked.method}"
        report = studio.train(
            "pim", name=name, method=asked.method, steps=asked.steps, batch=asked.batch
        )
        busy = time.process_time() - busy
        load.append(os.getloadavg()[0])
        wall = time.monotonic() - began
        how: dict[str, Any] = (
            {"embedding": {name: "pim"}} if report.kind == "embedding" else {"lora": [name]}
        )
        plain: dict[str, Any] = {"quality": "preview", "maps": False, "seed": 7}
        after = [studio.generate(text, **plain, **how)[0] for text in NEW]
        before = [studio.generate(text.replace("pim ", ""), **plain)[0] for text in NEW]
        lora = how if report.kind == "lora" else {}
        kept = [[studio.generate(t, **plain, **each)[0] for t in OTHERS] for each in ({}, lora)]
        rows = [[studio.picture(version) for version in row] for row in (before, after, *kept)]
    for label, row in zip(("before", "after", "others", "others-with"), rows, strict=True):
        side_by_side(row).save(asked.out / f"{name}-{label}.png")
    alike = [
        ssim(np.asarray(a.convert("RGB")), np.asarray(b.convert("RGB")))
        for a, b in zip(rows[2], rows[3], strict=True)
    ]
    figures = {
        "method": asked.method,
        "pictures": asked.count,
        "steps": report.steps,
        "minutes_learning": round(report.seconds / 60, 2),
        "minutes_in_all": round(wall / 60, 2),
        "minutes_of_processor": round(busy / 60, 2),
        "load": load,
        "parameters": report.parameters,
        "loss": [round(report.loss_first, 4), round(report.loss_last, 4)],
        "identity": report.identity and report.identity.model_dump(),
        "colours_examples": shares([image for image, _ in pictures(asked.count)]),
        "colours_before": shares(rows[0]),
        "colours_after": shares(rows[1]),
        "others_ssim": round(float(np.mean(alike)), 3),
    }
    text = json.dumps(figures, indent=1)
    (asked.out / f"{name}.json").write_text(text)
    print(text)


def _tell(event: Any) -> None:
    step, steps = getattr(event, "step", 0), getattr(event, "steps", 0)
    if steps > 60 and step % 20 == 0:
        print(f"step {step} of {steps}", flush=True)


if __name__ == "__main__":
    main()
