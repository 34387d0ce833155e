"""What a face is, and how the server takes it in.

A face has routes of its own, each there twice: at its usual address, for the project that is meant
where none is named, and below ``/p/{project}``, where the studio shows that project. Whatever goes
wrong is told in the face's own form, by its ``refuse``.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import Any

from fastapi import FastAPI
from starlette.datastructures import URLPath
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, NoMatchFound, Route
from starlette.types import Receive, Scope, Send

from maquette.errors import MaquetteError
from maquette.server.problems import HttpRefused, code_of, status_of

__all__ = ["FACES", "Endpoint", "Face", "Refusal", "load_faces", "mount", "refusal_of"]

FACES = ("openai", "a1111", "comfyui", "mcp")
"""The subpackages of ``compat``; each has ``face() -> Face``."""

PROJECT = r"/p/{project}"
_BELOW = re.compile(r"^/p/[^/]+(?=/)")
_PLACE = re.compile(r"(/p/[^/]+(?=/))?(/api(?=/))?/([^/]*)")

log = logging.getLogger("maquette.server")


@dataclass(frozen=True)
class Refusal:
    """Why a request is not answered as asked: HTTP status, the reason in kebab case, what happened
    and what to do."""

    status: int
    code: str
    message: str
    hint: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    error: BaseException | None = None

    @property
    def text(self) -> str:
        """Both sentences in one."""
        return (
            f"{self.message}. {self.hint[:1].upper()}{self.hint[1:]}" if self.hint else self.message
        )


Endpoint = Callable[[Request], Any]
"""An asynchronous function from a request to a response."""


@dataclass(frozen=True)
class Face:
    """A protocol that the server speaks.

    ``routes`` are (methods, path, endpoint); an endpoint finds the server's context at
    ``request.app.state.context`` and the project that was named, if any, among its path's
    parameters. ``paths`` is a regular expression of every path that is this face's, below a project
    or not; ``more`` are routes of another kind (WebSocket), used as they are. ``open_paths`` is one
    of those that need no token, since they prove themselves.
    """

    name: str
    paths: str
    routes: Sequence[tuple[Sequence[str], str, Endpoint]]
    refuse: Callable[[Refusal], Response]
    more: Sequence[BaseRoute] = ()
    open_paths: str = r"(?!)"

    @cached_property
    def _paths(self) -> re.Pattern[str]:
        return re.compile(self.paths)

    @cached_property
    def _open(self) -> re.Pattern[str]:
        return re.compile(self.open_paths)

    def owns(self, path: str) -> bool:
        """Whether a path is this face's."""
        return self._paths.match(_BELOW.sub("", path)) is not None

    def is_open(self, path: str) -> bool:
        """Whether a path needs no token."""
        return self._open.match(_BELOW.sub("", path)) is not None


def load_faces() -> tuple[Face, ...]:
    """Every face there is."""
    return tuple(import_module(f"maquette.server.compat.{name}").face() for name in FACES)


def mount(app: FastAPI, faces: Sequence[Face]) -> None:
    """Let an app speak these protocols. They are others', so they stay out of its description."""
    found: list[BaseRoute] = []
    for face in faces:
        for methods, path, endpoint in face.routes:
            guarded = _guarded(face, endpoint)
            for whole in (path, PROJECT + path):
                found.append(Route(whole, guarded, methods=list(methods)))
        found.extend(face.more)
    app.router.routes.insert(0, _Sorted(found))


class _Sorted(BaseRoute):
    """Many routes as one, sorted by how their paths begin: few are compared with a request's, which
    would cost more than many an answer. No path of theirs begins with a parameter, but for the
    project's."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._places: dict[tuple[bool, bool, str], list[BaseRoute]] = {}
        for route in routes:
            self._places.setdefault(_place(getattr(route, "path", "")), []).append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """See starlette: the first that fits, else the first that fits but for its method."""
        partly: tuple[Match, Scope] = Match.NONE, {}
        for route in self._places.get(_place(scope["path"]), ()):
            match, child = route.matches(scope)
            if match is Match.FULL:
                return match, {**child, "route": route}
            if match is Match.PARTIAL and partly[0] is Match.NONE:
                partly = match, {**child, "route": route}
        return partly

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See starlette."""
        await scope["route"].handle(scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """See starlette: nobody asks for these by name."""
        raise NoMatchFound(name, path_params)


def _place(path: str) -> tuple[bool, bool, str]:
    """How a path begins: below a project or not, below ``/api`` or not, the segment after that."""
    found = _PLACE.match(path)
    return (False, False, "") if found is None else (bool(found[1]), bool(found[2]), found[3])


def _guarded(face: Face, endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Exception as error:
            return face.refuse(refusal_of(request, error))

    return guarded


def refusal_of(request: Request, error: Exception) -> Refusal:
    """What went wrong, in a form that every face can put into its own words. No traceback and no
    path of this machine is told."""
    if isinstance(error, MaquetteError):
        return Refusal(status_of(error), code_of(type(error)), str(error), error.hint, error=error)
    if isinstance(error, HttpRefused):
        headers = error.headers or {}
        return Refusal(error.status_code, error.code, str(error.detail), error.hint, headers, error)
    if isinstance(error, HTTPException):
        return Refusal(error.status_code, "refused", str(error.detail), headers=error.headers or {})
    log.exception("%s %s", request.method, request.url.path, exc_info=error)
    return Refusal(
        500,
        "unforeseen-fault",
        f"an unforeseen fault, {type(error).__name__}",
        "the server's log has the details, please report them",
        error=error,
    )
