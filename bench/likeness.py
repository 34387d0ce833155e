"""The same recipe on the same weights, drawn here and through other programs' protocols.

Our own server stands for those programs: its A1111 face, its ComfyUI face, and itself as another
Maquette. Each recipe is drawn by the local engine in this process and by the engines ``a1111``,
``comfyui`` and ``remote`` over HTTP, each into a project of its own, so that nothing is answered
from what another one drew. Pictures are compared pixel by pixel: the share of pixels that differ,
the largest step in a channel (0 to 255), and the peak signal-to-noise ratio. An engine that refuses
a recipe is listed with what it says.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench.row import Row
from bench.server import Running, served
from maquette import Settings, Studio
from maquette.core.canonical import sha256_hex
from maquette.core.geometry import Box, Size
from maquette.core.picture import encode_png
from maquette.core.raster import psnr
from maquette.core.recipe import (
    ImageToImage,
    Inpaint,
    PromptText,
    Recipe,
    Sampling,
    TextToImage,
)
from maquette.engines.base import Engine, Inputs, Picture
from maquette.errors import MaquetteError

__all__ = ["Alike", "alike", "cases", "measure"]

WORDS = "a lone wolf under a full moon, misty forest"
STEPS, GUIDANCE = 8, 4.0
WAYS = ("a1111", "comfyui", "remote")


@dataclass(frozen=True)
class Alike:
    """How far two pictures are from one another: the share of pixels that differ, the largest step
    in a channel, and the PSNR in dB (infinite for equal ones)."""

    share: float
    step: int
    psnr: float

    @property
    def exact(self) -> bool:
        """Whether every pixel is the same."""
        return self.step == 0

    def __str__(self) -> str:
        if self.exact:
            return "exact"
        return f"{self.psnr:.1f} dB, {self.share:.0%} of the pixels, {self.step} at most"


def alike(a: Image.Image, b: Image.Image) -> Alike:
    """Compare two pictures of one size."""
    one, two = (np.asarray(each.convert("RGB")) for each in (a, b))
    apart = np.abs(one.astype(np.int16) - two.astype(np.int16)).max(axis=-1)
    return Alike(float((apart > 0).mean()), int(apart.max()), psnr(one, two))


def cases(able_samplers: tuple[str, ...], size: Size) -> Iterator[tuple[str, Recipe, Inputs]]:
    """Recipes by name, with the pictures that they start from; model and engine are left open."""

    def recipe(task: Any = None, words: str = WORDS, sampler: Any = "ddim", **how: Any) -> Recipe:
        negative, reads = how.get("negative", ""), how.get("reads", "attention")
        return Recipe(
            engine="diffusers",
            task=task or TextToImage(),
            size=size,
            prompt=PromptText(text=words, negative=negative, interpreter=reads),
            sampling=Sampling(sampler=sampler, steps=STEPS, guidance=GUIDANCE, seed=7),
        )

    for sampler in ("ddim", "dpm++", "euler", "euler-a"):
        if sampler in able_samplers:
            yield f"words, {sampler}", recipe(sampler=sampler), {}
    yield "a negative prompt", recipe(negative="stars"), {}
    yield "plain words with brackets", recipe(words="a wolf (alone)", reads="plain"), {}
    weighed = "a lone wolf under a full (moon:1.4), misty forest"
    yield "a weight, read as A1111 does", recipe(words=weighed, reads="a1111"), {}
    yield "a weight, added to attention", recipe(words=weighed), {}
    start = _start(size)
    digest = sha256_hex(encode_png(start))
    near = ImageToImage(image=digest, strength=0.6)
    yield "near a picture", recipe(near), {digest: start}
    mask = Image.new("L", (size.width, size.height))
    mask.paste(255, (40, 120, 200, 220))
    hole = sha256_hex(encode_png(mask))
    whole = Box(x=0, y=0, width=size.width, height=size.height)
    task = Inpaint(image=digest, mask=hole, region=whole, work=size)
    yield "inside a mask", recipe(task, words="snowy mountains"), {digest: start, hole: mask}


def measure(engine: str | None, model: str | None, *, quick: bool = False) -> list[Row]:
    """Everything, on projects of its own."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        settings = Settings(home=place / "home")
        for name in WAYS:
            Studio(place / "projects" / name, create=True, settings=settings).close()
        with served(place, engine, model) as running:
            return _compared(_local(engine, model), running, quick=quick)


def _compared(local: Engine, running: Running, *, quick: bool) -> list[Row]:
    able = local.capabilities()
    rows: list[Row] = []
    for name, asked, inputs in cases(able.samplers, able.best_size):
        here = asked.change(engine=local.name, model=able.model)
        try:
            own = _drawn(local, here, inputs)
        except MaquetteError as error:
            rows.append(Row("likeness", name, 0.0, f"not here: {error}"))
            continue
        for way, make in _ways(running).items():
            rows.append(_row(name, way, make=make, asked=asked, inputs=inputs, own=own))
        if quick:
            break
    return rows


def _row(
    name: str,
    way: str,
    *,
    make: Callable[[], Engine],
    asked: Recipe,
    inputs: Inputs,
    own: Image.Image,
) -> Row:
    try:
        there = make()
        theirs = asked.change(engine=way, model=there.capabilities().model)
        said = [f"{each.asked}: {each.given}" for each in there.check(theirs)]
        found = alike(own, _drawn(there, theirs, inputs))
    except MaquetteError as error:
        return Row("likeness", f"{name}, by {way}", 0.0, f"refused: {error}")
    figures = {"share": found.share, "step": found.step, "said": said}
    value = 99.0 if math.isinf(found.psnr) else found.psnr
    measured = str(found) + (f" (said: {'; '.join(said)})" if said else "")
    how = "this recipe drawn here and over HTTP by our own server's face, on the same weights"
    return Row("likeness", f"{name}, by {way}", value, measured, "exact", found.exact, how, figures)


def _drawn(engine: Engine, recipe: Recipe, inputs: Inputs) -> Image.Image:
    pictures = [
        each for each in engine.run([recipe], inputs, maps=False) if isinstance(each, Picture)
    ]
    return pictures[0].image


def _ways(running: Running) -> Mapping[str, Callable[[], Engine]]:
    from maquette.engines import a1111, comfyui, remote

    return {
        "a1111": lambda: a1111.create(url=f"{running.address}/p/a1111"),
        "comfyui": lambda: comfyui.create(url=f"{running.address}/p/comfyui"),
        "remote": lambda: remote.create(url=running.address),
    }


def _local(engine: str | None, model: str | None) -> Engine:
    from maquette.studio.engines import Engines

    return Engines(Settings(), engine, model).get()


def _start(size: Size) -> Image.Image:
    """A picture with a sky, a hill and a moon: something to keep and something to change."""
    rows, columns = np.mgrid[: size.height, : size.width]
    sky = np.stack([rows / 4 + 30, rows / 4 + 40, 120 - rows / 4], axis=-1)
    hill = rows > size.height * 0.7 + 18 * np.sin(columns / 30)
    sky[hill] = (40, 70, 45)
    moon = (rows - size.height // 4) ** 2 + (columns - size.width * 3 // 4) ** 2 < 24**2
    sky[moon] = (240, 235, 210)
    return Image.fromarray(np.clip(sky, 0, 255).astype(np.uint8))
