"""Do the token maps lie where the things are? Against the true masks of held-out renders.

The world's renderer draws a scene together with the mask of each of its nouns. The engine explains
the picture with the scene's caption; for each noun that the caption names and that covers at least
0.4% of the picture, the map of the noun's head word (the mean, where it comes twice) is cut at half
its own maximum and held against the mask: intersection over union. Reported is the mean over a
noun's scenes, and the mean of those over the nouns (mIoU).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from bench.row import Row
from maquette.core.geometry import Size
from maquette.core.heat import heat
from maquette.core.recipe import PromptText
from maquette.core.trace import Trace, TracedWord
from maquette.engines.base import Engine, Explainer

if TYPE_CHECKING:
    from training.world import Caption

__all__ = ["FIRST_SEED", "head_words", "iou", "measure", "noun_map"]

FIRST_SEED = 4_000_000_000
"""Far from every seed that a training set is drawn from."""
SCENES = 96
SMALLEST = 0.004
LEVEL = 0.5

Flags = npt.NDArray[np.bool_]
Plane = npt.NDArray[np.float32]


def iou(found: Flags, true: Flags) -> float:
    """Intersection over union; 1 for two empty masks."""
    union = int((found | true).sum())
    return float((found & true).sum()) / union if union else 1.0


def head_words(caption: Caption) -> dict[str, list[tuple[int, int]]]:
    """For each noun of a caption the spans of its head words: of ‘full moon’ the word ‘moon’."""
    heads: dict[str, list[tuple[int, int]]] = defaultdict(list)
    spans = sorted(caption.spans)
    for place, (start, end, noun) in enumerate(spans):
        after = spans[place + 1] if place + 1 < len(spans) else None
        goes_on = after is not None and after[2] == noun and after[0] <= end + 1
        if not goes_on:
            heads[noun].append((start, end))
    return dict(heads)


def noun_map(trace: Trace, spans: Sequence[tuple[int, int]], size: Size) -> Plane | None:
    """The mean map (0 to 1, at ``size``) of the words that lie in these spans of the caption."""
    found = [
        index
        for index, word in enumerate(trace.words)
        if any(word.start < end and start < word.end for start, end in spans)
    ]
    if not found:
        return None
    mean = trace.maps[found].mean(axis=0, keepdims=True)
    alone = Trace(words=(TracedWord(text="it", start=0, end=2),), maps=mean, region=trace.region)
    return heat(alone, size, "it")


def measure(engine: Engine, *, quick: bool = False) -> list[Row]:
    """Explain held-out renders and compare."""
    if not isinstance(engine, Explainer):
        return [Row("maps", "token maps against true masks", 0.0, "the engine explains nothing")]
    from training.world import render

    size = engine.capabilities().best_size
    scenes = 4 if quick else SCENES
    found: dict[str, list[float]] = defaultdict(list)
    for seed in range(FIRST_SEED, FIRST_SEED + scenes):
        scene = render(seed)
        shown = Image.fromarray(scene.picture)
        if shown.size != (size.width, size.height):
            shown = shown.resize((size.width, size.height), Image.Resampling.LANCZOS)
        trace = engine.explain(shown, PromptText(text=scene.caption, interpreter="plain"))
        true_size = Size(width=scene.picture.shape[1], height=scene.picture.shape[0])
        for noun, spans in head_words(scene.captions[0]).items():
            mask = scene.masks.get(noun)
            if mask is None or mask.mean() < SMALLEST:
                continue
            plane = noun_map(trace, spans, true_size)
            if plane is not None:
                found[noun].append(iou(plane >= LEVEL, mask))
    return _rows(found, scenes)


def _rows(found: dict[str, list[float]], scenes: int) -> list[Row]:
    nouns = {noun: float(np.mean(values)) for noun, values in sorted(found.items())}
    overall = float(np.mean(list(nouns.values()))) if nouns else 0.0
    pairs = [value for values in found.values() for value in values]
    moon = nouns.get("moon", 0.0)
    figures = {
        "nouns": {noun: {"iou": nouns[noun], "scenes": len(found[noun])} for noun in nouns},
        "mean over all pairs": float(np.mean(pairs)) if pairs else 0.0,
        "pairs": len(pairs),
    }
    ordered = sorted(nouns.items(), key=lambda item: -item[1])
    return [
        Row(
            "maps",
            "token maps against true masks, mIoU",
            overall,
            f"{overall:.3f} over {len(nouns)} nouns, {scenes} renders",
            "≥ 0.50 (DAAM on its own data: 0.59 to 0.65)",
            overall >= 0.50,
            "map at half its maximum or more; " + ", ".join(f"{n} {v:.2f}" for n, v in ordered),
            figures,
        ),
        Row(
            "maps", "the same for ‘moon’", moon, f"{moon:.3f}, {len(found.get('moon', []))} renders"
        ),
    ]
