"""What a recipe's prompt asks of the drawing loop: which texts at which steps, at what weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from maquette.core.conditioning import Lora
from maquette.core.grammar import loras, parse, words
from maquette.core.grammar.nodes import Break, Node, Span, Text, Weighted
from maquette.core.grammar.parser import read_weights
from maquette.core.grammar.schedule import resolve
from maquette.core.grammar.words import product
from maquette.core.recipe import Interpreter, Recipe
from maquette.errors import RecipeRefused, SettingRefused

__all__ = ["Run", "Strand", "check_prompt", "strands"]


@dataclass(frozen=True)
class Run:
    """Letters of one weight. ``places`` is the source offset of each letter.

    ``ends_chunk``: a BREAK follows, the rest of the chunk is padded.
    """

    text: str
    weight: float
    places: tuple[int, ...]
    ends_chunk: bool = False


@dataclass(frozen=True)
class Strand:
    """One part of a composable prompt at one step: its runs and its weight among the parts."""

    runs: tuple[Run, ...]
    weight: float = 1.0


def check_prompt(recipe: Recipe) -> None:
    """What the grammar allows and this engine cannot honour.

    Raises:
        RecipeRefused: LoRA tags that no conditioning answers; AND in a negative prompt.
        SettingRefused: a negative weight where weights go to the attention.
    """
    prompt = recipe.prompt
    assert prompt is not None  # noqa: S101
    if prompt.interpreter == "plain":
        return
    for text in (prompt.text, prompt.negative):
        tree = parse(text)
        held = {each.name for each in recipe.conditionings if isinstance(each, Lora)}
        tags = [tag for tag in loras(tree) if tag.name not in held]
        if tags:
            raise RecipeRefused(
                f"the prompt asks for the LoRA '{tags[0].name}', which the recipe does not hold",
                hint=f"take <lora:{tags[0].name}…> out of the prompt",
            )
        low = [word for word in words(tree) if word.weight < 0]
        if low and prompt.interpreter == "attention":
            raise SettingRefused(
                f"'{low[0].text}' has the weight {low[0].weight:g}; attention takes 0 and more",
                hint="use 0 to leave it out, or the negative prompt",
            )
    if len(parse(prompt.negative).parts) > 1:
        raise RecipeRefused("a negative prompt has no AND", hint="use commas there")


def strands(text: str, interpreter: Interpreter, steps: int) -> list[tuple[Strand, ...]]:
    """The strands at each of ``steps`` steps. Equal steps hold equal strands."""
    if interpreter == "plain":
        run = Run(text, 1.0, tuple(range(len(text))))
        return [(Strand((run,)),)] * steps
    tree = parse(text)
    seen: dict[tuple[int, tuple[Span, ...]], tuple[Run, ...]] = {}

    def strand(part: int, step: int) -> Strand:
        slices = resolve(tree, step, steps, part)
        if (part, slices) not in seen:
            seen[part, slices] = tuple(_runs(text, slices))
        return Strand(seen[part, slices], tree.parts[part].weight)

    return [
        tuple(strand(part, step) for part in range(len(tree.parts))) for step in range(1, steps + 1)
    ]


def _runs(source: str, slices: Sequence[Span]) -> Iterator[Run]:
    """The text that these slices make, with the source offset of every letter.

    ``grammar.runs`` tells the same runs by their ends only; maps need to know each token's place.
    """
    places = [at for start, end in slices for at in range(start, end)]
    held: Run | None = None
    for run in _walk(read_weights("".join(source[start:end] for start, end in slices)), (), places):
        if held is None:
            held = run
        elif held.ends_chunk or (run.weight != held.weight and run.text):
            yield held
            held = run
        else:
            held = Run(held.text + run.text, held.weight, held.places + run.places, run.ends_chunk)
    if held is not None:
        yield held


def _walk(
    nodes: Sequence[Node], around: tuple[Weighted, ...], places: Sequence[int]
) -> Iterator[Run]:
    for node in nodes:
        match node:
            case Text():
                letters = tuple(places[node.source_offset(at)] for at in range(len(node.text)))
                yield Run(node.text, product(around), letters)
            case Weighted():
                yield from _walk(node.nodes, (*around, node), places)
            case Break():
                yield Run("", product(around), (), ends_chunk=True)
            case _:
                pass
