"""Versions: lists, the graph, one in full, its token maps, its marks."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from maquette.core.canonical import sha256_hex
from maquette.errors import TraceMissing
from maquette.server.answers import FOREVER, REVALIDATE, answer, fresh, unchanged
from maquette.server.context import Here, Open, VersionRef
from maquette.server.described import fails
from maquette.server.listing import detail_of, found_of, graph_of, maps_of, page_of, summary_of
from maquette.server.shapes import (
    Graph,
    Marks,
    PageQuery,
    Summary,
    TokenMaps,
    VersionDetail,
    VersionPage,
)

__all__ = ["router"]

router = APIRouter(prefix="/projects/{project}", tags=["versions"])


@router.get(
    "/versions",
    summary="List versions",
    response_model=VersionPage,
    responses=fails(404, 409, 422, 503),
)
def list_versions(
    room: Open,
    context: Here,
    request: Request,
    asked: Annotated[PageQuery, Query()],
) -> Response:
    """Versions with their marks, newest first, a page at a time; with `shows` or `like` ranked by
    what their pictures show, best first, of those alike the newest. All filters go together. A
    ranked answer comes within about a second (the first may load the network): `unseen` says how
    many pictures are still to be looked at, and the next answer knows more of them."""
    if asked.shows.strip() or asked.like is not None:
        body = found_of(room, context, asked)
        etag = f'"{sha256_hex(body)[:24]}"'
        if unchanged(request, etag):
            return Response(status_code=304, headers=fresh(etag))
        return answer(body, headers=fresh(etag))
    stamp = room.studio.stamp()
    etag = f'"{stamp}"'
    if unchanged(request, etag):
        return Response(status_code=304, headers=fresh(etag))
    return answer(page_of(room, context, asked, stamp), headers=fresh(etag))


@router.get(
    "/graph", summary="See the whole graph", response_model=Graph, responses=fails(404, 503)
)
def get_graph(room: Open, request: Request) -> Response:
    """Every version in compact form, oldest first. Ask again with the ETag: it is 304 until
    something was added."""
    stamp = room.studio.stamp()
    etag = f'"{stamp}"'
    if unchanged(request, etag):
        return Response(status_code=304, headers=fresh(etag))
    return answer(graph_of(room, stamp), headers=fresh(etag))


@router.get(
    "/versions/{version}",
    summary="See a version in full",
    response_model=VersionDetail,
    responses=fails(404, 409, 503),
)
def get_version(room: Open, context: Here, request: Request, version: VersionRef) -> Response:
    """Recipe, cost, findings, marks, children, and what each word holds of the picture."""
    stamp = room.studio.stamp()
    etag = f'"{stamp}"'
    if unchanged(request, etag):
        return Response(status_code=304, headers=fresh(etag))
    return answer(detail_of(room, context, version, stamp), headers=fresh(etag))


@router.get(
    "/versions/{version}/maps",
    summary="Get the token maps",
    response_model=TokenMaps,
    responses=fails(404, 409, 503),
)
def get_maps(room: Open, request: Request, version: VersionRef) -> Response:
    """The map of every word at once. They never change. A version without them is 404: `explain`
    makes some for an imported picture."""
    kept = room.maps.find(version)
    if kept is None:
        found = room.studio.version(version)
        body = maps_of(room, found)
        if body is None:
            raise TraceMissing(
                f"version {found.short} has no token maps",
                hint="ask for them with 'explain' and a caption",
            )
        kept = body, f'"{sha256_hex(body)[:24]}"'
        # Those recorded while it was drawn never change, and a full id names one version for ever.
        if found.trace is not None and version == found.id:
            room.maps.keep(version, kept)
    body, etag = kept
    forever = room.maps.find(version) is not None
    headers = fresh(etag, FOREVER if forever else REVALIDATE)
    if unchanged(request, etag):
        return Response(status_code=304, headers=headers)
    return answer(body, headers=headers)


@router.put(
    "/versions/{version}/marks",
    summary="Star, rate or name a version",
    response_model=Summary,
    responses=fails(400, 404, 409, 422, 503),
)
def put_marks(room: Open, context: Here, version: VersionRef, body: Marks) -> Response:
    """Add marks; a field that is left out stays as it is. `rating: null` and `name: ""` take them
    away. The version itself never changes: marks stand beside it."""
    found = room.studio.version(version)
    given = body.model_dump(include=body.model_fields_set)
    for kind, value in given.items():
        room.studio.mark(found, kind, value)
    return answer(summary_of(room, context, found))
