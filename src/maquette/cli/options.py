"""Options that several commands share, and how their values are read.

What is malformed is a usage error that shows the right form; what is well formed but out of range
is left to the studio, which knows the ranges.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import typer

from maquette.cli.refs import complete_finding, complete_version

__all__ = [
    "Caption",
    "EngineName",
    "FindingName",
    "FlagReading",
    "Guidance",
    "Interpreter",
    "Json",
    "ModelName",
    "Negative",
    "Output",
    "ProjectFolder",
    "ProjectsRoot",
    "Quality",
    "Sampler",
    "Seed",
    "Steps",
    "Version",
    "read_box",
    "read_number",
    "read_polygon",
    "read_size",
    "read_values",
    "read_weights",
]


def read_number(value: float | None) -> float | None:
    """A finite number, as an option's callback: 'nan' and 'inf' are no measure of anything."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is not a number to work with")
    return value


ProjectFolder = Annotated[
    str | None,
    typer.Option(
        "--project",
        metavar="DIR",
        help="The project's folder (default: MAQUETTE_PROJECT, else the current folder).",
    ),
]
ProjectsRoot = Annotated[
    Path | None,
    typer.Option(
        metavar="ROOT",
        help="A folder whose sub-folders are projects (default: MAQUETTE_PROJECTS, else one of"
        " your own); new ones are made there.",
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="One JSON object a line on stdout, nothing else.")
]
Version = Annotated[
    str,
    typer.Argument(
        metavar="V",
        help="A version: its id, a unique prefix, @ (newest) or @~N.",
        autocompletion=complete_version,
    ),
]
FindingName = Annotated[
    str,
    typer.Argument(
        metavar="FINDING",
        help="A finding's name, as 'maquette critique V' lists it.",
        autocompletion=complete_finding,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(metavar="N", help="Where the noise comes from, 0 to 4294967295 (default: any)."),
]
Quality = Annotated[
    Literal["draft", "preview", "final"],
    typer.Option(help="A preset of sampler, steps and guidance."),
]
Steps = Annotated[int | None, typer.Option(metavar="N", help="Sampler steps (default: preset's).")]
Guidance = Annotated[
    float | None,
    typer.Option(
        metavar="X",
        callback=read_number,
        help="How closely to follow the words, 0 to 50 (default: preset's).",
    ),
]
Negative = Annotated[str, typer.Option(metavar="TEXT", help="What to keep out of the picture.")]
Sampler = Annotated[
    Literal["ddim", "dpm++", "euler", "euler-a", "lcm"] | None,
    typer.Option(help="How noise becomes a picture (default: preset's)."),
]
Interpreter = Annotated[
    Literal["attention", "a1111", "plain"],
    typer.Option(help="Who reads the brackets of the prompt."),
]
FlagReading = Annotated[
    Literal["auto", "midjourney", "none"],
    typer.Option(
        help="Midjourney's flags at the prompt's end: translated where there are any, always"
        " (and refused when they are wrong), or drawn as words."
    ),
]
EngineName = Annotated[
    str | None,
    typer.Option("--engine", metavar="NAME", help="What draws (default: MAQUETTE_ENGINE)."),
]
ModelName = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="NAME", help="A model by name or folder (default: MAQUETTE_MODEL)."
    ),
]
Caption = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="What the picture shows, for one that came without words."),
]
Output = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE", help="Where to write it.")
]


def read_size(text: str | None) -> tuple[int, int] | None:
    """``WxH`` as (width, height).

    Raises:
        typer.BadParameter: for any other form.
    """
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,9})[xX×](\d{1,9})", text.strip())
    if not found:
        raise typer.BadParameter(
            f"{text!r} is not WIDTHxHEIGHT, such as 256x256", param_hint="--size"
        )
    return int(found[1]), int(found[2])


def read_box(text: str | None) -> tuple[int, int, int, int] | None:
    """``X,Y,W,H`` as four whole numbers.

    Raises:
        typer.BadParameter: for any other form.
    """
    if text is None:
        return None
    numbers = _whole_numbers(text)
    if len(numbers) != 4:
        raise typer.BadParameter(
            f"{text!r} is not X,Y,WIDTH,HEIGHT, such as 0,120,256,60", param_hint="--box"
        )
    return numbers[0], numbers[1], numbers[2], numbers[3]


def read_polygon(text: str | None) -> list[tuple[int, int]] | None:
    """``x,y x,y x,y …`` as three corners or more.

    Raises:
        typer.BadParameter: for any other form.
    """
    if text is None:
        return None
    corners = [_whole_numbers(corner) for corner in text.split()]
    if len(corners) < 3 or any(len(corner) != 2 for corner in corners):
        raise typer.BadParameter(
            f"{text!r} is not three corners or more, such as '0,0 40,0 20,30'",
            param_hint="--polygon",
        )
    return [(corner[0], corner[1]) for corner in corners]


def read_weights(texts: Iterable[str]) -> dict[str, float]:
    """``WORD=W …`` as a mapping; the last ``=`` splits, so a phrase may hold anything.

    Raises:
        typer.BadParameter: for any other form, or a word that is given twice.
    """
    weights: dict[str, float] = {}
    for text in texts:
        word, _, number = text.rpartition("=")
        word = word.strip()
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not word or not math.isfinite(weight):
            raise typer.BadParameter(
                f"{text!r} is not WORD=WEIGHT, such as moon=1.4 or 'full moon=1.4'",
                param_hint="WORD=W",
            )
        if word in weights:
            raise typer.BadParameter(f"{word!r} is given twice", param_hint="WORD=W")
        weights[word] = weight
    return weights


def read_values(texts: Iterable[str]) -> dict[str, str]:
    """``NAME=TEXT …`` as a mapping; the first ``=`` splits.

    Raises:
        typer.BadParameter: for any other form, or a name that is given twice.
    """
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise typer.BadParameter(
                f"{text!r} is not NAME=TEXT, such as product=mug", param_hint="--set"
            )
        if name in values:
            raise typer.BadParameter(f"{name!r} is given twice", param_hint="--set")
        values[name] = value
    return values


def _whole_numbers(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    return [int(part) for part in parts] if all(map(_is_whole, parts)) else []


def _is_whole(text: str) -> bool:
    return re.fullmatch(r"[+-]?\d{1,9}", text) is not None
