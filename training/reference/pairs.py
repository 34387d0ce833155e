"""Pairs of scenes that share style and character, and nothing else.

The target is a picture of the run; its reference is another scene of the same style with the same
thing: species, colour, clothes, pattern and sign, in another pose and place, of another size. So
what both have in common is what an adapter learns to carry, and composition is not in it. Targets
have two captions: one leaves out what the reference is to say, the other says it.

    python -m training.reference.pairs --run RUN --count 20000 --workers 2

draws the references of the run's first pictures into RUN/reference, in resumable pieces.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
from dataclasses import dataclass
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap

from training.data import first_seed, scene_of
from training.judge.scenes import shrink
from training.world import Caption, Facts, Scene, render
from training.world.captions import caption
from training.world.facts import POSES, POSITIONS, SPECIES
from training.world.phrases import STYLE_WORDS, WRITTEN, article, join

SIDE = 128
PIECE = 250
#: Added to a target's seed for its reference's.
AWAY = 300_000_000
PHRASINGS = 3
#: Captions among which the one is sought that says what another leaves out.
TRIES = 60
#: How far a redrawn picture may be from the run's, on average; more is another world.
SAME = 2.0


def bare(facts: Facts, rng: random.Random) -> Caption:
    """A caption that says what is where, and nothing of the style and of how the first thing looks:
    no colour, pattern, clothes or sign of it."""
    told = copy.deepcopy(facts)
    told.style = "flat"  # of which captions need not speak
    for thing in told.things[:1]:
        thing.colour = thing.pattern = thing.logo = thing.logo_colour = ""
        thing.garment = thing.garment_colour = ""
    words = {word for phrase in STYLE_WORDS["flat"] for word in phrase.split()}
    for _ in range(40):
        said = caption(told, rng)
        if not words & _words(said.text):
            return said
    return said


def _words(text: str) -> set[str]:
    return set(text.replace(",", " ").split()) - {"a", "an", "of"}


def phrasings(facts: Facts, rng: random.Random) -> list[tuple[str, str]]:
    """Pairs of captions: one that leaves out what the reference says, and the one that says it.

    The second has as many words of how things look as chance finds, most words of the first, and
    few others.
    """
    telling = {word for phrase in STYLE_WORDS[facts.style] for word in phrase.split()}
    for thing in facts.things[:1]:
        telling |= {thing.colour, thing.pattern, thing.garment, thing.garment_colour, thing.logo}
    ways = [caption(facts, rng).text for _ in range(TRIES)]
    found = []
    for _ in range(PHRASINGS):
        plain = bare(facts, rng).text
        said = _words(plain)
        full = min(
            ways,
            key=lambda way: (
                len(said - _words(way)) - 2 * len(telling & _words(way)),
                len(_words(way) - telling - said),
            ),
        )
        found.append((plain, full))
    return found


def looks(facts: Facts) -> str:
    """In words what a reference of these facts shows of style and of the first thing's looks: each
    word tells of those before it ('a red fox, in a blue scarf, watercolour')."""
    said = []
    for thing in facts.things[:1]:
        named = (thing.pattern, thing.colour, WRITTEN.get(thing.noun, thing.noun))
        said.append(article(" ".join(word for word in named if word)))
        if thing.garment:
            said.append(f"in {article(f'{thing.garment_colour} {thing.garment}')}")
        if thing.logo:
            said.append(f"with {article(f'{thing.logo_colour} {thing.logo}')}")
    return join(*said, STYLE_WORDS[facts.style][0])


def alike(facts: Facts, rng: random.Random) -> dict[str, Any]:
    """What to fix so that another scene has the style and the first thing of this one."""
    fixed: dict[str, Any] = {"style": facts.style}
    if not facts.things:
        return {**fixed, "mode": "none", "outdoor": facts.outdoor} | (
            {"time": facts.time} if facts.outdoor else {}
        )
    thing = facts.things[0]
    fixed |= {"mode": "one", "noun": thing.noun}
    if thing.colour:
        fixed["colour"] = thing.colour
    fixed["position"] = rng.choice([p for p in POSITIONS if p != thing.position])
    if thing.noun in SPECIES:
        fixed["pose"] = rng.choice([p for p in POSES if p != thing.pose])
        fixed["garment"] = thing.garment
        if thing.garment:
            fixed["garment_colour"] = thing.garment_colour
    elif thing.logo:
        fixed |= {"decoration": "logo", "logo": thing.logo, "logo_colour": thing.logo_colour}
    elif thing.pattern:
        fixed |= {"decoration": "pattern", "pattern": thing.pattern}
    else:
        fixed["decoration"] = ""
    return fixed


def reference(facts: Facts, seed: int) -> Scene:
    """Another scene with the style and the first thing of this one."""
    rng = random.Random(seed)
    return render(seed + AWAY, phrasings=1, **alike(facts, rng))


def _draw_piece(start: int, run: Path, count: int, first: int) -> int:
    folder = run / "reference"
    done, stop = folder / "pieces" / f"{start:07d}.json", min(start + PIECE, count)
    if done.exists():
        return stop - start
    kept = open_memmap(folder / "pictures.npy", mode="r+")
    pictures = np.load(run / "pictures.npy", mmap_mode="r")
    said = []
    for i in range(start, stop):
        target = scene_of(first + i)
        if i == start and np.abs(target.picture.astype(int) - pictures[i]).mean() > SAME:
            raise ValueError(
                f"picture {i} of the run was drawn by another world: draw the run anew"
            )
        kept[i] = shrink(reference(target.facts, first + i).picture)
        rng = random.Random(first + i)
        said.append({"looks": looks(target.facts), "said": phrasings(target.facts, rng)})
    unfinished = done.with_suffix(".partial")
    unfinished.write_text(json.dumps(said))
    unfinished.rename(done)
    return stop - start


def draw(run: Path, count: int, workers: int) -> int:
    """Draw (what is missing of) the references of a run's first pictures; gives how many.

    Raises ValueError when the run's pictures are not those that the world draws now.
    """
    folder = run / "reference"
    (folder / "pieces").mkdir(parents=True, exist_ok=True)
    count = min(count, len(np.load(run / "pictures.npy", mmap_mode="r")))
    path = folder / "pictures.npy"
    if not path.exists():
        open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, SIDE, SIDE, 3)).flush()
    count = len(np.load(path, mmap_mode="r"))
    job = partial(_draw_piece, run=run, count=count, first=first_seed(run))
    starts = range(0, count, PIECE)
    if workers == 1:
        return sum(map(job, starts))
    with Pool(workers) as pool:
        return sum(pool.imap_unordered(job, starts))


@dataclass(frozen=True)
class Told:
    """What is said of a target: captions in pairs, without what its reference says and with it; and
    that alone."""

    said: list[tuple[str, str]]
    looks: str

    @property
    def style(self) -> str:
        """The style alone, in words."""
        return self.looks.rpartition(", ")[2]


def told_of(run: Path) -> list[Told]:
    """What is said of each target of a run."""
    pieces = sorted((run / "reference" / "pieces").glob("*.json"))
    return [
        Told([(plain, full) for plain, full in one["said"]], one["looks"])
        for piece in pieces
        for one in json.loads(piece.read_text())
    ]


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=2)
    a = parser.parse_args()
    print(f"{draw(a.run, a.count, a.workers)} pictures have references")


if __name__ == "__main__":
    main()
