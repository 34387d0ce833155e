"""What the judge learns from: rendered scenes only, evenly chosen, with true answers.

Scenes are drawn once by several processes, in resumable pieces of RUN/judge/scenes, and kept at
128x128. Half are chosen evenly (every noun, colour, style and time as often as another, reserved
pairs too), so that what is usual in the world is no hint: a judge that expects foxes to be orange
would not see that one is blue.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np

from training.data import pack
from training.judge.network import CELLS, COUNTS, SIDE
from training.world import NOUNS, Scene, render
from training.world.choose import ONE_COLOUR, OUTDOOR_THINGS
from training.world.facts import POSITIONS, STYLES, TIMES
from training.world.palette import COLOURS
from training.world.scene import DRAWERS

PIECE = 250
FIRST_SEED, HELD_OUT_SEED = 40_000_000, 60_000_000
#: A noun of less than this share of the picture is neither shown nor missing.
SEEN = 0.002
UNKNOWN = -1
COLOUR_NAMES = tuple(COLOURS)


@dataclass
class Scenes:
    """Pictures (uint8 N x 128 x 128 x 3), where nouns are (int64 N x 16 x 16, a bit a noun), and
    answers (int8): N x nouns for present, colour, count, position; N for time and style.
    -1 stands for what is not known or not asked."""

    pictures: np.ndarray
    places: np.ndarray
    present: np.ndarray
    colour: np.ndarray
    count: np.ndarray
    position: np.ndarray
    time: np.ndarray
    style: np.ndarray

    def __len__(self) -> int:
        return len(self.pictures)


def answers(scene: Scene) -> dict[str, Any]:
    """The true answers of one scene, as in `Scenes`."""
    facts = scene.facts
    present = np.zeros(len(NOUNS), np.int8)
    colour, count, position = (np.full(len(NOUNS), UNKNOWN, np.int8) for _ in range(3))
    for noun, mask in scene.masks.items():
        present[NOUNS.index(noun)] = 1 if mask.mean() >= SEEN else UNKNOWN
    for thing in facts.things:
        row = NOUNS.index(thing.noun)
        count[row] = COUNTS.index(thing.count)
        if thing.position:
            position[row] = POSITIONS.index(thing.position)
        for noun, name in (
            (thing.noun, thing.colour),
            (thing.garment, thing.garment_colour),
            (thing.logo, thing.logo_colour),
        ):
            if noun and name:
                colour[NOUNS.index(noun)] = COLOUR_NAMES.index(name)
    if facts.light:
        row = NOUNS.index("sun" if facts.light == "sun" else "moon")
        position[row] = POSITIONS.index(facts.light_position)
    if facts.place == "backdrop":
        colour[NOUNS.index("backdrop")] = COLOUR_NAMES.index(facts.wall)
    return {
        "present": present,
        "colour": colour,
        "count": count,
        "position": position,
        "time": TIMES.index(facts.time) if facts.time else UNKNOWN,
        "style": STYLES.index(facts.style),
    }


def evenly(seed: int) -> dict[str, Any]:
    """What to fix in scene `seed`, so that no choice says anything about another."""
    rng = random.Random(seed ^ 0xE7E)
    if rng.random() < 0.1:
        return {"unseen": True}
    if rng.random() < 0.35:
        return {}
    noun = rng.choice(sorted(DRAWERS))
    fixed: dict[str, Any] = {"noun": noun}
    fixed["mode"] = rng.choices(("one", "count", "pair"), (0.55, 0.27, 0.18))[0]
    if noun not in ONE_COLOUR and rng.random() < 0.6:
        fixed["colour"] = rng.choice(COLOUR_NAMES)
    if rng.random() < 0.5:
        fixed["style"] = rng.choice(STYLES)
    if noun in OUTDOOR_THINGS and rng.random() < 0.5:
        fixed["time"] = rng.choice(TIMES)
    return fixed


def shrink(picture: np.ndarray) -> np.ndarray:
    """uint8 256 x 256 x 3 to 128 x 128 x 3, by averaging."""
    blocks = picture.reshape(SIDE, 2, SIDE, 2, 3).astype(np.uint16).sum((1, 3))
    return ((blocks + 2) // 4).astype(np.uint8)


def cells(masks: dict[str, np.ndarray]) -> np.ndarray:
    """Masks packed a bit a noun, 16 x 16."""
    fine = pack(masks).reshape(CELLS, 2, CELLS, 2)
    return np.bitwise_or.reduce(np.bitwise_or.reduce(fine, 3), 1).astype(np.int64)


def gather(scenes: list[Scene]) -> Scenes:
    """Scenes as arrays."""
    told = [answers(scene) for scene in scenes]
    return Scenes(
        np.stack([shrink(scene.picture) for scene in scenes]),
        np.stack([cells(scene.masks) for scene in scenes]),
        **{name: np.array([one[name] for one in told], np.int8) for name in told[0]},
    )


def _draw_piece(start: int, folder: Path) -> int:
    """Draw scenes start..start+PIECE into a file of their own."""
    path = folder / f"{start:07d}.npz"
    if not path.exists():
        seeds = range(FIRST_SEED + start, FIRST_SEED + start + PIECE)
        made = gather([render(s, phrasings=1, **evenly(s)) for s in seeds])
        unfinished = path.with_suffix(".writing.npz")
        np.savez(unfinished, **vars(made))
        unfinished.rename(path)
    return start


def draw(folder: Path, count: int, workers: int) -> Scenes:
    """Draw (what is missing of) `count` scenes into a folder, and read them all."""
    folder.mkdir(parents=True, exist_ok=True)
    starts = list(range(0, count, PIECE))
    job = partial(_draw_piece, folder=folder)
    if workers == 1:
        for start in starts:
            job(start)
    else:
        with Pool(workers) as pool:
            list(pool.imap_unordered(job, starts))
    pieces = [np.load(folder / f"{start:07d}.npz") for start in starts]
    return Scenes(
        **{n: np.concatenate([p[n] for p in pieces])[:count] for n in Scenes.__dataclass_fields__}
    )


def held_out(count: int, *, unseen: bool = False, first: int = HELD_OUT_SEED) -> Scenes:
    """Scenes as the world has them (or with a reserved pair), which no training sees."""
    return gather([render(first + i, phrasings=1, unseen=unseen) for i in range(count)])
