"""What the stages save: drafts against finals, a refine against a fresh picture, a reweight that
goes on against one from noise, an edit against a whole picture, batches against singles.

python -m bench --only stages [--quick]

Everything that is compared is made in turns in one run. Pictures are scored by the share of the
prompt's claims that a judge sees in them: the one of MAQUETTE_JUDGE, a folder as `training/judge`
exports it, else the model's own; without any by their words' places, less what the critics found.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from bench.planted import mended
from bench.row import Row, spread
from maquette.core.geometry import Box, Size
from maquette.core.heat import statistics as word_statistics
from maquette.core.raster import luminance, ssim
from maquette.core.recipe import Continue, Inpaint, PromptText, Recipe, Sampling, TextToImage
from maquette.core.trajectory import as_picture, nearest
from maquette.core.version import Version
from maquette.engines.base import Engine, Inputs, Picture
from maquette.settings import Settings
from maquette.stages.select import focus_of
from maquette.studio import Studio

__all__ = ["measure"]

GROUP = "stages"
DRAFT_STEPS = 4
HALF = 0.5
"""From where a reweight goes on whose speed is measured."""
BEGIN = 0.75
"""Drafts of four steps, finished from three quarters of the way: what the saving is measured on."""
PROMPTS = (
    "a red mug on a wooden table",
    "a lone wolf under a full moon, misty forest",
    "a blue sailboat on the sea at sunset",
    "three lemons on a table, watercolour",
    "a house beside a tree on hills, night, starry sky",
    "a green bottle and a pear on a kitchen table",
)
SIDE = 64
"""Pictures are held against each other at this size: composition, not surface."""


@dataclass(frozen=True)
class Asked:
    """A prompt, and how a picture of it is scored (None: by the words' places)."""

    text: str
    score: Callable[[np.ndarray], float] | None = None


@dataclass
class Pool:
    """Versions of one kind, with the seconds that the studio took for them, all in all."""

    versions: list[Version] = field(default_factory=list[Version])
    seconds: float = 0.0

    def add(self, make: Callable[[], Sequence[Version]]) -> list[Version]:
        began = time.perf_counter()
        made = list(make())
        self.seconds += time.perf_counter() - began
        self.versions += made
        return made


def measure(engine_name: str | None, model: str | None, *, quick: bool = False) -> list[Row]:
    """All rows of the group; some three minutes on two quiet cores, ten seconds with ``quick``."""
    each, best = (2, 2) if quick else (5, 5)
    with tempfile.TemporaryDirectory(prefix="maquette-bench-") as folder:
        settings = Settings(home=Path(folder) / "home")
        with Studio(
            Path(folder) / "project",
            create=True,
            engine=engine_name,
            model=model,
            settings=settings,
        ) as studio:
            engine = studio.engine()
            prompts = _prompts(engine, 2 if quick else 6)
            studio.generate(prompts[0].text, seed=1, quality="draft")  # loads everything
            rows = _economy(studio, prompts, each, best)
            rows += mended(studio, 7 if quick else 100)
            rows += _resumed(engine, 2 if quick else 6)
            rows += _local(engine, quick=quick)
            rows += _together(engine, quick=quick)
    return rows


def _economy(studio: Studio, prompts: Sequence[Asked], each: int, best: int) -> list[Row]:
    drafts, slower, previews, finals = Pool(), Pool(), Pool(), Pool()
    asked: dict[str, Asked] = {}
    preset = studio.capabilities().presets.get("draft")
    kinds = [(drafts, f"{DRAFT_STEPS}-step drafts")]
    if preset is not None and preset.steps != DRAFT_STEPS:
        kinds.append((slower, f"{preset.steps}-step drafts"))
    for number, prompt in enumerate(prompts):
        seed = 1000 * (number + 1)
        for pool, how in (
            (drafts, {"quality": "draft", "steps": DRAFT_STEPS}),
            (slower, {"quality": "draft"}),
            (previews, {"quality": "preview"}),
            (finals, {"quality": "final"}),
        ):
            made = pool.add(lambda how=how: studio.generate(prompt.text, seed=seed, n=each, **how))  # noqa: B023
            asked |= {version.id: prompt for version in made}

    def score(version: Version) -> float:
        judge = asked[version.id].score
        picture = studio.picture(version)
        if judge is not None:
            return judge(np.asarray(picture.convert("RGB")))
        trace = studio.trace(version)
        focus = focus_of(trace, version.size) if trace is not None else None
        amiss = [each for each in studio.findings(version) if each.severity != "note"]
        return max(0.0, (focus or 0.0) - sum(each.score for each in amiss))

    how = "judge" if prompts[0].score is not None else "words in their places, less faults"
    began = time.perf_counter()
    top_finals = [pick.version for pick in studio.select(finals.versions, best)][:best]
    choosing = time.perf_counter() - began
    top = [score(version) for version in top_finals]
    rows: list[Row] = []
    pairs: list[tuple[Version, Version]] = []
    for pool, named in kinds:
        refined = Pool()
        ranked = [pick.version for pick in studio.select(pool.versions, 3 * best)]
        for place, version in enumerate(ranked[: 2 * best]):
            # The second five are outside of the account: is a choice among drafts one of finals?
            into = refined if place < best else Pool()
            (made,) = into.add(lambda v=version: [studio.refine(v, begin=BEGIN)])
            asked[made.id] = asked[version.id]
            pairs.append((version, made))
        spent, count = pool.seconds + choosing + refined.seconds, len(pool.versions)
        saved, cheap = 1 - spent / finals.seconds, 1 - spent / previews.seconds
        ours = [score(version) for version in refined.versions]
        edges = _edges(studio, refined.versions) / _edges(studio, top_finals)
        speed = _median(finals) / _median(pool)
        first = pool is drafts
        figures = {
            "drafts": pool.seconds,
            "select": choosing,
            "refine": refined.seconds,
            "finals": finals.seconds,
            "previews": previews.seconds,
            "begin": BEGIN,
        }
        rows += [
            Row(
                GROUP,
                f"{count} {named} + {best} finals, against {count} finals",
                saved,
                f"{saved:.1%} of the time saved; {cheap:.1%} against {count} previews",
                "≥ 80%" if first else "",
                saved >= 0.8 if first else None,
                "wall time of the studio's verbs; finals go on from what the drafts kept",
                figures,
            ),
            Row(
                GROUP,
                f"the best {best}: from {named}, and of {count} finals",
                statistics.mean(ours) - statistics.mean(top),
                f"{statistics.mean(ours):.3f} and {statistics.mean(top):.3f};"
                f" edges {edges:.0%} of a final's",
                "no lower" if first else "",
                statistics.mean(ours) >= statistics.mean(top) if first else None,
                f"mean score ({how}); both chosen by select",
                {"from drafts": ours, "of finals": top},
            ),
            Row(
                GROUP,
                f"a draft ({named}), against a final",
                speed,
                f"{speed:.1f}x faster",
                "≥ 10x" if first else "",
                speed >= 10 if first else None,
                "the engine's seconds, medians",
            ),
        ]
    likeness = [_likeness(studio, draft, final) for draft, final in pairs]
    agreed = _agreement([(score(draft), score(final)) for draft, final in pairs])
    return [
        *rows,
        Row(
            GROUP,
            "refine keeps the draft's composition",
            statistics.median(likeness),
            f"SSIM {statistics.median(likeness):.3f}, lowest {min(likeness):.3f}",
            how=f"structural similarity at {SIDE} pixels, {len(likeness)} drafts",
            figures={"ssim": likeness},
        ),
        Row(
            GROUP,
            "a choice between two drafts holds for their finals",
            agreed,
            f"{agreed:.0%} of pairs",
            how=f"pairs of unequal score: {how}",
        ),
    ]


def _resumed(engine: Engine, rounds: int) -> list[Row]:
    """A word's weight raised, from noise and from half-way, in turns."""
    fresh: list[float] = []
    resumed: list[float] = []
    alike: list[float] = []
    gains: list[float] = []
    for number in range(rounds):
        text = PROMPTS[number % len(PROMPTS)]
        word = ("mug", "moon", "sailboat", "lemons", "house", "bottle")[number % len(PROMPTS)]
        louder = text.replace(word, f"({word}:1.6)", 1)
        before = _draw(engine, _recipe(engine, text, 70 + number))
        assert before.trace is not None
        kept = nearest(before.trace.kept, HALF)
        assert kept is not None
        scratch = _draw(engine, _recipe(engine, louder, 70 + number))
        task = Continue(trace="0" * 64, step=kept.step)
        recipe = _recipe(engine, louder, 70 + number).change(task=task)
        again = _draw(engine, recipe, {task.latents: as_picture(kept)})
        fresh.append(scratch.seconds)
        resumed.append(again.seconds)
        alike.append(_same(scratch.image, again.image))
        shares = [_share(picture, word) for picture in (before, scratch, again)]
        gains.append((shares[2] / shares[0] - 1) / max(shares[1] / shares[0] - 1, 1e-3))
    ratio = statistics.median(fresh) / statistics.median(resumed)
    return [
        Row(
            GROUP,
            "a reweight that goes on, against one from noise",
            ratio,
            f"{ratio:.2f}x faster",
            "≥ 1.6x",
            ratio >= 1.6,
            f"from {HALF:.0%} of the steps; against the one from noise: SSIM"
            f" {statistics.median(alike):.3f} at {SIDE} pixels,"
            f" {statistics.median(gains):.0%} of the gain in the word's share",
            {
                "fresh": spread(fresh),
                "resumed": spread(resumed),
                "ssim": spread(alike),
                "gain": spread(gains),
            },
        )
    ]


def _local(engine: Engine, *, quick: bool) -> list[Row]:
    """A tenth of a large picture drawn anew, against all of it."""
    able = engine.capabilities()
    side = min(able.max_side, 512 if quick else 1024)
    size, hole = Size(width=side, height=side), round(side * 0.1**0.5)
    picture = Image.effect_noise((side, side), 60).convert("RGB")
    mask = Image.new("L", (side, side))
    mask.paste(255, (side // 4, side // 4, side // 4 + hole, side // 4 + hole))
    best = able.best_size
    at = max(0, side // 4 - 16)
    span = max(best.width, hole + 32)
    region = Box(x=at, y=at, width=min(span, side - at), height=min(span, side - at))
    inputs = {"1" * 64: picture, "2" * 64: mask}
    task = Inpaint(image="1" * 64, mask="2" * 64, region=region, work=best, feather=8)
    whole = _recipe(engine, PROMPTS[0], 5, steps=8, size=size)
    part = whole.change(task=task)
    seconds: dict[str, list[float]] = {"whole": [], "part": []}
    for _ in range(1 if quick else 2):
        seconds["part"].append(_draw(engine, part, inputs).seconds)
        seconds["whole"].append(_draw(engine, whole).seconds)
    ratio = min(seconds["whole"]) / min(seconds["part"])
    return [
        Row(
            GROUP,
            f"an edit of 10% of {size}, against all of it",
            ratio,
            f"{ratio:.1f}x faster",
            "≥ 4x",
            ratio >= 4,
            "8 steps each; the region around the mask is drawn at the model's best size",
            seconds,
        )
    ]


def _together(engine: Engine, *, quick: bool) -> list[Row]:
    """Eight pictures of one prompt in one call, in a batch, and one by one."""
    steps = 4 if quick else 8
    recipes = [_recipe(engine, PROMPTS[1], seed, steps=steps) for seed in range(8)]
    seconds: dict[str, list[float]] = {"one by one": [], "one call": [], "batch of 8": []}
    before = getattr(engine, "together", 0)
    text: dict[str, float] = {}
    for _ in range(1 if quick else 3):
        for name, taken in seconds.items():
            began = time.perf_counter()
            if name == "one by one":
                made = [_draw(engine, recipe) for recipe in recipes]
            else:
                _set(engine, 8 if name == "batch of 8" else before)
                made = [each for each in engine.run(recipes, {}) if isinstance(each, Picture)]
                _set(engine, before)
            taken.append(time.perf_counter() - began)
            text[name] = sum(
                each.trace.timings.get("text", 0.0) for each in made if each.trace is not None
            )
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    batch = middle["one by one"] / middle["batch of 8"]
    call = middle["one by one"] / middle["one call"]
    share = (text["one by one"] - text["one call"]) / middle["one by one"]
    return [
        Row(
            GROUP,
            "8 pictures in a batch, against 8 singles",
            batch,
            f"{batch:.2f}x the throughput",
            how=f"{steps} steps; on this device: {engine.build}",
            figures={name: spread(values) for name, values in seconds.items()},
        ),
        Row(
            GROUP,
            "8 pictures of one text in one call (text encoded once), against 8 calls",
            call,
            f"{call:.2f}x; the texts alone {share:.1%} of the time",
            how="the batch size is the device's own: 1 on a processor",
            figures={"text seconds": text},
        ),
    ]


def _set(engine: Engine, together: int) -> None:
    if hasattr(engine, "together"):
        engine.together = together  # pyright: ignore[reportAttributeAccessIssue]


def _recipe(
    engine: Engine, text: str, seed: int, *, steps: int = 40, size: Size | None = None
) -> Recipe:
    able = engine.capabilities()
    return Recipe(
        engine=engine.name,
        task=TextToImage(),
        size=size or able.best_size,
        prompt=PromptText(text=text),
        model=able.model,
        sampling=Sampling(sampler="ddim", steps=steps, guidance=5.0, seed=seed),
    )


def _draw(engine: Engine, recipe: Recipe, inputs: Inputs | None = None) -> Picture:
    return next(each for each in engine.run([recipe], inputs or {}) if isinstance(each, Picture))


def _share(picture: Picture, word: str) -> float:
    assert picture.trace is not None
    size = Size(width=picture.image.width, height=picture.image.height)
    return word_statistics(picture.trace, size, word)[0].share


def _same(one: Image.Image, other: Image.Image) -> float:
    small = [
        np.asarray(each.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS))
        for each in (one, other)
    ]
    return ssim(small[0], small[1])


def _likeness(studio: Studio, draft: Version, final: Version) -> float:
    return _same(studio.picture(draft), studio.picture(final))


def _edges(studio: Studio, versions: Sequence[Version]) -> float:
    """How hard the hardest edges are: the 98th percentile of |Laplacian|, a median over them."""
    found = [
        float(np.percentile(np.abs(cv2.Laplacian(luminance(_array(studio, each)), cv2.CV_32F)), 98))
        for each in versions
    ]
    return statistics.median(found)


def _array(studio: Studio, version: Version) -> np.ndarray:
    return np.asarray(studio.picture(version).convert("RGB"))


def _agreement(scores: Sequence[tuple[float, float]]) -> float:
    """The share of pairs whose order among the drafts is that among the finals."""
    told = [
        (a[0] - b[0]) * (a[1] - b[1]) > 0
        for a, b in combinations(scores, 2)
        if a[0] != b[0] and a[1] != b[1]
    ]
    return sum(told) / len(told) if told else 1.0


def _median(pool: Pool) -> float:
    return statistics.median(version.cost.seconds for version in pool.versions)


def _prompts(engine: Engine, count: int) -> list[Asked]:
    """Held-out prompts, judged by MAQUETTE_JUDGE or the model's own; without one the usual."""
    own = getattr(getattr(engine, "card", None), "folder", None)
    named = os.environ.get("MAQUETTE_JUDGE")
    try:
        from maquette.engines.diffusers.weights import quiet

        with quiet():
            from training.adherence import judged, prompts
            from training.judge.panel import complete, load
    except ImportError:  # without what training needs
        return [Asked(text) for text in PROMPTS[:count]]
    folders = [own / "judge"] if isinstance(own, Path) else []
    folders = [Path(named)] if named else [folder for folder in folders if complete(folder)]
    if not folders:
        return [Asked(text) for text in PROMPTS[:count]]
    panel = load(folders[0])

    def asked(one: Any) -> Asked:
        def score(picture: np.ndarray) -> float:
            (row,) = judged(panel, picture[None], [one])
            return statistics.mean(float(held) for _, held, _ in row)

        return Asked(one.caption.text, score)

    return [asked(one) for one in prompts(count)]
