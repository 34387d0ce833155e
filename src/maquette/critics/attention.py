"""The critic ``attention``: which words of the prompt got too little of the picture, or too much.

Content words (all but articles, prepositions, conjunctions and the like) that stand next to one
another are one phrase, ``full moon``, judged by its strongest word and named by its last. With n
phrases an even split would give each 1/n of their attention. Small things lawfully hold little in
all, so a phrase is weak only when its hottest place is faint too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from PIL import Image

from maquette.core.finding import Finding, Suggestion
from maquette.core.grammar.content import is_content
from maquette.core.heat import Statistic, statistics
from maquette.core.picture import size_of
from maquette.core.trace import Trace
from maquette.core.version import Version

__all__ = ["Attention"]

WEAK_SHARE = 0.5
"""Weak: less than this part of an even split, and …"""
WEAK_HEIGHT = 0.6
"""… a hottest place below this part of the phrases' median."""
STRONG_SHARE = 2.5
"""Strong: so many times an even split …"""
STRONG_MOST = 0.8
"""… or this much of everything, whichever is less."""
SCATTERED = 0.125
"""A map whose hottest tenth of places holds less of it than this has no peak (0.1 is even)."""
MOST_FINDINGS = 3
"""Of each kind: a long list helps nobody to choose."""
HIGHEST_WEIGHT = 2.0
"""No more than this is suggested: beyond it pictures break."""


@dataclass(frozen=True)
class _Phrase:
    """Adjacent content words: the last one and the one that holds most."""

    head: Statistic
    best: Statistic


class Attention:
    """Judges how the words of a prompt share the picture."""

    name = "attention"

    def look(
        self,
        version: Version,
        picture: Image.Image,
        trace: Trace | None,
        notes: Mapping[str, float] | None = None,  # noqa: ARG002 - nothing measured is needed
    ) -> list[Finding]:
        """``weak:WORD``, ``strong:WORD`` and ``scattered:WORD``, worst first."""
        if trace is None or not trace.words:
            return []
        prompt = version.recipe.prompt
        text = prompt.text if prompt is not None else ""
        things, styles = _things(_phrases(statistics(trace, size_of(picture)), text))
        can_reweigh = _can_reweigh(version)
        weak = _weak(things, can_reweigh=can_reweigh)
        strong = _strong(things, can_reweigh=can_reweigh) if weak else []
        return [*weak, *strong, *_scattered(styles)]


def _phrases(found: list[Statistic], text: str) -> list[_Phrase]:
    runs: list[list[Statistic]] = []
    for statistic in found:
        # No weight helps a word that the model does not know; its engine has said so already.
        if not is_content(statistic.token) or not statistic.known:
            continue
        if runs and _in_one_breath(runs[-1][-1], statistic, text):
            runs[-1].append(statistic)
        else:
            runs.append([statistic])
    return [_Phrase(run[-1], max(run, key=lambda statistic: statistic.share)) for run in runs]


def _in_one_breath(first: Statistic, second: Statistic, text: str) -> bool:
    """Whether only blanks, brackets and their weights lie between two words."""
    gap = text[first.end : second.start]
    if len(gap) < second.start - first.end:  # the words are those of another caption
        return second.start - first.end <= 1
    return re.fullmatch(r"(?:[\s()\[\]]|:\s*[\d.]+\s*(?=[)\]]))*", gap) is not None


def _things(phrases: list[_Phrase]) -> tuple[list[_Phrase], list[_Phrase]]:
    """Phrases that have a place, and styles, which are everywhere and not faint."""
    even = sum(phrase.best.share for phrase in phrases) / max(len(phrases), 1)
    styles = [
        phrase
        for phrase in phrases
        if phrase.best.focus < SCATTERED and phrase.best.share >= WEAK_SHARE * even > 0
    ]
    return [phrase for phrase in phrases if phrase not in styles], styles


def _can_reweigh(version: Version) -> bool:
    recipe = version.recipe
    drawn = recipe.task.kind not in {"import", "upscale"}
    return drawn and recipe.prompt is not None and recipe.prompt.interpreter != "plain"


def _weak(phrases: list[_Phrase], *, can_reweigh: bool) -> list[Finding]:
    total = sum(phrase.best.share for phrase in phrases)
    if len(phrases) < 2 or total <= 0:
        return []
    usual = median(phrase.best.height for phrase in phrases)
    found: list[Finding] = []
    for phrase in phrases:
        split = phrase.best.share / total * len(phrases)
        height = phrase.best.height / usual if usual > 0 else 1.0
        word, weight = phrase.head.token, phrase.head.weight
        # A word that somebody turned down is meant to be weak.
        if split >= WEAK_SHARE or height >= WEAK_HEIGHT or weight < 1:
            continue
        factor = min(max(max(split, 0.01) ** -0.3, 1.2), 1.6)
        raised = min(round(weight * factor, 1), HIGHEST_WEIGHT)
        message = f"'{word}' gets little attention: {split:.0%} of an even share"
        if raised <= weight:
            message += f", although it weighs {weight:g}; say it in other words or earlier"
        found.append(
            Finding(
                critic="attention",
                name=f"weak:{word}",
                message=message,
                severity="warning",
                score=1 - 0.7 * max(split / WEAK_SHARE, height / WEAK_HEIGHT),
                words=(word,),
                suggestion=_reweigh(word, raised) if can_reweigh and raised > weight else None,
            )
        )
    return _worst(found)


def _strong(phrases: list[_Phrase], *, can_reweigh: bool) -> list[Finding]:
    total = sum(phrase.best.share for phrase in phrases)
    limit = min(STRONG_MOST, STRONG_SHARE / len(phrases))
    found: list[Finding] = []
    for phrase in phrases:
        word, weight = phrase.head.token, phrase.head.weight
        share = phrase.best.share / total
        if share < limit or weight > 1:
            continue
        lowered = max(0.5, round(weight * 0.8, 1))
        found.append(
            Finding(
                critic="attention",
                name=f"strong:{word}",
                message=f"'{word}' holds {share:.0%} of the attention and leaves others little",
                severity="warning",
                score=min(1.0, 0.3 + 0.7 * (share - limit) / max(1 - limit, 0.01)),
                words=(word,),
                suggestion=_reweigh(word, lowered) if can_reweigh and lowered < weight else None,
            )
        )
    return _worst(found)


def _scattered(styles: list[_Phrase]) -> list[Finding]:
    return [
        Finding(
            critic="attention",
            name=f"scattered:{phrase.head.token}",
            message=f"'{phrase.head.token}' has no place of its own: it colours the whole picture",
            severity="note",
            score=0.1,
            words=(phrase.head.token,),
        )
        for phrase in styles[:MOST_FINDINGS]
    ]


def _reweigh(word: str, weight: float) -> Suggestion:
    return Suggestion(
        operation="reweight",
        arguments={"weights": {word: weight}},
        says=f"{'raise' if weight > 1 else 'lower'} {word} to {weight:g}",
    )


def _worst(found: list[Finding]) -> list[Finding]:
    return sorted(found, key=lambda finding: -finding.score)[:MOST_FINDINGS]
