"""Weights that act in some places only: words that were raised grow where they were.

A word's weight in the drawing that is taken up acts everywhere, as it did there. What it weighs
more by now is added to its logits in its own places alone (``core/anchors.py``), and since nothing
can go elsewhere there, by a larger measure: ``BOLD`` times the model's gain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch.nn import functional

from maquette.core.anchors import Anchors, place_of
from maquette.core.trace import TracedWord
from maquette.engines.diffusers.attention import log_weights
from maquette.engines.diffusers.text import Encoded

__all__ = ["BOLD", "Held", "Locally", "hold"]

BOLD = 2.0
"""Measured on ‘moon’ (bench/moon.py): at this measure a weight of 1.5 is seen, and one of 2 leaves
the rest of the picture alone."""


@dataclass(frozen=True, eq=False)
class Held:
    """A picture's raised words: (the word as it is weighed now, its weight before, its place),
    the place a plane of (rows, columns), 0 to 1."""

    words: tuple[tuple[TracedWord, float, torch.Tensor], ...]

    def split(self, text: Encoded, gain: float) -> tuple[torch.Tensor, list[_Part]]:
        """A text's weights, (tokens), with the raised ones as they were before, and what is to be
        added in their places."""
        weights, parts = text.weights.clone(), list[_Part]()
        offsets = torch.tensor(text.places)
        for word, before, place in self.words:
            tokens = (offsets >= word.start) & (offsets < word.end) & (weights > before)
            if bool(tokens.any()):
                now, then = (_logs(each, gain) for each in (word.weight, before))
                weights[tokens] = before
                parts.append(_Part(tokens, BOLD * (now - then), place))
        return weights, parts


@dataclass(frozen=True, eq=False)
class _Part:
    """So much more for these tokens at this place."""

    tokens: torch.Tensor
    more: float
    place: torch.Tensor


@dataclass(eq=False)
class Locally:
    """What is added to the logits of each row by place; ``grids`` are the (rows, columns) of each
    layer by its number of places."""

    parts: Sequence[Sequence[_Part]]
    grids: Mapping[int, tuple[int, int]]
    _known: dict[int, torch.Tensor] = field(default_factory=dict[int, torch.Tensor])

    def __call__(self, places: int, like: torch.Tensor) -> torch.Tensor:
        """(rows, places, tokens), in the number type and on the device of ``like``."""
        if places not in self._known:
            self._known[places] = torch.stack([self._row(row, places, like) for row in self.parts])
        return self._known[places]

    def _row(self, parts: Sequence[_Part], places: int, like: torch.Tensor) -> torch.Tensor:
        added = like.new_zeros(places, like.shape[-1])
        for part in parts:
            small = functional.adaptive_max_pool2d(part.place[None], self.grids[places])
            plane = small.reshape(places, 1).to(added)
            added += part.more * plane * part.tokens.to(added)
        return added


def hold(anchors: Anchors, words: Sequence[TracedWord]) -> Held | None:
    """What is raised in a text against the drawing that it goes on from; None where nothing is, or
    where it says something else, which has no places there."""
    if [word.text for word in words] != [text for text, _ in anchors.words]:
        return None
    raised = [
        (word, before, torch.from_numpy(place_of(plane, word.weight / before)))
        for word, (_, before), plane in zip(words, anchors.words, anchors.maps, strict=True)
        if word.weight > before > 0
    ]
    return Held(tuple(raised)) if raised else None


def _logs(weight: float, gain: float) -> float:
    found = log_weights(torch.tensor([[weight]]), gain)
    return 0.0 if found is None else float(found[0, 0])
