"""Same recipe, same build, same picture: whoever changes a picture raises the engine's version.

A project takes a picture that it has drawn before for one that it would draw now, as long as recipe
and build are the same. So what each local engine draws is noted here, small and coarse enough for
any machine. Where a picture is another one now and that is meant, raise the engine's version and
note it:

    python -m tests.engines.test_noted
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from tests.engines.making import draw, recipe
from tests.engines.tiny import build

from maquette.core.geometry import Box, Size
from maquette.core.pixel_tasks import Layer
from maquette.core.recipe import (
    Composite,
    ImageToImage,
    Inpaint,
    Outpaint,
    Recipe,
    Retouch,
    Upscale,
)
from maquette.core.surface import Surface
from maquette.engines.base import Engine
from maquette.engines.diffusers import DiffusersEngine, create
from maquette.engines.diffusers.engine import VERSION
from maquette.engines.pixels import create as pixels
from maquette.engines.pixels.engine import VERSION as PIXELS

NOTED = Path(__file__).with_name("noted.json")
VERSIONS = {"diffusers": VERSION, "pixels": PIXELS}
A, B = "a" * 64, "b" * 64
SIDE = 6
AWAY = 4.0
"""Levels of 255 (hundredths, in latents) that a coarse cell may be off on another machine."""


def picture() -> Image.Image:
    """A horizon with a sun."""
    ramp = np.linspace((60, 90, 160), (240, 170, 110), 64)[:, None]
    shown = Image.fromarray(np.broadcast_to(ramp, (64, 64, 3)).astype(np.uint8))
    ImageDraw.Draw(shown).ellipse((34, 12, 50, 28), fill="lightyellow")
    ImageDraw.Draw(shown).rectangle((0, 44, 64, 64), fill="darkgreen")
    return shown


def mask() -> Image.Image:
    shown = Image.new("L", (64, 64))
    ImageDraw.Draw(shown).ellipse((8, 8, 40, 40), fill=255)
    return shown


def drawings(engine: DiffusersEngine) -> Iterator[tuple[str, Recipe]]:
    """What a model draws, by name."""
    half, whole = Size(width=64, height=64), Box(x=0, y=0, width=64, height=64)
    yield "text", recipe(engine, "a (red:1.4) boat", steps=4)
    yield "image", recipe(engine, steps=4, task=ImageToImage(image=A, strength=0.6))
    inside = Inpaint(image=A, mask=B, region=whole, work=half)
    yield "inpaint", recipe(engine, steps=3, task=inside)
    beyond = Outpaint(image=A, left=32, right=16, work=Size(width=112, height=64))
    asked = recipe(engine, steps=3, task=beyond)
    yield "outpaint", asked.change(size=Size(width=112, height=64))


def works() -> Iterator[tuple[str, Recipe]]:
    """What is done to pixels, by name."""
    size, twice = Size(width=64, height=64), Size(width=128, height=128)
    yield "upscale", Recipe(engine="pixels", task=Upscale(image=A, scale=2), size=twice)
    light = Retouch(image=A, exposure=0.5, temperature=20, contrast=0.2, saturation=0.3)
    yield "light", Recipe(engine="pixels", task=light, size=size)
    grain = Retouch(image=A, mask=B, sharpness=1, grain=0.3, seed=3)
    yield "grain", Recipe(engine="pixels", task=grain, size=size)
    corners = ((10.0, 14.0), (50.0, 8.0), (54.0, 44.0), (8.0, 40.0))
    surface = Surface(corners=corners)
    layer = Layer(image=A, surface=surface, shading=0.5, feather=3, blend="multiply")
    laid = Composite(image=A, layers=(layer,))
    yield "composite", Recipe(engine="pixels", task=laid, size=size)


def coarse(image: Image.Image) -> list[int]:
    """SIDE x SIDE cells of a picture, their red, green and blue."""
    small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small).reshape(-1).tolist()


def found_of(engine: Engine, recipes: Iterator[tuple[str, Recipe]]) -> dict[str, list[int]]:
    """What an engine makes of each, coarse; of drawings their last kept latents too, for a small
    random decoder shows little of them."""
    inputs, found = {A: picture(), B: mask()}, dict[str, list[int]]()
    for name, each in recipes:
        (made,) = draw(engine, [each], inputs)
        found[name] = coarse(made.image)
        if made.trace is not None and made.trace.kept:
            latents = made.trace.kept[-1].latents
            step = min(latents.shape[1:]) // 4
            cells = latents[:, : 4 * step, : 4 * step].reshape(-1, 4, step, 4, step).mean((2, 4))
            found[f"{name}, latents"] = (100 * cells).round().astype(int).reshape(-1).tolist()
    return found


def off(found: Mapping[str, list[int]], noted: Mapping[str, list[int]]) -> dict[str, float]:
    """How far, in its worst cell, each picture is from what was noted; those that are too far."""
    away = {
        name: float(np.abs(np.array(cells) - np.array(noted.get(name, [999]))).max())
        for name, cells in found.items()
    }
    return {name: each for name, each in away.items() if each > AWAY}


def of_a_model(engine: DiffusersEngine) -> dict[str, list[int]]:
    return found_of(engine, drawings(engine))


def of_pixels() -> dict[str, list[int]]:
    return found_of(pixels(), works())


@pytest.mark.parametrize("name", list(VERSIONS))
def test_what_draws_otherwise_has_another_version(name: str, engine: DiffusersEngine) -> None:
    kept = json.loads(NOTED.read_text("utf-8"))[name]
    made: Callable[[], dict[str, list[int]]] = {
        "diffusers": lambda: of_a_model(engine),
        "pixels": of_pixels,
    }[name]
    again = "python -m tests.engines.test_noted notes what is drawn now"
    assert kept["version"] == VERSIONS[name], again
    told = f"'{name}' draws otherwise: raise its version, and {again}"
    assert off(made(), kept["pictures"]) == {}, told


def test_another_picture_is_noticed() -> None:
    noted = {"a": coarse(picture())}
    lighter = Image.fromarray((np.asarray(picture()).astype(int) + 6).clip(0, 255).astype(np.uint8))
    assert off({"a": coarse(picture())}, noted) == {}
    assert list(off({"a": coarse(lighter)}, noted)) == ["a"]
    assert list(off({"b": coarse(picture())}, noted)) == ["b"], "what was never noted"


def main() -> None:
    """Note what is drawn now."""
    with tempfile.TemporaryDirectory() as folder:
        engine = create(build(Path(folder) / "tiny", "postcard"), threads=1)
        found = {"diffusers": of_a_model(engine), "pixels": of_pixels()}
    told = {name: {"version": VERSIONS[name], "pictures": each} for name, each in found.items()}
    lines = json.dumps(told, indent=1).replace(",\n    ", ", ").replace("[\n    ", "[")
    NOTED.write_text(lines.replace("\n   ]", "]") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
