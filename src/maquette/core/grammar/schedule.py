"""What a prompt says at each step: swaps and alternations resolved, everything else verbatim.

As in the dialect's home, swapping comes first and works on the text; brackets weigh whatever
text comes out of it. So a swap may even hold a weight: ``(a:[1.2:1.4:0.5])``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .nodes import Alternate, Lora, Node, Part, Prompt, Span, Swap, Weighted

__all__ = ["MAX_ENTRIES", "MAX_SCHEDULE", "resolve", "schedule"]

MAX_SCHEDULE = 2_000_000
"""Characters of source times entries that a schedule may take."""

MAX_ENTRIES = 1_000
"""Entries of the longest schedule."""


@dataclass(frozen=True, slots=True)
class _Choice:
    """A swap or alternation in a template: which option holds at a step."""

    options: tuple[_Template, ...]
    node: Swap | Alternate

    def at(self, step: int, steps: int) -> _Template:
        if isinstance(self.node, Swap):
            return self.options[0 if step <= _moment(self.node, steps) else 1]
        return self.options[(step - 1) % len(self.options)]


_Template: TypeAlias = tuple[Span | _Choice, ...]


def schedule(prompt: Prompt, steps: int, part: int = 0) -> tuple[tuple[int, str], ...]:
    """The texts of one AND part over ``steps`` steps, as pairs (last step of the text, text).

    Over 10 steps ``a [b:.5] c`` is ``a  c`` up to step 5 and ``a b c`` up to step 10. A moment
    with a point is a share of the steps, without one a step number. Every swap ends an entry at
    its moment, and an alternation ends one at every step. LoRA tags and the part's weight are
    left out.

    The numbers are clamped: fewer than one step count as one, and a moment past the end as the
    end. A hostile prompt is bounded: there are at most MAX_ENTRIES entries, and fewer where the
    source is so long that they would pass MAX_SCHEDULE characters. Past that bound the entries
    between are left out, and the last one still tells the end. A prompt of MAX_LENGTH characters
    has some 100 of them.

    Raises:
        IndexError: there is no such part.
    """
    steps = max(1, steps)
    chosen = prompt.parts[part]
    template = _template(chosen)
    limit = max(1, min(MAX_ENTRIES, MAX_SCHEDULE // (len(prompt.source) + 1)))
    ends = _ends(chosen.nodes, steps, limit)
    return tuple((end, _text(prompt, template, end, steps)) for end in ends)


def resolve(prompt: Prompt, step: int, steps: int, part: int = 0) -> tuple[Span, ...]:
    """The slices of the source that make up the text at ``step``, in order."""
    return tuple(_slices(_template(prompt.parts[part]), step, steps))


def _text(prompt: Prompt, template: _Template, step: int, steps: int) -> str:
    text = "".join(prompt.source[start:end] for start, end in _slices(template, step, steps))
    # White space next to AND belongs to it.
    return text.strip() if len(prompt.parts) > 1 else text


def _slices(template: _Template, step: int, steps: int) -> Iterator[Span]:
    waiting = [iter(template)]
    while waiting:
        for item in waiting[-1]:
            if isinstance(item, _Choice):
                waiting.append(iter(item.at(step, steps)))
                break
            yield item
        else:
            waiting.pop()


def _moment(swap: Swap, steps: int) -> int:
    return min(steps, int(swap.when * steps if swap.fraction else swap.when))


def _ends(nodes: Sequence[Node], steps: int, limit: int) -> list[int]:
    ends = {steps}
    waiting = list(nodes)
    while waiting:
        match waiting.pop():
            case Weighted(inside):
                waiting.extend(inside)
            case Alternate(branches):
                # One more than fit: the last of them is then dropped for the end.
                ends.update(range(1, min(steps, limit) + 1))
                waiting.extend(node for branch in branches for node in branch.nodes)
            case Swap() as swap:
                if (moment := _moment(swap, steps)) >= 1:
                    ends.add(moment)
                waiting.extend(node for branch in swap.branches for node in branch.nodes)
            case _:
                pass
    ordered = sorted(ends)
    return ordered if len(ordered) <= limit else [*ordered[: limit - 1], steps]


def _template(part: Part) -> _Template:
    return tuple(_cut(part.nodes, part.span, part.weight_span))


def _cut(nodes: Sequence[Node], span: Span, gap: Span | None = None) -> Iterator[Span | _Choice]:
    """The span of ``nodes`` without tags and the ``gap``, choices in place of their brackets."""
    cursor, end = span
    for (start, stop), choice in _holes(nodes, gap):
        if start > cursor:
            yield cursor, start
        if choice is not None:
            yield choice
        cursor = max(cursor, stop)
    if end > cursor:
        yield cursor, end


def _holes(nodes: Sequence[Node], gap: Span | None) -> list[tuple[Span, _Choice | None]]:
    holes: list[tuple[Span, _Choice | None]] = [] if gap is None else [(gap, None)]

    def look(nodes: Sequence[Node]) -> None:
        for node in nodes:
            match node:
                case Weighted():
                    look(node.nodes)
                case Lora():
                    holes.append((node.span, None))
                case Swap() | Alternate():
                    options = tuple(
                        tuple(_cut(branch.nodes, branch.span)) for branch in node.branches
                    )
                    holes.append((node.span, _Choice(options, node)))
                case _:
                    pass

    look(nodes)
    return sorted(holes, key=lambda hole: hole[0])
