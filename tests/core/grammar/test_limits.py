"""Hostile prompts: deep, long, and both. Work is counted, never timed."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from maquette.core import grammar
from maquette.core.grammar import (
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_WEIGHT,
    Weighted,
    explain,
    format,
    parse,
    reweigh,
    runs,
    schedule,
    words,
)

HOSTILE = [
    "(",
    "[",
    ")",
    "\\",
    ":",
    "[a|",
    "[a:",
    "(a[b",
    "[a|b]",
    "[a:b:3]",
    "(a:1.1) ",
    "BREAK ",
    "a AND ",
    "<lora:",
    "<lora:n:x>",
    ": 1",
    "a b ",
    "(" * 32 + "[a" * 32 + ")" * 32 + "]" * 32,
]


def _calls(work: Callable[[], object]) -> int:
    """How many function calls ``work`` makes, Python's and C's."""
    count = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    previous = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(previous)
    return count


@pytest.mark.parametrize("scrap", HOSTILE)
def test_four_times_the_text_is_four_times_the_work(scrap: str) -> None:
    length = max(2, 400 // len(scrap))
    short, long = scrap * length, scrap * (4 * length)
    small = parse(short), parse(long)
    for work in (
        lambda text, _: parse(text),
        lambda _, prompt: format(prompt),
        lambda _, prompt: runs(prompt, 5, 10),
        lambda _, prompt: words(prompt),
        lambda _, prompt: schedule(prompt, 10),
    ):
        once = _calls(lambda work=work: work(short, small[0]))
        again = _calls(lambda work=work: work(long, small[1]))
        assert again <= 4.6 * once + 200


def test_a_hundred_thousand_brackets() -> None:
    prompt = parse("[a|" * 33_333 + "(")
    assert schedule(prompt, 20)[-1][0] == 20
    assert format(prompt).endswith("\\(" + "]" * MAX_DEPTH)


@pytest.mark.parametrize("scrap", ["(", "[a|", "((a:1.1)", "[a:b:", "(a[b"])
def test_deep_trees_compare_hash_and_print(scrap: str) -> None:
    prompt = parse(scrap * (MAX_LENGTH // len(scrap)))
    assert parse(format(prompt)) == prompt
    assert isinstance(hash(prompt), int)
    assert repr(prompt)
    assert runs(prompt)
    assert schedule(prompt, 20)[-1][0] == 20


@pytest.mark.parametrize("text", ["{}(moon){}", "{}[moon]{}"])
def test_brackets_past_the_depth_are_text_on_both_sides(text: str) -> None:
    before, after = text.split("moon")
    opening, closing = before[-1], after[0]
    deep = opening * (MAX_DEPTH + 3) + "moon" + closing * (MAX_DEPTH + 3) + " x"
    (node, tail) = parse(deep).parts[0].nodes
    depth = 0
    while isinstance(node, Weighted):
        depth += 1
        (node,) = node.nodes
    assert depth == MAX_DEPTH
    assert node == grammar.Text(opening * 3 + "moon" + closing * 3)
    assert tail == grammar.Text(" x")


def test_numbers_stay_finite() -> None:
    huge = "(" * 64 + "a" + f":{'9' * 400})" * 64
    (run,) = runs(parse(huge))
    assert run.weight == pytest.approx(MAX_WEIGHT**64)
    assert explain(huge, 10)["words"][0]["weight"] == run.weight


def test_many_changes_at_once() -> None:
    text = "moon, " * 2_000
    assert reweigh(text, {"moon": 1.5}) == "(moon:1.5), " * 2_000


def test_the_face_is_what_it_says() -> None:
    assert sorted(grammar.__all__) == sorted(set(grammar.__all__))
    for name in grammar.__all__:
        assert getattr(grammar, name) is not None
        assert getattr(grammar, name).__doc__
