"""Chips: what a person sees of a prompt, each with its place and weight."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from tests.core.grammar.strategies import ANY_TEXT

from maquette.core.grammar import UnknownWord, WeightRefused, chips, reweigh_span, words
from maquette.core.grammar.parser import parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a moon", [("a", 0, 1, 1.0, "word"), ("moon", 2, 6, 1.0, "word")]),
        ("(full moon:1.3)", [("full", 1, 5, 1.3, "word"), ("moon", 6, 10, 1.3, "word")]),
        (r"\(moon\)", [("moon", 2, 6, 1.0, "word")]),
        ("<lora:ink:0.4>", [("ink", 0, 14, 0.4, "lora")]),
        (
            "a BREAK b",
            [("a", 0, 1, 1.0, "word"), ("BREAK", 2, 7, 1.0, "break"), ("b", 8, 9, 1.0, "word")],
        ),
        (
            "a AND b",
            [("a", 0, 1, 1.0, "word"), ("AND", 2, 5, 1.0, "and"), ("b", 6, 7, 1.0, "word")],
        ),
        ("([cat:dog:.5]:1.2)", [("[cat:dog:.5]", 1, 13, 1.2, "swap")]),
        ("[red|blue]", [("[red|blue]", 0, 10, 1.0, "alternate")]),
        ("", []),
    ],
)
def test_chips(text: str, expected: list[tuple[str, int, int, float, str]]) -> None:
    found = [(chip.text, chip.start, chip.end, chip.weight, chip.kind) for chip in chips(text)]
    assert found == expected


@given(ANY_TEXT)
def test_no_chip_overlaps_another_and_no_word_is_left_out(text: str) -> None:
    found = chips(text)
    for first, second in pairwise(found):
        assert first.end <= second.start
    assert all(0 <= chip.start < chip.end <= len(text) for chip in found)
    places = {(chip.start, chip.end) for chip in found if chip.kind == "word"}
    held = [(chip.start, chip.end) for chip in found if chip.kind in {"swap", "alternate"}]
    for word in words(parse(text)):
        inside = any(start <= word.span[0] and word.span[1] <= end for start, end in held)
        assert inside or word.span in places


@pytest.mark.parametrize(
    ("text", "span", "weight", "expected"),
    [
        ("a full moon, moon", (13, 17), 1.5, "a full moon, (moon:1.5)"),
        ("a full moon, moon", (7, 9), 1.5, "a full (moon:1.5), moon"),
        ("a (full moon:1.2), moon", (3, 12), 1.0, "a full moon, moon"),
        ("a full moon", (2, 11), 0.5, "a (full moon:0.5)"),
    ],
)
def test_words_are_weighed_by_their_place(
    text: str, span: tuple[int, int], weight: float, expected: str
) -> None:
    assert reweigh_span(text, *span, weight) == expected


def test_a_place_without_a_word_is_refused() -> None:
    with pytest.raises(UnknownWord, match="its words are: a, moon"):
        reweigh_span("a  moon", 1, 3, 1.5)
    with pytest.raises(WeightRefused):
        reweigh_span("a moon", 2, 6, 11)
