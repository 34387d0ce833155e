"""The command that lets an assistant work in the studio, by the Model Context Protocol."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from maquette.cli.call import Call, read_settings
from maquette.cli.options import ProjectsRoot
from maquette.cli.serve import project_at_hand

__all__ = ["COMMANDS", "PANEL"]

PANEL = "Studio"


def mcp(
    call: Call,
    *,
    projects: ProjectsRoot = None,
    exports: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Where exported files go; the assistant writes nowhere else."
        ),
    ] = Path("exports"),
    workers: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            max=16,
            help="Processes that draw, started with the first order; 0 where the studio or a worker"
            " runs already.",
        ),
    ] = 1,
    setup: Annotated[
        bool, typer.Option("--setup", help="Only print what an assistant's settings need.")
    ] = False,
) -> None:
    """Speak the Model Context Protocol (MCP) on standard input and output: the studio as tools for
    an assistant, which starts this command by itself.

    The studio's server speaks it too, at /mcp.
    """
    if setup:
        _show_setup(call, projects)
        return
    from maquette.errors import ExtraMissing
    from maquette.server.crew import Crew, worker_command
    from maquette.studio.rooms import Rooms

    try:
        from maquette.server.compat.mcp.stdio import serve_stdio
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "mcp":
            raise
        raise ExtraMissing(
            "the package 'mcp' is not installed", hint="pip install 'maquette[mcp]'"
        ) from error
    if sys.stdin.isatty():
        call.voice.remark("waiting for an assistant on standard input; --setup says how")
    settings = read_settings()
    root, project = projects or settings.projects, project_at_hand(call, settings)
    with Rooms(root, [project] if project else [], settings=settings) as rooms:
        crew = Crew(worker_command(root.absolute(), project), workers) if workers else None
        serve_stdio(rooms, crew, exports.absolute())


def _show_setup(call: Call, projects: Path | None) -> None:
    import json

    arguments = ["-m", "maquette", "mcp"]
    if call.project is not None:
        arguments += ["--project", str(Path(call.project).absolute())]
    if projects is not None:
        arguments += ["--projects", str(projects.absolute())]
    arguments += ["--exports", str(Path("exports").absolute())]
    server = {"command": sys.executable, "args": arguments}
    if call.json:
        call.voice.emit({"command": sys.executable, "args": arguments})
        return
    call.voice.line(json.dumps({"mcpServers": {"maquette": server}}, indent=2))


COMMANDS = (mcp,)
