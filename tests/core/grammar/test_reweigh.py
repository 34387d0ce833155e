"""Setting weights by editing the text."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.core.grammar.strategies import PROMPTS

from maquette.core.grammar import UnknownWord, WeightRefused, parse, reweigh, words
from maquette.core.grammar.reweigh import TOLERANCE
from maquette.errors import SettingRefused, WordUnknown

TABLE: list[tuple[str, Mapping[str, float], str]] = [
    # A bare word.
    ("a full moon", {"moon": 1.5}, "a full (moon:1.5)"),
    ("a full moon", {}, "a full moon"),
    ("a full moon", {"moon": 1}, "a full moon"),
    ("a full moon", {"moon": 0}, "a full (moon:0)"),
    ("A Full Moon", {"mOON": 1.5}, "A Full (Moon:1.5)"),
    ("moonlight, moon.", {"moon": 1.5}, "moonlight, (moon:1.5)."),
    # A word with brackets of its own.
    ("a (moon:1.3)", {"moon": 1.5}, "a (moon:1.5)"),
    ("a ((moon))", {"moon": 1.5}, "a (moon:1.5)"),
    ("a [moon]", {"moon": 1.5}, "a (moon:1.5)"),
    ("a (moon", {"moon": 1.5}, "a (moon:1.5)"),
    ("a ( moon :1.3)", {"moon": 1.5}, "a ( moon :1.5)"),
    ("a (moon)", {"moon": 1.1}, "a (moon)"),
    ("a (moon:1.3) b", {"moon": 1}, "a moon b"),
    ("a (moon:1) b", {"moon": 1}, "a moon b"),
    ("(moon:1.3)light", {"moon": 1}, "(moon:1)light"),
    # Brackets around more than the word: the number makes up for them.
    ("(a moon:1.5)", {"moon": 1.2}, "(a (moon:0.8):1.5)"),
    ("(a (moon:1.2) b:1.5)", {"moon": 1.5}, "(a moon b:1.5)"),
    ("(a full moon:1.3)", {"moon": 1.5}, "(a full (moon:1.153846):1.3)"),
    ("(a moon:1.3)", {"moon": 1.3}, "(a moon:1.3)"),
    # Phrases.
    ("a full moon", {"full moon": 1.5}, "a (full moon:1.5)"),
    ("(full moon:1.3)", {"Full  Moon": 1.5}, "(full moon:1.5)"),
    ("full, moon, full\nmoon", {"full moon": 2}, "full, moon, (full\nmoon:2)"),
    ("full (moon:1.3)", {"full moon": 1.5}, "(full:1.5) (moon:1.5)"),
    ("a full moon", {"full": 1.5, "moon": 1.5}, "a (full moon:1.5)"),
    ("(moon moon:1.3)", {"moon": 1.5}, "(moon moon:1.5)"),
    # Occurrences.
    ("moon, moon", {"moon": 1.5}, "(moon:1.5), (moon:1.5)"),
    ("moon, moon", {"moon#2": 1.5}, "moon, (moon:1.5)"),
    ("moon, moon", {"moon": 2, "moon#1": 1.5}, "(moon:1.5), (moon:2)"),
    ("a full moon", {"moon": 2, "full moon": 1.5}, "a (full moon:1.5)"),
    ("a full moon", {"full moon": 1.5, "moon": 2}, "a (full:1.5) (moon:2)"),
    # The rest of the text stays as written.
    (r"\(a\) [b|moon] (c:1.30)", {"moon": 1.5}, r"\(a\) [b|(moon:1.5)] (c:1.30)"),
    (r"\moon", {"moon": 1.5}, r"(\moon:1.5)"),
    ("[sun:moon:0.5]", {"sun": 1.5, "moon": 0.5}, "[(sun:1.5):(moon:0.5):0.5]"),
    ("a AND moon:0.5", {"moon": 1.5}, "a AND (moon:1.5):0.5"),
    # No bracket can do it, so the words leave theirs.
    ("(a moon b:0)", {"moon": 1.5}, "(a :0)(moon:1.5)( b:0)"),
    ("(a moon b:0)", {"moon": 1}, "(a :0)moon( b:0)"),
    ("(a [moon:b:3]:0)", {"moon": 2}, "(a :0)[(moon:2):(b:0):3]"),
    ("(a [moon) b]", {"moon": 2}, "(a )(moon:2)[ b]"),
]


@pytest.mark.parametrize(("text", "changes", "expected"), TABLE)
def test_reweigh(text: str, changes: Mapping[str, float], expected: str) -> None:
    assert reweigh(text, changes) == expected


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("a full moon", "sun"),
        ("a full moon", "moo"),
        ("a full moon", "moon#2"),
        ("a full moon", "moon#0"),
        ("a full moon", "full, a"),
        ("a full, moon", "full moon"),
        ("[full:moon:3]", "full moon"),
        ("full AND moon", "full moon"),
        ("full BREAK moon", "full moon"),
        ("a full moon", "?"),
        ("", "moon"),
    ],
)
def test_an_unknown_word_is_named_beside_those_that_are_there(text: str, key: str) -> None:
    with pytest.raises(UnknownWord) as caught:
        reweigh(text, {key: 1.5})
    assert repr(key) in str(caught.value)
    assert caught.value.word == key
    assert all(word.text in str(caught.value) for word in words(parse(text)))
    assert isinstance(caught.value, WordUnknown | ValueError)


@pytest.mark.parametrize("weight", [-0.1, 10.1, math.inf, math.nan])
def test_weights_outside_0_to_10_are_refused(weight: float) -> None:
    with pytest.raises(WeightRefused) as caught:
        reweigh("a moon", {"moon": weight})
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, SettingRefused)


def test_words_too_deep_for_a_bracket_are_refused() -> None:
    with pytest.raises(WeightRefused):
        reweigh("[" * 64 + "moon" + ":3]" * 64, {"moon": 1.5})


@given(PROMPTS, st.data(), st.one_of(st.just(1.0), st.just(0.0), st.floats(0, 10)))
def test_the_word_has_the_asked_weight_and_all_others_keep_theirs(
    text: str, data: st.DataObject, weight: float
) -> None:
    before = words(parse(text))
    assume(before)
    index = data.draw(st.integers(0, len(before) - 1))
    name = before[index].text
    same = [i for i, word in enumerate(before) if word.text.casefold() == name.casefold()]
    after = words(parse(reweigh(text, {f"{name}#{same.index(index) + 1}": weight})))
    assert [word.text for word in after] == [word.text for word in before]
    assert after[index].weight == pytest.approx(weight, abs=2 * TOLERANCE)
    others = [i for i in range(len(before)) if i != index]
    assert [after[i].weight for i in others] == pytest.approx([before[i].weight for i in others])
