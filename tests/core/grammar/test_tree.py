"""The tree, and the canonical text that leads back to it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import example, given
from tests.core.grammar.strategies import ANY_TEXT, PROMPTS, WEIGHING

from maquette.core.grammar import (
    Alternate,
    Branch,
    Break,
    Lora,
    LoraTag,
    Node,
    Part,
    Prompt,
    Swap,
    Text,
    Weighted,
    format,
    loras,
    parse,
    runs,
)

A, B, C = Text("a"), Text("b"), Text("c")
BRANCH_A, BRANCH_B, EMPTY = Branch((A,)), Branch((B,)), Branch(())


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("", []),
        ("a", [A]),
        ("()", []),
        ("a()a", [Text("aa")]),
        ("(a)", [Weighted((A,), 1.1)]),
        ("[a]", [Weighted((A,), 1 / 1.1)]),
        ("(a:1.3)", [Weighted((A,), 1.3)]),
        ("((a) b)", [Weighted((Weighted((A,), 1.1), Text(" b")), 1.1)]),
        ("a BREAK b", [A, Break(), B]),
        ("(aBREAK)", [Weighted((Text("aBREAK"),), 1.1)]),
        ("[a:b:3]", [Swap(BRANCH_A, BRANCH_B, 3, False)]),
        ("[b:3]", [Swap(EMPTY, BRANCH_B, 3, False)]),
        ("[:b:3]", [Swap(EMPTY, BRANCH_B, 3, False)]),
        ("[a::3]", [Swap(BRANCH_A, EMPTY, 3, False)]),
        ("[a:b:0.5]", [Swap(BRANCH_A, BRANCH_B, 0.5, True)]),
        ("[a|b|]", [Alternate((BRANCH_A, BRANCH_B, EMPTY))]),
        ("[(a)|b]", [Alternate((Branch((Weighted((A,), 1.1),)), BRANCH_B))]),
        ("a<lora:n:0.5>", [A, Lora("n", 0.5, 0.5)]),
        # Brackets that cross: what they share is wrapped on its own.
        (
            "(a[b)c]",
            [Weighted((A,), 1.1), Weighted((Weighted((B,), 1.1), C), 1 / 1.1)],
        ),
    ],
)
def test_one_part(text: str, nodes: list[Node]) -> None:
    assert parse(text) == Prompt((Part(tuple(nodes)),))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a AND b", [((A,), 1.0), ((B,), 1.0)]),
        ("a:0.5 AND b :2", [((A,), 0.5), ((B,), 2.0)]),
        ("a AND b:-1", [((A,), 1.0), ((B,), -1.0)]),
        ("a  AND\nb ", [((A,), 1.0), ((B,), 1.0)]),
        ("AND", [((), 1.0), ((), 1.0)]),
        ("a AND b:c", [((A,), 1.0), ((Text("b:c"),), 1.0)]),
        (r"a AND b:\5", [((A,), 1.0), ((Text("b:5"),), 1.0)]),
        ("(a AND b)", [((Weighted((Text("a "),), 1.1),), 1.0), ((Text("b)"),), 1.0)]),
        ("BAND and ANDY", [((Text("BAND and ANDY"),), 1.0)]),
        (r"A\ND", [((Text("AND"),), 1.0)]),
        ("ratio 16:9", [((Text("ratio 16:9"),), 1.0)]),
    ],
)
def test_parts(text: str, parts: list[tuple[tuple[Node, ...], float]]) -> None:
    found = [(part.nodes, part.weight) for part in parse(text).parts]
    assert found == parts


def test_a_part_weight_may_stand_before_a_lora_tag() -> None:
    part = parse("a AND b:0.5 <lora:n:1>").parts[1]
    assert (part.nodes, part.weight) == ((B, Lora("n")), 0.5)


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("<lora:n>", [("n", 1.0, 1.0, ())]),
        ("<lora:n:0.8>", [("n", 0.8, 0.8, ())]),
        ("<lora:n:-0.8>", [("n", -0.8, -0.8, ())]),
        ("<lora:n:0.6:0.8>", [("n", 0.8, 0.6, ())]),
        ("<lora:n:te=0.6:unet=0.8>", [("n", 0.8, 0.6, ())]),
        ("<lora:n:unet=0.8>", [("n", 0.8, 1.0, ())]),
        ("<lora:n:1:1:64>", [("n", 1.0, 1.0, ("64",))]),
        ("<lora:n:1:lbw=MIDD>", [("n", 1.0, 1.0, ("lbw=MIDD",))]),
        ("<lora:a b (v2) [x]: 0.8 >", [("a b (v2) [x]", 0.8, 0.8, ())]),
        ("([<lora:n:1>:x:3]) AND <lora:m:2>", [("n", 1.0, 1.0, ()), ("m", 2.0, 2.0, ())]),
        ("<lora:n:much>", []),
        ("<lora::1>", []),
        ("<lora:n:1", []),
        ("<hypernet:n:1>", []),
        (r"<\lora:n:1>", []),
    ],
)
def test_lora_tags(text: str, tags: list[tuple[str, float, float, tuple[str, ...]]]) -> None:
    assert list(loras(parse(text))) == [LoraTag(*tag) for tag in tags]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("a, (b:1.30) c", "a, (b:1.3) c"),
        ("(a:1.1)", "(a)"),
        ("((a", "((a))"),
        ("a) [b", r"a\) [b]"),
        (r"\(a\) \\ \x", r"\(a\) \\ x"),
        ("(a[b)c]", "(a)[(b)c]"),
        ("a  BREAK  b", "a BREAK b"),
        ("a:0.50 AND b:1", "a:0.5 AND b"),
        ("[:b: 03 ]", "[b:3]"),
        ("[a:b:.5]", "[a:b:0.5]"),
        ("[a:b:1.]", "[a:b:1.0]"),
        ("[a|b|]", "[a|b|]"),
        ("<lora:n>", "<lora:n:1>"),
        ("<lora:n:te=0.6:unet=0.8>", "<lora:n:0.6:0.8>"),
        ("(a:0.00001)", "(a:0.00001)"),
        # What would be syntax, were it not hidden.
        ("[a:b]", r"[a\:b]"),
        (r"(a:\1.3)", r"(a:\1.3)"),
        (r"A\ND B\REAK <\lora:n:1>", r"A\ND B\REAK <\lora:n:1>"),
        (r"a AND b:\5", "a AND b:5:1"),
    ],
)
def test_canonical_text(text: str, canonical: str) -> None:
    assert format(parse(text)) == canonical


@given(PROMPTS)
@example("(a:\\1.3<lora:n:1>)")
@example("[(a\\:\\1.2):3]")
@example("a ()BREAK() b")
@example("AND :0.5 AND")
def test_canonical_text_parses_back(text: str) -> None:
    prompt = parse(text)
    canonical = format(prompt)
    assert parse(canonical) == prompt
    assert format(parse(canonical)) == canonical


@given(WEIGHING)
def test_canonical_text_weighs_the_same(text: str) -> None:
    text = text.replace("]", "x]").replace("|", "/")
    assert runs(parse(format(parse(text)))) == runs(parse(text))


@given(ANY_TEXT)
def test_any_text_parses(text: str) -> None:
    assert parse(text).source == text


def _texts(nodes: Sequence[Node], span: tuple[int, int]) -> Iterator[Text]:
    """Every text below, having checked that spans nest and do not overlap."""
    cursor, end = span
    for node in nodes:
        assert cursor <= node.span[0] <= node.span[1] <= end
        cursor = node.span[1]
        match node:
            case Text():
                yield node
            case Weighted():
                yield from _texts(node.nodes, node.span)
            case Swap() | Alternate():
                for branch in node.branches:
                    assert node.span[0] <= branch.span[0] <= branch.span[1] <= node.span[1]
                    yield from _texts(branch.nodes, branch.span)
            case _:
                pass


@given(PROMPTS)
def test_spans_nest_and_every_character_knows_its_place(text: str) -> None:
    for part in parse(text).parts:
        for leaf in _texts(part.nodes, part.span):
            places = [leaf.source_offset(index) for index in range(len(leaf.text))]
            assert [text[place] for place in places] == list(leaf.text)
            assert places == sorted(set(places))
            assert leaf.span[0] <= places[0] <= places[-1] < leaf.span[1]


def test_spans_of_a_nested_prompt() -> None:
    text = r"a (b\) [c:d:3]:1.3)"
    plain, weighted = parse(text).parts[0].nodes
    assert isinstance(weighted, Weighted)
    inner, swap = weighted.nodes
    assert isinstance(swap, Swap)
    cut = [text[slice(*node.span)] for node in (plain, weighted, inner, swap, swap.after)]
    assert cut == ["a ", r"(b\) [c:d:3]:1.3)", r"b\) ", "[c:d:3]", "d"]


def test_trees_are_frozen_hashable_and_compare_by_meaning() -> None:
    one, other = parse("(a:1.10) BREAK b"), parse("(a)BREAK b")
    assert one == other
    assert hash(one) == hash(other)
    assert one.source != other.source
    assert copy.deepcopy(one) == one
    with pytest.raises(FrozenInstanceError):
        one.parts[0].weight = 2.0  # type: ignore[misc]
