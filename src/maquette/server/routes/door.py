"""The way in at an address that is not this machine's own, and what keepers of servers ask."""

from __future__ import annotations

import html
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from maquette import __version__
from maquette.server.access import COOKIE
from maquette.server.answers import REVALIDATE, answer
from maquette.server.context import Here
from maquette.server.described import fails
from maquette.server.problems import HttpRefused
from maquette.server.shapes import Shape

__all__ = ["router"]

router = APIRouter()

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Maquette</title>
<link rel="stylesheet" href="/login.css">
</head>
<body>
<main>
<h1>Maquette</h1>
<form method="post" action="/login">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Open the studio</button>
<p role="status">{says}</p>
</form>
<p>The token is in the terminal where the studio was started.</p>
</main>
</body>
</html>
"""
_STYLE = """:root { color-scheme: dark light; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center;
  background: light-dark(#f2f2f2, #1c1c1c); color: light-dark(#1c1c1c, #e6e6e6); }
main { width: min(24rem, 90vw); }
h1 { font-weight: 600; font-size: 1.25rem; }
form { display: grid; gap: .5rem; }
input, button { font: inherit; padding: .6rem; border: 1px solid #808080; border-radius: 4px; }
input { background: light-dark(#fff, #111); color: inherit; }
button { background: light-dark(#1c1c1c, #e6e6e6); color: light-dark(#fff, #111); }
:focus-visible { outline: 3px solid #3b82f6; outline-offset: 2px; }
a { color: inherit; }
"""


class Health(Shape):
    """How the server does."""

    status: str = Field(description="ok, or degraded while workers are missing.", examples=["ok"])
    version: str = Field(examples=["0.1.0.dev0"])
    workers: int = Field(description="How many run now.", examples=[1])
    wanted: int = Field(description="How many there should be.", examples=[1])


@router.get(
    "/healthz",
    tags=["health"],
    summary="See how the server does",
    response_model=Health,
    responses=fails(),
)
def health(context: Here) -> Response:
    """Answers as long as the server does; needs no token."""
    crew = context.crew
    alive, wanted = (crew.alive, crew.wanted) if crew is not None else (0, 0)
    status = "ok" if alive >= wanted else "degraded"
    told = Health(status=status, version=__version__, workers=alive, wanted=wanted)
    return answer(told, headers={"Cache-Control": "no-store"})


@router.get(
    "/metrics",
    tags=["health"],
    summary="Get figures for Prometheus",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus' text format.",
            "content": {
                "text/plain": {
                    "schema": {"type": "string"},
                    "example": 'maquette_jobs{project="postcards",status="queued"} 3.0\n',
                }
            },
        },
        **fails(401),
    },
)
def metrics(context: Here) -> Response:
    """Requests by route and how long they took, listeners, workers, jobs by state."""
    kind = "text/plain; version=0.0.4; charset=utf-8"
    return Response(
        context.metrics.text(), headers={"Cache-Control": "no-store", "Content-Type": kind}
    )


@router.get("/login", include_in_schema=False)
def login_page(context: Here) -> Response:
    if context.access.token is None:
        return Response(status_code=303, headers={"Location": "/"})
    return _page("")


@router.get("/login.css", include_in_schema=False)
def login_style() -> Response:
    return Response(_STYLE, headers={"Cache-Control": REVALIDATE}, media_type="text/css")


async def _form(request: Request) -> str:
    raw = await request.body()
    found = parse_qs(raw.decode("utf-8", "replace"), max_num_fields=4)
    return found.get("token", [""])[0].strip()


@router.post("/login", include_in_schema=False)
def login(context: Here, request: Request, token: Annotated[str, Depends(_form)]) -> Response:
    access = context.access
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise HttpRefused(403, "origin-refused", "another site's page asked")
    who = request.client.host if request.client is not None else ""
    wait = access.wait_seconds(who)
    if not access.admits(token, who):
        if wait:
            return _page(f"Too many wrong tokens. Wait {wait} s.", 429)
        return _page("That is not the token.", 401)
    done = Response(status_code=303, headers={"Location": "/", "Cache-Control": "no-store"})
    done.set_cookie(
        COOKIE,
        access.cookie,
        max_age=30 * 24 * 3600,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return done


@router.post("/logout", include_in_schema=False)
def logout() -> Response:
    done = Response(status_code=204)
    done.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return done


def _page(says: str, status: int = 200) -> Response:
    body = _PAGE.format(says=html.escape(says))
    return Response(body, status, {"Cache-Control": "no-store"}, "text/html")
