"""The critic ``drift``: a picture that has left the references that it was to follow.

Of a *style* colours and light are compared, wherever they stand: the mean distance between the two
pictures' sorted values, channel by channel in CIE Lab (the Wasserstein distance of each channel's
values). Of a *character* or an *object* a judge is asked, where there is one: is what it sees in
the reference there, in the same colours? Without a judge, or where it knows nothing in the
reference, the colours of what differs from the reference's border are looked for in the picture:
that tells a red mug from a blue one, not from a red vase. A *face* is held to be the same person's
where a recogniser tells faces apart (``critics.faces``), wherever it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core.finding import Finding
from maquette.core.recipe import Reference
from maquette.core.trace import Trace
from maquette.core.version import Version
from maquette.critics.faces import Look, strangers
from maquette.critics.judge.claims import SCENERY, claims_of
from maquette.critics.judge.critic import load_judge

if TYPE_CHECKING:
    from maquette.critics.judge.network import Seen, Sight

__all__ = ["Drift", "apart", "missed"]

FAR = 36.0
"""Pictures of Postcard are 7 to 17 apart from their reference at strength 1, 15 to 33 at a half
and 34 to 62 at a tenth; two pictures that have nothing to do with one another 51 (median)."""
FARTHEST = 75.0
MISSED = 25.0
"""A subject's colours are this far from those of a picture that lacks them. Of 22 pairs of renders
that show one thing in two places one is farther apart, of 132 pairs of two things more than half.
A judge tells all of the latter."""
MISSED_MOST = 60.0
SURE, GONE = 0.7, 0.5
"""How sure a judge is of what it holds a picture to, and below which it says that it is gone."""
ALIKE = 0.3
"""The part of two distributions of colours that they share, at least, when they are one colour."""
SUBJECTS = frozenset({"character", "object"})

_SIDE = 64
_VALUES = 33
_COLOURS, _GROUND = 4, 6
_PRESENT = 0.015
"""A colour is there when so much of the picture is near it."""


class Drift:
    """Holds a picture against its references. ``pictures`` brings one by its digest, ``judge`` is
    a folder with one, ``faces`` looks for faces; ``load`` is for tests, it opens the judge."""

    name = "drift"

    def __init__(
        self,
        pictures: Callable[[str], Image.Image],
        judge: Path | None = None,
        load: Callable[[Path], Sight] = load_judge,
        faces: Look | None = None,
    ) -> None:
        self._pictures, self._judge, self._load = pictures, judge, load
        self._faces = faces

    def look(
        self,
        version: Version,
        picture: Image.Image,
        trace: Trace | None,  # noqa: ARG002 - what is to be seen counts
        notes: Mapping[str, float] | None = None,  # noqa: ARG002
    ) -> list[Finding]:
        """``drift`` when no style that was asked for is near, ``drift:WORD`` for a thing of a
        character's or object's reference that is gone or of another colour (``drift`` where
        nothing is known of it but colours), ``drift:face`` for another person's, worst first."""
        shown = [each for each in version.recipe.conditionings if isinstance(each, Reference)]
        faces = [each for each in shown if each.role == "face" and each.strength > 0]
        found: list[Finding] = []
        if faces and self._faces is not None:
            found = strangers(faces, self._pictures, picture, self._faces)
        # Of a part of the picture only faces can be found again.
        edit = version.recipe.task.kind in {"inpaint", "outpaint"}
        asked = [each for each in shown if each.mask is None and not edit]
        found += self._style([each for each in asked if each.role == "style"], picture)
        for each in asked:
            if each.role in SUBJECTS:
                found += self._subject(version, self._pictures(each.image), picture)
        worst = {finding.name: finding for finding in sorted(found, key=lambda one: one.score)}
        return sorted(worst.values(), key=lambda finding: -finding.score)

    def _style(self, styles: list[Reference], picture: Image.Image) -> list[Finding]:
        if not styles:
            return []
        away = min(apart(picture, self._pictures(each.image)) for each in styles)
        if away < FAR:
            return []
        return [
            _finding(
                "drift",
                f"the colours have left those of the reference ({away:.0f} of Lab apart;"
                f" below {FAR:.0f} is near)",
                (away - FAR) / (FARTHEST - FAR),
            )
        ]

    def _subject(
        self, version: Version, reference: Image.Image, picture: Image.Image
    ) -> list[Finding]:
        if self._judge is not None:
            sight = self._load(self._judge)
            there = {
                noun: seen
                for noun, seen in sight.see(reference).items()
                if noun not in SCENERY and seen.present >= SURE
            }
            if there:
                prompt = version.recipe.prompt
                claims = claims_of(prompt.text, sight.nouns, prompt.interpreter) if prompt else []
                words = {claim.noun: claim.word for claim in claims}
                recoloured = {claim.noun for claim in claims if claim.colour is not None}
                return _lost(there, sight.see(picture), words, recoloured)
        away = missed(reference, picture)
        if away is None or away < MISSED:
            return []
        return [
            _finding(
                "drift",
                f"the colours of the reference's subject are not there ({away:.0f} of Lab apart;"
                f" below {MISSED:.0f} is near)",
                (away - MISSED) / (MISSED_MOST - MISSED),
            )
        ]


def _lost(
    there: Mapping[str, Seen],
    own: Mapping[str, Seen],
    words: Mapping[str, str],
    recoloured: set[str],
) -> list[Finding]:
    """What the reference shows and the picture does not. What the prompt itself asks for is the
    judge's to miss, and a colour that it says counts before the reference's."""
    found: list[Finding] = []
    for noun, seen in there.items():
        mine, said = own[noun], (words[noun],) if noun in words else ()
        if mine.present < GONE:
            if noun not in words:
                says = f"the {noun} of the reference is not to be seen"
                found.append(_finding(f"drift:{noun}", says, 1 - mine.present, said))
            continue
        shared = sum(min(each, mine.colours.get(name, 0)) for name, each in seen.colours.items())
        was, now = (max(one.colours, key=lambda c: one.colours[c]) for one in (seen, mine))
        if noun not in recoloured and shared < ALIKE and was != now:
            says = f"the {noun} is {now}; the reference's is {was}"
            found.append(_finding(f"drift:{noun}", says, 0.5, said))
    return found


def _finding(name: str, says: str, much: float, words: tuple[str, ...] = ()) -> Finding:
    return Finding(
        critic="drift",
        name=name,
        message=says,
        severity="warning",
        score=round(0.4 + 0.6 * min(1.0, max(0.0, much)), 4),
        words=words,
    )


def apart(one: Image.Image, other: Image.Image) -> float:
    """How far apart the colours of two pictures are, in units of CIE Lab; 0 for equal ones,
    wherever they stand."""
    return float(np.abs(_values(one) - _values(other)).mean(axis=0).sum())


def missed(reference: Image.Image, picture: Image.Image) -> float | None:
    """How far the colours of a reference's subject are from the nearest ones of a picture, in
    units of CIE Lab, each by its share; None where nothing differs from the reference's border."""
    colours, shares = _subject_of(_lab(reference))
    if not len(colours):
        return None
    away = np.sqrt(np.square(colours[:, None] - _lab(picture).reshape(1, -1, 3)).sum(axis=-1))
    return float(np.quantile(away, _PRESENT, axis=1) @ shares)


def _subject_of(lab: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float32], npt.NDArray[Any]]:
    """The main colours (n, 3) of what differs from the border, with their shares."""
    side = len(lab)
    edge = max(2, side // 16)
    border = np.ones((side, side), bool)
    border[edge:-edge, edge:-edge] = False
    ground, _ = _main(lab[border], _GROUND)
    differs = np.sqrt(np.square(lab[:, :, None] - ground).sum(axis=-1)).min(axis=-1)
    off = np.linspace(-0.5, 0.5, side) ** 2
    middle = np.exp(-(off[:, None] + off[None, :]) / (2 * 0.28**2))
    inside = (np.clip((differs - 10) / 25, 0, 1) * middle) > 0.15
    if inside.mean() < 0.005:
        return np.zeros((0, 3), np.float32), np.zeros(0)
    return _main(lab[inside], _COLOURS)


def _main(
    colours: npt.NDArray[np.float32], count: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[Any]]:
    """So many colours that stand for all (k-means, begun evenly by lightness so that it always
    ends the same), with the share of each."""
    picked = colours[np.argsort(colours[:, 0], kind="stable")]
    at = np.linspace(0, len(picked) - 1, count + 2).round().astype(int)[1:-1]
    means = picked[at]
    nearest = np.zeros(len(colours), int)
    for _ in range(20):
        nearest = np.square(colours[:, None] - means).sum(axis=-1).argmin(axis=1)
        for number in range(count):
            if (mine := nearest == number).any():
                means[number] = colours[mine].mean(axis=0)
    shares = np.bincount(nearest, minlength=count) / len(colours)
    return means, shares


def _lab(picture: Image.Image) -> npt.NDArray[np.float32]:
    small = picture.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    scaled = np.asarray(small, np.float32) / np.float32(255)
    return np.asarray(cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB), np.float32)


def _values(picture: Image.Image) -> npt.NDArray[np.floating]:
    return np.quantile(_lab(picture).reshape(-1, 3), np.linspace(0.02, 0.98, _VALUES), axis=0)
