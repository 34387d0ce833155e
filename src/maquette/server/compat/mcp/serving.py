"""The tools put together as one MCP server, for any transport."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver import Context as Asked
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.server.mcpserver.prompts import Prompt
from starlette.concurrency import run_in_threadpool

from maquette import __version__
from maquette.errors import AmbiguousVersion, MaquetteError, ProjectMissing, VersionUnknown
from maquette.server.compat.mcp.desk import Talk
from maquette.server.compat.mcp.guide import INSTRUCTIONS, refinement_loop
from maquette.server.compat.mcp.keeping import Keeping
from maquette.server.compat.mcp.looking import Looking
from maquette.server.compat.mcp.making import Making
from maquette.server.compat.mcp.planning import Planning
from maquette.server.compat.mcp.tool import add_tools
from maquette.server.listing import detail_of
from maquette.studio.engines import SERVICES

if TYPE_CHECKING:
    from collections.abc import Callable

    from maquette.server.context import Room

__all__ = ["make_server"]


def make_server(talk: Talk) -> MCPServer[Any]:
    """The studio as an MCP server: tools, versions and pictures as resources, a prompt."""
    settings = talk.context.rooms.settings
    server = _quiet(
        lambda: MCPServer(
            "maquette",
            title="Maquette",
            instructions=INSTRUCTIONS,
            version=__version__,
            log_level="ERROR",
        )
    )
    groups = (Making(talk), Looking(talk), Keeping(talk), Planning(talk))
    add_tools(server, *groups, outside=settings.engine in SERVICES)
    server.add_prompt(
        Prompt.from_function(
            refinement_loop, name="refinement_loop", title="Make a picture from a brief"
        )
    )
    _add_resources(server, talk)
    return server


def _add_resources(server: MCPServer[Any], talk: Talk) -> None:
    context = talk.context

    @server.resource(
        "maquette://{project}/versions/{version}",
        name="version",
        title="A version's facts",
        description="Recipe, cost, findings, marks, parents and children of a version.",
        mime_type="application/json",
    )
    async def version_facts(project: str, version: str, ctx: Asked) -> str:
        def read(room: Room) -> str:
            return detail_of(room, context, version, room.studio.stamp()).decode()

        return await _read(talk, ctx, project, read)

    @server.resource(
        "maquette://{project}/versions/{version}/picture",
        name="picture",
        title="A version's picture",
        description="The PNG of a version, every pixel of it.",
        mime_type="image/png",
    )
    async def version_picture(project: str, version: str, ctx: Asked) -> bytes:
        def read(room: Room) -> bytes:
            return room.studio.blobs.get(room.studio.version(version).image)

        return await _read(talk, ctx, project, read)


async def _read(talk: Talk, ctx: Asked[Any, Any], project: str, what: Callable[[Room], Any]) -> Any:
    try:
        room = await talk.room(ctx, project)
        return await run_in_threadpool(what, room)
    except (ProjectMissing, VersionUnknown, AmbiguousVersion) as error:
        raise ResourceNotFoundError(str(error)) from error
    except MaquetteError as error:
        raise ResourceError(str(error)) from error


def _quiet(make: Callable[[], MCPServer[Any]]) -> MCPServer[Any]:
    """Make a server without letting it set up logging for the whole process; refusals, which it
    logs with their words, stay out of the log."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    server = make()
    root.handlers[:], level = before
    root.setLevel(level)
    logging.getLogger("mcp").setLevel(logging.ERROR)
    return server
