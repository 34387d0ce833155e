"""The door: every request passes here first, every answer last. Plain ASGI, no body is buffered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http.cookies import CookieError, SimpleCookie

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from maquette.core.picture import MAX_BYTES
from maquette.server import problems
from maquette.server.access import COOKIE, CSRF_HEADER, PLAIN_HEADER, Access, key_in
from maquette.server.compat.faces import Face, Refusal
from maquette.server.problems import HttpRefused, problem

__all__ = ["MAX_JSON", "Guard"]

MAX_JSON = 2 * 1024 * 1024
"""Bytes of a body that is no picture: a polygon of thousands of corners fits."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OPEN = frozenset({"/login", "/login.css", "/healthz"})
"""What can be asked without the token."""

_PICTURES = ("/imports", "/masks", "/controls", "/verify")

_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:;"
        " font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self';"
        " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "x-frame-options": "DENY",
}
_SHARED = {
    "access-control-expose-headers": "x-request-id, openai-processing-ms, retry-after",
    "cross-origin-resource-policy": "cross-origin",
}
_PREFLIGHT = {
    "access-control-allow-methods": "GET, POST, DELETE",
    "access-control-allow-headers": "authorization, content-type, x-maquette-project,"
    " openai-project, openai-organization, openai-beta",
    "access-control-allow-private-network": "true",
    "access-control-max-age": "600",
}
_RAW = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]


class Guard:
    """Checks host, origin, CSRF and token; bounds bodies; sets the headers of every answer.

    Other people's clients know nothing of our header against forgery: what comes to one of
    ``faces`` must not come from a page of another site, which every browser tells (``Origin``,
    ``Sec-Fetch-Site``), and is refused in that face's own form.
    """

    def __init__(self, app: ASGIApp, access: Access, faces: Sequence[Face] = ()) -> None:
        self.app = app
        self.access = access
        self.faces = faces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "websocket":
            await self._connect(scope, receive, send)
            return
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_RAW]
            await send(message)

        headers = _Headers(scope["headers"])
        face = next((each for each in self.faces if each.owns(scope["path"])), None)
        origin = headers.get("origin")
        if face is not None and self.access.lets_in(origin):
            send = _shared(send, origin or "")
            if scope["method"] == "OPTIONS":
                await Response(status_code=204, headers=_PREFLIGHT)(scope, receive, send)
                return
        limit = _limit(scope["path"]) if face is None else MAX_BYTES
        try:
            self._check(scope, headers, face)
            _refuse_large(headers.get("content-length"), limit)
        except HttpRefused as error:
            if face is not None:
                about = (error.status_code, error.code, str(error.detail), error.hint)
                refusal = Refusal(*about, headers=error.headers or {}, error=error)
                await face.refuse(refusal)(scope, receive, sealed)
                return
            about = problems.said(error.status_code, error.code, str(error.detail), hint=error.hint)
            if error.status_code == 401 and _wants_page(scope, headers):
                await _to_login(scope, sealed)
                return
            await problem(about, error.headers)(scope, receive, sealed)
            return
        await self.app(scope, _bounded(receive, limit), sealed)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A web socket is a face's or nobody's, and has to prove itself like a request: pages of
        other sites may open one to any address, and tell their origin."""
        headers = _Headers(scope["headers"])
        face = next((each for each in self.faces if each.owns(scope["path"])), None)
        try:
            if face is None:
                raise HttpRefused(404, "not-found", "there is no web socket here", hint="")
            # A page's origin is one of HTTP, whatever it opens.
            scheme = "https" if scope.get("scheme") == "wss" else "http"
            self._check({**scope, "method": "GET", "scheme": scheme}, headers, face)
        except HttpRefused:
            await receive()
            # Before it was accepted, this is an answer of 403.
            await send({"type": "websocket.close", "code": 1008})
            return
        await self.app(scope, receive, send)

    def _check(self, scope: Scope, headers: _Headers, face: Face | None) -> None:
        access, host = self.access, headers.get("host")
        if not access.knows_host(host):
            raise HttpRefused(
                403,
                "host-refused",
                "this server does not answer to that host name",
                hint="use the address that it printed, or start it with --name HOST",
            )
        origin = headers.get("origin")
        let_in = face is not None and access.lets_in(origin)
        if not let_in and not access.knows_origin(origin, scope.get("scheme", "http"), host):
            raise HttpRefused(
                403, "origin-refused", "another site's page asked", hint="open the studio itself"
            )
        safe, path = scope["method"] in _SAFE, scope["path"]
        if face is not None:
            if not let_in:
                _refuse_pages(headers)
        elif not safe and path != "/login":
            plain, csrf = headers.get(PLAIN_HEADER), headers.get(CSRF_HEADER)
            if not access.may_change(plain, csrf):
                raise HttpRefused(
                    403,
                    "csrf-refused",
                    "a request that changes something lacks its header",
                    hint="send 'X-Maquette: 1', or the session's token as X-CSRF-Token",
                )
        if access.token is None or path in _OPEN or (face is not None and face.is_open(path)):
            return
        if access.knows_cookie(_cookie(headers.get("cookie"))):
            return
        who = (scope.get("client") or ("",))[0]
        wait = access.wait_seconds(who)
        if not access.admits(key_in(headers.get("authorization"), login=face is not None), who):
            if wait:
                raise HttpRefused(
                    429,
                    "too-many-attempts",
                    "too many wrong tokens",
                    hint=f"wait {wait} s",
                    headers={"Retry-After": str(wait)},
                )
            raise HttpRefused(
                401,
                "token-needed",
                "this address needs the token that the server printed",
                hint="sign in at /login, or send 'Authorization: Bearer TOKEN'",
                headers={"WWW-Authenticate": 'Bearer realm="maquette"'},
            )


class _Headers:
    """Request headers by lower-case name; one that comes twice counts as its first."""

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self._raw = raw

    def get(self, name: str) -> str | None:
        wanted = name.encode()
        for key, value in self._raw:
            if key == wanted:
                return value.decode("latin-1")
        return None


def _shared(send: Send, origin: str) -> Send:
    """Answers that a page from there may read (Fetch standard, section 3.2)."""

    async def shared(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [
                (name, value)
                for name, value in message.get("headers", ())
                if name != b"cross-origin-resource-policy"
            ]
            more = {"access-control-allow-origin": origin, "vary": "Origin", **_SHARED}
            added = [(name.encode(), value.encode()) for name, value in more.items()]
            message["headers"] = [*kept, *added]
        await send(message)

    return shared


def _refuse_pages(headers: _Headers) -> None:
    if headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
        raise HttpRefused(
            403, "origin-refused", "another site's page asked", hint="ask from a program"
        )


def _limit(path: str) -> int:
    return MAX_BYTES if path.endswith(_PICTURES) else MAX_JSON


def _refuse_large(length: str | None, limit: int) -> None:
    if length is not None and length.isdigit() and int(length) > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> HttpRefused:
    return HttpRefused(
        413,
        "body-too-large",
        f"the body has more than the {limit // 2**20} MB allowed",
        hint="send less at once",
        headers={"Connection": "close"},
    )


def _bounded(receive: Receive, limit: int) -> Receive:
    """Count a body while it streams, whatever its length was said to be."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > limit:
                raise _too_large(limit)
        return message

    return counted


def _cookie(header: str | None) -> str | None:
    if header is None:
        return None
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel is not None else None


def _wants_page(scope: Scope, headers: _Headers) -> bool:
    return scope["method"] == "GET" and "text/html" in (headers.get("accept") or "")


async def _to_login(scope: Scope, send: Send) -> None:  # noqa: ARG001
    location = [(b"location", b"/login"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 303, "headers": location})
    await send({"type": "http.response.body", "body": b""})
