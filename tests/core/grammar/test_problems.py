"""What is underlined while typing, and the explanation as a whole."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from tests.core.grammar.strategies import PROMPTS

from maquette.core.grammar import explain, parse, problems, schedule
from maquette.core.grammar.problems import MAX_PROBLEMS


@pytest.mark.parametrize(
    "text",
    [
        "a (full:1.3) moon, [dim], 16:9",
        "[sun:moon:0.5] [a|b] <lora:n:0.8>",
        r"a smile \:\) \(really\)",
        "a BREAK b AND c:0.5",
        "(title: the red one)",
        r"[one\:two]",
    ],
)
def test_nothing_to_say(text: str) -> None:
    assert problems(text) == ()


@pytest.mark.parametrize(
    ("text", "underlined", "words", "severity"),
    [
        ("", "", "empty", "error"),
        ("  ", "  ", "empty", "error"),
        ("<lora:n:1>", "<lora:n:1>", "empty", "error"),
        ("a (b", "(", "never closed", "error"),
        ("a [b", "[", "never closed", "error"),
        ("a) b", ")", "closes nothing", "error"),
        ("a:1.2) b", ")", "closes nothing", "error"),
        ("a] b", "]", "closes nothing", "error"),
        ("(a [b) c]", ")", "closes across", "error"),
        ("a () b", "()", "nothing in these", "error"),
        ("a (x:abc)", ":abc", "'abc' is not a number", "error"),
        ("a (x:1.2.3)", ":1.2.3", "is not a number", "error"),
        ("a (x:3)", "(x:3)", "weight of 3 is strong", "warning"),
        ("((((((((x))))))))", "x", "together weigh 2.14", "warning"),
        ("a (x:-1)", "(x:-1)", "below 0", "warning"),
        ("a (x:99999)", "(x:99999)", "counts as 10000", "warning"),
        ("[a:b]", "[a:b]", "only weaken", "warning"),
        ("[a:b:1.5]", "[a:b:1.5]", "never happens", "warning"),
        ("[a:b:0]", "[a:b:0]", "before the first step", "warning"),
        ("a AND ", " ", "this side of AND", "warning"),
        ("a <lora:n:x>", "<lora:n:x>", "cannot be read", "error"),
        ("a <lora:n", "<lora:n", "cannot be read", "error"),
        ("a <hypernet:n:1>", "<hypernet:n:1>", "read as words", "warning"),
        ("(" * 65 + "a" + ")" * 65, "(", "deeper than 64", "error"),
    ],
)
def test_problems(text: str, underlined: str, words: str, severity: str) -> None:
    found = [
        (text[slice(*problem.span)], problem.severity)
        for problem in problems(text)
        if words in problem.message
    ]
    assert found == [(underlined, severity)]


@given(PROMPTS)
def test_problems_are_few_in_order_and_inside_the_text(text: str) -> None:
    found = problems(text)
    assert [problem.span for problem in found] == sorted(problem.span for problem in found)
    assert all(0 <= p.span[0] <= p.span[1] <= len(text) for p in found)
    assert len(problems(text * 40)) <= MAX_PROBLEMS


def test_an_explanation() -> None:
    assert explain("a (moon:1.5) [b:.5] AND c:0.5 <lora:n:0.8>", 10) == {
        "runs": [["a ", 1.0], ["moon", 1.5], [" b", 1.0]],
        "schedule": [[5, "a (moon:1.5)"], [10, "a (moon:1.5) b"]],
        "parts": [
            {"text": "a (moon:1.5) [b:.5]", "weight": 1.0},
            {"text": "c <lora:n:0.8>", "weight": 0.5},
        ],
        "loras": [{"name": "n", "weight": 0.8, "text_weight": 0.8, "span": [30, 42]}],
        "words": [
            {"text": "a", "weight": 1.0, "span": [0, 1]},
            {"text": "moon", "weight": 1.5, "span": [3, 7]},
            {"text": "b", "weight": 1.0, "span": [14, 15]},
            {"text": "c", "weight": 1.0, "span": [24, 25]},
        ],
        "problems": [],
    }


def test_a_break_in_an_explanation() -> None:
    found = explain("a BREAK (b", 10)
    assert found["runs"] == [["a", 1.0], ["BREAK", -1.0], ["b", 1.1]]
    assert found["problems"] == [
        {"span": [8, 9], "message": "this bracket is never closed", "severity": "error"}
    ]


@given(PROMPTS)
def test_any_explanation_is_json(text: str) -> None:
    found = explain(text, 10)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["schedule"] == [list(entry) for entry in schedule(parse(text), 10)]
