"""Brackets that weigh, as the runs that come out of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from tests.core.grammar.strategies import PROMPTS, WEIGHING

from maquette.core.grammar import Run, parse, runs

LESS = 1 / 1.1

TABLE: list[tuple[str, list[tuple[str, float]]]] = [
    # Published by the dialect's home.
    ("normal text", [("normal text", 1.0)]),
    ("an (important) word", [("an ", 1.0), ("important", 1.1), (" word", 1.0)]),
    ("(unbalanced", [("unbalanced", 1.1)]),
    (r"\(literal\]", [("(literal]", 1.0)]),
    ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
    (
        "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
        [
            ("a ", 1.0),
            ("house", 1.5730000000000004),
            (" ", 1.1),
            ("on", 1.0),
            (" a ", 1.1),
            ("hill", 0.55),
            (", sun, ", 1.1),
            ("sky", 1.4641000000000006),
            (".", 1.1),
        ],
    ),
    # One bracket.
    ("", [("", 1.0)]),
    ("()", [("", 1.0)]),
    ("(a)", [("a", 1.1)]),
    ("[a]", [("a", LESS)]),
    ("(a:1.3)", [("a", 1.3)]),
    ("(a:.5)", [("a", 0.5)]),
    ("(a:2)", [("a", 2.0)]),
    ("(a : 1.3 )", [("a ", 1.3)]),
    ("(a:+1.3)", [("a", 1.3)]),
    ("(a:-1)", [("a", -1.0)]),
    ("(a:0)", [("a", 0.0)]),
    ("(a:1)b", [("ab", 1.0)]),
    # No number, so the colon is text.
    ("(a:abc)", [("a:abc", 1.1)]),
    ("(a:1.2.3)", [("a:1.2.3", 1.1)]),
    ("(a:.)", [("a:.", 1.1)]),
    ("(a:1.2 b)", [("a:1.2 b", 1.1)]),
    ("a:1.3", [("a:1.3", 1.0)]),
    ("[a:1.3)", [("a:1.3)", LESS)]),
    ("(a:1.2:1.3)", [("a:1.2", 1.3)]),
    # Loose brackets.
    ("a) b] c", [("a) b] c", 1.0)]),
    ("[a", [("a", LESS)]),
    ("((a", [("a", 1.1 * 1.1)]),
    ("(a [b) c]", [("a ", 1.1), ("b", 1.1 * LESS), (" c", LESS)]),
    ("(a [b:1.5)", [("a ", 1.5), ("b", 1.5 * LESS)]),
    # Escapes. A backslash before anything else vanishes.
    (r"a \\ b", [("a \\ b", 1.0)]),
    (r"\[a\)", [("[a)", 1.0)]),
    (r"a\b", [("ab", 1.0)]),
    ("a\\", [("a", 1.0)]),
    (r"(a\:1.3)", [("a", 1.3)]),
    (r"(a:\1.3)", [("a:1.3", 1.1)]),
    # White space is kept as it is.
    (" a  (b) \n", [(" a  ", 1.0), ("b", 1.1), (" \n", 1.0)]),
    # A LoRA tag is no text; another tag is.
    ("a <lora:x:0.8>b", [("a b", 1.0)]),
    ("a <hypernet:x:0.8>", [("a <hypernet:x:0.8>", 1.0)]),
]


@pytest.mark.parametrize(("text", "expected"), TABLE)
def test_runs_are_the_floats_of_the_dialects_home(
    text: str, expected: list[tuple[str, float]]
) -> None:
    assert [(run.text, run.weight) for run in runs(parse(text))] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a BREAK b", ["a", None, "b"]),
        ("a BREAK\nBREAK b", ["a", None, None, "b"]),
        ("BREAK", [None]),
        ("(a) BREAK (b)", ["a", None, "b"]),
        ("(a BREAK b)", ["a", None, "b"]),
        ("BREAKS break xBREAK", ["BREAKS break xBREAK"]),
        (r"B\REAK", ["BREAK"]),
    ],
)
def test_a_break_is_a_run_of_its_own_kind(text: str, expected: list[str | None]) -> None:
    found = runs(parse(text))
    assert [None if run.kind == "break" else run.text for run in found] == expected
    assert all(run.text == "BREAK" and run.weight == -1 for run in found if run.kind == "break")


@pytest.mark.parametrize(
    ("text", "step", "steps", "expected"),
    [
        ("a [b:c:3]", 3, 10, "a b"),
        ("a [b:c:3]", 4, 10, "a c"),
        ("a [b:c:3]", None, 10, "a c"),
        ("a [b:c:3]", None, None, "a c"),
        ("a [b:c:0.5]", None, None, "a c"),
        ("a [b:c:0.5]", 5, 10, "a b"),
        ("a [b|c|d]", 2, 10, "a c"),
        ("a [b|c|d]", None, None, "a b"),
        ("a [b:c:3]", -7, 10, "a b"),
        ("a [b:c:3]", 99, 10, "a c"),
        ("a [b:c:3]", 2, None, "a b"),
        ("a [b:c:30]", None, 0, "a b"),
    ],
)
def test_runs_at_a_step(text: str, step: int | None, steps: int | None, expected: str) -> None:
    assert "".join(run.text for run in runs(parse(text), step, steps)) == expected


def test_a_swap_may_hold_a_weight() -> None:
    prompt = parse("(a:[1.2:1.4:5])")
    assert runs(prompt, 5, 10) == (Run("a", 1.2),)
    assert runs(prompt, 6, 10) == (Run("a", 1.4),)


def test_runs_of_each_part() -> None:
    prompt = parse("a (b) AND [c] :0.5 <lora:x:1>")
    assert runs(prompt) == (Run("a ", 1.0), Run("b", 1.1))
    assert runs(prompt, part=1) == (Run("c", LESS),)
    with pytest.raises(IndexError):
        runs(prompt, part=2)


@dataclass
class _Range:
    start: int
    end: int
    factor: float


def _reference(text: str) -> list[tuple[str, float]]:  # noqa: PLR0912 (one branch a rule)
    """The rules said again, as plainly as they can be: ranges of pieces, in closing order."""
    pieces: list[str] = []
    rounds: list[int] = []
    squares: list[int] = []
    closed: list[_Range] = []
    pattern = r"\\[()\[\]\\]|\\|:\s*[+-]?[.\d]+\s*\)|[()\[\]:]|[^\\()\[\]:]+"
    for piece in re.findall(pattern, text):
        number = re.fullmatch(r":\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*\)", piece)
        if piece == "(":
            rounds.append(len(pieces))
        elif piece == "[":
            squares.append(len(pieces))
        elif number and rounds:
            closed.append(_Range(rounds.pop(), len(pieces), float(number[1])))
        elif len(piece) > 1 and piece[0] == ":" and not number:
            pieces.append(piece[:-1])
            if rounds:
                closed.append(_Range(rounds.pop(), len(pieces), 1.1))
            else:
                pieces.append(")")
        elif piece == ")" and rounds:
            closed.append(_Range(rounds.pop(), len(pieces), 1.1))
        elif piece == "]" and squares:
            closed.append(_Range(squares.pop(), len(pieces), LESS))
        elif piece[0] == "\\":
            pieces.append(piece[1:])
        else:
            pieces.append(piece)
    closed += [_Range(start, len(pieces), 1.1) for start in rounds]
    closed += [_Range(start, len(pieces), LESS) for start in squares]
    found: list[tuple[str, float]] = []
    for index, piece in enumerate(pieces):
        weight = 1.0
        for closing in closed:
            if closing.start <= index < closing.end:
                weight *= closing.factor
        if piece and found and found[-1][1] == weight:
            found[-1] = found[-1][0] + piece, weight
        elif piece:
            found.append((piece, weight))
    return found or [("", 1.0)]


@given(WEIGHING)
def test_any_brackets_weigh_as_the_rules_say(text: str) -> None:
    # A letter before every closing bracket, and no swap can be read.
    text = text.replace("]", "x]").replace("|", "/")
    assert [(run.text, run.weight) for run in runs(parse(text))] == _reference(text)


@given(PROMPTS)
def test_runs_merge_and_their_spans_are_in_order(text: str) -> None:
    found = runs(parse(text), 1, 10)
    assert found
    for before, after in pairwise(found):
        assert before.weight != after.weight or "break" in (before.kind, after.kind)
        assert before.span[1] <= after.span[0]
    assert all(0 <= run.span[0] <= run.span[1] <= len(text) for run in found)
