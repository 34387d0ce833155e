"""Which project and which model a client means.

The protocols know of neither. A project is named by the address (``/p/{project}`` before the
face's own path, as in the studio) or by a header; without either it is the one that the server was
started in, else a project called ``clients``, made on first use. A model goes by its name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from maquette.errors import ModelMissing, ProjectMissing

if TYPE_CHECKING:
    from maquette.server.context import Context, Room
    from maquette.studio import Studio

__all__ = ["HOME", "PROJECT_HEADERS", "context_of", "room_of", "studio_with"]

HOME = "clients"
PROJECT_HEADERS = ("x-maquette-project", "openai-project")
_SLUG = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


def context_of(request: Request) -> Context:
    """The server that a request came to."""
    context: Context = request.app.state.context
    return context


async def room_of(request: Request) -> Room:
    """The project that a request means.

    Raises:
        ProjectMissing: the one that it names is not there.
        ProjectUnreadable, ProjectTooNew, StorageFull, SettingRefused.
    """
    context = context_of(request)
    named = request.path_params.get("project")
    for header in PROJECT_HEADERS:
        named = named or request.headers.get(header)
    if named:
        if not _SLUG.fullmatch(named):
            raise ProjectMissing("no project goes by such a name", hint="use its id in the studio")
        return context.open(named) or await run_in_threadpool(context.room, named)
    return await run_in_threadpool(_home, context)


def _home(context: Context) -> Room:
    project = context.rooms.home(HOME).id
    return context.open(project) or context.room(project)


def studio_with(context: Context, room: Room, model: str | None) -> Studio:
    """The project's studio, whose orders are drawn with the model of this name (None: the
    default).

    Raises:
        ModelMissing: no model goes by that name.
    """
    offers = context.catalogue.offers()
    if model is None or model == offers[0].name:
        return room.studio
    found = next((offer for offer in offers if offer.name == model), None)
    if found is None:
        known = ", ".join(offer.name for offer in offers)
        raise ModelMissing(f"no model '{model[:100]}'", hint=f"there are: {known}")
    engine = found.capabilities.engine
    return room.studios.get(found.name, lambda: room.studio.drawing_with(engine, found.name))
