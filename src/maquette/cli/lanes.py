"""A graph of versions as lines of text: lanes that part where versions branch and meet again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

__all__ = ["NODE", "draw_lanes"]

NODE = "●"

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_PIECES = {
    0: " ",
    _UP: "│",
    _DOWN: "│",
    _LEFT: "─",
    _RIGHT: "─",
    _UP | _DOWN: "│",
    _LEFT | _RIGHT: "─",
    _UP | _DOWN | _RIGHT: "├",
    _UP | _DOWN | _LEFT: "┤",
    _UP | _DOWN | _LEFT | _RIGHT: "┼",
    _UP | _LEFT: "╯",
    _UP | _RIGHT: "╰",
    _DOWN | _LEFT: "╮",
    _DOWN | _RIGHT: "╭",
    _UP | _LEFT | _RIGHT: "┴",
    _DOWN | _LEFT | _RIGHT: "┬",
}
_ASCII = str.maketrans("●│─├┤┼╯╰╮╭┴┬", "*|-+++++++++")


def draw_lanes(
    nodes: Sequence[tuple[str, tuple[str, ...]]], *, ascii_only: bool = False
) -> Iterator[tuple[str, str | None]]:
    """Lines of the graph, top to bottom: (drawing, the node's id or None for a line between).

    ``nodes`` are ids with their parents' ids, each before its parents (newest first). A lane is
    a column that waits for one id; a parent that is not among the nodes is waited for to the end.
    """
    lanes: list[str | None] = []
    for name, parents in nodes:
        waiting = [place for place, wanted in enumerate(lanes) if wanted == name]
        place = waiting[0] if waiting else _free(lanes)
        if len(waiting) > 1:
            before = list(lanes)
            for other in waiting[1:]:
                lanes[other] = None
            yield _styled(_between(before, lanes, place, waiting[1:]), ascii_only), None
        lanes[place] = name
        yield _styled(_row(lanes, place), ascii_only), name
        before = list(lanes)
        lanes[place] = parents[0] if parents else None
        targets: list[int] = []
        for parent in parents[1:]:
            target = lanes.index(parent) if parent in lanes else _free(lanes)
            if target == place:
                continue
            lanes[target] = parent
            targets.append(target)
        if targets:
            yield _styled(_between(before, lanes, place, targets), ascii_only), None
        while lanes and lanes[-1] is None:
            lanes.pop()


def _free(lanes: list[str | None]) -> int:
    for place, wanted in enumerate(lanes):
        if wanted is None:
            return place
    lanes.append(None)
    return len(lanes) - 1


def _row(lanes: Sequence[str | None], place: int) -> str:
    pieces = (
        NODE if column == place else "│" if wanted is not None else " "
        for column, wanted in enumerate(lanes)
    )
    return " ".join(pieces).rstrip()


def _between(
    above: Sequence[str | None], below: Sequence[str | None], place: int, targets: Sequence[int]
) -> str:
    """The line that joins the lane at ``place`` sideways to those at ``targets``."""
    width = max(len(above), len(below))
    arms = [0] * width
    for column in range(width):
        if column < len(above) and above[column] is not None:
            arms[column] |= _UP
        if column < len(below) and below[column] is not None:
            arms[column] |= _DOWN
    for target in targets:
        left, right = min(place, target), max(place, target)
        arms[left] |= _RIGHT
        arms[right] |= _LEFT
        for column in range(left + 1, right):
            arms[column] |= _LEFT | _RIGHT
    line = ""
    for column, arm in enumerate(arms):
        line += _PIECES[arm]
        line += "─" if arm & _RIGHT and column + 1 < width else " "
    return line.rstrip()


def _styled(line: str, ascii_only: bool) -> str:
    return line.translate(_ASCII) if ascii_only else line
