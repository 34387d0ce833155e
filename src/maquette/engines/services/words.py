"""A recipe's words in the dialect that a service reads, and what is lost on the way."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from maquette.core.grammar import Alternate, Lora, Prompt, Run, Swap, loras, parse, runs
from maquette.core.recipe import PromptText
from maquette.engines.base import Substitution
from maquette.errors import RecipeRefused

__all__ = ["Words", "a1111_words", "comfy_words", "plain_words"]


@dataclass(frozen=True)
class Words:
    """Prompt and negative prompt as they are sent, and what was changed about them."""

    text: str
    negative: str
    said: tuple[Substitution, ...] = ()


def plain_words(prompt: PromptText, *, negative: bool) -> Words:
    """For services that read sentences and no brackets: weights are left out, and said. Where
    there is no negative prompt, it becomes a sentence.

    Raises:
        RecipeRefused: words that change while drawing, several prompts in one, or a LoRA.
    """
    if prompt.interpreter == "plain":
        text, told = prompt.text, list[Substitution]()
        unwanted = prompt.negative
    else:
        text, told = _unweighted(prompt.text)
        unwanted, more = _unweighted(prompt.negative)
        told += more
    text, unwanted = text.strip(), unwanted.strip()
    if unwanted and not negative:
        sentence = f"Without: {unwanted}."
        told.append(
            Substitution(
                asked=prompt.negative,
                given=f"'{sentence}' in the prompt",
                reason="this service has no negative prompt",
            )
        )
        text, unwanted = f"{text}\n{sentence}", ""
    return Words(text, unwanted, tuple(told))


def a1111_words(prompt: PromptText) -> Words:
    """For A1111's own dialect. Words that it would read are escaped where ``plain`` is asked;
    ``attention`` weighs otherwise, which is said when there are weights.

    Raises:
        RecipeRefused: a LoRA, which the server would look for under its own names.
    """
    if prompt.interpreter == "plain":
        return Words(_escaped(prompt.text), _escaped(prompt.negative))
    told: list[Substitution] = []
    for text in (prompt.text, prompt.negative):
        tree = parse(text)
        _no_loras(tree)
        if prompt.interpreter == "attention":
            told += _otherwise(runs(tree), "scales the words' embeddings instead")
    return Words(prompt.text, prompt.negative, tuple(told))


def comfy_words(prompt: PromptText, *, answered: Collection[str] = ()) -> Words:
    """For ComfyUI: each run of equal weight in one pair of brackets, since nested ones count
    otherwise there, and square ones not at all. Tags of the LoRAs in ``answered`` are left out.

    Raises:
        RecipeRefused: as ``plain_words``.
    """
    if prompt.interpreter == "plain":
        return Words(_escaped(prompt.text), _escaped(prompt.negative))
    told: list[Substitution] = []
    written: list[str] = []
    for text in (prompt.text, prompt.negative):
        tree = _steady(text, answered)
        found = runs(tree)
        told += _otherwise(found, "moves the words' embeddings away from an empty prompt's")
        written.append("".join(_weighed(run) for run in found))
    return Words(written[0], written[1], tuple(told))


def _unweighted(text: str) -> tuple[str, list[Substitution]]:
    found = runs(_steady(text))
    said = [
        Substitution(
            asked=f"({run.text.strip()}:{run.weight:g})",
            given=run.text.strip(),
            reason="this service reads no weights",
        )
        for run in found
        if run.kind == "text" and run.weight != 1 and run.text.strip()
    ]
    return "".join(", " if run.kind == "break" else run.text for run in found), said


def _steady(text: str, answered: Collection[str] = ()) -> Prompt:
    tree = parse(text)
    if len(tree.parts) > 1:
        raise RecipeRefused("this service takes one prompt, not several joined by AND")
    if any(_changes(part.nodes) for part in tree.parts):
        raise RecipeRefused("this service cannot change words while it draws ([a:b:0.5], [a|b])")
    _no_loras(tree, answered)
    return tree


def _changes(nodes: object) -> bool:
    """Whether there is a swap or an alternation anywhere in a tree."""
    if isinstance(nodes, Swap | Alternate):
        return True
    if isinstance(nodes, tuple):
        return any(_changes(node) for node in nodes)
    inner = getattr(nodes, "nodes", None)
    return inner is not None and not isinstance(nodes, Lora) and _changes(tuple(inner))


def _no_loras(tree: Prompt, answered: Collection[str] = ()) -> None:
    if tags := [tag for tag in loras(tree) if tag.name not in answered]:
        raise RecipeRefused(f"this service has no LoRA '{tags[0].name}' of ours")


def _otherwise(found: tuple[Run, ...], how: str) -> list[Substitution]:
    return [
        Substitution(
            asked=f"({run.text.strip()}:{run.weight:g})",
            given="the same weight, read otherwise",
            reason=f"this server {how}",
        )
        for run in found
        if run.kind == "text" and run.weight != 1 and run.text.strip()
    ]


def _weighed(run: Run) -> str:
    if run.kind == "break":
        return ", "
    text = _escaped(run.text)
    return text if run.weight == 1 or not text.strip() else f"({text}:{run.weight:g})"


def _escaped(text: str) -> str:
    return re.sub(r"([()\[\]\\])", r"\\\1", text)
