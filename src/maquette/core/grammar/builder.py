"""Builds the nodes of one part from its tokens, with an explicit stack of open brackets.

The dialect's round and square brackets do not know of each other: in ``(a [b) c]`` both weights
reach ``b``. A tree cannot cross its branches, so where a bracket closes around one that stays
open, what the two share is wrapped on its own. Every word still meets its factors in the order in
which the brackets close, and that order decides the last digits of a product of floats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from .nodes import (
    LESS,
    MAX_DEPTH,
    MORE,
    Alternate,
    Branch,
    Break,
    Node,
    Span,
    Swap,
    Text,
    Weighted,
)
from .shapes import Shape
from .tokens import Kind, Token

__all__ = ["Fault", "build"]

_OPENERS = {Kind.CLOSE: Kind.OPEN, Kind.CLOSE_WEIGHT: Kind.OPEN, Kind.UNSQUARE: Kind.SQUARE}
_TOO_DEEP = f"brackets nest deeper than {MAX_DEPTH}: this one is text"


class Fault(NamedTuple):
    """Something odd that the builder met and got over."""

    span: Span
    message: str


class _Piece(NamedTuple):
    text: str
    start: int
    end: int


@dataclass(slots=True)
class _Frame:
    """An open bracket, or the part itself (``kind`` None), and what it holds so far."""

    kind: Kind | None
    start: int
    shape: Shape | None = None
    nodes: list[Node] = field(default_factory=list[Node])
    pieces: list[_Piece] = field(default_factory=list[_Piece])
    branches: list[Branch] = field(default_factory=list[Branch])
    branch_start: int = 0
    literal: list[Kind] = field(default_factory=list[Kind])
    """Brackets opened past MAX_DEPTH, so that what closes them is literal too."""

    def add_text(self, text: str, start: int, end: int) -> None:
        """Add literal text. White space next to a BREAK belongs to the BREAK."""
        if not self.pieces and self.nodes and isinstance(self.nodes[-1], Break):
            stripped = text.lstrip()
            start += len(text) - len(stripped)
            text = stripped
        if text:
            self.pieces.append(_Piece(text, start, end))

    def add_node(self, node: Node) -> None:
        if isinstance(node, Break):
            self._strip_end()
        self._flush()
        self.nodes.append(node)

    def take(self) -> tuple[Node, ...]:
        """Everything so far; the frame is empty afterwards."""
        self._flush()
        nodes, self.nodes = tuple(self.nodes), []
        return nodes

    def end_branch(self, end: int, next_start: int) -> None:
        self.branches.append(Branch(self.take(), (self.branch_start, end)))
        self.branch_start = next_start

    def _strip_end(self) -> None:
        while self.pieces:
            text, start, end = self.pieces.pop()
            stripped = text.rstrip()
            if stripped:
                end -= len(text) - len(stripped)
                self.pieces.append(_Piece(stripped, start, end))
                break

    def _flush(self) -> None:
        if not self.pieces:
            return
        seams: list[tuple[int, int]] = []
        offset, expected = 0, -1
        for text, _, end in self.pieces:
            # An escaped character stands at the end of its piece.
            source = end - len(text)
            if source != expected:
                seams.append((offset, source))
            offset += len(text)
            expected = end
        span = self.pieces[0].start, self.pieces[-1].end
        text = "".join(piece.text for piece in self.pieces)
        self.nodes.append(Text(text, span, tuple(seams)))
        self.pieces = []


def build(
    tokens: Sequence[Token], shapes: Mapping[int, Shape], faults: list[Fault]
) -> tuple[Node, ...]:
    """The nodes that ``tokens`` make, given which brackets swap. Oddities go to ``faults``."""
    builder = _Builder(shapes, faults)
    index = 0
    while index < len(tokens):
        index = builder.step(index, tokens[index])
    return builder.finish(tokens[-1].end if tokens else 0)


class _Builder:
    def __init__(self, shapes: Mapping[int, Shape], faults: list[Fault]) -> None:
        self.shapes = shapes
        self.faults = faults
        self.stack = [_Frame(None, 0)]

    def step(self, index: int, token: Token) -> int:
        """Take in one token. Returns the index of the next one to take."""
        frame = self.stack[-1]
        if frame.shape is not None and (after := self._separate(frame, frame.shape, index, token)):
            return after
        match token.kind:
            case Kind.OPEN | Kind.SQUARE:
                self._open(index, token)
            case Kind.CLOSE | Kind.CLOSE_WEIGHT | Kind.UNSQUARE:
                self._close(token)
            case Kind.LORA if token.lora is not None:
                frame.add_node(token.lora)
            case Kind.BREAK:
                frame.add_node(Break((token.start, token.end)))
            case _:
                frame.add_text(token.text, token.start, token.end)
        return index + 1

    def finish(self, end: int) -> tuple[Node, ...]:
        """Close what is open: first the round brackets, then the square ones."""
        for kind, weight in ((Kind.OPEN, MORE), (Kind.SQUARE, LESS)):
            for depth in range(len(self.stack) - 1, 0, -1):
                frame = self.stack[depth]
                if frame.kind is kind:
                    self.faults.append(
                        Fault((frame.start, frame.start + 1), "this bracket is never closed")
                    )
                    self._weigh(depth, weight, end)
        return self.stack[0].take()

    def _separate(self, frame: _Frame, shape: Shape, index: int, token: Token) -> int:
        """Handle a separator or the closing bracket of a swap or choice. 0 if it is neither."""
        done = len(frame.branches)
        if done < len(shape.separators) and index == shape.separators[done]:
            frame.end_branch(token.start, token.end)
            last = shape.when is not None and done + 1 == len(shape.separators)
            return shape.close if last else index + 1
        if index != shape.close:
            return 0
        if shape.when is None:
            frame.end_branch(token.start, token.end)
        self.stack.pop()
        self.stack[-1].add_node(_node(frame, shape, token.end))
        return index + 1

    def _open(self, index: int, token: Token) -> None:
        if len(self.stack) > MAX_DEPTH:
            frame = self.stack[-1]
            frame.literal.append(token.kind)
            frame.add_text(token.text, token.start, token.end)
            self.faults.append(Fault((token.start, token.end), _TOO_DEEP))
            return
        shape = self.shapes.get(index)
        self.stack.append(_Frame(token.kind, token.start, shape, branch_start=token.end))

    def _close(self, token: Token) -> None:
        kind = _OPENERS[token.kind]
        top = self.stack[-1]
        if top.literal and top.literal[-1] is kind:
            top.literal.pop()
            top.add_text(token.text, token.start, token.end)
            return
        depth = self._nearest(kind)
        if depth is None:
            top.add_text(token.text, token.start, token.end)
            self.faults.append(Fault((token.end - 1, token.end), "this bracket closes nothing"))
            return
        if depth < len(self.stack) - 1:
            message = "this bracket closes across another that is still open"
            self.faults.append(Fault((token.end - 1, token.end), message))
        if token.kind is Kind.CLOSE_WEIGHT:
            weight = token.number
        else:
            weight = MORE if kind is Kind.OPEN else LESS
        self._weigh(depth, weight, token.end)

    def _nearest(self, kind: Kind) -> int | None:
        for depth in range(len(self.stack) - 1, 0, -1):
            if self.stack[depth].shape is not None:
                return None
            if self.stack[depth].kind is kind:
                return depth
        return None

    def _weigh(self, depth: int, weight: float, end: int) -> None:
        """Close the bracket at ``depth``, around whatever is still open above it."""
        frame = self.stack.pop(depth)
        above = self.stack[depth:]
        nodes = frame.take()
        if nodes:
            if above:
                end = nodes[-1].span[1]
            self.stack[depth - 1].add_node(Weighted(nodes, weight, (frame.start, end)))
        elif not above:
            self.faults.append(Fault((frame.start, end), "there is nothing in these brackets"))
        for other in above:
            shared = other.take()
            if shared:
                span = shared[0].span[0], shared[-1].span[1]
                other.nodes.append(Weighted(shared, weight, span))


def _node(frame: _Frame, shape: Shape, end: int) -> Node:
    span = frame.start, end
    if shape.when is None:
        return Alternate(tuple(frame.branches), span)
    when, fraction = shape.when
    *before, after = frame.branches
    start = after.span[0]
    first = before[0] if before else Branch((), (start, start))
    return Swap(first, after, when, fraction, span)
