"""The browser's files, with the single page as the answer to every deep link."""

from __future__ import annotations

import hashlib
import mimetypes
import threading
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request, Response

from maquette.server.answers import FOREVER, REVALIDATE, fresh, unchanged
from maquette.server.problems import HttpRefused

__all__ = ["STATIC", "Files", "router_for"]

STATIC = Path(__file__).parent / "static"

_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
    ".map": "application/json",
}
_FILES = frozenset({*_TYPES, ".ico", ".png", ".txt", ".webp", ".wasm"})
_NOT_BUILT = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Maquette</title>
<link rel="stylesheet" href="/login.css">
<main><h1>The browser part is not built</h1>
<p>The server runs, and its interface is at <a href="/api/v1/openapi.json">/api/v1</a>.
Build the studio with <code>make web</code> (it needs Node) and load this page again.</p></main>
"""


@dataclass(frozen=True)
class _File:
    body: bytes
    etag: str
    kind: str
    stamp: tuple[int, int]


class Files:
    """The files below a folder, read once and again when they change."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._kept: dict[str, _File] = {}
        self._lock = threading.Lock()

    def find(self, path: str) -> _File | None:
        """The file of a URL's path; None where there is none."""
        if "\0" in path:
            return None
        place = (self.root / path.lstrip("/")).resolve()
        if not place.is_relative_to(self.root) or not place.is_file():
            return None
        about = place.stat()
        stamp = about.st_mtime_ns, about.st_size
        with self._lock:
            kept = self._kept.get(path)
        if kept is None or kept.stamp != stamp:
            kept = _read(place, stamp)
            with self._lock:
                self._kept[path] = kept
        return kept


def _read(place: Path, stamp: tuple[int, int]) -> _File:
    body = place.read_bytes()
    suffix = place.suffix.lower()
    kind = _TYPES.get(suffix) or mimetypes.guess_type(place.name)[0] or "application/octet-stream"
    return _File(body, f'"{hashlib.sha256(body).hexdigest()[:20]}"', kind, stamp)


def router_for(root: Path) -> APIRouter:
    """Everything that is not the interface. Include it last."""
    files, router = Files(root), APIRouter(include_in_schema=False)

    @router.get("/{path:path}")
    def page(path: str, request: Request) -> Response:
        if path.startswith("api/"):
            raise HttpRefused(
                404,
                "not-found",
                f"there is nothing at /{path[:200]}",
                hint="/api/v1/openapi.json lists what there is",
            )
        found = files.find(path or "index.html")
        if found is None and Path(path).suffix.lower() in _FILES:
            raise HttpRefused(404, "not-found", "no such file", hint="load the page again")
        # A deep link such as /p/moon/v/3f2a is the page's own business.
        found = found or files.find("index.html")
        if found is None:
            return Response(_NOT_BUILT, 503, {"Cache-Control": "no-store"}, "text/html")
        caching = FOREVER if path.startswith("assets/") else REVALIDATE
        headers = fresh(found.etag, caching)
        if unchanged(request, found.etag):
            return Response(status_code=304, headers=headers)
        return Response(found.body, 200, headers, found.kind)

    return router
