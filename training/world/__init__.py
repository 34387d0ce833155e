"""The drawn world: `render(seed, **fixed)` gives a picture, its captions, masks and facts."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.world.captions import Caption, caption
from training.world.scene import Facts, compose

#: Every noun that can have a mask, in the order of the bits of packed masks.
NOUNS = (
    "sky",
    "moon",
    "sun",
    "stars",
    "mist",
    "forest",
    "mountains",
    "sea",
    "desert",
    "city",
    "hills",
    "ground",
    "table",
    "backdrop",
    "kitchen",
    "window",
    "wall",
    "wolf",
    "cat",
    "tree",
    "house",
    "boat",
    "balloon",
    "mug",
    "bottle",
    "vase",
    "lamp",
    "book",
    "apple",
    "sneaker",
)


@dataclass(frozen=True)
class Scene:
    """A drawn scene.

    picture: uint8 256x256x3, RGB. masks: noun -> bool 256x256, visible pixels only.
    captions: several phrasings, each with the character spans that speak of each noun.
    """

    picture: np.ndarray
    caption: str
    captions: tuple[Caption, ...]
    masks: dict[str, np.ndarray]
    facts: Facts


def render(seed: int, *, phrasings: int = 6, **fixed: Any) -> Scene:
    """Draw scene `seed`. `fixed` holds choices that must be so, among them: style, outdoor, time,
    place, light, light_size, light_position, stars, mist, surface, wall, mode ('one', 'count',
    'pair', 'none'), noun, noun2, colour, colour2, position, size, count."""
    picture, facts, masks = compose(seed, fixed)
    rng = random.Random(seed ^ 0x5EED)
    captions = tuple(caption(facts, rng) for _ in range(phrasings))
    return Scene(picture, captions[0].text, captions, masks, facts)


__all__ = ["NOUNS", "Caption", "Facts", "Scene", "render"]
