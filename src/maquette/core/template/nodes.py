"""What a template parses to: a frozen tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = [
    "MAX_CHOSEN",
    "MAX_NESTING",
    "MAX_TEMPLATE",
    "Assign",
    "Choice",
    "Literal",
    "Lock",
    "Node",
    "Option",
    "Template",
    "Variable",
    "Wildcard",
]

MAX_TEMPLATE = 100_000
"""Characters of the longest template."""

MAX_NESTING = 32
"""Braces open at one time."""

MAX_CHOSEN = 100
"""Options that one pair of braces chooses at most."""


@dataclass(frozen=True, slots=True)
class Literal:
    """Text as it stands."""

    text: str


@dataclass(frozen=True, slots=True)
class Lock:
    """``<lock:Acme red>``: words that nothing may remove or weaken."""

    text: str


@dataclass(frozen=True, slots=True)
class Variable:
    """``${name}`` or ``${name:default}``; without a default ``default`` is None."""

    name: str
    default: tuple[Node, ...] | None
    line: int


@dataclass(frozen=True, slots=True)
class Assign:
    """``${name=value}``, filled anew at each use, or ``${name=!value}``, filled once."""

    name: str
    value: tuple[Node, ...]
    once: bool
    line: int


@dataclass(frozen=True, slots=True)
class Option:
    """One side of a choice; the weights of a choice are relative to each other, none is 0."""

    nodes: tuple[Node, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class Choice:
    """``{a|b}``: ``low`` to ``high`` of the options, no one twice, joined by ``joiner``."""

    options: tuple[Option, ...]
    low: int
    high: int
    joiner: str
    line: int


@dataclass(frozen=True, slots=True)
class Wildcard:
    """``__name__``: one entry of the lists whose names the pattern matches (``*``: any letters)."""

    pattern: str
    line: int


Node: TypeAlias = Literal | Lock | Variable | Assign | Choice | Wildcard


@dataclass(frozen=True)
class Template:
    """A prompt with holes."""

    nodes: tuple[Node, ...]
    source: str

    @property
    def locked(self) -> tuple[str, ...]:
        """Its locked words, each once, in the order in which they stand."""
        return tuple(dict.fromkeys(node.text for node in self.nodes if isinstance(node, Lock)))

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that it reads and does not set itself, in the order in which they stand."""
        read, own = dict[str, None](), set[str]()
        waiting: list[Node] = list(reversed(self.nodes))
        while waiting:
            match waiting.pop():
                case Variable(name, default):
                    read[name] = None
                    waiting += reversed(default or ())
                case Assign(name, value):
                    own.add(name)
                    waiting += reversed(value)
                case Choice(options):
                    waiting += (node for option in reversed(options) for node in option.nodes[::-1])
                case _:
                    pass
        return tuple(name for name in read if name not in own)
