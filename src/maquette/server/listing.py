"""Lists of versions for the browser, each made once for each state of the project."""

from __future__ import annotations

from maquette.core.version import Version
from maquette.server.answers import encoded
from maquette.server.context import Context, Room
from maquette.server.shapes import Graph, PageQuery, Summary, VersionDetail, VersionPage
from maquette.server.views import detail, node, summary, token_maps
from maquette.storage.shelf import Entry

__all__ = ["detail_of", "found_of", "graph_of", "maps_of", "page_of", "summary_of"]

SECONDS = 1.0
"""So long an answer may take to look at new pictures."""


def page_of(room: Room, context: Context, asked: PageQuery, stamp: str) -> bytes:
    """A page as JSON."""
    return room.answers.get(
        ("page", stamp, *asked.model_dump().values()),
        lambda: encoded(_page(room, context, asked)),
    )


def found_of(room: Room, context: Context, asked: PageQuery) -> bytes:
    """A page ranked by what the pictures show, as JSON. It takes ``SECONDS`` at most to look at
    pictures that nobody has looked at; what is not known by then is counted."""
    found = room.studio.find(
        asked.shows,
        like=asked.like,
        q=asked.q,
        starred=asked.starred,
        rating=asked.rating,
        limit=asked.limit,
        before=asked.before,
        seconds=SECONDS,
    )
    able = context.capabilities()
    items = [summary(match.entry, able, match.score) for match in found.matches]
    following = items[-1].id if found.more and items else None
    return encoded(
        VersionPage(items=items, next=following, unseen=found.unseen, unknown=list(found.unknown))
    )


def graph_of(room: Room, stamp: str) -> bytes:
    """The graph as JSON."""
    return room.answers.get(
        ("graph", stamp),
        lambda: encoded(Graph(items=[node(each) for each in room.graph(stamp)])),
    )


def detail_of(room: Room, context: Context, reference: str, stamp: str) -> bytes:
    """A version in full as JSON. What a reference names only changes with the stamp."""
    return room.details.get(
        (stamp, reference),
        lambda: encoded(_detail(room, context, room.entry(reference), stamp)),
    )


def maps_of(room: Room, version: Version) -> bytes | None:
    """The token maps of a version as JSON; None where there are none."""
    trace = room.studio.trace(version)
    return encoded(token_maps(trace, version.size)) if trace is not None else None


def summary_of(room: Room, context: Context, version: Version | str) -> Summary:
    """A version in a list."""
    return summary(room.studio.entry(version), context.capabilities())


def _page(room: Room, context: Context, asked: PageQuery) -> VersionPage:
    able = context.capabilities()
    found = room.studio.page(
        limit=asked.limit + 1,
        before=asked.before,
        q=asked.q,
        starred=asked.starred,
        rating=asked.rating,
    )
    items = [summary(entry, able) for entry in found[: asked.limit]]
    return VersionPage(items=items, next=items[-1].id if len(found) > asked.limit else None)


def _detail(room: Room, context: Context, entry: Entry, stamp: str) -> VersionDetail:
    return detail(
        entry,
        context.capabilities(),
        children=room.children(stamp).get(entry.version.id, ()),
        words=room.words(entry.version),
        origin=room.studio.origin(entry.version),
        locked=room.studio.locked(entry.version),
    )
