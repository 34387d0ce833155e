"""Technical quality against damage: how often is a clean picture put before its own damaged copy?

    python -m bench.technique [--scenes 100] [--drafts 60]

Scenes of the world that Postcard was trained on (seeds that no training saw) are damaged as
``training/degrade.py`` does it: soft, noisy, compressed; and in their light: flat, too bright, too
dark, grey. One line for each damage: the share of the scenes whose clean picture scores higher, and
by how much on the mean. No model draws, nothing is timed.

With ``--drafts`` the shipped model draws so many instead, five to each of its held-out prompts, and
its judge says how sure it is of what each prompt claims. Of every two drafts of one prompt that the
judge tells apart: how often do technique, the words' focus, and both as a score weighs them put the
one first of which the judge is surer?
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from training.degrade import blur, compress
from training.world import render

import maquette
from maquette.critics.judge.claims import claims_of
from maquette.critics.judge.critic import load_judge
from maquette.stages.select import TECHNIQUE, Pick
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


APART = 0.03
"""How much surer the judge is of one draft than of another that it is said to tell apart."""
EACH = 5


def drafts(count: int) -> None:
    """Print how often each measure agrees with the judge."""
    from training.adherence import prompts

    sight = load_judge(Path(maquette.__file__).parent / "models" / "postcard" / "judge")
    agreed: dict[str, list[bool]] = {"technique": [], "focus": [], "both": []}
    settings = maquette.Settings(threads=1)
    with (
        tempfile.TemporaryDirectory() as folder,
        maquette.Studio(Path(folder) / "room", create=True, settings=settings) as studio,
    ):
        for number, asked in enumerate(prompts(-(-count // EACH))):
            text = asked.caption.text
            made = studio.generate(text, seed=1000 * number, n=EACH, quality="draft", flags="none")
            claims = claims_of(text, sight.nouns, "plain")
            sure: dict[str, float] = {}
            for version in made:
                seen = sight.see(studio.picture(version))
                held = [
                    seen[claim.noun].present
                    * (seen[claim.noun].colours[claim.colour] if claim.colour else 1.0)
                    for claim in claims
                ]
                sure[version.id] = statistics.mean(held) if held else 1.0
            for a, b in combinations(studio.select(made, EACH), 2):
                gap = sure[a.version.id] - sure[b.version.id]
                if abs(gap) < APART:
                    continue
                for (name, one), (_, other) in zip(_measured(a), _measured(b), strict=True):
                    agreed[name].append((one - other) * gap > 0)
    for name, told in agreed.items():
        print(f"{name:10} {statistics.mean(told):6.1%} of {len(told)} pairs" if told else name)


def _measured(pick: Pick) -> list[tuple[str, float]]:
    """What a pick's score is made of, less what the judge itself said of it."""
    focus = pick.focus or 0.0
    both = TECHNIQUE * pick.technique + (1 - TECHNIQUE) * focus
    return [("technique", pick.technique), ("focus", focus), ("both", both)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--drafts", type=int, default=0, help="of the shipped model, instead")
    given = parser.parse_args()
    if given.drafts:
        drafts(given.drafts)
        return
    count: int = given.scenes
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
