"""Reading lists of versions with what people and critics have said of them."""

from __future__ import annotations

from maquette.core.finding import Severity
from maquette.core.version import Version
from maquette.server.context import Context, Room
from maquette.server.shapes import Graph, PageQuery, Summary, VersionPage
from maquette.server.views import Marked, node, read_rating, summary

__all__ = ["graph_of", "marked", "page_of", "summary_of"]


def marked(room: Room, ids: list[str]) -> dict[str, Marked]:
    found: dict[str, dict[str, str]] = {}
    for mark in room.studio.records.marks(ids):
        found.setdefault(mark.version, {})[mark.kind] = mark.value
    return {
        key: Marked(
            star=kinds.get("star") in {"1", "true", "yes"},
            rating=read_rating(kinds.get("rating")),
            name=kinds.get("name", ""),
        )
        for key, kinds in found.items()
    }


def summary_of(room: Room, context: Context, version: Version) -> Summary:
    able = context.capabilities()
    marks = marked(room, [version.id]).get(version.id, Marked())
    found: list[Severity] = [item.severity for item in room.studio.findings(version)]
    return summary(version, marks, found, able)


def page_of(room: Room, context: Context, asked: PageQuery) -> VersionPage:
    able = context.capabilities()
    records = room.studio.records
    before = room.studio.version(asked.before).id if asked.before else None
    versions = records.log(limit=None, before=before)
    marks = marked(room, [version.id for version in versions])
    chosen: list[Version] = []
    for version in versions:
        has = marks.get(version.id, Marked())
        said = version.recipe.prompt.text if version.recipe.prompt else ""
        if asked.starred and not has.star:
            continue
        if asked.rating and str(has.rating) != asked.rating:
            continue
        if asked.q and asked.q.lower() not in f"{said} {has.name} {version.id}".lower():
            continue
        chosen.append(version)
        if len(chosen) > asked.limit:
            break
    items = [
        summary(
            version,
            marks.get(version.id, Marked()),
            [item.severity for item in room.studio.findings(version.id)],
            able,
        )
        for version in chosen[: asked.limit]
    ]
    return VersionPage(items=items, next=items[-1].id if len(chosen) > asked.limit else None)


def graph_of(room: Room) -> Graph:
    versions = room.studio.records.log()[::-1]
    marks = marked(room, [version.id for version in versions])
    return Graph(items=[node(version, marks.get(version.id, Marked())) for version in versions])
