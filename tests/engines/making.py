"""Recipes and inputs for engine tests."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from maquette.core.geometry import Box, Size
from maquette.core.picture import encode_png
from maquette.core.recipe import PromptText, Recipe, Sampling, Task, TextToImage
from maquette.engines.base import Engine, Inputs, Picture

SIDE = 64


def recipe(
    engine: Engine,
    text: str = "a red boat",
    *,
    task: Task | None = None,
    size: tuple[int, int] = (SIDE, SIDE),
    negative: str = "",
    interpreter: Any = "attention",
    **sampling: Any,
) -> Recipe:
    """A recipe for an engine's own model."""
    samplers = engine.capabilities().samplers
    sampler = samplers[0] if samplers else "ddim"
    settings = {"sampler": sampler, "steps": 3, "guidance": 4.0, "seed": 1, **sampling}
    return Recipe(
        engine=engine.name,
        task=task or TextToImage(),
        size=Size(width=size[0], height=size[1]),
        prompt=PromptText(text=text, negative=negative, interpreter=interpreter),
        model=engine.capabilities().model,
        sampling=Sampling(**settings),
    )


def draw(
    engine: Engine, recipes: Recipe | Sequence[Recipe], inputs: Inputs | None = None, **how: Any
) -> list[Picture]:
    """The pictures of some recipes, in the recipes' order."""
    many = [recipes] if isinstance(recipes, Recipe) else list(recipes)
    found = [x for x in engine.run(many, inputs or {}, **how) if isinstance(x, Picture)]
    return sorted(found, key=lambda picture: picture.index)


def photo(width: int = SIDE, height: int = SIDE, seed: int = 3) -> Image.Image:
    """A smooth, coloured picture."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def mask(width: int, height: int, box: Box) -> Image.Image:
    """Black, with a white box."""
    image = Image.new("L", (width, height))
    image.paste(255, box.corners)
    return image


def digest(image: Image.Image) -> str:
    """SHA-256 of a picture as PNG."""
    return hashlib.sha256(encode_png(image)).hexdigest()


def array(image: Image.Image) -> np.ndarray:
    """(rows, columns, channels) as whole numbers that can be subtracted."""
    return np.asarray(image).astype(int)
