"""Whether a picture shows the persons of its references: what the critic ``drift`` says of faces.

A recogniser tells each face by a direction (a vector of length 1); the cosine between two is their
likeness, 1 for the same picture. Who looks, and with which networks, the critic does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core.conditioning import Reference
from maquette.core.finding import Finding
from maquette.core.geometry import Box

__all__ = ["ALIKE", "Look", "SeenFace", "likeness", "strangers"]

ALIKE = 0.35
"""Two pictures of one person are at least so alike. OpenCV gives 0.363 for its SFace; ArcFace's
networks tell strangers below 0.3 and are sure above 0.4."""


@dataclass(frozen=True, eq=False)
class SeenFace:
    """A face in a picture: where it is, and its direction."""

    box: Box
    vector: npt.NDArray[np.float32]


Look = Callable[[Image.Image], Sequence[SeenFace] | None]
"""The faces of a picture, the largest first; None where nothing is at hand that tells them."""


def likeness(one: SeenFace, other: SeenFace) -> float:
    """The cosine between two faces' directions, -1 to 1."""
    return float(np.clip(one.vector @ other.vector, -1, 1))


def strangers(
    asked: Sequence[Reference],
    shown: Callable[[str], Image.Image],
    picture: Image.Image,
    look: Look,
) -> list[Finding]:
    """A finding for each person of the references ``asked`` whom the picture does not show.
    ``shown`` brings a reference's picture by its digest. Pictures that were read as one person's
    are held to be one's."""
    persons: dict[tuple[Any, ...], list[SeenFace]] = {}
    for each in asked:
        alike = each.adapter, each.strength, each.mask, each.start, each.end
        if each.recogniser is None:
            alike = (*alike, each.image)
        if seen := look(shown(each.image)):
            persons.setdefault(alike, []).append(seen[0])
    if not persons:
        return []
    there = look(picture) or ()
    found: list[Finding] = []
    for number, faces in enumerate(persons.values(), 1):
        name = "drift:face" if number == 1 else f"drift:face-{number}"
        who = "the reference" if len(persons) == 1 else f"reference {number}"
        if not there:
            found.append(_finding(name, f"the face of {who} is not to be seen", 0.6))
            continue
        best = max(there, key=lambda face: _of_person(face, faces))
        near = _of_person(best, faces)
        if near < ALIKE:
            says = (
                f"the face is not that of {who} (likeness {near:.2f};"
                f" from {ALIKE:g} it is one person's)"
            )
            found.append(_finding(name, says, 0.4 + 0.6 * (ALIKE - max(near, 0)) / ALIKE, best.box))
    return found


def _of_person(face: SeenFace, pictures: Sequence[SeenFace]) -> float:
    """The likeness to the middle of several pictures of a person."""
    middle = np.mean([each.vector for each in pictures], axis=0)
    length = float(np.linalg.norm(middle))
    return float(face.vector @ middle) / length if length > 0 else 0.0


def _finding(name: str, says: str, score: float, region: Box | None = None) -> Finding:
    return Finding(
        critic="drift",
        name=name,
        message=says,
        severity="warning",
        score=round(min(1.0, score), 4),
        region=region,
    )
