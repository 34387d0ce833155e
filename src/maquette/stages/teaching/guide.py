"""The prompt guide: a page for the team on how to ask for what was learned."""

from __future__ import annotations

import re
from collections import Counter

from maquette.core.grammar.content import is_content
from maquette.core.training import Training
from maquette.stages.teaching.report import Report

__all__ = ["guide_of", "words_beside"]

MOST = 14
"""Words that are recommended at most."""


def words_beside(
    training: Training, vocabulary: frozenset[str] | None = None
) -> list[tuple[str, int]]:
    """The words that captions said beside the trigger, the commonest first, with how often; of a
    model with a closed vocabulary only those that it knows."""
    counted: Counter[str] = Counter()
    own = set(re.findall(r"\w+", training.trigger.lower()))
    for example in training.examples:
        found = set(re.findall(r"[^\W\d_][\w'-]*", example.caption.lower()))
        counted.update(word for word in found - own if is_content(word))
    known = counted if vocabulary is None else {w: n for w, n in counted.items() if w in vocabulary}
    every = len(training.examples)
    return sorted(
        ((word, count) for word, count in known.items() if count < every or every < 3),
        key=lambda each: (-each[1], each[0]),
    )[:MOST]


def guide_of(training: Training, report: Report, vocabulary: frozenset[str] | None = None) -> str:
    """The guide as Markdown."""
    lora = training.adapter == "lora"
    name, trigger = training.name, training.trigger
    example = training.samples[0] if training.samples else trigger
    option = f"--lora {name}" if lora else f"--embedding {name}={trigger}"
    lines = [
        f"# {name}",
        "",
        f"A {_KINDS[training.method.kind]} for {training.model.name}, learned from"
        f" {len(training.examples)} pictures in {report.steps} steps.",
        "",
        "## How to ask for it",
        "",
        f"Say **{trigger}** where it shall be, and draw with `{option}`:",
        "",
        f'    maquette generate "{example}" {option}',
        "",
    ]
    if lora:
        lines += [
            f"In a prompt of its own: `{example} <lora:{name}:1>`. Lower the weight where it takes"
            " over what stands beside it.",
            "",
        ]
    lines += _words(training, vocabulary)
    lines += _figures(report)
    if training.samples:
        lines += ["## Prompts of the sheet", "", *(f"- {text}" for text in training.samples), ""]
    licence = (
        training.licence or "not said; ask whoever owns the pictures before it leaves the house"
    )
    lines += [
        "## What it is",
        "",
        f"- Licence: {licence}",
        f"- Training `{training.digest[:12]}`, adapter `{report.adapter.digest[:12]}`,"
        f" model {training.model.name} `{training.model.digest[:12]}`",
        f"- {report.parameters:,} numbers, {report.seconds / 60:.1f} minutes",
        "",
    ]
    return "\n".join(lines)


_KINDS = {
    "lora": "LoRA",
    "dreambooth": "LoRA by DreamBooth, with pictures of the model's own beside,",
    "embedding": "learned word",
}


def _words(training: Training, vocabulary: frozenset[str] | None) -> list[str]:
    words = words_beside(training, vocabulary)
    if not words:
        return [
            "## Words",
            "",
            "The captions said nothing beside it, so it may bring its surroundings along.",
            "",
        ]
    told = ", ".join(f"{word} ({count})" for word, count in words)
    return [
        "## Words that go well with it",
        "",
        f"The pictures showed it with (how many of {len(training.examples)}): {told}.",
        "Other words that the model knows work too, the less surely the further they are from"
        " these.",
        "",
    ]


def _figures(report: Report) -> list[str]:
    if report.identity is None:
        return []
    told = report.identity
    return [
        "## How much it is itself",
        "",
        f"Of what the pictures share, those drawn with it show {told.trained:.2f}; the model showed"
        f" {told.base:.2f} before, and the pictures themselves come to {told.examples:.2f}.",
        "",
    ]
