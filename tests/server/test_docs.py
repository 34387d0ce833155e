"""The page about the server is true: its commands and code run as they stand there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from maquette.server.app import create_app
from maquette.studio.rooms import Rooms

from .conftest import Project, Running

PAGE = Path(__file__).resolve().parents[2] / "docs" / "server.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_commands_work(server: Running, project: Project, tmp_path: Path) -> None:
    (commands,) = [block for block in blocks("sh") if "curl" in block]
    commands = commands.replace("http://127.0.0.1:7860", server.address)
    commands = commands.replace("/sample/", f"/{project.id}/").replace("curl -s", "curl -sf")
    script = f"set -e\n{commands}"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert '"state":"trusted"' in done.stdout
    assert len(project.studio.jobs()) >= 4


def test_the_code_runs(server: Running, project: Project, tmp_path: Path) -> None:
    making, listening = blocks("python")
    made: dict[str, Any] = {}
    exec(making.replace('"pictures"', repr(str(tmp_path))), made)  # noqa: S102 (our own page)
    assert made["app"].state.context.rooms.list() == []
    exec(listening, made)  # noqa: S102
    heard = made["listen"](server.address, project.id)
    kind, data = next(heard)
    assert kind == "hello" and data["complete"] is True
    kinds = [next(heard)[0] for _ in range(data["last"])]
    assert "version" in kinds and "job" in kinds


def test_what_it_lists_is_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    document = create_app(Rooms(None)).openapi()
    known = {name.removeprefix("/api/v1") for name in document["paths"]}
    for path in re.findall(r"\$S(/[\w/@]+)", text):
        assert path.replace("/sample", "/{project}").replace("/@", "/{version}") in known, path
    for kind in ("hello", "job", "progress", "preview", "version", "mark", "findings"):
        assert f"| `{kind}` |" in text
