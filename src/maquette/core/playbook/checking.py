"""Whether a playbook is good: remarks on how it is written, and its own tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from maquette.core.flags import flag_problems, read_flags
from maquette.core.grammar import problems
from maquette.core.playbook.filling import bind, fill, locked_by, needs
from maquette.core.playbook.model import Card, Example, FromStep, Playbook
from maquette.core.template import check_locked, every, samples
from maquette.errors import MaquetteError, WordLocked

__all__ = ["Checked", "Remark", "lint", "run_tests"]

_LOOKED_AT = 20
"""Texts of each template that are looked at."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to mend. An "error" is a template that cannot be used."""

    where: str
    message: str
    severity: Literal["error", "warning"] = "warning"


@dataclass(frozen=True, slots=True)
class Checked:
    """A test, and what was wrong; nothing for one that passed."""

    where: str
    wrong: str = ""

    @property
    def ok(self) -> bool:
        """Whether it passed."""
        return not self.wrong


def lint(playbook: Playbook) -> list[Remark]:
    """What to mend in a playbook, errors first."""
    found: list[Remark] = []
    for what, text in (("purpose", playbook.purpose), ("when", playbook.when)):
        if not text.strip():
            found.append(Remark(what, "say it, for whoever opens this in a year"))
    for name, card in playbook.templates.items():
        found.extend(_card(playbook, name, card))
    used = " ".join(
        [card.template for card in playbook.templates.values()]
        + [entry for entries in playbook.wildcards.values() for entry in entries]
    )
    for name in playbook.wildcards:
        if f"__{name}__" not in used and "*" not in used:
            found.append(Remark(f"wildcards.{name}", "no template uses it"))
    for name, chain in playbook.chains.items():
        found.extend(_chain(playbook, name, [step.name for step in chain.steps]))
    return sorted(found, key=lambda remark: (remark.severity != "error", remark.where))


def _card(playbook: Playbook, name: str, card: Card) -> Iterator[Remark]:
    where = f"templates.{name}"
    if not card.purpose.strip():
        yield Remark(where, "it has no purpose")
    if not card.examples:
        yield Remark(where, "it has no example, so nothing tests it")
    try:
        asked = needs(playbook, name)
        values, invented = _stand_ins(card, asked)
        plan, locked = bind(playbook, name, values)
        texts = samples(plan, min(_LOOKED_AT, plan.ways), 0)
    except MaquetteError as refused:
        yield Remark(where, str(refused), "error")
        return
    try:
        for text in texts:
            check_locked(text, locked, ", ".join([playbook.negative, card.negative]))
    except WordLocked as refused:
        # A value that nobody has given yet may bring the words along.
        yield Remark(where, str(refused), "warning" if invented else "error")
    for variable in card.variables:
        if variable not in plan.used and f"${{{variable}" not in card.template:
            yield Remark(f"{where}.variables.{variable}", "the template does not use it")
    for variable in asked:
        if variable not in card.variables:
            yield Remark(f"{where}.variables", f"'{variable}' is not described")
    told: set[str] = set()
    for text in texts:
        read = read_flags(text)
        said = read.prompt if read.any_known else text
        doubts = [*problems(said), *(flag_problems(read) if read.any_known else ())]
        for doubt in doubts:
            if doubt.message not in told:
                told.add(doubt.message)
                yield Remark(where, f"in '{text[:60]}': {doubt.message}")


def _stand_ins(card: Card, asked: tuple[str, ...]) -> tuple[dict[str, str], bool]:
    """A value for each variable that needs one: an example's, one of its choices, or its own name;
    and whether there was one of the last kind."""
    values: dict[str, str] = {}
    invented = False
    for variable in asked:
        shown = [each.values[variable] for each in card.examples if variable in each.values]
        about = card.variables.get(variable)
        choices = list(about.one_of or ()) if about is not None else []
        values[variable] = next(iter([*shown, *choices, variable]))
        invented |= not (shown or choices)
    return values, invented


def _chain(playbook: Playbook, name: str, order: list[str]) -> Iterator[Remark]:
    seen: set[str] = set()
    for step in playbook.chains[name].steps:
        where = f"chains.{name}.{step.name}"
        if step.name in seen:
            yield Remark(where, "two steps have this name", "error")
        if (step.template is None) == (step.words_of is None):
            yield Remark(where, "a step has either a template or words_of", "error")
        if step.template is not None and step.template not in playbook.templates:
            yield Remark(where, f"there is no template '{step.template}'", "error")
        if step.replace and step.words_of is None:
            yield Remark(where, "replace goes with words_of", "error")
        if step.values and step.words_of is not None:
            yield Remark(where, "values go with a template", "error")
        sources = [value.step for value in step.values.values() if isinstance(value, FromStep)]
        for source in [*sources, *([step.words_of] if step.words_of else [])]:
            if source not in seen:
                why = "comes later" if source in order else "is not there"
                yield Remark(where, f"it uses the step '{source}', which {why}", "error")
        seen.add(step.name)


def run_tests(playbook: Playbook) -> list[Checked]:
    """Carry out a playbook's tests: every template can be filled with its locked words kept, every
    chain is sound, and every example gives what it says."""
    found = [
        Checked(remark.where, remark.message)
        for remark in lint(playbook)
        if remark.severity == "error"
    ]
    broken = {check.where for check in found}
    for name, card in playbook.templates.items():
        where = f"templates.{name}"
        if where in broken:
            continue
        locks = locked_by(playbook, card)
        found.append(Checked(f"{where}: can be filled" + (", locks kept" if locks else "")))
        for number, example in enumerate(card.examples, 1):
            at = f"{where}.examples.{number}"
            found.append(Checked(at, _wrong(playbook, name, example)))
    found += [
        Checked(f"chains.{name}: is sound")
        for name in playbook.chains
        if not any(where.startswith(f"chains.{name}.") for where in broken)
    ]
    return found


def _wrong(playbook: Playbook, name: str, example: Example) -> str:
    try:
        plan, locked = bind(playbook, name, example.values)
        if example.count is not None and plan.ways != example.count:
            return f"it has {plan.ways:,} ways, not {example.count:,}"
        if isinstance(example.expect, tuple):
            texts = [filled.text for filled in fill(playbook, name, example.values, n=None)]
            if texts != list(example.expect):
                return _differs(texts, list(example.expect))
        elif example.expect is not None:
            (text,) = samples(plan, 1, example.seed)
            if text != example.expect:
                return f"it says '{text[:300]}', not '{example.expect[:300]}'"
        texts = every(plan, _LOOKED_AT)
        negative = ", ".join([playbook.negative, playbook.card(name).negative])
        for text in texts:
            check_locked(text, locked, negative)
            low = text.casefold()
            for word in example.holds:
                if word.casefold() not in low:
                    return f"'{text[:200]}' does not hold '{word}'"
            for word in example.lacks:
                if word.casefold() in low:
                    return f"'{text[:200]}' holds '{word}'"
    except MaquetteError as refused:
        return str(refused)
    return ""


def _differs(texts: list[str], expected: list[str]) -> str:
    for number, (text, wanted) in enumerate(zip(texts, expected, strict=False), 1):
        if text != wanted:
            return f"text {number} is '{text[:200]}', not '{wanted[:200]}'"
    return f"it has {len(texts)} texts, not {len(expected)}"
