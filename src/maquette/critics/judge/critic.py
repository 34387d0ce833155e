"""Findings from what a judge sees: things that are missing, of another colour or number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from maquette.core.finding import Finding, Severity
from maquette.core.trace import Trace
from maquette.core.version import Version
from maquette.critics.judge.claims import Claim, claims_of

if TYPE_CHECKING:
    from maquette.critics.judge.network import Seen, Sight

__all__ = ["Judge", "has_judge", "load_judge"]

MISSING = 0.5
"""A thing is missing below this certainty."""
DOUBTED = 0.25
"""A colour or a number is wrong when another is likelier and this one less probable than this."""


def has_judge(folder: Path) -> bool:
    """Whether a model's folder brings a judge."""
    return (folder / "judge.json").is_file() and (folder / "judge.safetensors").is_file()


def load_judge(folder: Path) -> Sight:
    """The judge of a folder; opened once.

    Raises:
        ModelRefused: it cannot be read.
    """
    from maquette.critics.judge.network import load_sight  # torch

    return load_sight(folder)


class Judge:
    """Holds pictures against their prompts. The network is loaded with the first look.

    ``load`` is for tests; it opens the judge of the folder.
    """

    name = "judge"

    def __init__(self, folder: Path, load: Callable[[Path], Sight] = load_judge) -> None:
        self._folder, self._load = folder, load

    def look(
        self,
        version: Version,
        picture: Image.Image,
        trace: Trace | None,  # noqa: ARG002 - what was meant does not matter, only what is seen
        notes: Mapping[str, float] | None = None,  # noqa: ARG002
    ) -> list[Finding]:
        """``missing:WORD``, ``colour:WORD`` and ``count:WORD``, worst first."""
        prompt = version.recipe.prompt
        if prompt is None or version.recipe.task.kind in {"inpaint", "outpaint"}:
            return []  # the words of an edit are about a part
        sight = self._load(self._folder)
        claims = claims_of(prompt.text, sight.nouns, prompt.interpreter)
        if not claims:
            return []
        seen = sight.see(picture)
        found = [each for claim in claims if (each := _amiss(claim, seen[claim.noun]))]
        return sorted(found, key=lambda finding: -finding.score)


def _amiss(claim: Claim, seen: Seen) -> Finding | None:
    if claim.weight < 1:
        return None  # somebody turned it down
    if seen.present < MISSING:
        sure = 1 - seen.present
        return _finding("missing", claim, f"no {claim.word} is to be seen", "fault", 0.5 + sure / 2)
    if claim.count is not None:
        likeliest = max(seen.counts, key=lambda number: seen.counts[number])
        if likeliest != claim.count and seen.counts.get(claim.count, 1.0) < DOUBTED:
            says = f"{likeliest} of {claim.word} instead of {claim.count}"
            return _finding("count", claim, says, "warning", 0.7)
    if claim.colour is not None:
        likeliest = max(seen.colours, key=lambda colour: seen.colours[colour])
        if likeliest != claim.colour and seen.colours.get(claim.colour, 1.0) < DOUBTED:
            says = f"{claim.word} is {likeliest}, not {claim.colour}"
            return _finding("colour", claim, says, "warning", 0.7)
    return None


def _finding(kind: str, claim: Claim, says: str, severity: Severity, score: float) -> Finding:
    words = (claim.colour,) if kind == "colour" and claim.colour else (claim.word,)
    return Finding(
        critic="judge",
        name=f"{kind}:{claim.word}",
        message=says,
        severity=severity,
        score=round(min(1.0, score), 4),
        words=words,
    )
