"""Token maps by word, phrase and place."""

from __future__ import annotations

import numpy as np
import pytest

from maquette.core.geometry import Box, Size
from maquette.core.heat import find, heat, statistics, words_at
from maquette.core.trace import Trace, TracedWord
from maquette.errors import WordUnknown

SIZE = Size(width=80, height=40)
PROMPT = "A full moon, a red moon over the ice-cream"


def trace(region: Box | None = None) -> Trace:
    """Word n is hot in row n of eight, ten columns; 'moon' for the second time is hottest."""
    words: list[TracedWord] = []
    at = 0
    for text in PROMPT.replace(",", "").split():
        at = PROMPT.index(text, at)
        words.append(TracedWord(text=text, start=at, end=at + len(text)))
    maps = np.full((len(words), 10, 20), 0.01, np.float32)
    for row in range(len(words)):
        maps[row, row, 3:6] = 0.2 + 0.1 * (row == 5)
    return Trace(words=tuple(words), maps=maps, region=region)


@pytest.mark.parametrize(
    ("token", "indices"),
    [
        ("full", (1,)),
        ("FULL", (1,)),
        ("moon", (2, 5)),
        ("moon#1", (2,)),
        ("moon#2", (5,)),
        ("full moon", (1, 2)),
        (" Full  MOON, ", (1, 2)),
        ("red moon", (4, 5)),
        ("red moon#1", (4, 5)),
        ("ice-cream", (8,)),
        ("a", (0, 3)),
    ],
)
def test_a_token_is_a_word_a_phrase_or_an_occurrence(token: str, indices: tuple[int, ...]) -> None:
    assert find(trace(), token) == indices


@pytest.mark.parametrize(
    "token", ["sun", "moon#3", "moon#0", "full red", "full moon#2", "", "  ", "#1", "moo", "ice"]
)
def test_an_unknown_word_is_answered_with_the_known_ones(token: str) -> None:
    with pytest.raises(WordUnknown, match="a, full, moon, red, over, the, ice-cream"):
        find(trace(), token)


def test_heat_has_the_pictures_size_and_its_own_scale() -> None:
    values = heat(trace(), SIZE, "full")
    assert values.shape == (40, 80) and values.dtype == np.float32
    assert values.max() == pytest.approx(1, abs=0.15) and values.min() >= 0
    row, column = np.unravel_index(values.argmax(), values.shape)
    assert 4 <= row < 8 and 12 <= column < 24, "row 1 of 10, columns 3 to 5 of 20"


def test_a_phrase_is_the_mean_of_its_words() -> None:
    values = heat(trace(), SIZE, "full moon")
    assert values[6, 18] == pytest.approx(values[10, 18], abs=0.1)
    assert values[6, 18] > 5 * values[30, 18]


def test_a_trace_of_a_region_is_laid_in_its_place() -> None:
    region = Box(x=20, y=10, width=40, height=20)
    values = heat(trace(region), SIZE, "full")
    outside = values.copy()
    outside[10:30, 20:60] = 0
    assert not outside.any() and values[12:14, 26:32].max() > 0.9


def test_an_empty_map_is_nowhere() -> None:
    empty = Trace(words=(TracedWord(text="a", start=0, end=1),), maps=np.zeros((1, 4, 4), "f4"))
    assert not heat(empty, SIZE, "a").any()
    [statistic] = statistics(empty, SIZE)
    assert (statistic.share, statistic.height, statistic.focus) == (0, 0, 0)


def test_broken_numbers_do_not_spread() -> None:
    broken = trace()
    broken.maps[1, 0, 0] = np.nan
    broken.maps[1, 0, 1] = -5
    assert np.isfinite(heat(broken, SIZE, "full")).all()
    assert sum(statistic.share for statistic in statistics(broken, SIZE)) == pytest.approx(1)
    assert sum(part for _, part in words_at(broken, SIZE, 0, 0)) == pytest.approx(1)


def test_statistics_name_every_word_once() -> None:
    found = statistics(trace(), SIZE)
    assert [statistic.token for statistic in found] == [
        "A#1",
        "full",
        "moon#1",
        "a#2",
        "red",
        "moon#2",
        "over",
        "the",
        "ice-cream",
    ]
    assert sum(statistic.share for statistic in found) == pytest.approx(1)
    assert [PROMPT[s.start : s.end].lower() for s in found] == [
        s.token.partition("#")[0].lower() for s in found
    ]
    for statistic in found:
        assert statistics(trace(), SIZE, statistic.token)[0] == statistic


def test_statistics_of_one_word() -> None:
    [moon] = statistics(trace(), SIZE, "moon#2")
    # Row 5 of 10 over 40 pixels, columns 3 to 5 of 20 over 80: the middle of its first cell.
    assert moon.peak == (14, 22)
    assert moon.height == pytest.approx(0.3)
    assert moon.share == max(s.share for s in statistics(trace(), SIZE))
    assert moon.focus == pytest.approx((3 * 0.3 + 17 * 0.01) / (3 * 0.3 + 197 * 0.01), rel=1e-3)
    both = statistics(trace(), SIZE, "moon")[0]
    assert both.share == pytest.approx(moon.share + statistics(trace(), SIZE, "moon#1")[0].share)


def test_the_peak_of_a_region_is_in_the_pictures_pixels() -> None:
    region = Box(x=20, y=10, width=40, height=20)
    assert statistics(trace(region), SIZE, "full")[0].peak == (20 + 7, 10 + 3)


def test_a_place_knows_its_words() -> None:
    found = words_at(trace(), SIZE, 18, 6)
    assert found[0][0] == "full" and found[0][1] == pytest.approx(0.2 / 0.28, rel=1e-3)
    assert [part for _, part in found] == sorted((part for _, part in found), reverse=True)
    assert sum(part for _, part in found) == pytest.approx(1)
    assert words_at(trace(), SIZE, 79, 39)[0][1] == pytest.approx(1 / 9, rel=1e-3)


def test_outside_the_region_no_word_drew_anything() -> None:
    region = Box(x=20, y=10, width=40, height=20)
    assert words_at(trace(region), SIZE, 19, 10) == []
    assert words_at(trace(region), SIZE, 60, 29) == []
    assert words_at(trace(region), SIZE, 59, 29)


def test_bare_punctuation_is_no_word() -> None:
    marks = Trace(
        words=(TracedWord(text=",", start=0, end=1), TracedWord(text="cat", start=2, end=5)),
        maps=np.ones((2, 2, 2), np.float32),
    )
    assert [statistic.token for statistic in statistics(marks, SIZE)] == ["cat"]
    assert [word for word, _ in words_at(marks, SIZE, 0, 0)] == ["cat"]
