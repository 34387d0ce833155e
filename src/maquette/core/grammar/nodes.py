"""What a prompt text parses to: a frozen tree with a span of the source at every node.

A span is a half-open pair of character offsets into ``Prompt.source``. Trees compare by meaning:
spans, seams and the source take no part in equality, so that a prompt equals its canonical
text's prompt. No tree is deeper than MAX_DEPTH, so comparing, hashing or printing one is safe.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = [
    "LESS",
    "MAX_DEPTH",
    "MAX_LENGTH",
    "MORE",
    "Alternate",
    "Branch",
    "Break",
    "Lora",
    "LoraTag",
    "Node",
    "Part",
    "Prompt",
    "Span",
    "Swap",
    "Text",
    "Weighted",
]

MAX_LENGTH = 20_000
"""Characters that the product accepts in a prompt. The faces enforce it; the grammar does not."""

MAX_DEPTH = 64
"""Brackets open at one time. A bracket opened deeper than this is literal text."""

MORE = 1.1
"""What a pair of round brackets without a number multiplies by."""

LESS = 1 / 1.1
"""What a pair of square brackets multiplies by."""

Span: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Text:
    """Literal words, escapes resolved.

    ``seams`` says where the characters come from: a pair (offset in text, offset in source) for
    each place where the two fall out of step, such as after an escape.
    """

    text: str
    span: Span = field(default=(0, 0), compare=False)
    seams: tuple[tuple[int, int], ...] = field(default=(), compare=False, repr=False)

    def source_offset(self, offset: int) -> int:
        """Where in the source the character ``text[offset]`` stands."""
        index = bisect_right(self.seams, offset, key=lambda seam: seam[0]) - 1
        at, source = self.seams[index] if index >= 0 else (0, self.span[0])
        return source + offset - at


@dataclass(frozen=True, slots=True)
class Weighted:
    """Nodes whose weight is multiplied: ``(x)``, ``[x]`` or ``(x:1.3)``."""

    nodes: tuple[Node, ...]
    weight: float
    span: Span = field(default=(0, 0), compare=False)


@dataclass(frozen=True, slots=True)
class Branch:
    """One side of a swap, or one option of an alternation."""

    nodes: tuple[Node, ...]
    span: Span = field(default=(0, 0), compare=False)


@dataclass(frozen=True, slots=True)
class Swap:
    """``[before:after:when]``: ``before`` is drawn up to ``when``, then ``after``.

    ``when`` is a share of all steps if ``fraction``, else a step number.
    """

    before: Branch
    after: Branch
    when: float
    fraction: bool
    span: Span = field(default=(0, 0), compare=False)

    @property
    def branches(self) -> tuple[Branch, ...]:
        """Both sides, in the order of the source."""
        return self.before, self.after


@dataclass(frozen=True, slots=True)
class Alternate:
    """``[a|b|c]``: step 1 draws the first option, step 2 the second, and around again."""

    branches: tuple[Branch, ...]
    span: Span = field(default=(0, 0), compare=False)


@dataclass(frozen=True, slots=True)
class Lora:
    """``<lora:name:0.8>``, or ``<lora:name:0.8:0.6>`` with the text encoder's weight first.

    ``weight`` is the picture model's weight, ``text_weight`` the text encoder's; they are equal
    unless the tag gives two. ``extras`` holds whatever else the tag says, verbatim.
    """

    name: str
    weight: float = 1.0
    text_weight: float = 1.0
    extras: tuple[str, ...] = ()
    span: Span = field(default=(0, 0), compare=False)


LoraTag = Lora


@dataclass(frozen=True, slots=True)
class Break:
    """``BREAK``: the rest of the 75-token chunk is padded."""

    span: Span = field(default=(0, 0), compare=False)


Node: TypeAlias = Text | Weighted | Swap | Alternate | Lora | Break


@dataclass(frozen=True, slots=True)
class Part:
    """What stands between two ``AND``, with its trailing weight (1 where there is none).

    ``weight_span`` is where that weight is written, colon included.
    """

    nodes: tuple[Node, ...]
    weight: float = 1.0
    span: Span = field(default=(0, 0), compare=False)
    weight_span: Span | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A parsed prompt: at least one part, and the text it was read from."""

    parts: tuple[Part, ...]
    source: str = field(default="", compare=False)
