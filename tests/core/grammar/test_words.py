"""Words: the chips of the studio."""

from __future__ import annotations

import pytest
from hypothesis import given
from tests.core.grammar.strategies import PROMPTS

from maquette.core.grammar import parse, runs, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a full moon", [("a", 1.0), ("full", 1.0), ("moon", 1.0)]),
        ("a, (full:1.3) - moon!", [("a", 1.0), ("full", 1.3), ("moon", 1.0)]),
        ("(a [b])", [("a", 1.1), ("b", 1.1 / 1.1)]),
        ("well-lit - artist's 'quote' 4k", ["well-lit", "artist's", "quote", "4k"]),
        ("blue_hair __wild__", ["blue_hair", "wild"]),
        ("e\u0301te\u0301 \u0939\u093f\u0928\u094d\u0926\u0940 \u6708", None),
        ("[sun:moon:3] AND [p|q]", ["sun", "moon", "p", "q"]),
        ("a BREAK b <lora:n:1>", ["a", "b"]),
        (r"\(a\) b\c", ["a", "bc"]),
        ("moon()light", ["moonlight"]),
        ("(moon)light", [("moon", 1.1), ("light", 1.0)]),
        ("a AND b:0.5", [("a", 1.0), ("b", 1.0)]),
    ],
)
def test_words(text: str, expected: list[str | tuple[str, float]] | None) -> None:
    found = words(parse(text))
    if expected is None:
        assert [word.text for word in found] == text.split()
    elif expected and isinstance(expected[0], tuple):
        assert [(word.text, pytest.approx(word.weight)) for word in found] == expected
    else:
        assert [word.text for word in found] == expected


def test_spans_show_where_a_word_is_written() -> None:
    text = r"(moo\n:1.3) and moon()light"
    spans = [text[slice(*word.span)] for word in words(parse(text))]
    assert spans == [r"moo\n", "and", "moon()light"]


@given(PROMPTS)
def test_spans_are_in_order_and_hold_the_letters(text: str) -> None:
    end = 0
    for word in words(parse(text)):
        assert end <= word.span[0] < word.span[1]
        end = word.span[1]
        written = text[slice(*word.span)]
        letters = iter(written)
        assert all(letter in letters for letter in word.text)
        assert (written[0], written[-1]) == (word.text[0], word.text[-1])


@given(PROMPTS)
def test_runs_show_every_word_that_no_swap_hides(text: str) -> None:
    text = text.translate({ord(mark): " " for mark in ":|<"})
    prompt = parse(text)
    seen = [
        letter
        for part in range(len(prompt.parts))
        for run in runs(prompt, part=part)
        if run.kind == "text"
        for letter in run.text
        if letter.isalnum()
    ]
    assert seen == [letter for word in words(prompt) for letter in word.text if letter.isalnum()]
