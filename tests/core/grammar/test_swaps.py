"""Swaps and alternations, as the schedules that come out of them over ten steps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.grammar.strategies import PROMPTS

from maquette.core.grammar import parse, schedule
from maquette.core.grammar.schedule import MAX_ENTRIES, MAX_SCHEDULE

TABLE: list[tuple[str, list[tuple[int, str]]]] = [
    # Published by the dialect's home.
    ("test", [(10, "test")]),
    ("a [b:3]", [(3, "a "), (10, "a b")]),
    ("a [b: 3]", [(3, "a "), (10, "a b")]),
    ("a [[[b]]:2]", [(2, "a "), (10, "a [[b]]")]),
    ("[(a:2):3]", [(3, ""), (10, "(a:2)")]),
    ("a [b : c : 1] d", [(1, "a b  d"), (10, "a  c  d")]),
    ("a[b:[c:d:2]:1]e", [(1, "abe"), (2, "ace"), (10, "ade")]),
    ("a [unbalanced", [(10, "a [unbalanced")]),
    ("a [b:.5] c", [(5, "a  c"), (10, "a b c")]),
    ("a [{b|d{:.5] c", [(5, "a  c"), (10, "a {b|d{ c")]),
    ("((a][:b:c [d:3]", [(3, "((a][:b:c "), (10, "((a][:b:c d")]),
    ("[fe|]male", [(n, "female" if n % 2 else "male") for n in range(1, 11)]),
    ("[fe|||]male", [(n, "female" if n % 4 == 1 else "male") for n in range(1, 11)]),
    ("[a|(b:1.1)]", [(n, "a" if n % 2 else "(b:1.1)") for n in range(1, 11)]),
    # The moment: with a point a share of the steps, without one a step.
    ("[a:b:3]", [(3, "a"), (10, "b")]),
    ("[a::3]", [(3, "a"), (10, "")]),
    ("[a:b:0.3]", [(3, "a"), (10, "b")]),
    ("[a:b:1.0]", [(10, "a")]),
    ("[a:b:1]", [(1, "a"), (10, "b")]),
    ("[a:b:0]", [(10, "b")]),
    ("[a:b:-3]", [(10, "b")]),
    ("[a:b:0.01]", [(10, "b")]),
    ("[a:b:99]", [(10, "a")]),
    ("[a:b:1e999]", [(10, "a")]),
    ("[a:b:1e0]", [(1, "a"), (10, "b")]),
    ("[a:b: 3 ]", [(3, "a"), (10, "b")]),
    # No swap: not a number, too many colons, brackets that do not fit.
    ("[a:b:c]", [(10, "[a:b:c]")]),
    ("[a:b:c:3]", [(10, "[a:b:c:3]")]),
    ("[[a:b]:3]", [(10, "[[a:b]:3]")]),
    ("[a (b:c:3]", [(10, "[a (b:c:3]")]),
    ("(a [b:3) c]", [(10, "(a [b:3) c]")]),
    ("[a|b:c]", [(10, "[a|b:c]")]),
    (r"\[a:b:3]", [(10, r"\[a:b:3]")]),
    # One that cannot be read leaves the others alone.
    ("[a:b:c:3] [d:2]", [(2, "[a:b:c:3] "), (10, "[a:b:c:3] d")]),
    ("a | b [c:2]", [(2, "a | b "), (10, "a | b c")]),
    # Escaped separators.
    (r"[a\:b:3]", [(3, ""), (10, r"a\:b")]),
    (r"[a\|b]", [(10, r"[a\|b]")]),
    # Inside weights and beside loose brackets, the text stays as written.
    ("(x [a:b:0.5]:1.3)", [(5, "(x a:1.3)"), (10, "(x b:1.3)")]),
    ("([a:b:3]", [(3, "(a"), (10, "(b")]),
    ("[a:b:3]]", [(3, "a]"), (10, "b]")]),
    ("[(a:1.2):(b:1.3):5]", [(5, "(a:1.2)"), (10, "(b:1.3)")]),
    ("(a:[1.2:1.4:5])", [(5, "(a:1.2)"), (10, "(a:1.4)")]),
    # Nested and side by side.
    ("[[a:b:2]|c]", [(n, "c" if n % 2 == 0 else "ab"[n > 2]) for n in range(1, 11)]),
    ("[a:b:2] [c:d:4]", [(2, "a c"), (4, "b c"), (10, "b d")]),
    ("[a:b:2] [c:d:0.2]", [(2, "a c"), (10, "b d")]),
    # Tags are no text.
    ("a <lora:x:1> [b:3]", [(3, "a  "), (10, "a  b")]),
    (" a ", [(10, " a ")]),
]


@pytest.mark.parametrize(("text", "expected"), TABLE)
def test_schedule_over_ten_steps(text: str, expected: list[tuple[int, str]]) -> None:
    assert list(schedule(parse(text), 10)) == expected


def test_each_part_has_its_own_schedule() -> None:
    prompt = parse("[a:b:3] AND c [d:4] :0.5 <lora:x:1>")
    assert schedule(prompt, 10) == ((3, "a"), (10, "b"))
    assert schedule(prompt, 10, part=1) == ((4, "c"), (10, "c d"))


@pytest.mark.parametrize("steps", [0, -5, 1])
def test_at_least_one_step(steps: int) -> None:
    assert schedule(parse("[a:b:3]"), steps) == ((1, "a"),)


def test_a_schedule_is_bounded() -> None:
    long = schedule(parse("[a|b]"), 10**12)
    assert len(long) == MAX_ENTRIES
    assert long[0] == (1, "a")
    assert long[-1] == (10**12, "b")
    wide = "[a|b]" * 4_000
    assert len(schedule(parse(wide), 1_000)) == MAX_SCHEDULE // (len(wide) + 1)


@given(PROMPTS, st.integers(-3, 200))
def test_a_schedule_rises_to_the_last_step(text: str, steps: int) -> None:
    found = schedule(parse(text), steps)
    ends = [end for end, _ in found]
    assert ends == sorted(set(ends))
    assert ends[-1] == max(1, steps)
    assert ends[0] >= 1
