"""Technical quality against damage: how often is a clean picture put before its own damaged copy?

    python -m bench.technique [--scenes 100]

Scenes of the world that Postcard was trained on (seeds that no training saw) are damaged as
``training/degrade.py`` does it: soft, noisy, compressed; and in their light: flat, too bright, too
dark, grey. One line for each damage: the share of the scenes whose clean picture scores higher, and
by how much on the mean. No model draws, nothing is timed.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from training.degrade import blur, compress
from training.world import render

from maquette.stages.technique import technique_of

FIRST = 70_000_000

Damage = Callable[[torch.Tensor], torch.Tensor]


def _noisy(deviation: float) -> Damage:
    def damage(picture: torch.Tensor) -> torch.Tensor:
        generator = torch.Generator().manual_seed(0)
        return picture + deviation / 127.5 * torch.randn(picture.shape, generator=generator)

    return damage


def _packed(coarseness: float) -> Damage:
    return lambda picture: compress(picture, torch.full((1, 1, 1, 1), coarseness))


def _greyer(share: float) -> Damage:
    return lambda picture: torch.lerp(picture.mean(1, keepdim=True), picture, share)


DAMAGES: dict[str, Damage] = {
    "blur of 1 pixel": lambda picture: blur(picture, 1.0),
    "blur of 2 pixels": lambda picture: blur(picture, 2.0),
    "noise of 4 levels": _noisy(4),
    "noise of 10 levels": _noisy(10),
    "compressed, about quality 50": _packed(1.0),
    "compressed, about quality 20": _packed(2.5),
    "contrast of 0.6": lambda picture: 0.6 * picture,
    "brighter by 60 levels": lambda picture: picture + 60 / 127.5,
    "darker by 60 levels": lambda picture: picture - 60 / 127.5,
    "saturation of 0.4": _greyer(0.4),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--scenes", type=int, default=100)
    count: int = parser.parse_args().scenes
    gained: dict[str, list[float]] = {name: [] for name in DAMAGES}
    for number in range(count):
        clean = render(FIRST + number).picture
        own = technique_of(Image.fromarray(clean)).score
        tensor = torch.from_numpy(clean.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
        for name, damage in DAMAGES.items():
            worse = (damage(tensor)[0].permute(1, 2, 0).clamp(-1, 1) + 1) * 127.5
            picture = Image.fromarray(worse.round().to(torch.uint8).numpy())
            gained[name].append(own - technique_of(picture).score)
    for name, each in gained.items():
        before = sum(gain > 0 for gain in each) / count
        print(f"{name:30} {before:6.1%} {statistics.mean(each):+.3f}")


if __name__ == "__main__":
    main()
