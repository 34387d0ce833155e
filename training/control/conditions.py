"""Conditions of a ControlNet: what each channel holds, and how they are drawn and kept.

One control picture has eight channels of 0..1: line (1: a white line on black, or the edges of a
photograph by Canny), depth (1: near is bright), pose (3: a skeleton in colours on black), tile (3:
the picture itself, softened). A condition that is not given holds -1 throughout, which is not the
same as a picture without lines. The stock pipeline takes such a control picture as a tensor.

    python -m training.control.conditions --run RUN --count 20000 --workers 2

draws the conditions of the run's first pictures into RUN/control, in resumable pieces.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.lib.format import open_memmap
from torch.nn import functional as F  # noqa: N812

from maquette.core.figure import BONES, FIGURE, JOINTS
from training.data import first_seed, scene_of
from training.world import Facts, Scene
from training.world.facts import Skeleton

#: Which channels of a control picture hold which condition.
CHANNELS: dict[str, slice] = {
    "line": slice(0, 1),
    "depth": slice(1, 2),
    "pose": slice(2, 5),
    "tile": slice(5, 8),
}
WIDTH = 8
ABSENT = -1.0
#: Sides at which conditions are kept; lines and edges at a bit a pixel.
SIDE, HALF, TILE = 256, 128, 64
PIECE = 250
#: Skeletons that are kept of one picture.
FIGURES = 3
#: How far a redrawn picture may be from the run's, on average; more is another world.
SAME = 2.0
#: Colours of bones and of joints, uint8 1 + bones + joints x 3; 0 is the black ground.
PALETTE = np.array([tuple(bytes.fromhex(c[1:])) for c in ("#000000", *FIGURE.colours)], np.uint8)


def draw_pose(skeletons: list[Skeleton], side: int = SIDE) -> np.ndarray:
    """Skeletons (in pixels of a 256x256 picture) as a picture: uint8 side x side, indices of
    `PALETTE`. Joints that the picture hides are left out, and the bones that end there."""
    drawn, scale = np.zeros((side, side), np.uint8), side / SIDE
    for skeleton in skeletons:
        at = {
            name: (round(x * scale), round(y * scale))
            for name, (x, y, seen) in skeleton.items()
            if seen and np.isfinite(x)
        }
        for i, (first, last) in enumerate(BONES):
            if first in at and last in at:
                cv2.line(drawn, at[first], at[last], 1 + i, max(1, side // 85))
        for i, joint in enumerate(JOINTS):
            if joint in at:
                cv2.circle(drawn, at[joint], max(1, side // 85), 1 + len(BONES) + i, -1)
    return drawn


def colour_pose(drawn: np.ndarray) -> np.ndarray:
    """Indices (N x side x side) as a pose picture: uint8 N x side x side x 3."""
    return PALETTE[drawn]


def canny(picture: np.ndarray, low: float = 60, high: float = 140) -> np.ndarray:
    """Edges of a photograph (Canny, 1986), uint8 H x W of 0 or 255."""
    return cv2.Canny(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), low, high)


def skeletons(facts: Facts) -> list[Skeleton]:
    """All skeletons of a scene."""
    return [skeleton for thing in facts.things for skeleton in thing.skeletons]


def joints(facts: Facts) -> np.ndarray:
    """Joints of a scene's figures, float32 FIGURES x JOINTS x 3: x, y, seen; NaN for no figure."""
    found = np.full((FIGURES, len(JOINTS), 3), np.nan, np.float32)
    for i, skeleton in enumerate(skeletons(facts)[:FIGURES]):
        found[i] = [skeleton[name] for name in JOINTS]
    return found


def halved(layer: np.ndarray, side: int) -> np.ndarray:
    """A layer (256 x 256 [x 3], uint8) at a smaller side, by averaging."""
    return cv2.resize(layer, (side, side), interpolation=cv2.INTER_AREA)


ARRAYS: dict[str, tuple[type, tuple[int, ...]]] = {
    "line": (np.uint8, (SIDE, SIDE // 8)),
    "canny": (np.uint8, (SIDE, SIDE // 8)),
    "depth": (np.uint8, (HALF, HALF)),
    "pose": (np.uint8, (HALF, HALF)),
    "tile": (np.uint8, (TILE, TILE, 3)),
    "joints": (np.float32, (FIGURES, len(JOINTS), 3)),
}


def layers(scene: Scene, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What is kept of one scene (drawn with both layers), as in `ARRAYS`.

    Canny's thresholds differ from picture to picture, as those of users do.
    """
    assert scene.line is not None
    assert scene.depth is not None
    low = float(rng.uniform(30, 110))
    edges = canny(scene.picture, low, low * float(rng.uniform(1.8, 2.8)))
    return {
        "line": np.packbits(scene.line > 127, axis=1),
        "canny": np.packbits(edges > 0, axis=1),
        "depth": halved(scene.depth, HALF),
        "pose": draw_pose(skeletons(scene.facts), HALF),
        "tile": halved(scene.picture, TILE),
        "joints": joints(scene.facts),
    }


def _draw_piece(start: int, run: Path, count: int, first: int) -> int:
    folder = run / "control"
    done, stop = folder / "pieces" / f"{start:07d}", min(start + PIECE, count)
    if done.exists():
        return stop - start
    arrays = {name: open_memmap(folder / f"{name}.npy", mode="r+") for name in ARRAYS}
    pictures = np.load(run / "pictures.npy", mmap_mode="r")
    for i in range(start, stop):
        scene = scene_of(first + i, layers=("depth", "line"))
        if i == start:
            away = np.abs(scene.picture.astype(int) - pictures[i]).mean()
            if away > SAME:
                raise ValueError(
                    f"picture {i} of the run was drawn by another world: draw the run anew"
                )
        for name, value in layers(scene, np.random.default_rng([21, i])).items():
            arrays[name][i] = value
    done.touch()
    return stop - start


def draw(run: Path, count: int, workers: int) -> int:
    """Draw (what is missing of) the conditions of a run's first pictures; gives how many.

    Raises ValueError when the run's pictures are not those that the world draws now.
    """
    folder = run / "control"
    (folder / "pieces").mkdir(parents=True, exist_ok=True)
    count = min(count, len(np.load(run / "pictures.npy", mmap_mode="r")))
    if not (folder / "line.npy").exists():
        for name, (kind, shape) in reversed(ARRAYS.items()):
            path = folder / f"{name}.npy"
            open_memmap(path, mode="w+", dtype=kind, shape=(count, *shape)).flush()
    count = len(np.load(folder / "line.npy", mmap_mode="r"))
    job = partial(_draw_piece, run=run, count=count, first=first_seed(run))
    starts = range(0, count, PIECE)
    if workers == 1:
        return sum(map(job, starts))
    with Pool(workers) as pool:
        return sum(pool.imap_unordered(job, starts))


def _unit(values: np.ndarray | torch.Tensor) -> torch.Tensor:
    """uint8 N x H x W [x 3] to float32 N x (1 or 3) x H x W of 0..1."""
    batch = torch.as_tensor(values).float() / 255
    return batch[:, None] if batch.ndim == 3 else batch.permute(0, 3, 1, 2)


def assemble(given: Mapping[str, np.ndarray | torch.Tensor]) -> torch.Tensor:
    """A control picture from conditions as users have them: float32 N x 8 x 256 x 256.

    given: by name of `CHANNELS`, uint8 N x H x W (line, depth) or N x H x W x 3 (pose, tile), of
    any size. Raises ValueError for an unknown name or when nothing is given.
    """
    if not given or set(given) - set(CHANNELS):
        raise ValueError(f"conditions are some of {', '.join(CHANNELS)}, not {', '.join(given)}")
    count = len(next(iter(given.values())))
    control = torch.full((count, WIDTH, SIDE, SIDE), ABSENT)
    for name, values in given.items():
        smooth = F.interpolate(_unit(values), size=(SIDE, SIDE), mode="bilinear", antialias=True)
        control[:, CHANNELS[name]] = smooth
    return control


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=2)
    a = parser.parse_args()
    print(f"{draw(a.run, a.count, a.workers)} pictures have conditions")


if __name__ == "__main__":
    main()
