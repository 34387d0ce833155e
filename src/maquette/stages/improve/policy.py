"""Which remedies there are for each failure, in the order in which they are tried.

Cheap and local ones come first: a word's weight, a masked place. Another seed comes last, for it
gives up the composition. A remedy is an order that is not made before its turn comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from maquette.core.finding import Finding
from maquette.core.grammar import parse, words
from maquette.core.picture import decode_mask
from maquette.core.raster import grow
from maquette.core.recipe import MAX_SEED, Inpaint, Reference
from maquette.core.version import Version
from maquette.errors import RecipeRefused
from maquette.stages.hands import Hands
from maquette.stages.order import Order

__all__ = ["FAILURES", "Remedy", "remedies"]

NEAR, FAR = 0.4, 0.65
"""Strengths of image-to-image that mend a surface, and that redraw a thing in its place."""
HEAVIEST = 2.0
"""No word is raised beyond this: pictures break."""
STRIDE = 7919
"""Other seeds are so far from the version's own."""

FAILURES = {
    "weak": "a word that got too little of the picture",
    "missing": "a thing that the words name and the picture lacks",
    "count": "another number of things than the words say",
    "colour": "another colour than the words say",
    "strong": "a word that took too much of the picture",
    "drift": "a picture that has left its references",
    "blur": "soft edges",
    "blank": "one flat colour",
    "dark": "nothing bright",
    "bright": "nothing dark",
    "clipped-highlights": "highlights without detail",
    "clipped-shadows": "shadows without detail",
    "banding": "steps where it should run smoothly",
    "seam": "an edit whose edge shows",
    "damage": "a place that is broken",
}
"""The failure modes that are recognised by a finding's name (before its colon)."""


@dataclass(frozen=True)
class Remedy:
    """``says`` is the reason that people read; ``order`` makes the order."""

    says: str
    order: Callable[[Hands], Order]


def remedies(version: Version, finding: Finding, nth: int) -> Iterator[Remedy]:
    """What may mend a finding of a version, most promising first. ``nth`` counts the seeds that
    were tried before, so that no seed comes twice."""
    kind, _, word = finding.name.partition(":")
    if finding.suggestion is not None:
        says = finding.suggestion.says
        yield Remedy(says, lambda hands: hands.orders.apply(version, finding.name))
    match kind:
        case "weak" | "missing" | "count" | "colour":
            words = finding.words or ((word,) if word else ())
            yield from _raised(version, words)
            yield _varied(version, FAR, nth)
            yield _reseeded(version, nth)
            yield _reseeded(version, nth + 1)
        case "strong":
            yield from _lowered(version, finding.words or (word,))
            yield _reseeded(version, nth)
        case "drift":
            yield from _nearer(version)
            yield _reseeded(version, nth)
        case "blur":
            yield from _finer(version)
            yield _reseeded(version, nth)
        case "seam":
            yield from _wider(version)
        case "dark" | "bright" | "clipped-highlights" | "clipped-shadows":
            yield from _exposed(version, kind)
            yield _varied(version, NEAR, nth)
            yield _reseeded(version, nth)
        case "banding":
            yield _varied(version, NEAR, nth)
        case "blank":
            yield _reseeded(version, nth)
            yield _reseeded(version, nth + 1)
        case _:
            pass
    if finding.region is not None and kind not in {"seam"}:
        yield _mended(version, finding, nth)
        yield _mended(version, finding, nth + 1)


def _seed(version: Version, nth: int) -> int:
    own = version.recipe.sampling.seed if version.recipe.sampling is not None else 0
    return (own + STRIDE * (nth + 1)) % (MAX_SEED + 1)


def _weights(version: Version) -> dict[str, float]:
    """Present weights of the prompt's words."""
    prompt = version.recipe.prompt
    if prompt is None or prompt.interpreter == "plain":
        return {}
    return {each.text.lower(): each.weight for each in words(parse(prompt.text))}


def _raised(version: Version, words: tuple[str, ...]) -> Iterator[Remedy]:
    own = _weights(version)
    for more in (0.3, 0.7):
        asked = {
            word: round(min(HEAVIEST, own.get(word.lower().split()[-1], 1.0) + more), 2)
            for word in words
            if word.lower().split()[-1] in own
        }
        if asked and any(weight > own[word.lower().split()[-1]] for word, weight in asked.items()):
            said = ", ".join(f"{word} to {weight:g}" for word, weight in asked.items())
            yield Remedy(f"raise {said}", _reweighted(version, asked))


def _lowered(version: Version, words: tuple[str, ...]) -> Iterator[Remedy]:
    own = _weights(version)
    for factor in (0.75, 0.5):
        asked = {
            word: round(own[word.lower().split()[-1]] * factor, 2)
            for word in words
            if word.lower().split()[-1] in own
        }
        if asked:
            said = ", ".join(f"{word} to {weight:g}" for word, weight in asked.items())
            yield Remedy(f"lower {said}", _reweighted(version, asked))


def _reweighted(version: Version, asked: dict[str, float]) -> Callable[[Hands], Order]:
    return lambda hands: hands.orders.reweight(version, asked)


def _varied(version: Version, strength: float, nth: int) -> Remedy:
    seed = _seed(version, nth)
    return Remedy(
        f"draw it again from the picture, strength {strength:g}, seed {seed}",
        lambda hands: hands.orders.vary(version, strength=strength, seed=seed),
    )


def _reseeded(version: Version, nth: int) -> Remedy:
    seed = _seed(version, nth)
    prompt = version.recipe.prompt

    def order(hands: Hands) -> Order:
        text, negative = (prompt.text, prompt.negative) if prompt is not None else ("", "")
        size = (version.size.width, version.size.height)
        made = hands.orders.generate(
            text,
            negative=negative,
            seed=seed,
            size=size,
            interpreter=prompt.interpreter if prompt is not None else "attention",
        )
        return Order(made.operation, made.recipes, (version.id,), made.maps)

    return Remedy(f"begin with another seed, {seed}", order)


def _finer(version: Version) -> Iterator[Remedy]:
    yield Remedy("finish it with more steps", lambda hands: hands.orders.refine(version))
    yield Remedy(
        f"draw its surface again, strength {NEAR:g}",
        lambda hands: hands.orders.refine(version, way="picture", strength=NEAR),
    )


def _wider(version: Version) -> Iterator[Remedy]:
    """The edit once more, on the picture before it: what was drawn over cannot be blended with."""
    task, sampling, prompt = version.recipe.task, version.recipe.sampling, version.recipe.prompt
    if not isinstance(task, Inpaint) or sampling is None or prompt is None or not version.parents:
        return
    for times, grown in ((4, 0), (2, 8)):
        feather = min(256, max(4, task.feather * times))

        def order(hands: Hands, feather: int = feather, grown: int = grown) -> Order:
            mask = decode_mask(hands.blobs.get(task.mask), size=version.size)
            wide = Image.fromarray(grow(np.asarray(mask), grown))
            how: dict[str, Any] = {"negative": prompt.negative, "seed": sampling.seed}
            return hands.orders.inpaint(
                version.parents[0],
                wide,
                prompt.text,
                strength=task.strength,
                feather=feather,
                **how,
            )

        wider = f" and a mask {grown} pixels wider" if grown else ""
        yield Remedy(f"inpaint again with a feather of {feather} pixels{wider}", order)


def _exposed(version: Version, kind: str) -> Iterator[Remedy]:
    stops = {"dark": 1.0, "bright": -1.0, "clipped-highlights": -0.5, "clipped-shadows": 0.5}[kind]

    def order(hands: Hands) -> Order:
        retouch: Callable[..., Order] | None = getattr(hands.orders, "retouch", None)
        if retouch is None:
            raise RecipeRefused("this studio does not retouch")
        return retouch(version, exposure=stops)

    yield Remedy(f"expose it by {stops:+g} stops", order)


def _nearer(version: Version) -> Iterator[Remedy]:
    """The references hold more."""
    if not any(isinstance(each, Reference) for each in version.recipe.conditionings):
        return

    def order(_: Hands) -> Order:
        stronger = tuple(
            each.model_copy(update={"strength": min(2.0, round(each.strength + 0.3, 2))})
            if isinstance(each, Reference)
            else each
            for each in version.recipe.conditionings
        )
        recipe = version.recipe.change(conditionings=stronger)
        return Order("vary", (recipe,), (version.id,))

    yield Remedy("let the references count for more", order)


def _mended(version: Version, finding: Finding, nth: int) -> Remedy:
    """The place alone, drawn again in the picture's own words."""
    seed, box = _seed(version, nth), finding.region

    def order(hands: Hands) -> Order:
        assert box is not None  # noqa: S101 (asked only for findings with a place)
        mask = Image.new("L", (version.size.width, version.size.height))
        mask.paste(255, box.corners)
        return hands.orders.inpaint(version, mask, seed=seed)

    return Remedy(f"draw the place again, seed {seed}", order)
