"""What changed between two prompts, in words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from tests.core.grammar.strategies import PROMPTS

from maquette.core.grammar import changed_words, parse, words


@pytest.mark.parametrize(
    ("a", "b", "added", "removed", "reweighted"),
    [
        ("", "", [], [], []),
        ("a moon", "a moon", [], [], []),
        ("a moon", "moon, A!", [], [], []),
        ("a moon", "a full moon", ["full"], [], []),
        ("a full moon", "moon", [], ["a", "full"], []),
        ("sun", "moon", ["moon"], ["sun"], []),
        ("a moon", "a (moon:1.5)", [], [], [["moon", 1.0, 1.5]]),
        ("(moon)", "moon", [], [], [["moon", 1.1, 1.0]]),
        # Occurrence by occurrence.
        ("moon", "moon moon", ["moon"], [], []),
        ("moon moon", "moon", [], ["moon"], []),
        ("moon (moon:1.5)", "(moon:1.5) moon", [], [], []),
        ("moon (moon:1.5)", "(moon:1.5) (moon:2)", [], [], [["moon", 1.0, 2.0]]),
        ("moon", "(moon:2) moon", ["moon"], [], []),
        # A weight that only differs by a product's last digits is the same.
        ("([moon])", "moon", [], [], []),
    ],
)
def test_changed_words(
    a: str, b: str, added: list[str], removed: list[str], reweighted: list[list[object]]
) -> None:
    found = changed_words(a, b)
    assert found == {"added": added, "removed": removed, "reweighted": reweighted}


@given(PROMPTS, PROMPTS)
def test_the_counts_add_up(a: str, b: str) -> None:
    found = changed_words(a, b)
    json.dumps(found)
    gained = len(found["added"]) - len(found["removed"])
    assert gained == len(words(parse(b))) - len(words(parse(a)))


@given(PROMPTS)
def test_nothing_changes_from_a_prompt_to_itself(text: str) -> None:
    assert changed_words(text, text) == {"added": [], "removed": [], "reweighted": []}
