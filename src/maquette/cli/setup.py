"""Commands about the place itself: the project, the models, the health of it all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from maquette.cli.call import Call, read_settings
from maquette.cli.options import ModelName
from maquette.cli.output import table, text

if TYPE_CHECKING:
    from maquette.engines.diffusers.models import ModelCard

__all__ = ["COMMANDS", "PANEL"]

PANEL = "Set up"

_STATES = {
    True: ("as listed", "green"),
    False: ("damaged", "bold red"),
    None: ("no list to compare with", "dim"),
}


def init(call: Call) -> None:
    """Make a project in a folder; one that is there already stays as it is."""
    with call.studio(create=True, quiet=True) as studio:
        where = studio.root.resolve()
        if call.json:
            call.voice.emit({"project": str(where), "created": studio.created})
            return
        made = "made a project in" if studio.created else "there is a project already in"
    call.voice.line(f"{made} {where}")
    call.voice.hint('maquette generate "a wolf under a full moon"')


def models(
    call: Call,
    what: Annotated[
        Literal["list", "verify"],
        typer.Argument(metavar="list|verify", help="'verify' reads every file and compares it."),
    ] = "list",
) -> int:
    """List the models at hand, or verify that their files are as listed. Needs no project.

    The exit code is 1 when a file is missing or damaged.
    """
    from maquette.engines.diffusers.models import find_model, list_models
    from maquette.errors import MaquetteError

    try:
        default = find_model(read_settings().model)
    except MaquetteError:
        default = None
    cards = list_models()
    said = {card.ref.name: _verified(card) if what == "verify" else (None, "") for card in cards}
    failed = any(sound is False for sound, _ in said.values())
    if call.json:
        for card in cards:
            call.voice.emit(
                {
                    "name": card.ref.name,
                    "path": str(card.folder),
                    "digest": card.ref.digest,
                    "width": card.native.width,
                    "height": card.native.height,
                    "family": card.family,
                    "licence": card.licence,
                    "words": len(card.vocabulary) if card.vocabulary is not None else None,
                    "default": card.folder.resolve() == default,
                    "verified": said[card.ref.name][0],
                    "problem": said[card.ref.name][1],
                }
            )
        return int(failed)
    if not cards:
        call.voice.show(text("no models at hand"))
        call.voice.hint("maquette generate … --model FOLDER")
        return 0
    if what == "verify":
        grid = table("model", "files", "")
        for card in cards:
            sound, problem = said[card.ref.name]
            state, style = _STATES[sound]
            grid.add_row(text(card.ref.name, "bold"), text(state, style), text(problem))
        call.voice.show(grid)
        return int(failed)
    grid = table(
        "model", "family", "best at", "words", "licence", "digest", "where", right=("words",)
    )
    for card in cards:
        star = "  (default)" if card.folder.resolve() == default else ""
        words = len(card.vocabulary) if card.vocabulary is not None else "any"
        grid.add_row(
            text(card.ref.name + star, "bold"),
            text(card.driver.title),
            text(card.native),
            text(words),
            text(card.licence or "not stated"),
            text(card.ref.digest[:10]),
            text(card.folder, "dim"),
        )
    call.voice.show(grid)
    return 0


def adapters(call: Call, *, model: ModelName = None) -> None:
    """List what can be put on a model: LoRAs, embeddings, control and reference networks, with
    what does not fit and why. Needs no project."""
    from maquette.engines.base import Adapting
    from maquette.engines.diffusers import create
    from maquette.studio.engines import Engines

    settings = read_settings()
    engine = Engines(settings, None, model).get()
    if not isinstance(engine, Adapting):
        engine = create(model or settings.model, models=settings.models)
    found = engine.adapters()
    if call.json:
        for each in found:
            call.voice.emit(each.model_dump(mode="json"))
        return
    if not found:
        call.voice.show(text("no adapters at hand"))
        call.voice.hint("put safetensors into MAQUETTE_MODELS/loras, embeddings, control …")
        return
    grid = table("adapter", "kind", "for", "licence", "does not fit because")
    for each in found:
        grid.add_row(
            text(each.name, "bold"),
            text(each.kind),
            text(
                ", ".join((*each.conditions, *each.roles)) or each.trigger,
            ).append(f" of {each.numbers} numbers" if each.numbers else "", "dim"),
            text(each.licence or "not stated", "" if each.licence else "dim"),
            text(each.misfit, "dim"),
        )
    call.voice.show(grid)


def _verified(card: ModelCard) -> tuple[bool | None, str]:
    """Whether a model's files are those of its list (None without a list), and what is not."""
    from maquette.engines.diffusers.models import verify_model
    from maquette.errors import MaquetteError

    if not card.about.get("files"):
        return None, ""
    try:
        verify_model(card, fresh=True)
    except MaquetteError as error:
        return False, str(error)
    return True, ""


def doctor(call: Call) -> int:
    """Look whether everything is in order; the exit code is 1 when something is not."""
    from rich.table import Table

    from maquette.cli.health import examine

    marks = {"ok": ("●", "green"), "warn": ("●", "yellow"), "fail": ("●", "bold red")}
    failed = False
    for check in examine(call.project):
        failed = failed or check.level == "fail"
        if call.json:
            call.voice.emit(
                {
                    "check": check.name,
                    "ok": check.level != "fail",
                    "detail": check.detail,
                    "level": check.level,
                    "remedy": check.remedy,
                }
            )
            continue
        said = text(check.detail)
        if check.remedy:
            said.append(f"\n→ {check.remedy}", "dim")
        row = Table.grid(padding=(0, 1))
        row.add_column(width=1)
        row.add_column(width=12)
        row.add_row(text(*marks[check.level]), text(check.name, "bold"), said)
        call.voice.show(row)
    return int(failed)


COMMANDS = (init, models, adapters, doctor)
