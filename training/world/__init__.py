"""The drawn world: `render(seed, **fixed)` gives a picture, its captions, masks and facts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.world.captions import caption
from training.world.facts import NOUNS, Facts, Thing, unseen
from training.world.layers import depth_map, line_art
from training.world.phrases import Caption
from training.world.scene import compose


@dataclass(frozen=True)
class Scene:
    """A drawn scene.

    picture: uint8 256x256x3, RGB. masks: noun -> bool 256x256, visible pixels only.
    captions: several phrasings, each with the character spans that speak of each noun.
    facts: everything that can be said of it, skeletons among them.
    depth: uint8 256x256, near is bright. line: uint8 256x256, white on black. None if not asked
    for.
    """

    picture: np.ndarray
    caption: str
    captions: tuple[Caption, ...]
    masks: dict[str, np.ndarray]
    facts: Facts
    depth: np.ndarray | None = None
    line: np.ndarray | None = None


def render(
    seed: int,
    *,
    phrasings: int = 6,
    layers: Sequence[str] = (),
    unseen: bool = False,
    sided: bool = False,
    **fixed: Any,
) -> Scene:
    """Draw scene `seed`.

    layers: 'depth' and 'line', as wanted. unseen: show one of the pairs of `facts.UNSEEN_COLOURS`
    and `UNSEEN_PLACES`, which are otherwise drawn only when `fixed` names them. sided: captions say
    more often where things are. fixed: choices that must be so, by name: style, outdoor, time,
    place, light, light_size, light_position, stars, mist, clouds, surface, wall, lighting, mode
    ('one', 'count', 'pair', 'none'), noun, noun2, colour, colour2, position, size, count, pose,
    garment, garment_colour, decoration ('', 'logo', 'pattern'), logo, logo_colour, pattern.
    """
    drawn = compose(seed, fixed, unseen=unseen)
    rng = random.Random(seed ^ 0x5EED)
    captions = tuple(caption(drawn.facts, rng, sided=sided) for _ in range(phrasings))
    return Scene(
        drawn.picture,
        captions[0].text,
        captions,
        drawn.masks,
        drawn.facts,
        depth_map(drawn.marks) if "depth" in layers else None,
        line_art(drawn.marks) if "line" in layers else None,
    )


__all__ = ["NOUNS", "Caption", "Facts", "Scene", "Thing", "render", "unseen"]
