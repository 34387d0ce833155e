"""The command that explains how a prompt is read. It needs no project and no model."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from maquette.cli.call import Call
from maquette.cli.output import table, text
from maquette.errors import PromptRefused

__all__ = ["COMMANDS", "PANEL"]

PANEL = "Look"

STEPS = 30


def prompt(
    call: Call,
    words: Annotated[str, typer.Argument(metavar="TEXT", help="A prompt.")],
    steps: Annotated[
        int, typer.Option(metavar="N", min=1, max=1000, help="How many steps it is drawn in.")
    ] = STEPS,
) -> None:
    """Explain how a prompt is read: weights, swaps, alternations. Needs no project."""
    from maquette.core.grammar import MAX_LENGTH, explain

    if not words.strip():
        raise PromptRefused("the prompt is empty", hint="say what the picture shows")
    if len(words) > MAX_LENGTH:
        raise PromptRefused(
            f"the prompt has {len(words):,} characters, more than the {MAX_LENGTH:,} allowed",
            hint="shorten it; models read some 75 words at most",
        )
    told = explain(words, steps)
    if call.json:
        call.voice.emit(told)
        return
    _show_runs(call, told["runs"])
    if len(told["parts"]) > 1:
        grid = table("part", "weight", right=("weight",))
        for part in told["parts"]:
            grid.add_row(text(part["text"]), text(f"{part['weight']:g}"))
        call.voice.show(text(""), grid)
    if len(told["schedule"]) > 1:
        grid = table("steps", "draws", right=("steps",))
        first = 1
        for until, said in told["schedule"]:
            grid.add_row(text(f"{first}–{until}" if until > first else until), text(said))
            first = until + 1
        call.voice.show(text(""), grid)
    for lora in told["loras"]:
        call.voice.show(text(f"LoRA {lora['name']} at {lora['weight']:g}", "dim"))
    for problem in told["problems"]:
        call.voice.show(text(problem["message"], "yellow"))


def _show_runs(call: Call, runs: list[list[Any]]) -> None:
    """The prompt in one piece, louder words in warmer colours, then the weights as a list."""
    whole = text("")
    for said, weight in runs:
        whole.append_text(text(said, _style(weight)))
    call.voice.show(whole)
    weighed = [(said, weight) for said, weight in runs if weight not in {1.0, -1.0}]
    if weighed:
        grid = table("words", "weight", right=("weight",))
        for said, weight in weighed:
            grid.add_row(text(said.strip(" ,"), _style(weight)), text(f"{weight:.4g}"))
        call.voice.show(text(""), grid)


def _style(weight: float) -> str:
    if weight < 0:
        return "dim"
    if weight < 0.95:
        return "blue"
    if weight <= 1.05:
        return ""
    return "yellow" if weight <= 1.5 else "red"


COMMANDS = (prompt,)
