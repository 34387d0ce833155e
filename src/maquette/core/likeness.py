"""How much a picture shows of what a set of pictures has in common.

Pictures come as places, each a direction of unit length (see ``Teachable.features``). What the set
shares is told by itself: a place counts by how well the other pictures of the set have its like.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["among", "likeness"]

Places = npt.NDArray[np.float32]
MOST = 24
"""Pictures of a set that are looked at, evenly picked."""


def likeness(pictures: Places, examples: Places) -> npt.NDArray[np.float64]:
    """For each of ``pictures`` (n, places, numbers), how well it shows what ``examples``
    (m, places, numbers) share: the mean, over the examples' shared places, of the cosine of the
    best answering place in the picture. 1 is the same, 0 is unrelated.

    Raises:
        ValueError: for fewer than two examples.
    """
    chosen = _picked(examples)
    weights = _shared(chosen)
    found = np.zeros(len(pictures))
    for number, picture in enumerate(pictures):
        best = (chosen @ picture.T).max(axis=2)  # (m, places): each example's place in the picture
        found[number] = float((best * weights).sum() / weights.sum())
    return found


def among(examples: Places) -> float:
    """What the examples score themselves, each against the others: as good as it gets.

    Raises:
        ValueError: for fewer than three examples.
    """
    chosen = _picked(examples)
    scores = [
        likeness(chosen[number : number + 1], np.delete(chosen, number, axis=0))[0]
        for number in range(len(chosen))
    ]
    return float(np.mean(scores))


def _picked(examples: Places) -> Places:
    if len(examples) < 2:
        raise ValueError("what pictures share shows in two or more")
    places = np.linspace(0, len(examples) - 1, min(MOST, len(examples))).round().astype(int)
    return examples[places]


def _shared(examples: Places) -> npt.NDArray[np.float64]:
    """(m, places): how much each place is of what the examples share; above their mean only."""
    found = np.zeros(examples.shape[:2])
    for number, example in enumerate(examples):
        others = np.delete(examples, number, axis=0)
        best = (others @ example.T).max(axis=1)  # (m - 1, places) of this example
        found[number] = best.mean(axis=0)
    return np.maximum(found - found.mean(), 0) + 1e-9
