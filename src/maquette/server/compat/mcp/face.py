"""The face over HTTP: ``/mcp`` (Streamable HTTP), with the server's own rules about who may speak
to it. The package ``mcp`` is imported when the first request comes."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from maquette.server.answers import answer
from maquette.server.compat.faces import PROJECT, Face, Refusal
from maquette.server.context import Context

__all__ = ["face"]

PATH = "/mcp"
MAX_BODY = 32 * 2**20
"""Bytes of a request: a picture in base64 fits."""
_SESSIONS, _IDLE = 200, 1800.0


def face() -> Face:
    """See ``compat.faces``."""
    endpoint = _Endpoint()
    methods = ["GET", "POST", "DELETE"]
    routes = [Route(path, endpoint, methods=methods) for path in (PATH, PROJECT + PATH)]
    return Face(name="mcp", paths=r"/mcp(/|$)", routes=(), refuse=refuse, more=routes)


def refuse(refusal: Refusal) -> Response:
    """A refusal as JSON-RPC has it, before there is any request to answer."""
    error: dict[str, Any] = {"code": -32600, "message": refusal.text}
    error["data"] = {"code": refusal.code, "hint": refusal.hint}
    told = {"jsonrpc": "2.0", "id": None, "error": error}
    return answer(told, refusal.status, refusal.headers)


class _Endpoint:
    """An ASGI application that wakes up with the first request."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._manager: Any = None
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if importlib.util.find_spec("mcp") is None:
            refusal = Refusal(
                501,
                "extra-missing",
                "the package 'mcp' is not installed",
                "run pip install 'maquette[mcp]'",
            )
            await refuse(refusal)(scope, receive, send)
            return
        context: Context = Request(scope).app.state.context
        async with self._lock:
            if self._manager is None:
                self._manager = await self._wake(context)
        await self._manager.handle_request(scope, receive, send)

    async def _wake(self, context: Context) -> Any:
        server = await asyncio.get_running_loop().run_in_executor(None, _made, context)
        server.streamable_http_app(
            max_request_body_size=MAX_BODY,
            session_idle_timeout=_IDLE,
            max_sessions=_SESSIONS,
            transport_security=_unguarded(),
        )
        manager, ready = server.session_manager, asyncio.Event()
        ending = context.feeds.ending()

        async def live() -> None:
            async with manager.run():
                ready.set()
                await ending.wait()

        self._task = asyncio.create_task(live())
        await ready.wait()
        return manager


def _made(context: Context) -> Any:
    from maquette.server.compat.mcp.desk import Talk
    from maquette.server.compat.mcp.serving import make_server

    return make_server(Talk(context))


def _unguarded() -> Any:
    """Hosts and origins are looked at by our own guard, for every address of the server."""
    from mcp.server.transport_security import TransportSecuritySettings

    return TransportSecuritySettings(enable_dns_rebinding_protection=False)
