"""Commands for the way out and in: export, verify, import."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from maquette.cli.call import Call, read_settings
from maquette.cli.options import Caption, Version
from maquette.cli.output import table, text
from maquette.cli.refs import complete_version
from maquette.cli.words import bytes_in_words

if TYPE_CHECKING:
    from maquette.core.version import Version as Made
    from maquette.exchange.imports import Found
    from maquette.exchange.verify import Verdict

__all__ = ["COMMANDS", "PANEL"]

PANEL = "Release"
STATES = {"trusted": "bold green", "valid": "green", "unsigned": "yellow", "invalid": "bold red"}

AnyFile = Annotated[Path, typer.Argument(metavar="FILE", help="A picture file.")]


def export(
    call: Call,
    v: Version,
    *,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Where to write it.")
    ],
    format: Annotated[
        Literal["png", "jpeg", "webp"] | None,
        typer.Option(help="The file's format (default: by the name's ending)."),
    ] = None,
    quality: Annotated[
        int, typer.Option(metavar="N", min=1, max=100, help="Of JPEG and WebP, 1 to 100.")
    ] = 92,
    no_prompts: Annotated[
        bool, typer.Option("--no-prompts", help="Leave every prompt text out of the file.")
    ] = False,
    no_sign: Annotated[bool, typer.Option("--no-sign", help="Sign nothing.")] = False,
    workflow: Annotated[
        Literal["comfyui"] | None,
        typer.Option(help="Write a workflow that ComfyUI runs instead of a picture."),
    ] = None,
) -> None:
    """Write a version as a file for the world: marked, described and signed."""
    if workflow is not None:
        _export_workflow(call, v, output, workflow)
        return
    with call.studio() as studio:
        released = studio.export(
            v, output, format=format, quality=quality, prompts=not no_prompts, sign=not no_sign
        )
    if call.json:
        call.voice.emit(
            {
                "file": str(released.path),
                "format": released.format,
                "bytes": released.bytes,
                "digest": released.digest,
                "signed": released.signed,
                "pictures": [],
                "models": [],
                "notes": [],
            }
        )
        return
    signed = "signed" if released.signed else "not signed"
    size = bytes_in_words(released.bytes)
    call.voice.line(f"written: {released.path}, {released.format}, {size}, {signed}")
    call.voice.hint(f"maquette verify {shlex.quote(str(released.path))}")


def _export_workflow(call: Call, v: str, output: Path, kind: str) -> None:
    with call.studio() as studio:
        done = studio.export_workflow(v, output, kind=kind)
    if call.json:
        call.voice.emit(
            {
                "file": str(done.path),
                "format": kind,
                "bytes": done.bytes,
                "digest": done.digest,
                "signed": False,
                "pictures": [str(path) for path in done.pictures],
                "models": list(done.models),
                "notes": list(done.notes),
            }
        )
        return
    call.voice.line(f"written: {done.path}, {kind}, {bytes_in_words(done.bytes)}")
    for model in done.models:
        call.voice.line(f"it needs models/{model}")
    for path in done.pictures:
        call.voice.line(f"put into ComfyUI's folder input: {path}")
    for note in done.notes:
        call.voice.remark(note)


def verify(call: Call, file: AnyFile) -> int:
    """Say what a file tells of its origin, and whether that still holds.

    Needs no project. The exit code is 1 when the credentials do not hold.
    """
    from maquette.studio import verify_file

    verdict = verify_file(file, read_settings())
    if call.json:
        call.voice.emit(
            {
                "state": verdict.state,
                "actions": [action.model_dump(mode="json") for action in verdict.actions],
                "digital_source_type": verdict.digital_source_type,
                "problems": list(verdict.problems),
                "signer": verdict.signer or None,
            }
        )
    else:
        _show_verdict(call, verdict)
    return int(verdict.state == "invalid")


def _show_verdict(call: Call, verdict: Verdict) -> None:
    grid = table("", "")
    grid.show_header = False
    grid.add_row(text("state", "dim"), text(verdict.state, STATES[verdict.state]))
    for name, value in (
        ("signed by", verdict.signer),
        ("made with", verdict.generator),
        ("source", verdict.digital_source_type),
    ):
        if value:
            grid.add_row(text(name, "dim"), text(value))
    for action in verdict.actions:
        grid.add_row(
            text(action.when[:19].replace("T", " ") or "then", "dim"),
            text(action.description or action.action),
        )
    for problem in verdict.problems:
        grid.add_row(text("problem", "yellow"), text(problem))
    call.voice.show(grid)


def import_(
    call: Call,
    file: AnyFile,
    caption: Caption = None,
    of: Annotated[
        str | None,
        typer.Option(
            "--of",
            metavar="V",
            help="The version that it is a retouched copy of; it becomes its child.",
            autocompletion=complete_version,
        ),
    ] = None,
) -> None:
    """Take a picture from outside (a PSD too), with whatever recipe its file tells of.

    Makes the project when the folder has none.
    """
    found: list[Found] = []

    def take() -> list[Made]:
        version, said = studio.import_picture(file, caption=caption, of=of)
        found.append(said)
        return [version]

    with call.studio(create=of is None) as studio:
        call.make(studio, "importing", take)
    for said in found:
        if said.source:
            call.voice.remark(f"its file tells of a recipe ({said.source})")
        for lost in said.unread:
            call.voice.remark(f"not carried over: {lost}")


COMMANDS = (export, verify, import_)
