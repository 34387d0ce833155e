"""Token maps as people ask for them: by word or phrase, at the picture's size.

A token is a word (``moon``), a phrase whose words follow one another (``full moon``, the mean of
its words), or either with an occurrence (``moon#2``). Without one, every occurrence counts. Case
and punctuation around a word do not matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from maquette.core.geometry import Box, Size
from maquette.core.trace import Trace
from maquette.errors import WordUnknown

__all__ = ["Statistic", "find", "heat", "region_of", "statistics", "words_at"]

Plane = npt.NDArray[np.float32]

_EDGES = " \t\n.,;:!?()[]{}\"'“”‘’|"


@dataclass(frozen=True)
class Statistic:
    """What a word or phrase holds of the picture.

    ``share`` is its part of all words' attention (0 to 1), ``peak`` its hottest place in picture
    pixels (x, y), ``height`` the attention there (0 to 1), ``focus`` the part of its attention in
    the hottest tenth of places (0.1 when it is spread evenly, 1 when it has one spot), ``weight``
    the weight it was drawn with, ``start`` and ``end`` its span in the prompt's text; ``known`` is
    whether the model knows (one of) its words.
    """

    token: str
    share: float
    peak: tuple[int, int]
    height: float
    focus: float
    weight: float
    start: int
    end: int
    known: bool = True


def find(trace: Trace, token: str) -> tuple[int, ...]:
    """Which words of the trace a token means, as indices in order.

    Raises:
        WordUnknown: the prompt does not hold it; the message lists the words that it holds.
    """
    text, _, number = token.rpartition("#")
    occurrence = int(number) if text and number.isascii() and number.isdigit() else None
    wanted = [_plain(word) for word in (text if occurrence is not None else token).split()]
    wanted = [word for word in wanted if word]
    have = [_plain(word.text) for word in trace.words]
    span = len(wanted)
    starts = [at for at in range(len(have) - span + 1) if span and have[at : at + span] == wanted]
    if occurrence is not None:
        starts = starts[occurrence - 1 : occurrence] if occurrence > 0 else []
    if not starts:
        known = ", ".join(dict.fromkeys(word for word in have if word))
        raise WordUnknown(f"the prompt has no '{token}'; its words are: {known or 'none'}")
    return tuple(dict.fromkeys(at + step for at in starts for step in range(span)))


def heat(trace: Trace, size: Size, token: str) -> Plane:
    """Where a word or phrase looked: float32 (rows, columns) at the picture's size.

    Values are relative to the map's own maximum, 0 to 1; outside the trace's region they are 0.

    Raises:
        WordUnknown: the prompt does not hold the token.
    """
    return _placed(_map_of(trace, find(trace, token)), trace, size)


def statistics(trace: Trace, size: Size, token: str | None = None) -> list[Statistic]:
    """What one word or phrase holds, or each word of the prompt in its order.

    A word that comes several times is told apart by ``#1``, ``#2`` and so on.

    Raises:
        WordUnknown: the prompt does not hold the token.
    """
    everything = _held(trace, range(len(trace.words)))
    if token is not None:
        return [_statistic(trace, size, token, find(trace, token), everything)]
    total = Counter(_plain(word.text) for word in trace.words)
    seen: Counter[str] = Counter()
    found: list[Statistic] = []
    for index, word in enumerate(trace.words):
        plain = _plain(word.text)
        if not plain:
            continue
        seen[plain] += 1
        name = word.text.strip(_EDGES)
        if total[plain] > 1:
            name = f"{name}#{seen[plain]}"
        found.append(_statistic(trace, size, name, (index,), everything))
    return found


def words_at(trace: Trace, size: Size, x: int, y: int) -> list[tuple[str, float]]:
    """The words that drew a place of the picture, strongest first, with their part of its
    attention (0 to 1). Empty outside the trace's region."""
    region = region_of(trace, size)
    if not (region.x <= x < region.right and region.y <= y < region.bottom):
        return []
    _, rows, columns = trace.maps.shape
    row = (y - region.y) * rows // region.height
    column = (x - region.x) * columns // region.width
    held = np.nan_to_num(np.maximum(trace.maps[:, row, column], 0))
    total = float(held.sum()) or 1.0
    names = [statistic.token for statistic in statistics(trace, size)]
    kept = [index for index, word in enumerate(trace.words) if _plain(word.text)]
    pairs = [(name, float(held[index]) / total) for name, index in zip(names, kept, strict=True)]
    return sorted(pairs, key=lambda pair: -pair[1])


def region_of(trace: Trace, size: Size) -> Box:
    """The part of the picture that the maps cover."""
    return trace.region or Box(x=0, y=0, width=size.width, height=size.height)


def _plain(word: str) -> str:
    return word.strip(_EDGES).casefold()


def _map_of(trace: Trace, indices: tuple[int, ...]) -> Plane:
    mean: Plane = trace.maps[list(indices)].mean(axis=0, dtype=np.float32)
    return np.nan_to_num(np.maximum(mean, 0))


def _placed(plane: Plane, trace: Trace, size: Size) -> Plane:
    region = region_of(trace, size)
    peak = float(plane.max())
    placed = np.zeros((size.height, size.width), np.float32)
    if peak <= 0:
        return placed
    fine = Image.fromarray(plane / np.float32(peak)).resize(
        (region.width, region.height), Image.Resampling.BICUBIC
    )
    window = placed[region.y : region.bottom, region.x : region.right]
    window[:] = np.clip(np.asarray(fine), 0, 1)[: window.shape[0], : window.shape[1]]
    return placed


def _held(trace: Trace, indices: Sequence[int]) -> float:
    return float(np.nan_to_num(np.maximum(trace.maps[list(indices)], 0)).sum(dtype=np.float64))


def _statistic(
    trace: Trace, size: Size, token: str, indices: tuple[int, ...], everything: float
) -> Statistic:
    plane, region = _map_of(trace, indices), region_of(trace, size)
    rows, columns = plane.shape
    row, column = divmod(int(plane.argmax()), columns)
    hottest = np.sort(plane, axis=None)[-max(1, round(plane.size / 10)) :]
    mass = float(plane.sum(dtype=np.float64))
    return Statistic(
        token=token,
        share=_held(trace, indices) / everything if everything > 0 else 0.0,
        peak=(
            region.x + int((column + 0.5) * region.width / columns),
            region.y + int((row + 0.5) * region.height / rows),
        ),
        height=min(1.0, float(plane.max())),
        focus=float(hottest.sum(dtype=np.float64)) / mass if mass > 0 else 0.0,
        weight=float(np.mean([trace.words[index].weight for index in indices])),
        start=trace.words[indices[0]].start,
        end=trace.words[indices[-1]].end,
        known=any(trace.words[index].known for index in indices),
    )
