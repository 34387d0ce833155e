"""The command that explains how a prompt is read. It needs no project and loads no weights."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from maquette.cli.call import Call
from maquette.cli.options import EngineName, FlagReading, ModelName
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
    *,
    flags: FlagReading = "auto",
    engine: EngineName = None,
    model: ModelName = None,
) -> None:
    """Explain how a prompt is read: weights, swaps, alternations, Midjourney's flags and what
    they become with this model. Needs no project."""
    from maquette.core.grammar import MAX_LENGTH, explain

    if not words.strip():
        raise PromptRefused("the prompt is empty", hint="say what the picture shows")
    if len(words) > MAX_LENGTH:
        raise PromptRefused(
            f"the prompt has {len(words):,} characters, more than the {MAX_LENGTH:,} allowed",
            hint="shorten it; models read some 75 words at most",
        )
    asked = _flags(words, flags, engine, model)
    told = explain(asked["prompt"] if asked else words, steps)
    if call.json:
        call.voice.emit({**told, "flags": asked})
        return
    _show_runs(call, told["runs"])
    if asked:
        _show_flags(call, asked)
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


def _flags(
    words: str, reading: str, engine: str | None, model: str | None
) -> dict[str, Any] | None:
    """What the flags of a prompt become, ready for JSON; None where there are none to be read."""
    from maquette.cli.call import read_settings
    from maquette.core.flags import flag_problems, read_flags
    from maquette.studio.catalogue import Catalogue
    from maquette.studio.wording import read_words

    read = read_flags(words)
    if reading == "none" or not (read.any_known or reading == "midjourney"):
        return None
    able = Catalogue(read_settings()).engine(engine, model).capabilities()
    told = read_words(words, reading, able)
    return {
        "prompt": told.prompt,
        "negative": told.negative,
        "version": read.version,
        "settings": dict(told.settings),
        "references": [
            {"role": each.role, "source": each.source, "strength": each.strength}
            for each in told.references
        ],
        "done": [[outcome.flag, outcome.says] for outcome in told.done],
        "left": [[outcome.flag, outcome.says] for outcome in told.left],
        "problems": [
            {"span": list(doubt.span), "message": doubt.message, "severity": doubt.severity}
            for doubt in flag_problems(read)
        ],
    }


def _show_flags(call: Call, asked: dict[str, Any]) -> None:
    grid = table("flag", "becomes")
    for flag, says in asked["done"]:
        grid.add_row(text(flag), text(says))
    for flag, says in asked["left"]:
        grid.add_row(text(flag, "yellow"), text(f"nothing: {says}", "yellow"))
    call.voice.show(text(""), grid)
    for problem in asked["problems"]:
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
