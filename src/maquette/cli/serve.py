"""The command that opens the studio: a local server, a worker, and the browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from maquette.cli.call import Call, read_settings
from maquette.cli.options import ProjectsRoot

if TYPE_CHECKING:
    from maquette.settings import Settings

__all__ = ["COMMANDS", "PANEL", "project_at_hand"]

PANEL = "Studio"


def studio(
    call: Call,
    *,
    projects: ProjectsRoot = None,
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Where to listen. Any address but this machine's own needs a token.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, max=65535, help="Default: 7860, or the next free one."),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="SECRET",
            envvar="MAQUETTE_TOKEN",
            show_envvar=False,
            help="What who connects must know (default: none at this machine's own address, else"
            " one is made and printed). Better given as MAQUETTE_TOKEN, which no process list"
            " shows.",
        ),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="Another host name to answer to. May be repeated."),
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="A site whose pages may use the interfaces for other programs, such as"
            " https://example.com, or null for plug-ins in a sandbox. The token is needed then. May"
            " be repeated.",
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option(metavar="N", min=0, max=16, help="Processes that draw; 0 for none.")
    ] = 1,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the browser, or do not.")
    ] = True,
) -> None:
    """Open the studio in the browser; it runs until Ctrl-C. Nothing leaves this machine."""
    from maquette.server.access import Access
    from maquette.server.app import create_app
    from maquette.server.crew import Crew, worker_command
    from maquette.server.sample import make_sample
    from maquette.server.serve import Server, address_of, bind
    from maquette.studio.rooms import Rooms

    settings = read_settings()
    listening = bind(host, port)
    address = address_of(listening, host)
    access = Access.at(host, token, name or (), origin or ())
    root, project = projects or settings.projects, project_at_hand(call, settings)
    with Rooms(root, [project] if project else [], settings=settings) as rooms:
        make_sample(rooms)
        crew = Crew(worker_command(root.absolute(), project), workers)
        app = create_app(rooms, access=access, crew=crew)
        _announce(call, address, access.token if token is None else None, access.loopback)
        if browser:
            import webbrowser

            webbrowser.open(address)
        Server(app).run([listening])


def project_at_hand(call: Call, settings: Settings) -> Path | None:
    """The project that was asked for, made when it is not there; else that of this folder."""
    from maquette.storage.project import FOLDER

    if call.project is not None:
        with call.studio(create=True) as studio:
            return studio.root.absolute()
    here = settings.project.absolute()
    return here if (here / FOLDER).is_dir() else None


def _announce(call: Call, address: str, token: str | None, loopback: bool) -> None:
    if call.json:
        call.voice.emit({"address": address, "token": token, "loopback": loopback})
        return
    call.voice.line(f"The studio is at {address}")
    if token is not None:
        call.voice.line(f"Whoever connects needs this token: {token}")
    if not loopback:
        call.voice.aside(
            "other machines can reach it, and what passes between is not encrypted: use a network"
            " that you trust, or a proxy with TLS before it"
        )
    call.voice.aside("Ctrl-C ends it; what is queued is drawn when it is opened again")


COMMANDS = (studio,)
