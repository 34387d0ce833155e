"""A template made ready to be filled: variables bound, wildcards looked up, cycles refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from maquette.core.template.nodes import (
    Assign,
    Choice,
    Literal,
    Lock,
    Node,
    Template,
    Variable,
    Wildcard,
)
from maquette.core.template.parser import parse_entry
from maquette.errors import TemplateRefused

__all__ = [
    "MOST_WAYS",
    "Group",
    "Once",
    "Pick",
    "Plan",
    "Recall",
    "Step",
    "compile_template",
    "is_name",
]

MOST_WAYS = 10**15
"""Ways are counted up to this number."""

_MOST_STEPS = 200_000
_MOST_WORK = 1_000_000
_DEEPEST = 100


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Steps one after the other. Shared where a variable or a wildcard is used again. ``ways`` is
    how many ways there are to fill it, at most ``MOST_WAYS``."""

    steps: tuple[Step, ...]
    ways: int
    depth: int


@dataclass(frozen=True, slots=True, eq=False)
class Pick:
    """``low`` to ``high`` of the options, each with its weight, joined."""

    options: tuple[tuple[float, Group], ...]
    low: int
    high: int
    joiner: str


@dataclass(frozen=True, slots=True, eq=False)
class Once:
    """Fill a group now and keep what came of it under ``slot``."""

    slot: int
    group: Group


@dataclass(frozen=True, slots=True, eq=False)
class Recall:
    """What is kept under ``slot``."""

    slot: int


Step: TypeAlias = str | Group | Pick | Once | Recall


@dataclass(frozen=True)
class Plan:
    """A template without holes. ``used`` are the names of given values that it took."""

    group: Group
    locked: tuple[str, ...]
    used: frozenset[str]

    @property
    def ways(self) -> int:
        """How many ways there are to fill it, at most ``MOST_WAYS``; some may read alike."""
        return self.group.ways


def compile_template(
    template: Template,
    values: Mapping[str, str] | None = None,
    wildcards: Mapping[str, Sequence[str]] | None = None,
    what: str = "the template",
) -> Plan:
    """Bind a template. ``values`` count before the template's own ``${name=…}`` and defaults, and
    are plain: what looks like a template in them is not read as one. ``wildcards`` are lists of
    entries by name; each entry is a small template.

    Raises:
        TemplateRefused: a variable without a value, a wildcard that is not there or that leads
            back to itself, or a template that stands for too much.
    """
    work = _work(values, wildcards, what)
    group = work.group(template.nodes)
    if work.missing:
        names = ", ".join(sorted(work.missing))
        one = len(work.missing) == 1
        raise TemplateRefused(
            f"{what} needs {'a value' if one else 'values'} for {names}",
            hint=f"give one as NAME=VALUE, or a default as ${{{sorted(work.missing)[0]}:…}}",
        )
    return Plan(group, template.locked, frozenset(work.used))


def unset(
    template: Template,
    values: Mapping[str, str] | None = None,
    wildcards: Mapping[str, Sequence[str]] | None = None,
    what: str = "the template",
) -> tuple[str, ...]:
    """The variables that have neither a value nor a default, in the order in which they are met.

    Raises:
        TemplateRefused: as ``compile_template``, but for these.
    """
    work = _work(values, wildcards, what)
    work.group(template.nodes)
    return tuple(work.missing)


def _work(
    values: Mapping[str, str] | None, wildcards: Mapping[str, Sequence[str]] | None, what: str
) -> _Work:
    return _Work(dict(values or {}), {k: tuple(v) for k, v in (wildcards or {}).items()}, what)


@dataclass(slots=True)
class _Work:
    values: dict[str, str]
    wildcards: dict[str, tuple[str, ...]]
    what: str
    used: set[str] = field(default_factory=set[str])
    missing: dict[str, None] = field(default_factory=dict[str, None])
    scope: dict[str, Step] = field(default_factory=dict[str, Step])
    slots: int = 0
    steps: int = 0
    work: int = 0
    open: list[str] = field(default_factory=list[str])
    parsed: dict[str, tuple[tuple[float, tuple[Node, ...]], ...]] = field(
        default_factory=dict[str, tuple[tuple[float, tuple[Node, ...]], ...]]
    )
    looked_up: dict[str, tuple[tuple[float, Group], ...]] = field(
        default_factory=dict[str, tuple[tuple[float, Group], ...]]
    )

    def group(self, nodes: Sequence[Node]) -> Group:
        made: list[Step] = []
        ways, depth = 1, 0
        for node in nodes:
            self._spend()
            step = self.step(node)
            if step is None:
                continue
            made.append(step)
            more, deep = _measure(step)
            ways, depth = min(MOST_WAYS, ways * more), max(depth, deep)
        if depth >= _DEEPEST:
            raise self._refused(f"variables and wildcards build on each other deeper than {depth}")
        return Group(tuple(made), ways, depth + 1)

    def step(self, node: Node) -> Step | None:
        match node:
            case Literal(text) | Lock(text):
                return text
            case Variable():
                return self._variable(node)
            case Assign():
                return self._assign(node)
            case Choice():
                return self._choice(node)
            case _:
                return self._pick(self._entries(node), 1, 1, "")

    def _variable(self, node: Variable) -> Step | None:
        if node.name in self.values:
            self.used.add(node.name)
            return self.values[node.name]
        if node.name in self.scope:
            return self.scope[node.name]
        if node.default is not None:
            return self.group(node.default)
        self.missing[node.name] = None
        return None

    def _assign(self, node: Assign) -> Step | None:
        if node.name in self.values:
            self.used.add(node.name)
            return None
        # The value sees what was set before it: no variable can come to contain itself.
        group = self.group(node.value)
        self.looked_up.clear()  # entries of wildcards may use the variable
        if not node.once:
            self.scope[node.name] = group
            return None
        self.slots += 1
        self.scope[node.name] = Recall(self.slots)
        return Once(self.slots, group)

    def _choice(self, node: Choice) -> Step:
        only = node.options[0].nodes if len(node.options) == 1 else ()
        if node.high > 1 and len(only) == 1 and isinstance(only[0], Wildcard):
            return self._pick(self._entries(only[0]), node.low, node.high, node.joiner)
        options = tuple((option.weight, self.group(option.nodes)) for option in node.options)
        return self._pick(options, node.low, node.high, node.joiner)

    def _pick(
        self, options: tuple[tuple[float, Group], ...], low: int, high: int, joiner: str
    ) -> Pick:
        high = min(high, len(options))
        if high > 1:
            self.work += len(options) * high
            if self.work > _MOST_WORK:
                raise self._refused("it chooses too many of too many options")
        return Pick(options, min(low, high), high, joiner)

    def _entries(self, node: Wildcard) -> tuple[tuple[float, Group], ...]:
        if node.pattern in self.looked_up:
            return self.looked_up[node.pattern]
        names = _matching(node.pattern, self.wildcards)
        if not names:
            known = ", ".join(sorted(self.wildcards)[:20]) or "none"
            raise TemplateRefused(
                f"{self.what}, line {node.line}: there is no wildcard '{node.pattern}'",
                hint=f"the wildcards at hand: {known}",
            )
        found: list[tuple[float, Group]] = []
        for name in names:
            if name in self.open:
                circle = " → ".join([*self.open[self.open.index(name) :], name])
                raise TemplateRefused(f"wildcards lead back to themselves: {circle}")
            if len(self.open) >= _DEEPEST:
                raise self._refused(f"wildcards build on each other deeper than {_DEEPEST}")
            self.open.append(name)
            for weight, nodes in self._parsed(name):
                found.append((weight, self.group(nodes)))
            self.open.pop()
        if not found:
            raise self._refused(f"the wildcard '{node.pattern}' has no entries")
        self.looked_up[node.pattern] = tuple(found)
        return self.looked_up[node.pattern]

    def _parsed(self, name: str) -> tuple[tuple[float, tuple[Node, ...]], ...]:
        if name not in self.parsed:
            entries: list[tuple[float, tuple[Node, ...]]] = []
            for number, entry in enumerate(self.wildcards[name], 1):
                weight, template = parse_entry(entry, f"wildcard '{name}', entry {number}")
                if weight > 0:
                    entries.append((weight, template.nodes))
            self.parsed[name] = tuple(entries)
        return self.parsed[name]

    def _spend(self) -> None:
        self.steps += 1
        if self.steps > _MOST_STEPS:
            raise self._refused(f"it stands for more than {_MOST_STEPS:,} pieces")

    def _refused(self, message: str) -> TemplateRefused:
        return TemplateRefused(f"{self.what}: {message}", hint="part it into several templates")


def _matching(pattern: str, names: Mapping[str, object]) -> list[str]:
    """The names that a pattern matches, in order; ``*`` stands for any letters."""
    if "*" not in pattern:
        return [pattern] if pattern in names else []
    # Each piece is looked for from where the last one ended: no backtracking.
    first, *middle, last = pattern.split("*")
    found: list[str] = []
    for name in sorted(names):
        if not (name.startswith(first) and name.endswith(last)):
            continue
        at, end = len(first), len(name) - len(last)
        for piece in middle:
            at = name.find(piece, at, end)
            if at < 0:
                break
            at += len(piece)
        if 0 <= at <= end:
            found.append(name)
    return found


def _measure(step: Step) -> tuple[int, int]:
    """How many ways there are to fill a step, and how deep it is."""
    match step:
        case Group():
            return step.ways, step.depth
        case Once(_, group):
            return group.ways, group.depth
        case Pick():
            depth = max(group.depth for _, group in step.options)
            return _ways(step), depth + 1
        case _:
            return 1, 0


def _ways(pick: Pick) -> int:
    """The ways to choose k options in any order and to fill each: k! times the elementary
    symmetric polynomial of their ways, summed over k."""
    if pick.low == pick.high == 1:
        return min(MOST_WAYS, sum(group.ways for _, group in pick.options))
    sums = [1] + [0] * pick.high
    for _, group in pick.options:
        for k in range(pick.high, 0, -1):
            sums[k] = min(MOST_WAYS, sums[k] + sums[k - 1] * group.ways)
    total, orders = 0, 1
    for k in range(pick.high + 1):
        orders = min(MOST_WAYS, orders * max(1, k))
        if k >= pick.low:
            total = min(MOST_WAYS, total + orders * sums[k])
    return total


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def is_name(text: str) -> bool:
    """Whether a text can name a variable."""
    return _NAME.fullmatch(text) is not None
