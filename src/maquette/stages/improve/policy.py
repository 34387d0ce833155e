"""Which remedies there are for each failure, in the order in which they are tried.

Cheap and local ones come first: a word's weight in its place, a masked place. Another seed comes
last, for it gives up the composition; for what is not there or has another number it comes early,
for those hang on the composition. A remedy draws in as many steps as the version was drawn in: a
draft stays a draft. It is an order that is not made before its turn comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from maquette.core.finding import Finding
from maquette.core.grammar import parse, reweigh, words
from maquette.core.picture import decode_mask
from maquette.core.raster import grow
from maquette.core.recipe import MAX_SEED, Inpaint, Reference, TextToImage
from maquette.core.version import Version
from maquette.errors import RecipeRefused
from maquette.stages.hands import Hands
from maquette.stages.order import Order

__all__ = ["FAILURES", "Remedy", "remedies"]

NEAR, FAR = 0.4, 0.65
"""Strengths of image-to-image that mend a surface, and that redraw a thing in its place."""
HEAVIEST = 2.0
"""No word is raised beyond this: pictures break."""
DRAWN = frozenset({"text-to-image", "continue", "anchored"})
"""Tasks that hold nothing but words, seed and what steers them."""
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
    if finding.suggestion is not None:
        says = finding.suggestion.says
        yield Remedy(says, lambda hands: hands.orders.apply(version, finding.name))
    kind = finding.name.partition(":")[0]
    yield from _WAYS.get(kind, _at_its_place)(version, finding, nth)


def _for_a_word(version: Version, finding: Finding, nth: int) -> Iterator[Remedy]:
    yield from _raised(version, _words_of(finding))
    yield _varied(version, FAR, nth)
    yield from (_reseeded(version, nth + more) for more in range(3))
    yield from _at_its_place(version, finding, nth)


def _for_what_is_missing(version: Version, finding: Finding, nth: int) -> Iterator[Remedy]:
    words = _words_of(finding)
    yield from _raised(version, words, anew=True)
    yield _reseeded(version, nth, words)
    yield _varied(version, FAR, nth)
    yield _reseeded(version, nth + 1)
    yield _reseeded(version, nth + 2, words)
    yield from _at_its_place(version, finding, nth)


def _for_a_number(version: Version, finding: Finding, nth: int) -> Iterator[Remedy]:
    yield _reseeded(version, nth)
    yield _varied(version, FAR, nth)
    yield from (_reseeded(version, nth + more) for more in range(1, 5))
    yield from _at_its_place(version, finding, nth)


def _for_what_is_strong(version: Version, finding: Finding, nth: int) -> Iterator[Remedy]:
    yield from _lowered(version, _words_of(finding))
    yield _reseeded(version, nth)
    yield from _at_its_place(version, finding, nth)


def _for_drift(version: Version, finding: Finding, nth: int) -> Iterator[Remedy]:
    yield from _nearer(version)
    if finding.words:
        yield from _raised(version, finding.words)
    yield _reseeded(version, nth)
    yield from _at_its_place(version, finding, nth)


def _for_blur(version: Version, finding: Finding, nth: int) -> Iterator[Remedy]:
    yield from _finer(version)
    yield _reseeded(version, nth)
    yield from _at_its_place(version, finding, nth)


def _for_light(version: Version, finding: Finding, nth: int) -> Iterator[Remedy]:
    yield from _exposed(version, finding.name.partition(":")[0])
    yield _varied(version, NEAR, nth)
    yield _reseeded(version, nth)
    yield from _at_its_place(version, finding, nth)


def _for_steps(version: Version, finding: Finding, nth: int) -> Iterator[Remedy]:
    yield _varied(version, NEAR, nth)
    yield _varied(version, FAR, nth + 1)
    yield from _at_its_place(version, finding, nth)


def _for_nothing(version: Version, finding: Finding, nth: int) -> Iterator[Remedy]:
    yield from (_reseeded(version, nth + more) for more in range(3))
    yield from _at_its_place(version, finding, nth)


def _for_damage(version: Version, finding: Finding, nth: int) -> Iterator[Remedy]:
    yield from _at_its_place(version, finding, nth)
    yield _varied(version, NEAR, nth)
    yield _reseeded(version, nth)


def _for_a_seam(version: Version, _finding: Finding, _nth: int) -> Iterator[Remedy]:
    yield from _wider(version)


def _at_its_place(version: Version, finding: Finding, nth: int) -> Iterator[Remedy]:
    if finding.region is not None:
        yield _mended(version, finding, nth)
        yield _mended(version, finding, nth + 1)


_WAYS: Mapping[str, Callable[[Version, Finding, int], Iterator[Remedy]]] = {
    "weak": _for_a_word,
    "colour": _for_a_word,
    "missing": _for_what_is_missing,
    "count": _for_a_number,
    "strong": _for_what_is_strong,
    "drift": _for_drift,
    "blur": _for_blur,
    "blank": _for_nothing,
    "dark": _for_light,
    "bright": _for_light,
    "clipped-highlights": _for_light,
    "clipped-shadows": _for_light,
    "banding": _for_steps,
    "seam": _for_a_seam,
    "damage": _for_damage,
}


def _words_of(finding: Finding) -> tuple[str, ...]:
    word = finding.name.partition(":")[2]
    return finding.words or ((word,) if word else ())


def _seed(version: Version, nth: int) -> int:
    own = version.recipe.sampling.seed if version.recipe.sampling is not None else 0
    return (own + STRIDE * (nth + 1)) % (MAX_SEED + 1)


def _weights(version: Version) -> dict[str, float]:
    """Present weights of the prompt's words."""
    prompt = version.recipe.prompt
    if prompt is None or prompt.interpreter == "plain":
        return {}
    return {each.text.lower(): each.weight for each in words(parse(prompt.text))}


def _raised(version: Version, words: tuple[str, ...], *, anew: bool = False) -> Iterator[Remedy]:
    """The words in their places; ``anew`` from noise, where they may get one."""
    own = _weights(version)
    for more in (0.5,) if anew else (0.3, 0.7):
        asked = {
            word: round(min(HEAVIEST, own.get(word.lower().split()[-1], 1.0) + more), 2)
            for word in words
            if word.lower().split()[-1] in own
        }
        if asked and any(weight > own[word.lower().split()[-1]] for word, weight in asked.items()):
            said = ", ".join(f"{word} to {weight:g}" for word, weight in asked.items())
            how = {"begin": 0.0} if anew else {}
            where = " from the first step" if anew else ""
            yield Remedy(f"raise {said}{where}", _reweighted(version, asked, **how))


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


def _reweighted(
    version: Version, asked: dict[str, float], **how: float
) -> Callable[[Hands], Order]:
    return lambda hands: hands.orders.reweight(version, asked, **how)


def _own(version: Version) -> dict[str, Any]:
    """The version's own steps, guidance and sampler; none of one that was not drawn."""
    sampling = version.recipe.sampling
    if sampling is None:
        return {}
    return {
        "steps": sampling.steps,
        "guidance": sampling.guidance,
        "sampler": sampling.sampler,
    }


def _varied(version: Version, strength: float, nth: int) -> Remedy:
    seed = _seed(version, nth)
    return Remedy(
        f"draw it again from the picture, strength {strength:g}, seed {seed}",
        lambda hands: hands.orders.vary(version, strength=strength, seed=seed, **_own(version)),
    )


def _reseeded(version: Version, nth: int, words: tuple[str, ...] = ()) -> Remedy:
    """The same words and what else steers it, with other noise; some ``words`` raised."""
    seed = _seed(version, nth)
    prompt, own = version.recipe.prompt, _weights(version)
    heavier = {
        word: min(HEAVIEST, round(own[word.lower()] + 0.3, 2))
        for word in words
        if word.lower() in own
    }

    def order(hands: Hands) -> Order:
        text, negative = (prompt.text, prompt.negative) if prompt is not None else ("", "")
        if heavier:
            text = reweigh(text, heavier)
        if version.recipe.sampling is not None and version.recipe.task.kind in DRAWN:
            recipe = version.recipe.change(
                task=TextToImage(),
                prompt=version.recipe.prompt.model_copy(update={"text": text})
                if version.recipe.prompt is not None
                else None,
                sampling=version.recipe.sampling.model_copy(update={"seed": seed}),
            )
            return Order("generate", (recipe,), (version.id,))
        size = (version.size.width, version.size.height)
        made = hands.orders.generate(
            text,
            negative=negative,
            seed=seed,
            size=size,
            interpreter=prompt.interpreter if prompt is not None else "attention",
        )
        return Order(made.operation, made.recipes, (version.id,), made.maps)

    raised = f", {', '.join(heavier)} raised" if heavier else ""
    return Remedy(f"begin with another seed, {seed}{raised}", order)


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
    """The references hold more, and then as much as they can without breaking the picture."""
    told = version.recipe.conditionings
    strengths = [each.strength for each in told if isinstance(each, Reference)]
    for before, more, says in ((0.0, 0.3, "for more"), (0.3, 0.9, "for much more")):
        if not strengths or min(strengths) + before >= HEAVIEST:
            return

        def order(_: Hands, more: float = more) -> Order:
            stronger = tuple(
                each.model_copy(update={"strength": min(HEAVIEST, round(each.strength + more, 2))})
                if isinstance(each, Reference)
                else each
                for each in told
            )
            recipe = version.recipe.change(conditionings=stronger)
            return Order("vary", (recipe,), (version.id,))

        yield Remedy(f"let the references count {says}", order)


def _mended(version: Version, finding: Finding, nth: int) -> Remedy:
    """The place alone, drawn again in the picture's own words."""
    seed, box, told = _seed(version, nth), finding.region, version.recipe.conditionings

    def order(hands: Hands) -> Order:
        assert box is not None  # noqa: S101 (asked only for findings with a place)
        mask = Image.new("L", (version.size.width, version.size.height))
        mask.paste(255, box.corners)
        made = hands.orders.inpaint(version, mask, seed=seed, **_own(version))
        if not finding.name.startswith("drift:face"):
            return made
        # A face is drawn again as the person's whom it was to be.
        whose = [c for c in told if isinstance(c, Reference) and c.role == "face"]
        recipes = [r.change(conditionings=(*r.conditionings, *whose)) for r in made.recipes]
        return replace(made, recipes=tuple(recipes))

    return Remedy(f"draw the place again, seed {seed}", order)
