"""The command for playbooks: checked, tested, written out, compared, kept by revision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from maquette.cli.call import Call
from maquette.cli.output import text
from maquette.cli.templates import PANEL, open_book

if TYPE_CHECKING:
    from maquette.core.playbook import Playbook

__all__ = ["COMMANDS", "PANEL"]


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
    found = open_book(call, book)
    match action:
        case "check":
            return _check(call, found)
        case "test":
            return _test(call, found)
        case "render":
            return _render(call, found, output)
        case _:
            return _diff(call, found, open_book(call, other or ""))


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


def _write(path: Path, document: str) -> None:
    from maquette.errors import ExportRefused

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document, encoding="utf-8")
    except OSError as error:
        raise ExportRefused(
            f"cannot write {path}: {error.strerror or error}", hint="choose another place"
        ) from error


COMMANDS = (playbook,)
