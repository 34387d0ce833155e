"""The local engine beside plain diffusers: same weights, same steps, same process, in turns.

python -m bench.engine [--model NAME|FOLDER] [--rounds N] [--quick]

Ratios matter, not seconds: both sides run alternately, so a busy machine slows both.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from bench.row import Row, spread
from maquette.core.geometry import Box, Size
from maquette.core.recipe import Inpaint, PromptText, Recipe, Sampling, TextToImage

if TYPE_CHECKING:
    from maquette.engines.diffusers import DiffusersEngine

__all__ = ["compare_drawing", "compare_inpainting", "loading", "main", "measure"]

PROMPT = "a wolf under a full moon, misty forest"
NEGATIVE = "blurry"


def in_turns(sides: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each side, run one after the other ``rounds`` times; a first turn warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        names = list(sides)
        # Forwards and backwards in turn, so that no side always runs in another's wake.
        for name in names if number % 2 else reversed(names):
            began = time.perf_counter()
            sides[name]()
            if number:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def compare_drawing(
    engine: DiffusersEngine, *, steps: int = 20, rounds: int = 5, sampler: str = "ddim"
) -> dict[str, Any]:
    """Text to image at the model's best size: the stock pipeline, ours without maps, ours with."""
    size = engine.capabilities().best_size
    recipe = _recipe(engine, size=size, steps=steps, sampler=sampler)
    pipeline = _pipeline(engine, "StableDiffusionPipeline", sampler)

    def stock() -> None:
        pipeline(
            PROMPT,
            negative_prompt=NEGATIVE,
            num_inference_steps=steps,
            guidance_scale=5.0,
            width=size.width,
            height=size.height,
            generator=_generator(),
        )

    seconds = in_turns(
        {
            "stock": stock,
            "ours": lambda: list(engine.run([recipe], {}, maps=False)),
            "maps": lambda: list(engine.run([recipe], {}, maps=True)),
        },
        rounds,
    )
    return {
        "size": str(size),
        "steps": steps,
        "sampler": sampler,
        "seconds": {name: spread(values) for name, values in seconds.items()},
        "ours to stock": _ratio(seconds["ours"], seconds["stock"]),
        "maps to ours": _ratio(seconds["maps"], seconds["ours"]),
    }


def compare_inpainting(
    engine: DiffusersEngine, *, steps: int = 20, rounds: int = 3, side: int = 512
) -> dict[str, Any]:
    """A tenth of a picture anew: the stock inpainting of the whole picture, and ours of the mask's
    neighbourhood."""
    shade = np.linspace(0, 255, side, dtype=np.uint8)
    image = Image.fromarray(np.stack([np.tile(shade, (side, 1))] * 3, axis=-1))
    hole = round(side * 0.1**0.5)
    left = top = (side - hole) // 2
    mask = Image.new("L", (side, side))
    mask.paste(255, (left, top, left + hole, top + hole))
    around = round(hole * 1.5)
    corner = (side - around) // 2
    best = engine.capabilities().best_size
    task = Inpaint(
        image="a" * 64,
        mask="b" * 64,
        region=Box(x=corner, y=corner, width=around, height=around),
        work=best,
    )
    recipe = _recipe(engine, size=Size(width=side, height=side), steps=steps, task=task)
    inputs = {"a" * 64: image, "b" * 64: mask}
    pipeline = _pipeline(engine, "StableDiffusionInpaintPipeline", "ddim")

    def stock() -> None:
        pipeline(
            PROMPT,
            negative_prompt=NEGATIVE,
            image=image,
            mask_image=mask,
            strength=1.0,
            num_inference_steps=steps,
            guidance_scale=5.0,
            width=side,
            height=side,
            generator=_generator(),
        )

    seconds = in_turns(
        {"stock": stock, "ours": lambda: list(engine.run([recipe], inputs, maps=True))}, rounds
    )
    return {
        "picture": f"{side}x{side}",
        "masked": round(hole * hole / side / side, 3),
        "work": str(best),
        "steps": steps,
        "seconds": {name: spread(values) for name, values in seconds.items()},
        "stock to ours": _ratio(seconds["stock"], seconds["ours"]),
    }


def loading(engine: DiffusersEngine) -> dict[str, Any]:
    """Seconds to read the weights, libraries imported already."""
    from maquette.engines.diffusers.weights import load_parts

    load_parts(engine.card, engine.device, engine.dtype)
    values: list[float] = []
    for _ in range(3):
        began = time.perf_counter()
        load_parts(engine.card, engine.device, engine.dtype)
        values.append(time.perf_counter() - began)
    return {"seconds": spread(values)}


def measure(
    model: str | Path | None = None,
    *,
    quick: bool = False,
    rounds: int | None = None,
    threads: int = 0,
) -> list[Row]:
    """All of it, as rows."""
    from maquette.engines.diffusers import create

    engine = create(model, threads=threads)
    steps, turns = (2, 1) if quick else (20, rounds or 5)
    drawing = compare_drawing(engine, steps=steps, rounds=turns)
    inpainting = compare_inpainting(
        engine, steps=steps, rounds=max(1, turns // 2), side=128 if quick else 512
    )
    loaded = loading(engine)
    ours, maps = drawing["ours to stock"], drawing["maps to ours"]
    faster = inpainting["stock to ours"]
    load = loaded["seconds"]["median"]
    return [
        Row(
            "engine",
            "our loop against plain diffusers",
            ours,
            f"{ours:.2f} x its time",
            "≤ 1.00",
            ours <= 1.0,
            f"text to image, {drawing['steps']} steps, maps off; median of {turns} turns",
            drawing,
        ),
        Row(
            "engine",
            "recording token maps",
            maps,
            f"{maps:.2f} x the time",
            "≤ 1.10",
            maps <= 1.1,
            "the same drawing with maps against without",
            drawing,
        ),
        Row(
            "engine",
            "inpainting a tenth of a picture",
            faster,
            f"{faster:.1f} x as fast",
            "≥ 2",
            faster >= 2,
            f"against the stock pipeline over the whole {inpainting['picture']}",
            inpainting,
        ),
        Row("engine", "reading the weights", load, f"{load:.2f} s", figures=loaded),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    parser.add_argument("--model", help="a name or a folder; default: the shipped one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a smoke run: figures mean nothing")
    asked = parser.parse_args(arguments)
    rows = measure(asked.model, quick=asked.quick, rounds=asked.rounds, threads=asked.threads)
    for row in rows:
        met = {None: "", True: "met", False: "missed"}[row.met]
        print(f"{row.name:36} {row.measured:>18}  {row.target:8} {met}")
        for side, values in row.figures.get("seconds", {}).items():
            if isinstance(values, dict):
                print(f"    {side:10} {values['median']:.3f} s ({values['min']:.3f} at best)")
    return 0


def _ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """Median of the ratios of neighbouring turns: a load that comes and goes cancels out."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def _recipe(
    engine: DiffusersEngine,
    *,
    size: Size,
    steps: int,
    sampler: Any = "ddim",
    task: Inpaint | None = None,
) -> Recipe:
    return Recipe(
        engine=engine.name,
        task=task or TextToImage(),
        size=size,
        prompt=PromptText(text=PROMPT, negative=NEGATIVE),
        model=engine.capabilities().model,
        sampling=Sampling(sampler=sampler, steps=steps, guidance=5.0, seed=7),
    )


def _generator() -> Any:
    import torch

    return torch.Generator("cpu").manual_seed(7)


def _pipeline(engine: DiffusersEngine, kind: str, sampler: str) -> Any:
    """A stock pipeline as anybody would load it from the same folder."""
    import diffusers
    import torch

    from maquette.engines.diffusers.samplers import build_scheduler

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline = getattr(diffusers, kind).from_pretrained(
            engine.card.folder,
            variant=engine.card.variant,
            torch_dtype=torch.float32,
            safety_checker=None,
            local_files_only=True,
        )
    if "Inpaint" in kind and engine.card.channels == engine.card.latents:
        # That class asks the config whether the mask is an input (9 channels) or not (4) and then
        # takes the latents' number of channels from the autoencoder.
        pipeline.unet.register_to_config(in_channels=4)
    pipeline.scheduler = build_scheduler(sampler, engine.card.scheduler)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


if __name__ == "__main__":
    raise SystemExit(main())
