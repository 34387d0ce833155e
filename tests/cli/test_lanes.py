"""The graph of versions as text: who came from whom can be read off the lines."""

from __future__ import annotations

import pytest

from maquette.cli.lanes import draw_lanes

ROWS = {
    "nothing": ([], ""),
    "one": ([("a", ())], "● a"),
    "a run": ([("c", ("b",)), ("b", ("a",)), ("a", ())], "● c\n● b\n● a"),
    "two roots": ([("b", ()), ("a", ())], "● b\n● a"),
    "a branch": (
        [("c", ("a",)), ("b", ("a",)), ("a", ())],
        "● c\n│ ● b\n├─╯\n● a",
    ),
    "three from one": (
        [("d", ("a",)), ("c", ("a",)), ("b", ("a",)), ("a", ())],
        "● d\n│ ● c\n│ │ ● b\n├─┴─╯\n● a",
    ),
    "a rollback": (
        [("d", ("c", "a")), ("c", ("b",)), ("b", ("a",)), ("a", ())],
        "● d\n├─╮\n● │ c\n● │ b\n├─╯\n● a",
    ),
    "a rollback to a lane that is open": (
        [("e", ("a",)), ("d", ("c", "a")), ("c", ("a",)), ("a", ())],
        "● e\n│ ● d\n├─┤\n│ ● c\n├─╯\n● a",
    ),
    "a lane between": (
        [("e", ("b",)), ("d", ("a",)), ("c", ("b",)), ("b", ("a",)), ("a", ())],
        "● e\n│ ● d\n│ │ ● c\n├─┼─╯\n● │ b\n├─╯\n● a",
    ),
    "cut off": ([("c", ("b",)), ("z", ())], "● c\n│ ● z"),
}


@pytest.mark.parametrize("name", ROWS)
def test_drawing(name: str) -> None:
    nodes, expected = ROWS[name]
    lines = [f"{lane} {node}" if node else lane for lane, node in draw_lanes(nodes)]
    assert "\n".join(lines) == expected


def test_every_node_has_exactly_one_line() -> None:
    nodes = [(str(n), tuple(str(p) for p in {n // 2, n // 3} if p)) for n in range(60, 0, -1)]
    names = [name for _, name in draw_lanes(nodes) if name]
    assert names == [name for name, _ in nodes]


def test_plain_terminals_get_plain_letters() -> None:
    nodes, _ = ROWS["a branch"]
    drawn = [lane for lane, _ in draw_lanes(nodes, ascii_only=True)]
    assert drawn == ["*", "| *", "+-+", "*"]
