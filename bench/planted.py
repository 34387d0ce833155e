"""Failures planted in drawings, and the loop let loose on them.

A held-out prompt is drawn as a draft in which the critics find little amiss (0.8 at least; of two
seeds, else the next prompt is taken); then the drawing is broken, or what its words say is changed:
another colour, another number, a thing more. What results is put into the project as if it had been
drawn so, and `improve` gets six steps. Mended is what reaches 0.8 again with the planted failure
gone. A failure that no critic sees is not mended either; one of words can be seen only where there
is a judge (MAQUETTE_JUDGE, or one that the model brings).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from bench.row import Row
from maquette.core.cost import Cost
from maquette.core.picture import encode_png
from maquette.core.recipe import PromptText
from maquette.core.version import Version, make_version
from maquette.critics.base import Critic
from maquette.critics.judge import Judge
from maquette.critics.judge.claims import COLOURS
from maquette.stages.improve import score_of
from maquette.studio import Studio

__all__ = ["PLANTS", "Plant", "mended", "otherwise"]

GROUP = "stages"
ENOUGH, STEPS = 0.8, 6
_NUMBERS = {"a": "three", "an": "three", "one": "three", "two": "three", "three": "two"}
_MORE = ("balloon", "moon", "house", "tree", "boat")
_PLAIN = (
    "a red mug on a wooden table",
    "a lone wolf under a full moon, misty forest",
    "a blue sailboat on the sea at sunset",
    "three lemons on a table, watercolour",
    "a house beside a tree on hills, night, starry sky",
    "a green bottle and a pear on a kitchen table",
)

Pixels = Callable[[Image.Image, np.random.Generator], Image.Image]


@dataclass(frozen=True)
class Plant:
    """A failure: the name of the finding that should tell of it, and what is done to the pixels or
    to the words (None where the prompt offers no hold)."""

    name: str
    pixels: Pixels | None = None
    words: Callable[[str, np.random.Generator], str | None] | None = None


def otherwise(kind: str) -> Callable[[str, np.random.Generator], str | None]:
    """What a prompt says, changed in one colour, one number, or by one thing more."""

    def changed(text: str, rng: np.random.Generator) -> str | None:
        words = text.split()
        if kind == "missing":
            there = [thing for thing in _MORE if thing not in text]
            return f"{text}, a {rng.choice(there)}" if there else None
        known = COLOURS if kind == "colour" else tuple(_NUMBERS)
        places = [at for at, word in enumerate(words) if word in known]
        if kind == "count":
            places = [at for at in places if _countable(words, at)]
        if not places:
            return None
        at = int(rng.choice(places))
        if kind == "colour":
            words[at] = str(rng.choice([each for each in COLOURS[:9] if each != words[at]]))
        else:
            few = words[at] not in {"two", "three"}
            words[at] = _NUMBERS[words[at]]
            last = _noun(words, at)
            if few and last is not None:
                words[last] = _plural(words[last])
        return " ".join(words)

    return changed


_FRUIT = frozenset({"apple", "pear", "lemon", "orange"})
_THINGS = _FRUIT | {"mug", "bottle", "vase", "lamp", "book", "balloon", "boat", "tree", "house"}


def _noun(words: Sequence[str], at: int) -> int | None:
    near = range(at + 1, min(at + 4, len(words)))
    return next((n for n in near if words[n].strip(",").removesuffix("s") in _THINGS), None)


def _countable(words: Sequence[str], at: int) -> bool:
    return _noun(words, at) is not None


def _plural(word: str) -> str:
    bare = word.rstrip(",")
    return f"{bare}s{word[len(bare) :]}"


def _scaled(low: float, high: float) -> Pixels:
    table = [min(255, max(0, round(low + value * high))) for value in range(256)]
    return lambda picture, _: picture.point(table * 3)


def _part(picture: Image.Image, rng: np.random.Generator) -> tuple[int, int, int, int]:
    width, height = (round(side * float(rng.uniform(0.15, 0.3))) for side in picture.size)
    left = int(rng.integers(0, picture.width - width))
    top = int(rng.integers(0, picture.height - height))
    return left, top, left + width, top + height


def _lost(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    broken = picture.copy()
    broken.paste((200, 0, 200), _part(picture, rng))
    return broken


def _noisy(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    pixels = np.array(picture)
    left, top, right, bottom = _part(picture, rng)
    shape = (bottom - top, right - left, 3)
    pixels[top:bottom, left:right] = rng.integers(0, 256, shape, dtype=np.uint8)
    return Image.fromarray(pixels)


PLANTS = (
    Plant("missing", words=otherwise("missing")),
    Plant("colour", words=otherwise("colour")),
    Plant("blur", lambda picture, _: picture.filter(ImageFilter.GaussianBlur(4))),
    Plant("count", words=otherwise("count")),
    Plant("damage", _lost),
    Plant("dark", _scaled(0, 0.12)),
    Plant("missing", words=otherwise("missing")),
    Plant("damage", _noisy),
    Plant("bright", _scaled(222, 0.13)),
    Plant("blank", lambda picture, _: Image.new("RGB", picture.size, (110, 120, 130))),
)
"""They take turns among the prompts; where a prompt offers no hold for one, the next is taken."""


def mended(studio: Studio, count: int) -> list[Row]:
    """How many of ``count`` planted failures the loop mends, and whether it made one worse."""
    critics = _critics(studio)
    studio.critics = lambda: critics
    rng = np.random.default_rng(5)
    told: list[dict[str, Any]] = []
    drawn = 0
    for text in _prompts(5 * count):
        if len(told) == count:
            break
        drawn += 1
        draft = _sound(studio, text, rng)
        if draft is None:
            continue
        judged = any(critic.name == "judge" for critic in critics)
        plant, said = _fitting(len(told), text, rng, words=judged)
        broken = _plant(studio, plant, draft, said, rng)
        found = _names(studio, broken)
        done = studio.improve(broken, until=ENOUGH, steps=STEPS)
        gone = plant.name not in _names(studio, done.best)
        told.append(
            {
                "failure": plant.name,
                "said": said,
                "seen": plant.name in found,
                "before": done.before,
                "after": done.after,
                "mended": plant.name in found and gone and done.after >= ENOUGH,
                "steps": [step.remedy for step in done.steps],
            }
        )
    return _rows(told, drawn, judged=any(critic.name == "judge" for critic in critics))


def _rows(told: Sequence[dict[str, Any]], drawn: int, *, judged: bool) -> list[Row]:
    seen = [each for each in told if each["seen"]]
    rate = sum(each["mended"] for each in told) / max(1, len(told))
    worse = sum(each["after"] < each["before"] for each in told)
    kinds = {
        kind: [each["mended"] for each in told if each["failure"] == kind]
        for kind in dict.fromkeys(each["failure"] for each in told)
    }
    each = ", ".join(f"{kind} {sum(m)}/{len(m)}" for kind, m in kinds.items())
    steps = [len(one["steps"]) for one in seen if one["mended"]]
    return [
        Row(
            GROUP,
            "failures planted in pictures, mended by the loop",
            rate,
            f"{rate:.0%} of {len(told)} within {STEPS} steps; {len(seen)} were seen,"
            f" {worse} made worse",
            "≥ 70%, none worse",
            rate >= 0.7 and worse == 0,
            f"to a score of {ENOUGH}, drawn as drafts, of {drawn} prompts those whose draft had it"
            f" before; {each};"
            f" {sum(steps) / max(1, len(steps)):.1f} steps on the mean"
            + ("" if judged else "; without a judge nothing is planted in words"),
            {"each": list(told)},
        )
    ]


def _fitting(number: int, text: str, rng: np.random.Generator, *, words: bool) -> tuple[Plant, str]:
    """The next failure that this prompt can have, and what it says then."""
    for turn in range(len(PLANTS)):
        plant = PLANTS[(number + turn) % len(PLANTS)]
        if plant.words is None:
            return plant, text
        said = plant.words(text, rng) if words else None
        if said is not None:
            return plant, said
    raise AssertionError("some failures fit every prompt")


def _sound(studio: Studio, text: str, rng: np.random.Generator) -> Version | None:
    """A draft in which little is amiss, or None."""
    for _ in range(2):
        seed = int(rng.integers(1 << 30))
        (draft,) = studio.generate(text, seed=seed, quality="draft")
        if score_of(studio.findings(draft)) >= ENOUGH:
            return draft
    return None


def _plant(
    studio: Studio, plant: Plant, draft: Version, said: str, rng: np.random.Generator
) -> Version:
    """A draft, broken, that claims to be what ``said`` was drawn as."""
    picture = studio.picture(draft).convert("RGB")
    shown = plant.pixels(picture, rng) if plant.pixels is not None else picture
    prompt = draft.recipe.prompt
    recipe = draft.recipe
    if prompt is not None and prompt.text != said:
        recipe = recipe.change(prompt=PromptText(text=said))
    version = make_version(
        parents=(draft.id,),
        operation="generate",
        recipe=recipe,
        image=studio.blobs.put(encode_png(shown)),
        size=draft.size,
        trace=draft.trace if recipe == draft.recipe else None,
        build="planted",
        cost=Cost(),
        created_at=datetime.now(UTC),
    )
    studio.records.add(version)
    studio.critique(version)
    return version


def _names(studio: Studio, version: Version) -> set[str]:
    found = studio.findings(version)
    return {each.name.partition(":")[0] for each in found if each.severity != "note"}


def _critics(studio: Studio) -> list[Critic]:
    critics = studio.critics()
    named = os.environ.get("MAQUETTE_JUDGE")
    if named and all(critic.name != "judge" for critic in critics):
        critics.append(Judge(Path(named)))
    return critics


def _prompts(count: int) -> list[str]:
    try:
        from training.adherence import prompts
    except ImportError:  # without what training needs
        return [_PLAIN[number % len(_PLAIN)] for number in range(count)]
    return [one.caption.text for one in prompts(count)]
