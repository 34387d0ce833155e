"""Draw a training set: pictures, packed noun masks and captions, in resumable pieces.

    python -m training.data --run RUN --count 30000 --workers 2

writes RUN/pictures.npy (uint8 N x 256 x 256 x 3), RUN/masks.npy (uint64 N x 32 x 32; bit k says
that noun k of `training.world.NOUNS` covers at least 35% of that 8x8 cell), RUN/captions/*.json
(for each picture several phrasings with their noun spans) and RUN/scales.npy (float16 N x nouns:
how large each noun is drawn, 1 its usual size). The harder styles and words of place are more
frequent than in the world's own scenes, on which `adherence.py` measures.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from training.world import NOUNS, Scene, render
from training.world.facts import STYLES
from training.world.scene import scales

CELLS = 32
PIECE = 250
COVERED = 0.35
FIRST_SEED = 1_000_000
#: Shares of the styles in a training set, in the order of STYLES: two thirds of the world's scenes
#: are flat, but the others are the harder ones.
STYLE_SHARES = (0.5, 0.15, 0.13, 0.12, 0.1)


def pack(masks: dict[str, np.ndarray]) -> np.ndarray:
    """Masks of a scene as one uint64 32x32 array of noun bits."""
    packed = np.zeros((CELLS, CELLS), np.uint64)
    for noun, mask in masks.items():
        share = mask.reshape(CELLS, 256 // CELLS, CELLS, 256 // CELLS).mean((1, 3))
        # A small thing may fill no cell: it keeps the cells that hold most of it.
        covered = share >= min(COVERED, 0.7 * share.max())
        packed |= covered.astype(np.uint64) << np.uint64(NOUNS.index(noun))
    return packed


def scene_of(seed: int, *, phrasings: int = 1, layers: Sequence[str] = ()) -> Scene:
    """The scene that a training set shows at a seed; drawn again, it is the same."""
    style = random.Random(seed ^ 0x57717E).choices(STYLES, STYLE_SHARES)[0]
    return render(seed, phrasings=phrasings, layers=layers, sided=True, style=style)


def first_seed(run: Path) -> int:
    """The seed of a run's first picture; the others follow it."""
    path = run / "set.json"
    return int(json.loads(path.read_text())["first_seed"]) if path.exists() else FIRST_SEED


def draw_piece(start: int, run: Path, count: int, first: int, phrasings: int) -> int:
    """Draw pictures start..start+PIECE into the arrays of the run; gives how many."""
    done = run / "captions" / f"{start:07d}.json"
    stop = min(start + PIECE, count)
    if done.exists():
        return stop - start
    pictures = open_memmap(run / "pictures.npy", mode="r+")
    masks = open_memmap(run / "masks.npy", mode="r+")
    sizes = open_memmap(run / "scales.npy", mode="r+")
    captions = []
    for i in range(start, stop):
        scene = scene_of(first + i, phrasings=phrasings)
        pictures[i] = scene.picture
        masks[i] = pack(scene.masks)
        sizes[i] = 1
        for noun, size in scales(scene.facts).items():
            sizes[i, NOUNS.index(noun)] = size
        captions.append([[c.text, c.spans] for c in scene.captions])
    partial_file = done.with_suffix(".partial")
    partial_file.write_text(json.dumps(captions))
    partial_file.rename(done)
    return stop - start


def draw_set(
    run: Path, count: int, workers: int, first: int = FIRST_SEED, phrasings: int = 6
) -> None:
    """Draw `count` pictures into a run folder; pieces that are already there are kept."""
    (run / "captions").mkdir(parents=True, exist_ok=True)
    (run / "set.json").write_text(json.dumps({"first_seed": first}))
    for name, dtype, shape in (
        ("pictures", np.uint8, (count, 256, 256, 3)),
        ("masks", np.uint64, (count, CELLS, CELLS)),
        ("scales", np.float16, (count, len(NOUNS))),
    ):
        if not (run / f"{name}.npy").exists():
            open_memmap(run / f"{name}.npy", mode="w+", dtype=dtype, shape=shape).flush()
    began, drawn = time.time(), 0
    job = partial(draw_piece, run=run, count=count, first=first, phrasings=phrasings)
    with Pool(workers) as pool:
        for number in pool.imap_unordered(job, range(0, count, PIECE)):
            drawn += number
            if drawn % (PIECE * 8) == 0:
                print(f"{drawn} pictures, {time.time() - began:.0f} s", flush=True)


def read_captions(run: Path) -> list[list[tuple[str, list[tuple[int, int, str]]]]]:
    """Captions of every picture of a run: [(text, [(start, end, noun), …]), …]."""
    pieces = sorted((run / "captions").glob("*.json"))
    return [
        [(text, [tuple(span) for span in spans]) for text, spans in one]
        for piece in pieces
        for one in json.loads(piece.read_text())
    ]


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--count", type=int, default=30000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    arguments = parser.parse_args()
    draw_set(arguments.run, arguments.count, arguments.workers, arguments.first_seed)


if __name__ == "__main__":
    main()
