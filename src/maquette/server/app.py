"""The application: routes, errors, the door. ``create_app`` is the whole of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import APIRouter, FastAPI, Response
from fastapi.concurrency import run_in_threadpool

from maquette import __version__
from maquette.server import described, problems, static
from maquette.server.access import Access
from maquette.server.answers import answer
from maquette.server.compat.faces import load_faces, mount
from maquette.server.context import Context
from maquette.server.crew import Crew
from maquette.server.guard import Guard
from maquette.server.metrics import Measured
from maquette.server.routes import (
    campaigns,
    comparing,
    door,
    engines,
    events,
    jobs,
    masks,
    operations,
    pictures,
    polish,
    projects,
    releasing,
    steering,
    studio,
    teaching,
    templates,
    versions,
    words,
)
from maquette.studio.catalogue import Catalogue
from maquette.studio.rooms import Rooms

__all__ = ["PREFIX", "create_app"]

PREFIX = "/api/v1"
ROUTES = (
    campaigns,
    projects,
    versions,
    pictures,
    masks,
    steering,
    operations,
    polish,
    teaching,
    jobs,
    events,
    comparing,
    releasing,
    words,
    templates,
    studio,
    engines,
)


def create_app(
    rooms: Rooms,
    *,
    access: Access | None = None,
    catalogue: Catalogue | None = None,
    crew: Crew | None = None,
    files: Path = static.STATIC,
) -> FastAPI:
    """The studio's server over these projects, as an ASGI application.

    ``access`` says who may speak to it (default: this machine alone), ``catalogue`` what models
    there are, ``crew`` the workers that live as long as it does, ``files`` where the
    browser's part lies.
    """
    access = access or Access.at("127.0.0.1")
    context = Context(rooms, access, catalogue or Catalogue(rooms.settings), crew)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:  # noqa: ARG001
        if crew is not None:
            crew.start()
        yield
        context.feeds.close()
        if crew is not None:
            await run_in_threadpool(crew.stop)
        context.close()

    app = FastAPI(
        title="Maquette",
        version=__version__,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
        lifespan=life,
    )
    app.state.context = context
    api = APIRouter(prefix=PREFIX)
    for module in ROUTES:
        api.include_router(module.router)

    @api.get("/openapi.json", include_in_schema=False)
    def document() -> Response:
        return answer(app.openapi())

    app.include_router(api)
    app.include_router(door.router)
    faces = load_faces()
    mount(app, faces)
    app.include_router(static.router_for(files))
    problems.install(app)
    described.describe(app)
    app.add_middleware(Guard, access=access, faces=faces)
    app.add_middleware(Measured, metrics=context.metrics)
    return app
