"""Projects: the rooms that versions live in."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from maquette.server.answers import answer, fresh, unchanged
from maquette.server.context import Here, Open, Room
from maquette.server.described import fails
from maquette.server.shapes import NewProject, ProjectOut, Projects

__all__ = ["router"]

router = APIRouter(prefix="/projects", tags=["projects"])


@router.get("", summary="List the projects", response_model=Projects, responses=fails(503))
def list_projects(context: Here) -> Response:
    """Every project that this server has: those it was started with first, then the others by
    name. One that cannot be opened is left out; `maquette doctor` says what ails it."""
    rooms = [context.try_room(place.id) for place in context.rooms.list()]
    return answer(Projects(items=[project_out(room) for room in rooms if room is not None]))


@router.post(
    "",
    status_code=201,
    summary="Make a project",
    response_model=ProjectOut,
    responses=fails(400, 422, 503),
)
def create_project(body: NewProject, context: Here) -> Response:
    """A new, empty project in a folder of its own. Its id is made from the name."""
    place = context.rooms.create(body.name)
    room = context.room(place.id)
    return answer(project_out(room), 201, {"Location": f"/api/v1/projects/{place.id}"})


@router.get(
    "/{project}",
    summary="Look at a project",
    response_model=ProjectOut,
    responses=fails(404, 422, 503),
)
def get_project(room: Open, request: Request) -> Response:
    """A project's name, size and newest version. The ETag changes whenever anything in it does."""
    etag = f'"{room.studio.stamp()}"'
    if unchanged(request, etag):
        return Response(status_code=304, headers=fresh(etag))
    return answer(project_out(room), headers=fresh(etag))


def project_out(room: Room) -> ProjectOut:
    """A project as it stands now."""
    studio = room.studio
    newest = studio.log(limit=1)
    return ProjectOut(
        id=room.id,
        name=studio.records.name,
        versions=studio.records.count(),
        newest=newest[0].id if newest else None,
        image=newest[0].image if newest else None,
        stamp=room.studio.stamp(),
    )
