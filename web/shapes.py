"""Writes web/src/api/schema.d.ts from the server's OpenAPI; ``--check`` only says if it is fresh.

Only the shapes are taken: addresses are written once by hand, in web/src/api/room.ts.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import build

WRITTEN = build.HERE / "src" / "api" / "schema.d.ts"
HEAD = "// Made from the server's OpenAPI by web/shapes.py: change the server, then 'make docs'.\n"


def schema() -> str:
    """The shapes of the server as TypeScript."""
    from maquette.server.app import create_app
    from maquette.studio.rooms import Rooms

    with tempfile.TemporaryDirectory() as folder, Rooms(Path(folder)) as rooms:
        document = create_app(rooms).openapi()
        parts = {"schemas": document["components"]["schemas"]}
        kept = {"openapi": document["openapi"], "info": document["info"], "paths": {}}
        source = Path(folder) / "openapi.json"
        source.write_text(json.dumps(_plain(kept | {"components": parts})), "utf-8")
        target = Path(folder) / "schema.d.ts"
        tool = build.HERE / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
        subprocess.run(
            [str(build.node()), str(tool), str(source), "-o", str(target)],
            env=build.install(),
            check=True,
            capture_output=True,
        )
        return HEAD + target.read_text("utf-8")


def _plain(value: object) -> object:
    """Without examples and descriptions, which the server's own page has."""
    if isinstance(value, dict):
        kept = {}
        for key, part in value.items():
            if key == "properties":
                kept[key] = {name: _plain(each) for name, each in part.items()}
            elif key not in {"examples", "example", "title", "description", "default"}:
                kept[key] = _plain(part)
        return kept
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value


if __name__ == "__main__":
    try:
        now = schema()
    except build.NoNode as error:
        print(f"Skipped, the types of web/ are not compared with the server: {error}")
        sys.exit(0)
    if "--check" not in sys.argv:
        WRITTEN.write_text(now, "utf-8")
    elif WRITTEN.read_text("utf-8") != now:
        sys.exit("web/src/api/schema.d.ts is not what the server says. What to do: 'make docs'")
