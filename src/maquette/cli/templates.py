"""Commands for templates: shown, drawn row by row, carried out as a chain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from maquette.cli.call import Call
from maquette.cli.options import (
    EngineName,
    Guidance,
    ModelName,
    Negative,
    Seed,
    Steps,
    read_size,
    read_values,
)
from maquette.cli.output import table, text

if TYPE_CHECKING:
    from maquette.core.playbook import Playbook

__all__ = ["COMMANDS", "PANEL", "open_book"]

PANEL = "Templates"

TemplateText = Annotated[
    str,
    typer.Argument(
        metavar="TEMPLATE",
        help="A template, @FILE for a file that holds one, or with --playbook the name of one.",
    ),
]
Book = Annotated[
    str | None,
    typer.Option(
        "--playbook", metavar="BOOK", help="A playbook's file, or the name of a saved one."
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=TEXT", help="A variable's value; as often as needed."),
]
Rows = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Values row by row: CSV with a head, or JSON lines."),
]
Lists = Annotated[
    Path | None, typer.Option("--wildcards", metavar="DIR", help="A folder of lists.")
]
Choose = Annotated[
    int, typer.Option(metavar="N", help="What decides the choices, as a seed does the noise.")
]
All = Annotated[bool, typer.Option("--all", help="Every way to fill it, instead of -n.")]
HowMany = Annotated[int, typer.Option("-n", metavar="N", help="How many texts for each row.")]
NamedBook = Annotated[
    str,
    typer.Argument(metavar="BOOK", help="A playbook's file (….yaml), or the name of a saved one."),
]


def template(
    call: Call,
    template: TemplateText,
    *,
    playbook: Book = None,
    set_: Set = None,
    rows: Rows = None,
    wildcards: Lists = None,
    n: HowMany = 10,
    every: All = False,
    choose: Choose = 0,
) -> None:
    """Show what a template says: how many ways there are, and some or all of them. Draws nothing.

    Needs no project unless it uses a saved playbook.
    """
    from maquette.core.playbook import bind, fill

    values, asked = read_values(set_ or []), _rows(rows)
    book, name = _book(call, template, playbook, wildcards)
    for number, row in enumerate(asked or [{}], 1):
        given = {**values, **row}
        ways = bind(book, name, given)[0].ways
        filled = fill(book, name, given, n=None if every else n, seed=choose)
        for each in filled:
            record = {
                "text": each.text,
                "negative": each.negative,
                "locked": list(each.locked),
                "row": number if asked else None,
                "ways": ways,
            }
            if call.json:
                call.voice.emit(record)
            else:
                call.voice.line(each.text)
        if not call.json:
            told = f"row {number}: " if asked else ""
            call.voice.aside(f"{told}{len(filled)} of {_ways(ways)}")


def fill(
    call: Call,
    template: TemplateText,
    *,
    playbook: Book = None,
    set_: Set = None,
    rows: Rows = None,
    wildcards: Lists = None,
    n: HowMany = 1,
    every: All = False,
    choose: Choose = 0,
    negative: Negative = "",
    seed: Seed = None,
    same_seed: Annotated[
        bool, typer.Option("--same-seed", help="One seed for all, not seeds that follow.")
    ] = False,
    quality: Annotated[
        Literal["draft", "preview", "final"] | None,
        typer.Option(help="A preset (default: the template's)."),
    ] = None,
    steps: Steps = None,
    guidance: Guidance = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Pixels (default: the template's).")
    ] = None,
    engine: EngineName = None,
    model: ModelName = None,
) -> None:
    """Draw pictures from a template, row by row. Each version tells which template, which row and
    which values it came from.

    Makes the project when the folder has none.
    """
    values, asked, pixels = read_values(set_ or []), _rows(rows), read_size(size)
    with call.studio(create=True, engine=engine, model=model) as studio:
        order = studio.orders.fill(
            _text(template) if playbook is None else template,
            playbook=playbook,
            values=values,
            rows=asked,
            n=None if every else n,
            choose=choose,
            wildcards=_lists(wildcards),
            negative=negative,
            seed=seed,
            same_seed=same_seed,
            size=pixels,
            quality=quality,
            steps=steps,
            guidance=guidance,
        )
        call.make(studio, "drawing", lambda: studio.carry_out(order), total=len(order.recipes))


def play(
    call: Call,
    playbook: NamedBook,
    chain: Annotated[str, typer.Argument(metavar="CHAIN", help="A chain of the playbook.")],
    *,
    set_: Set = None,
    seed: Seed = None,
    engine: EngineName = None,
    model: ModelName = None,
) -> None:
    """Carry out a chain of a playbook: fill, draw, pick, and go on from what was picked.

    Makes the project when the folder has none.
    """
    from maquette.cli.records import version_record

    values = read_values(set_ or [])
    with call.studio(create=True, engine=engine, model=model) as studio:
        with call.waiting("drawing"):
            links = studio.play(playbook, chain, values, seed=seed)
        grid = table("step", "version", "picked", "words")
        for link in links:
            for version in link.versions:
                picked = version.id == link.picked.id
                if call.json:
                    record = version_record(studio, version)
                    call.voice.emit({**record, "step": link.step, "picked": picked})
                prompt = version.recipe.prompt
                grid.add_row(
                    text(link.step),
                    text(version.short, "bold" if picked else ""),
                    text("*" if picked else ""),
                    text(prompt.text if prompt else ""),
                )
        call.voice.show(grid)


def open_book(call: Call, source: str) -> Playbook:
    """A playbook by its file, or by the name under which the project has saved it."""
    if source.endswith((".yaml", ".yml")):
        from maquette.exchange.playbooks import read_playbook

        return read_playbook(source)
    with call.studio() as studio:
        return studio.playbook(source).playbook


def _book(
    call: Call, template: str, playbook: str | None, wildcards: Path | None
) -> tuple[Playbook, str]:
    if playbook is not None:
        return open_book(call, playbook), template
    from maquette.studio.filling import loose

    return loose(_text(template), _lists(wildcards)), "text"


def _text(template: str) -> str:
    if not template.startswith("@"):
        return template
    from maquette.exchange.playbooks import read_text

    return read_text(template[1:])


def _lists(folder: Path | None) -> dict[str, tuple[str, ...]]:
    if folder is None:
        return {}
    from maquette.exchange.playbooks import read_wildcards

    return read_wildcards(folder)


def _rows(path: Path | None) -> list[dict[str, str]]:
    if path is None:
        return []
    from maquette.exchange.playbooks import read_rows

    return read_rows(path)


def _ways(ways: int) -> str:
    from maquette.core.template import MOST_WAYS

    if ways == 1:
        return "1 way"
    return f"{ways:,} ways" + (" or more" if ways >= MOST_WAYS else "")


COMMANDS = (template, fill, play)
