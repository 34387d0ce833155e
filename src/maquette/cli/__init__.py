"""The command line: a thin face over the studio.

Nothing heavy is imported here or by any command's module, so ``maquette --help`` is quick; the
studio is imported when a command opens it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import typer

from maquette.cli.arguments import join_corners
from maquette.cli.call import spoken
from maquette.cli.faults import settle
from maquette.cli.options import Json, ProjectFolder

__all__ = ["main", "program"]

ABOUT = """The studio and production line for AI-made pictures.

V is a version: its id, a unique prefix of it, @ for the newest, @~2 for the second before it.
A picture is never overwritten: every command that draws adds a version to the project.
"""


def program() -> Any:
    """The whole command line as one command group."""
    from maquette.cli import (
        assistant,
        campaign,
        judge,
        look,
        make,
        playbooks,
        polish,
        prompts,
        release,
        serve,
        services,
        setup,
        teaching,
        templates,
        worker,
    )

    app = typer.Typer(name="maquette", help=ABOUT, pretty_exceptions_enable=False)
    app.callback(invoke_without_command=True)(_start)
    for module in (
        serve,
        assistant,
        worker,
        make,
        polish,
        templates,
        playbooks,
        campaign,
        teaching,
        look,
        prompts,
        judge,
        release,
        services,
        setup,
    ):
        for command in module.COMMANDS:
            name = command.__name__.strip("_").replace("_", "-")
            app.command(name, rich_help_panel=module.PANEL)(spoken(name, command))
    return _quieter(typer.main.get_command(app))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; never raises, never shows a traceback."""
    given = join_corners(sys.argv[1:] if arguments is None else arguments)
    return settle(lambda: program().main(given, prog_name="maquette", standalone_mode=False), given)


def _quieter(group: Any) -> Any:
    """The same commands, with help pages that show no type for a flag."""
    for command in (group, *group.commands.values()):
        context = typer.Context(command)
        for parameter in command.get_params(context):
            if getattr(parameter, "is_bool_flag", False):
                parameter.metavar = ""
    return group


def _start(
    context: typer.Context,
    project: ProjectFolder = None,
    json: Json = False,
    version: bool = typer.Option(False, "--version", help="Say which Maquette this is."),
) -> None:
    context.obj = {"project": project, "json": json}
    if version:
        from maquette import __version__

        typer.echo(f"maquette {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())
