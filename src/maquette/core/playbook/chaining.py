"""Prompt chaining: what a step says, given what the steps before it have picked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from maquette.core.grammar import parse
from maquette.core.grammar.phrases import find_phrase, places
from maquette.core.grammar.words import source_span
from maquette.core.playbook.filling import Filled, fill
from maquette.core.playbook.model import FromStep, Playbook, Step
from maquette.core.template import check_locked
from maquette.errors import TemplateRefused

__all__ = ["Picked", "replace_phrase", "step_says"]


@dataclass(frozen=True, slots=True)
class Picked:
    """What a step went on with: its prompt, its negative, the values of its template, and the words
    that are locked in it."""

    text: str
    negative: str = ""
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    locked: tuple[str, ...] = ()


def replace_phrase(text: str, phrase: str, by: str) -> str:
    """The prompt with other words in place of a phrase, wherever it stands; weights stay.

    Raises:
        UnknownWord: the prompt does not hold it; the message lists what it holds.
    """
    found = places(parse(text))
    out: list[str] = []
    cursor = 0
    for run in find_phrase(phrase, found):
        first, last = found[run[0]], found[run[-1]]
        start = source_span(first.leaf.text, first.start, first.end)[0]
        end = source_span(last.leaf.text, last.start, last.end)[1]
        out += [text[cursor:start], by]
        cursor = end
    return "".join([*out, text[cursor:]])


def step_says(
    playbook: Playbook,
    step: Step,
    picked: Mapping[str, Picked],
    given: Mapping[str, str],
    seed: int = 0,
) -> list[Filled]:
    """The prompts of a step: one for words that are taken over, up to ``n`` for a template.

    ``picked`` are the earlier steps by name. ``given`` are values for the whole chain; a step takes
    those of them that its template has and that it sets itself nowhere.

    Raises:
        TemplateRefused: it needs a step or a value that is not there.
        UnknownWord: a phrase that is to be replaced is not there.
        WordLocked.
    """
    if step.words_of is not None:
        source = _step(picked, step.words_of, step.name)
        text = source.text
        for phrase, by in step.replace.items():
            text = replace_phrase(text, phrase, by)
        locked = tuple(dict.fromkeys([*playbook.locked, *source.locked]))
        check_locked(text, locked, source.negative)
        return [Filled(text, source.negative, locked, step.quality, playbook.size, "", {})]
    if step.template is None:
        raise TemplateRefused(f"step '{step.name}' has neither a template nor words_of")
    card = playbook.card(step.template)
    values = {name: value for name, value in given.items() if f"${{{name}" in card.template}
    for name, value in step.values.items():
        values[name] = value if isinstance(value, str) else _taken(value, picked, step.name)
    return fill(playbook, step.template, values, n=step.n, seed=seed)


def _taken(value: FromStep, picked: Mapping[str, Picked], asking: str) -> str:
    source = _step(picked, value.step, asking)
    if value.take == "prompt":
        return source.text
    if value.take not in source.values:
        known = ", ".join(["prompt", *source.values])
        raise TemplateRefused(
            f"step '{asking}' takes '{value.take}' of '{value.step}', which has none",
            hint=f"it has {known}"[:300],
        )
    return source.values[value.take]


def _step(picked: Mapping[str, Picked], name: str, asking: str) -> Picked:
    if name not in picked:
        raise TemplateRefused(
            f"step '{asking}' goes on from '{name}', which has not been carried out",
            hint="a step can use those before it",
        )
    return picked[name]
