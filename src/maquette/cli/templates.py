"""Commands for templates and playbooks: read, count, fill, draw, test, write out, keep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

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

__all__ = ["COMMANDS", "PANEL"]

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


def playbook(
    call: Call,
    action: Annotated[
        Literal["check", "test", "render", "diff", "save", "list"],
        typer.Argument(
            metavar="ACTION",
            help="check how it is written, test its examples, render it as a document, diff it"
            " with another, save it in the project, list the saved ones.",
        ),
    ],
    book: Annotated[
        str | None,
        typer.Argument(metavar="BOOK", help="A playbook's file, or a saved one: acme, acme@2."),
    ] = None,
    other: Annotated[
        str | None, typer.Argument(metavar="OTHER", help="For diff: what it became.")
    ] = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="For render: ….md or ….html."),
    ] = None,
) -> int:
    """Look after playbooks: a brand's documented templates. Exit code 1 when a test fails.

    Needs no project for files.
    """
    if (action == "list") != (book is None) or (other is not None) != (action == "diff"):
        raise typer.BadParameter(f"'{action}' takes {_TAKES[action]}", param_hint="BOOK")
    if output is not None and action != "render":
        raise typer.BadParameter("only render writes a file", param_hint="--output")
    if action == "list":
        return _list(call)
    assert book is not None  # noqa: S101 - seen to above
    if action == "save":
        with call.studio(create=True) as studio:
            kept = studio.save_playbook(book)
        _say(call, kept.name, "", f"saved as revision {kept.number}", revision=kept.number)
        return 0
    found = _open(call, book)
    match action:
        case "check":
            return _check(call, found)
        case "test":
            return _test(call, found)
        case "render":
            return _render(call, found, output)
        case _:
            return _diff(call, found, _open(call, other or ""))


_TAKES = {
    "check": "one playbook",
    "test": "one playbook",
    "render": "one playbook",
    "save": "one playbook's file",
    "diff": "two playbooks",
    "list": "nothing else",
}


def _list(call: Call) -> int:
    with call.studio() as studio:
        for name in studio.playbooks.names():
            revisions = studio.playbooks.revisions(name)
            try:
                version = studio.playbook(name).playbook.version
            except Exception as error:
                version = f"cannot be read: {error}"
            said = f"version {version}, revision {revisions[-1].number}"
            _say(call, name, "", said, revision=revisions[-1].number)
    return 0


def _check(call: Call, book: Playbook) -> int:
    from maquette.core.playbook import lint

    remarks = lint(book)
    for remark in remarks:
        style = "red" if remark.severity == "error" else "yellow"
        ok = remark.severity != "error"
        _say(call, book.name, remark.where, remark.message, ok=ok, style=style)
    if not remarks and not call.json:
        call.voice.line(f"{book.name} {book.version}: nothing to mend")
    return int(any(remark.severity == "error" for remark in remarks))


def _test(call: Call, book: Playbook) -> int:
    from maquette.core.playbook import run_tests

    checks = run_tests(book)
    for check in checks:
        style = "" if check.ok else "red"
        said = "passed" if check.ok else check.wrong
        _say(call, book.name, check.where, said, ok=check.ok, style=style)
    failed = sum(not check.ok for check in checks)
    if not call.json:
        call.voice.aside(f"{len(checks) - failed} of {len(checks)} passed")
    return int(failed > 0)


def _render(call: Call, book: Playbook, output: Path | None) -> int:
    from maquette.core.playbook import as_html, as_markdown

    page = output is not None and output.suffix in {".html", ".htm"}
    document = as_html(book) if page else as_markdown(book)
    if output is None and not call.json:
        print(document, end="")
        return 0
    if output is not None:
        _write(output, document)
    _say(call, book.name, "", f"written to {output}", file=str(output) if output else None)
    return 0


def _diff(call: Call, before: Playbook, after: Playbook) -> int:
    from maquette.core.playbook import differences

    found = differences(before, after)
    for each in found:
        if call.json:
            changed = {"before": each.before, "after": each.after}
            _say(call, after.name, each.where, each.kind, **changed)
            continue
        call.voice.line(text(f"{each.where}: {each.kind}", "bold"))
        for sign, value, style in (("-", each.before, "red"), ("+", each.after, "green")):
            if value is not None:
                call.voice.show(text(f"  {sign} {_short(value)}", style))
    if not found and not call.json:
        call.voice.line("no difference")
    return 0


def _say(
    call: Call,
    name: str,
    where: str,
    message: str,
    *,
    ok: bool = True,
    style: str = "",
    **more: Any,
) -> None:
    record = {"playbook": name, "where": where, "ok": ok, "message": message}
    rest = dict.fromkeys(("revision", "before", "after", "file"))
    if call.json:
        call.voice.emit({**record, **rest, **more})
    else:
        call.voice.show(text(": ".join(part for part in (where or name, message) if part), style))


def _short(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _open(call: Call, source: str) -> Playbook:
    if source.endswith((".yaml", ".yml")):
        from maquette.exchange.playbooks import read_playbook

        return read_playbook(source)
    with call.studio() as studio:
        return studio.playbook(source).playbook


def _book(
    call: Call, template: str, playbook: str | None, wildcards: Path | None
) -> tuple[Playbook, str]:
    if playbook is not None:
        return _open(call, playbook), template
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


def _write(path: Path, document: str) -> None:
    from maquette.errors import ExportRefused

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document, encoding="utf-8")
    except OSError as error:
        raise ExportRefused(
            f"cannot write {path}: {error.strerror or error}", hint="choose another place"
        ) from error


COMMANDS = (template, fill, play, playbook)
