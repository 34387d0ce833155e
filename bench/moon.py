"""Does more weight on ‘moon’ make more moon, and leave the rest of the picture alone?

For each seed the prompt is drawn with the moon at weight 1, and from that drawing with 1.5 and 2,
as the slider does it (`operations.reweight`): the drawing is taken up after a tenth of its steps,
and the moon is anchored in its place. An engine that cannot do that draws from noise.

Moonlight is measured in one region for all three: wherever the map of ‘moon’ reaches half its
maximum in any of them, grown by 5% of the picture's width. The ground is the median luminance of a
ring around that region in the picture of weight 1 (the sky, as a rule). Moonlight is the sum over
the region of (luminance - ground) / (255 - ground), negative parts counted as 0, as a percentage
of the picture's pixels: it grows when the disc grows and when it gets brighter. It rises when it
grows by more than 2%. It stays where it is when the middle of its map (of what reaches half the
maximum) moves by less than 5% of the width. The rest stays alike by SSIM against weight 1, over the
pixels whose window does not touch the region.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from bench.row import Row, spread
from maquette import operations
from maquette.core.anchors import as_planes
from maquette.core.heat import heat, statistics
from maquette.core.picture import size_of
from maquette.core.raster import grow, luminance
from maquette.core.recipe import Anchored, PromptText, Recipe
from maquette.core.trajectory import as_picture, nearest
from maquette.engines.base import Engine, Inputs, Picture
from maquette.operations.reweight import EARLY

__all__ = [
    "PROMPT",
    "WEIGHTS",
    "measure",
    "moonlight",
    "moved",
    "region_of",
    "rises",
    "ssim_outside",
]

PROMPT = "a lone wolf under a full {moon}, misty forest"
WEIGHTS = (1.0, 1.5, 2.0)
RISE = 1.02
STAYS = 0.05
WINDOW = 11
BATCH = 10

Bytes = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


def region_of(maps: Sequence[Plane]) -> Flags:
    """Wherever one of the maps (0 to 1) reaches one half, grown by 5% of the width."""
    hot = np.max(np.stack(maps), axis=0) >= 0.5
    return grow(hot.astype(np.uint8) * 255, _reach(hot)) > 0


def moonlight(picture: Bytes, region: Flags, ground: float) -> float:
    """Light above the ground inside the region, in percent of a wholly white picture."""
    light = (luminance(picture) - ground) / (255.0 - ground)
    return float(100 * np.maximum(light, 0)[region].sum() / region.size)


def ground_of(picture: Bytes, region: Flags) -> float:
    """The median luminance of a ring around the region (of everything where there is none)."""
    ring = (grow(region.astype(np.uint8) * 255, _reach(region)) > 0) & ~region
    values = luminance(picture)[ring] if ring.any() else luminance(picture)
    return float(min(np.median(values), 254.0))


def ssim_outside(a: Bytes, b: Bytes, region: Flags) -> float:
    """SSIM of the luminance (Wang et al. 2004: Gaussian window of 11, sigma 1.5) over the pixels
    whose window neither touches the region nor leaves the picture; 1 where there is none."""
    x, y = (luminance(picture).astype(np.float64) for picture in (a, b))

    def mean(plane: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(cv2.GaussianBlur(plane, (WINDOW, WINDOW), 1.5), np.float64)

    mean_x, mean_y = mean(x), mean(y)
    spread_x, spread_y = mean(x * x) - mean_x**2, mean(y * y) - mean_y**2
    shared = mean(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    score = ((2 * mean_x * mean_y + c1) * (2 * shared + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (spread_x + spread_y + c2)
    )
    touched = cv2.dilate(region.astype(np.uint8), np.ones((WINDOW, WINDOW), np.uint8)) > 0
    half = WINDOW // 2
    inner = np.zeros_like(touched)
    inner[half:-half, half:-half] = True
    rest = inner & ~touched
    return float(score[rest].mean()) if rest.any() else 1.0


def rises(before: float, after: float) -> bool:
    """Whether the light grew by more than 2%."""
    return after > before * RISE and after > 0


def measure(engine: Engine, *, quick: bool = False) -> list[Row]:
    """Draw, look, and say what share of the seeds rises."""
    seeds = range(4) if quick else range(50)
    lights: list[list[float]] = []
    shares: list[list[float]] = []
    alike: list[list[float]] = []
    away: list[list[float]] = []
    for drawn in _draw(engine, seeds, quick=quick):
        pictures = [np.asarray(picture.image.convert("RGB")) for picture in drawn]
        traces = [picture.trace for picture in drawn if picture.trace is not None]
        if len(traces) != len(WEIGHTS):
            return [Row("moon", "weight on ‘moon’", 0.0, "no token maps", "", None)]
        size = size_of(drawn[0].image)
        maps = [heat(trace, size, "moon") for trace in traces]
        region = region_of(maps)
        away.append([moved(maps[0], each) for each in maps[1:]])
        ground = ground_of(pictures[0], region)
        lights.append([moonlight(picture, region, ground) for picture in pictures])
        shares.append([statistics(trace, size, "moon")[0].share for trace in traces])
        alike.append([ssim_outside(pictures[0], picture, region) for picture in pictures[1:]])
    return _rows(lights, shares, alike, away)


def moved(before: Plane, after: Plane) -> float:
    """How far the middle of a map moved, in parts of the width."""
    middles: list[npt.NDArray[np.float64]] = []
    for plane in (before, after):
        heavy = np.where(plane >= 0.5 * plane.max(), plane, 0).astype(np.float64)
        y, x = np.indices(plane.shape)
        middles.append(np.array([(x * heavy).sum(), (y * heavy).sum()]) / max(heavy.sum(), 1e-9))
    return float(np.linalg.norm(middles[0] - middles[1]) / before.shape[1])


def _rows(
    lights: list[list[float]],
    shares: list[list[float]],
    alike: list[list[float]],
    away: list[list[float]],
) -> list[Row]:
    n = len(lights)
    up = sum(rises(a, b) for a, b, _ in lights) / n
    up2 = sum(rises(a, c) for a, _, c in lights) / n
    steady = sum(a < b < c for a, b, c in lights) / n
    held = sum(a < b < c for a, b, c in shares) / n
    stays, stays2 = (sum(each[place] < STAYS for each in away) / n for place in range(2))
    middle = [float(np.median([light[i] for light in lights])) for i in range(3)]
    rest = [float(np.median([each[i] for each in alike])) for i in range(2)]
    told = " → ".join(f"{value:.2f}" for value in middle)
    figures = {"seeds": n, "moonlight": lights, "shares": shares, "ssim outside": alike,
               "moved": away}  # fmt: skip
    return [
        Row(
            "moon", "‘moon’ 1 → 1.5: moonlight rises", up, f"{up:.0%} of {n} seeds",
            "≥ 90%", up >= 0.9, "moonlight grows by more than 2%; see bench/moon.py", figures,
        ),
        Row(
            "moon", "‘moon’ 1 → 2: moonlight rises", up2, f"{up2:.0%} of {n} seeds",
            "≥ 90%", up2 >= 0.9, f"median moonlight {told}% of a white picture",
        ),
        Row(
            "moon", "moonlight monotone over 1, 1.5, 2", steady, f"{steady:.0%} of {n} seeds",
            "≥ 70%", steady >= 0.7,
        ),
        Row(
            "moon", "share of the attention monotone", held, f"{held:.0%} of {n} seeds",
            "≥ 90%", held >= 0.9, "the word's part of all words' attention, while drawing",
        ),
        Row(
            "moon", "the rest at 1.5, SSIM", rest[0], f"{rest[0]:.3f} median",
            "≥ 0.85", rest[0] >= 0.85, "outside the moon's region, against weight 1",
            {"at 1.5": spread([a for a, _ in alike]), "at 2": spread([b for _, b in alike])},
        ),
        Row(
            "moon", "the moon stays where it is at 1.5", stays, f"{stays:.0%} of {n} seeds",
            "≥ 95%", stays >= 0.95, f"moves by less than {STAYS:.0%} of the width;"
            f" at 2: {stays2:.0%}",
            {"at 1.5": spread([a for a, _ in away]), "at 2": spread([b for _, b in away])},
        ),
    ]  # fmt: skip


def _draw(engine: Engine, seeds: Sequence[int], *, quick: bool) -> Iterator[list[Picture]]:
    """The pictures of one seed at every weight, seed by seed."""
    able = engine.capabilities()
    quality = "draft" if quick or "preview" not in able.presets else "preview"
    for start in range(0, len(seeds), BATCH):
        plain = [
            operations.generate(
                PROMPT.format(moon="moon"), "", capabilities=able, seed=seed, quality=quality
            )
            for seed in seeds[start : start + BATCH]
        ]
        before = _pictures(engine, plain, {})
        heavier: list[Recipe] = []
        inputs: dict[str, Image.Image] = {}
        for number, (recipe, picture) in enumerate(zip(plain, before, strict=True)):
            for weight in WEIGHTS[1:]:
                words = PromptText(text=PROMPT.format(moon=f"(moon:{weight:g})"))
                heavier.append(recipe.change(prompt=words))
            trace = picture.trace
            kept = nearest(trace.kept, EARLY) if trace is not None else None
            if trace is None or kept is None or "anchored" not in able.tasks:
                continue
            task = Anchored(trace=f"{number:064x}", step=kept.step)
            inputs |= {task.latents: as_picture(kept), task.maps: as_planes(trace)}
            heavier[-2:] = [each.change(task=task) for each in heavier[-2:]]
        after = _pictures(engine, heavier, inputs)
        for place, picture in enumerate(before):
            yield [picture, *after[2 * place : 2 * place + 2]]


def _pictures(engine: Engine, recipes: Sequence[Recipe], inputs: Inputs) -> list[Picture]:
    made = {
        event.index: event
        for event in engine.run(recipes, inputs, maps=True)
        if isinstance(event, Picture)
    }
    return [made[place] for place in range(len(recipes))]


def _reach(plane: Flags) -> int:
    return max(1, round(0.05 * plane.shape[1]))
