"""The face over standard input and output: for an assistant that starts Maquette by itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio

from maquette.server.access import Access
from maquette.server.compat.mcp.desk import Talk
from maquette.server.compat.mcp.serving import make_server
from maquette.server.context import Context
from maquette.server.crew import Crew
from maquette.studio.catalogue import Catalogue
from maquette.studio.rooms import Rooms

__all__ = ["serve_stdio", "talking"]


@contextmanager
def talking(rooms: Rooms, crew: Crew | None, exports: Path) -> Iterator[Talk]:
    """A desk over these projects, without a web server. Workers start with the first order."""
    context = Context(rooms, Access.at("127.0.0.1"), Catalogue(rooms.settings), crew)
    lock, started = threading.Lock(), False

    def start() -> None:
        nonlocal started
        with lock:
            if crew is not None and not started:
                crew.start()
                started = True

    try:
        yield Talk(context, exports=exports, start=start)
    finally:
        context.feeds.close()
        if crew is not None and started:
            crew.stop()
        context.close()


def serve_stdio(rooms: Rooms, crew: Crew | None, exports: Path) -> None:
    """Speak MCP on standard input and output until it is closed."""
    with talking(rooms, crew, exports) as talk:
        anyio.run(make_server(talk).run_stdio_async)
